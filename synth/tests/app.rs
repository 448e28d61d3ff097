//! What an app becomes: templates, references across stacks, errors with locations, the assembly on disk.
#![allow(clippy::unwrap_used)]

use std::fs;

use serde_json::json;
use stackwright_synth::intrinsic::{self, if_else, no_value};
use stackwright_synth::{
    App, Assembly, Asset, Condition, Construct, DeletionPolicy, ErrorKind, Errors, Handle, Mapping, Output,
    Parameter, Resource, ResourceOptions, Scope, Template, UpdatePolicy, sub,
};

fn bucket() -> Resource {
    Resource::of("AWS::S3::Bucket")
}

fn kinds(errors: &Errors) -> Vec<&'static str> {
    errors.iter().map(|error| error.kind.name()).collect()
}

#[test]
fn every_element_lands_in_its_section() {
    let app = App::new("app");
    let stack = app.stack("Main").description("Everything");
    let stage =
        stack.add("Stage", Parameter::string().default("test").allowed_values(["test", "production"]));
    let production = stack.add("IsProduction", Condition::equals(&stage, "production"));
    let both = stack.add("Both", Condition::and([(&production).into(), Condition::not(&production).into()]));
    let sizes = stack.add("Sizes", Mapping::new().set("test", "Count", 1).set("production", "Count", 4));
    let first = stack.add("First", bucket().deletion_policy(DeletionPolicy::Retain).condition(&both));
    stack.add(
        "Second",
        bucket()
            .set(
                "BucketName",
                sub!("{}-${{x}}-{}-{}", &stage, first.attribute::<String>("Arn"), intrinsic::region()),
            )
            .set("Count", sizes.find::<i64>(&stage, "Count"))
            .set("Maybe", if_else::<String>(&production, "yes", no_value()))
            .set(
                "Listed",
                intrinsic::join("-", ["a".into(), intrinsic::select(0, intrinsic::availability_zones(""))]),
            )
            .depends_on(&first)
            .update_policy(
                UpdatePolicy::new()
                    .rolling_max_batch_size(1)
                    .rolling_pause_time(std::time::Duration::from_mins(1)),
            )
            .metadata("Owner", "me"),
    );
    stack.add("Arn", Output::new(first.attribute::<String>("Arn")).description("Where").export("arn"));

    let assembly = app.synth().unwrap();
    let template = assembly.stacks[0].template.sections();
    let names: Vec<_> = template.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "AWSTemplateFormatVersion",
            "Description",
            "Parameters",
            "Mappings",
            "Conditions",
            "Resources",
            "Outputs"
        ]
    );
    assert_eq!(
        template["Resources"]["Second"],
        json!({
            "Type": "AWS::S3::Bucket",
            "DependsOn": ["First"],
            "UpdatePolicy": { "AutoScalingRollingUpdate": { "MaxBatchSize": 1, "PauseTime": "PT1M" } },
            "Properties": {
                "BucketName": { "Fn::Sub": "${Stage}-${!x}-${First.Arn}-${AWS::Region}" },
                "Count": { "Fn::FindInMap": ["Sizes", { "Ref": "Stage" }, "Count"] },
                "Maybe": { "Fn::If": ["IsProduction", "yes", { "Ref": "AWS::NoValue" }] },
                "Listed": { "Fn::Join": ["-", ["a", { "Fn::Select": [0, { "Fn::GetAZs": "" }] }]] },
            },
            "Metadata": { "Owner": "me" },
        })
    );
    assert_eq!(template["Resources"]["First"]["Condition"], "Both");
    assert_eq!(
        template["Conditions"]["Both"],
        json!({ "Fn::And": [{ "Condition": "IsProduction" }, { "Fn::Not": [{ "Condition": "IsProduction" }] }] })
    );
    assert_eq!(template["Outputs"]["Arn"]["Export"], json!({ "Name": "arn" }));
    assert!(!template.contains_key("Transform"));
}

#[test]
fn functions_of_the_language_extensions_bring_their_transform() {
    let app = App::new("app");
    let stack = app.stack("Main");
    let names = stack.add("Names", Parameter::comma_delimited_list().default("a,b"));
    stack.add("Queue", Resource::of("AWS::SQS::Queue").set("DelaySeconds", intrinsic::length(names)));
    let assembly = app.synth().unwrap();
    assert_eq!(assembly.stacks[0].template.sections()["Transform"], "AWS::LanguageExtensions");
}

#[test]
fn a_handle_of_another_stack_uses_an_ssm_parameter_and_orders_the_stacks() {
    let app = App::new("app");
    let uses = app.stack("Uses").region("us-east-1");
    let has = app.stack("Has").region("us-east-1");
    let models = has.add("Models", bucket());
    uses.add(
        "Copy",
        bucket()
            .set("Source", models.attribute::<String>("Arn"))
            .set("Again", sub!("{}/x", models.reference())),
    );
    uses.output("Arn", models.attribute::<String>("Arn"));

    let assembly = app.synth().unwrap();
    let (uses, has) = (&assembly.stacks[0], &assembly.stacks[1]);
    assert_eq!(uses.dependencies, ["Has"]);
    assert_eq!(
        assembly.in_order().iter().map(|stack| stack.id.as_str()).collect::<Vec<_>>(),
        ["Has", "Uses"]
    );
    let name = "/stackwright/app-Has/Models/Arn";
    assert_eq!(
        has.template.sections()["Resources"]["ExportModelsArn"],
        json!({
            "Type": "AWS::SSM::Parameter",
            "Properties": { "Type": "String", "Name": name, "Value": { "Fn::GetAtt": ["Models", "Arn"] } },
        })
    );
    let template = uses.template.sections();
    assert_eq!(
        template["Parameters"]["HasModelsArn"],
        json!({ "Type": "AWS::SSM::Parameter::Value<String>", "Default": name })
    );
    let properties = &template["Resources"]["Copy"]["Properties"];
    assert_eq!(properties["Source"], json!({ "Ref": "HasModelsArn" }));
    assert_eq!(properties["Again"], json!({ "Fn::Sub": "${HasModelsRef}/x" }));
    assert_eq!(template["Parameters"].as_object().unwrap().len(), 2);
}

#[test]
fn text_alone_gives_the_same_assembly() {
    let app = App::new("app");
    // Enough stacks for two threads, and each has a value for the next one.
    let mut before: Option<Handle> = None;
    for number in 0..40 {
        let stack = app.stack(&format!("Number{number}")).region("us-east-1");
        let text = before.map_or("\u{1f600} \"quoted\"".into(), |before| before.attribute::<String>("Arn"));
        before = Some(stack.add("Bucket", bucket().set("Text", text).set("Number", 0.1 + 0.2)));
    }
    let (whole, text) = (app.synth().unwrap(), app.synth_text().unwrap());
    assert_eq!(whole.files(), text.files());
    for (whole, text) in whole.stacks.iter().zip(&text.stacks) {
        assert_eq!(whole.template, text.template);
    }
}

#[test]
fn a_mistyped_region_is_one_error() {
    let errors = |region: &str| {
        let app = App::new("app");
        let base = app.stack("Base").region(region);
        let handles: Vec<Handle> =
            (0..5).map(|number| base.add(&format!("Bucket{number}"), bucket())).collect();
        for id in ["First", "Second"] {
            let stack = app.stack(id).region("us-east-1");
            for (number, handle) in handles.iter().enumerate() {
                stack.add(&format!("Copy{number}"), bucket().set("Source", handle.reference()));
            }
        }
        app.synth().unwrap_err()
    };
    // Each reference is an error if both regions exist.
    assert_eq!(kinds(&errors("us-west-2")), ["reference-across-environments"; 10]);
    let mistyped = errors("us-esat-1");
    assert_eq!(kinds(&mistyped), ["reference-across-environments"]);
    let help = mistyped.iter().next().unwrap().kind.help().unwrap();
    assert_eq!(help, "`us-esat-1` is not a known region; a similar region is `us-east-1`");
    assert_eq!(kinds(&errors("us-east1")), ["illegal-region"]);
}

#[test]
fn all_errors_come_at_once_each_with_its_line() {
    let app = App::new("app");
    let east = app.stack("East").region("us-east-1").account("123").tag("aws:x", "y");
    let first_line = line!() + 1;
    let models = east.add("Models", bucket());
    east.add("Models", bucket());
    east.add("not-legal", bucket());
    let west = app.stack("West").region("us-west-2");
    let reference_line = line!() + 1;
    west.add("Copy", bucket().set("Source", models.reference()));
    east.add("Source", Asset::new("no/such/file"));
    app.stack("East");

    let errors = app.synth().unwrap_err();
    let mut kinds = kinds(&errors);
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "asset",
            "duplicate-logical-id",
            "duplicate-stack",
            "illegal-account",
            "illegal-logical-id",
            "illegal-tag",
            "reference-across-environments"
        ]
    );
    for error in &errors {
        assert!(error.location.as_ref().unwrap().file.ends_with("tests/app.rs"), "{error:?}");
    }
    let find = |name: &str| errors.iter().find(|error| error.kind.name() == name).unwrap();
    let duplicate = find("duplicate-logical-id");
    assert_eq!(duplicate.path, "East/Models");
    assert_eq!(duplicate.location.as_ref().unwrap().line, first_line + 1);
    assert_eq!(duplicate.related.as_ref().unwrap().location.line, first_line);
    assert_eq!(find("reference-across-environments").location.as_ref().unwrap().line, reference_line);
}

#[test]
fn a_region_has_the_form_of_a_region_and_may_be_newer_than_the_data() {
    let app = App::new("app");
    for region in ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "xx-new-12"] {
        app.stack("One").region(region);
        let errors = app.synth().err();
        assert!(!errors.iter().flatten().any(|error| error.kind.name() == "illegal-region"));
    }
    let line = line!() + 1;
    app.stack("Two").region("us-est1");
    let errors = app.synth().unwrap_err();
    let error = errors.iter().find(|error| error.kind.name() == "illegal-region").unwrap();
    assert_eq!(error.location.as_ref().unwrap().line, line);
    assert_eq!(error.kind.help().unwrap(), "a similar region is `us-east-1`");
}

#[test]
fn a_circle_of_stacks_is_shown_as_the_path_that_closes_it() {
    let app = App::new("app");
    let (one, two) = (app.stack("One"), app.stack("Two"));
    let first = one.add("First", bucket());
    let second = two.add("Second", bucket().set("Other", first.reference()));
    one.add("Third", bucket().set("Other", second.reference()));
    let errors = app.synth().unwrap_err();
    assert!(
        matches!(&errors.iter().next().unwrap().kind, ErrorKind::StackCycle(path) if path == "One → Two → One"),
        "{errors}"
    );
}

#[test]
fn a_handle_of_another_app_is_refused() {
    let other = App::new("other");
    // The third stack there: no stack of the app below has that number.
    let [_, _, stack] = ["One", "Two", "Three"].map(|id| other.stack(id));
    let foreign = stack.add("Bucket", bucket());
    let app = App::new("app");
    let main = app.stack("Stack").depends_on(&stack);
    main.add("Copy", bucket().set("Source", foreign.reference()));
    main.add("Later", bucket().depends_on(&foreign));
    assert_eq!(kinds(&app.synth().unwrap_err()), ["foreign-handle"; 3]);
}

#[test]
fn a_reference_across_stacks_cannot_create_an_element_with_an_existing_name() {
    let app = App::new("app");
    let has = app.stack("Has");
    let models = has.add("Models", bucket());
    has.add("ExportModelsArn", bucket());
    let uses = app.stack("Uses");
    uses.add("HasModelsRef", Parameter::string());
    uses.output("Arn", models.attribute::<String>("Arn"));
    uses.output("Name", models.reference());
    // Two stacks may use one value.
    app.stack("Too").output("Name", models.reference());
    let errors = app.synth().unwrap_err();
    let mut paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["Has/ExportModelsArn", "Uses/HasModelsRef"]);
    assert_eq!(kinds(&errors), ["duplicate-logical-id"; 2]);
}

/// A construct as a library has it: its own lines are no help to the user.
struct Redacted(stackwright_synth::Value<String>);

impl Construct for Redacted {
    type Handle = Handle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Handle {
        scope.add("Log", bucket().set("Fixed", "inside"));
        scope.add_default(bucket().set("Given", self.0).set("Fixed", "inside"))
    }
}

#[test]
fn places_are_the_users_lines() {
    let app = App::new("app");
    let stack = app.stack("Main");
    let given_line = line!() + 1;
    let given = stackwright_synth::Value::from("x").with_caller_location();
    let added_line = line!() + 1;
    let handle = stack.add("Store", Redacted(given));
    assert_eq!(handle.logical_id(), "Store");
    let direct_line = line!() + 1;
    stack.add("Direct", bucket().set("Name", "n"));

    let assembly = app.synth().unwrap();
    let line = |pointer: &str| assembly.stacks[0].provenance.find(pointer).unwrap().line;
    assert_eq!(line("/Resources/Store/Properties/Given"), given_line);
    assert_eq!(line("/Resources/Store/Properties/Fixed"), added_line);
    assert_eq!(line("/Resources/StoreLog/Properties/Fixed"), added_line);
    assert_eq!(line("/Resources/Direct/Properties/Name"), direct_line);
    // What nobody set is where its holder is.
    assert_eq!(line("/Resources/Direct/Properties/Name/0/Deep"), direct_line);
}

#[test]
fn an_id_of_a_construct_is_reported_once_not_for_each_of_its_resources() {
    let app = App::new("app");
    let stack = app.stack("Main");
    stack.add("Store", Redacted("x".into()));
    stack.add("Store", Redacted("x".into()));
    for id in ["one-1", "two-2"] {
        stack.add(id, Redacted("x".into()));
    }
    let errors = app.synth().unwrap_err();
    let mut paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["Main/Store", "Main/one-1", "Main/two-2"]);
}

#[test]
fn the_error_about_a_missing_asset_names_the_directory_and_a_similar_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("model")).unwrap();
    let app = App::new("app");
    let stack = app.stack("Main");
    stack.add("Misspelt", Asset::new(directory.path().join("modl")));
    stack.add("Missing", Asset::new(directory.path().join("nothing")));
    let errors = app.synth().unwrap_err();
    let message = |id: &str| errors.iter().find(|error| error.path == id).unwrap().to_string();
    let at = directory.path().display();
    assert_eq!(
        message("Main/Misspelt"),
        format!("the asset modl cannot be packed: {at} does not have it; it has `model`")
    );
    assert_eq!(message("Main/Missing"), format!("the asset nothing cannot be packed: {at} does not have it"));
}

fn with_asset(directory: &std::path::Path) -> App {
    let app = App::new("app");
    let stack = app.stack("Main").region("us-east-1").account("123456789012").tag("team", "ml");
    let source = stack.add("Source", Asset::new(directory));
    stack.output("Uri", source.s3_uri());
    app.stack("Large").description("x".repeat(60_000));
    app
}

#[test]
fn an_assembly_is_written_whole_read_back_and_the_same_every_time() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("source")).unwrap();
    fs::write(directory.path().join("source/train.py"), "print(1)").unwrap();
    let out = directory.path().join("deep/out");
    let contents = |path: &std::path::Path| {
        let mut files: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    with_asset(&directory.path().join("source")).synth().unwrap().write(&out).unwrap();
    let first = contents(&out);
    fs::write(out.join("stale.template.json"), "{}").unwrap();
    with_asset(&directory.path().join("source")).synth().unwrap().write(&out).unwrap();
    assert_eq!(contents(&out), first);
    assert_eq!(fs::read_dir(directory.path().join("deep")).unwrap().count(), 1, "nothing is left beside it");

    let read = Assembly::read(&out).unwrap();
    let written = with_asset(&directory.path().join("source")).synth().unwrap();
    assert_eq!(read.stacks.len(), 2);
    for (read, written) in read.stacks.iter().zip(&written.stacks) {
        assert_eq!((&read.id, &read.name, &read.template), (&written.id, &written.name, &written.template));
        assert_eq!((&read.environment, &read.tags), (&written.environment, &written.tags));
        assert!(read.provenance.iter().eq(written.provenance.iter()));
        let keys = |stack: &stackwright_synth::StackArtifact| {
            stack.assets.iter().map(|asset| asset.object_key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(read), keys(written));
        assert!(read.assets.iter().all(|asset| asset.path.is_file()));
    }
    // A template too large for a request is an asset too.
    assert!(read.stacks[1].template_object_key().is_some() && read.stacks[0].template_object_key().is_none());
    let manifest = fs::read_to_string(out.join("manifest.json")).unwrap();
    assert!(manifest.contains("stackTemplateAssetObjectUrl"));
    assert!(!manifest.contains(&directory.path().display().to_string()), "no absolute path");
    // What was read can be written again, to the same bytes.
    let again = directory.path().join("again");
    read.write(&again).unwrap();
    assert_eq!(contents(&again), first);
}

#[test]
fn only_an_assembly_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "years of work").unwrap();
    let assembly = App::new("app").synth().unwrap();
    let error = assembly.write(directory.path()).unwrap_err();
    assert!(error.to_string().contains("does not hold an assembly"), "{error}");
    assert!(directory.path().join("thesis.txt").exists());
}

#[test]
fn a_manifest_cannot_name_files_outside_of_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("t.json"), "{}").unwrap();
    for (id, file, complaint) in
        [("S", "../secret.json", "outside"), ("../S", "t.json", "not a valid file name")]
    {
        let manifest = json!({ "version": "36.0.0", "artifacts": { id: {
            "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
            "properties": { "templateFile": file } } } });
        fs::write(directory.path().join("manifest.json"), manifest.to_string()).unwrap();
        let error = Assembly::read(directory.path()).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn a_stack_without_resources_is_still_a_template() {
    let app = App::new("app");
    app.stack("Empty");
    let assembly = app.synth().unwrap();
    let json = assembly.stacks[0].template.json();
    assert_eq!(Template::read(json).unwrap().resources().count(), 0);
    assert!(json.contains("Resources"));
}
