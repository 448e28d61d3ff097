//! The verdicts of the check, of cfn-lint and of cloudformation-validate: on templates that are generated from the registry's
//! schemas, valid ones and the same with one fault, and on the shown cases.
#![allow(clippy::unwrap_used)]

mod reasons;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use jsonschema::{Draft, Validator};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value as JsonValue, json};
use stackwright_review::Severity;
use stackwright_review::check::{Options, check};
use stackwright_schemas::registry::{Bound, ResourceType, Schema, resource_type, type_names};
use stackwright_synth::Assembly;

use reasons::{CASES, MORE_CASES, OURS_ALONE, THEIRS_ALONE};

/// Types of the field beside all of SageMaker's.
const MORE: [&str; 18] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::EC2Fleet",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::PlacementGroup",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EFS::FileSystem",
    "AWS::FSx::FileSystem",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
];

/// Texts that mean something, tried before one is made up from a pattern.
const TEXTS: [&str; 24] = [
    "arn:aws:iam::111122223333:role/Serving",
    "s3://models/arr-coc/",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "subnet-0123456789abcdef0",
    "sg-0123456789abcdef0",
    "vpc-0123456789abcdef0",
    "ami-0123456789abcdef0",
    "fs-0123456789abcdef0",
    "lt-0123456789abcdef0",
    "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/arr-coc",
    "arn:aws:sns:us-east-1:111122223333:alarms",
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:s3:::models",
    "arn:aws:lambda:us-east-1:111122223333:function:score",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/scorer:1",
    "111122223333",
    "arr-coc",
    "10.0.0.0/16",
    "/opt/ml/input",
    "2026-11-24T00:00:00Z",
    "cron(0 12 * * ? *)",
    "1.0.0",
    "12",
    "PT1H",
];

struct Maker<'a> {
    runner: &'a mut TestRunner,
    resource: &'static ResourceType,
}

impl Maker<'_> {
    fn below(&mut self, limit: usize) -> usize {
        (0..limit.max(1)).new_tree(self.runner).unwrap().current()
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// A value that fits a schema, as far as that can be determined here.
    fn value(&mut self, schema: Schema<'_>, path: &str, depth: usize) -> Option<JsonValue> {
        let schema = schema.resolved();
        let node = schema.node();
        let listed: Vec<&JsonValue> = schema.enumeration().collect();
        if !listed.is_empty() {
            return Some(listed[self.below(listed.len())].clone());
        }
        if let Some(only) = node.get("const") {
            return Some(only.clone());
        }
        let is_open = schema.types().is_empty() && node["properties"].is_null();
        if let Some(first) = schema.alternatives().find(|_| is_open) {
            return self.value(first, path, depth);
        }
        let types = schema.types();
        let by_properties = if node["properties"].is_object() { "object" } else { "string" };
        let kind = types.first().copied().unwrap_or(by_properties);
        match kind {
            "boolean" => Some(self.chance(2).into()),
            "integer" | "number" => {
                let least = schema.bound(Bound::Minimum).and_then(JsonValue::as_f64).unwrap_or(1.0);
                let most = schema.bound(Bound::Maximum).and_then(JsonValue::as_f64).unwrap_or(least + 10.0);
                let number = least + self.below((most - least).min(1000.0) as usize + 1) as f64;
                Some(if kind == "integer" { (number.ceil() as i64).into() } else { number.into() })
            }
            "array" => {
                let least =
                    schema.bound(Bound::MinItems).and_then(JsonValue::as_u64).unwrap_or(1).max(1) as usize;
                let items = schema.items()?;
                (depth < 7).then_some(())?;
                (0..least).map(|_| self.value(items, path, depth + 1)).collect()
            }
            "object" => self.object(schema, path, depth),
            _ => self.text(node),
        }
    }

    fn object(&mut self, schema: Schema<'_>, path: &str, depth: usize) -> Option<JsonValue> {
        (depth < 8).then_some(())?;
        let required: Vec<&str> = schema.required().collect();
        let mut made = Map::new();
        for (name, property) in schema.properties() {
            let at = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let settable = !self.resource.is_read_only(&at) && !self.resource.is_deprecated(&at);
            let must = required.contains(&name);
            let wanted = must || settable && depth < 3 && self.chance(3 + depth);
            match wanted.then(|| self.value(property, &at, depth + 1)) {
                Some(Some(value)) => {
                    made.insert(name.to_owned(), value);
                }
                Some(None) if must => return None,
                _ => {}
            }
        }
        if made.is_empty()
            && schema.properties().next().is_none()
            && let Some(values) = schema.map_values()
        {
            made.insert("Key".into(), self.value(values, path, depth + 1)?);
        }
        Some(JsonValue::Object(made))
    }

    fn text(&mut self, node: &JsonValue) -> Option<JsonValue> {
        let mut schema = Map::new();
        for keyword in ["pattern", "minLength", "maxLength"] {
            if let Some(value) = node.get(keyword) {
                schema.insert(keyword.into(), value.clone());
            }
        }
        let fits = validator(&JsonValue::Object(schema))?;
        let start = self.below(TEXTS.len());
        let named = node["format"].as_str().and_then(|format| {
            let wanted = match format {
                "AWS::EC2::Subnet.Id" => "subnet-",
                "AWS::EC2::SecurityGroup.Id" => "sg-",
                "AWS::EC2::VPC.Id" => "vpc-",
                "AWS::EC2::Image.Id" => "ami-",
                "AWS::IAM::Role.Arn" => "arn:aws:iam",
                _ => return None,
            };
            TEXTS.into_iter().find(|text| text.starts_with(wanted))
        });
        let around = TEXTS.into_iter().cycle().skip(start).take(TEXTS.len());
        let known = named.into_iter().chain(around).map(JsonValue::from).find(|text| fits.is_valid(text));
        if known.is_some() {
            return known;
        }
        let made = proptest::string::string_regex(node["pattern"].as_str().unwrap_or("[a-z]{4}")).ok()?;
        (0..20)
            .map(|_| JsonValue::from(made.new_tree(self.runner).unwrap().current()))
            .find(|text| fits.is_valid(text))
    }
}

fn validator(schema: &JsonValue) -> Option<Validator> {
    jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(false).build(schema).ok()
}

/// A way to make a good template wrong.
type Fault = fn(&[Location], &mut JsonValue) -> Option<()>;

/// A value of the properties: the pointer, the schema's node, and what is required where it stands.
struct Location {
    pointer: String,
    node: JsonValue,
    required: Vec<String>,
}

/// Every value of the properties with its schema.
fn locations(value: &JsonValue, schema: Schema<'_>, pointer: String, found: &mut Vec<Location>) {
    let schema = schema.resolved();
    found.push(Location {
        pointer: pointer.clone(),
        node: schema.node().clone(),
        required: schema.required().map(str::to_owned).collect(),
    });
    match value {
        JsonValue::Object(map) => {
            for (name, inner) in map {
                if let Some(property) = schema.property(name) {
                    locations(inner, property, format!("{pointer}/{name}"), found);
                }
            }
        }
        JsonValue::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                if let Some(schema) = schema.items() {
                    locations(inner, schema, format!("{pointer}/{number}"), found);
                }
            }
        }
        _ => {}
    }
}

/// Puts another value into the first position for which there is one.
fn replace(
    locations: &[Location],
    properties: &mut JsonValue,
    with: impl Fn(&JsonValue) -> Option<JsonValue>,
) -> Option<()> {
    let (location, value) = locations.iter().find_map(|location| Some((location, with(&location.node)?)))?;
    *properties.pointer_mut(&location.pointer)? = value;
    Some(())
}

const FAULTS: [(&str, Fault); 9] = [
    ("a required property is missing", |locations, properties| {
        let location = locations.iter().find(|location| !location.required.is_empty())?;
        properties.pointer_mut(&location.pointer)?.as_object_mut()?.shift_remove(&location.required[0]);
        Some(())
    }),
    ("a list is a text", |locations, properties| {
        replace(locations, properties, |node| (node["type"] == "array").then(|| "no list".into()))
    }),
    ("a number is a word", |locations, properties| {
        let is_number = |node: &JsonValue| node["type"] == "integer" || node["type"] == "number";
        replace(locations, properties, |node| is_number(node).then(|| "many".into()))
    }),
    ("a value is not listed", |locations, properties| {
        let is_listed = |node: &JsonValue| node["enum"].is_array() && node["type"] == "string";
        replace(locations, properties, |node| is_listed(node).then(|| "NoSuchValueAnywhere".into()))
    }),
    ("a number is too large", |locations, properties| {
        replace(locations, properties, |node| Some(node["maximum"].as_i64()?.checked_add(1)?.into()))
    }),
    ("a text has another form", |locations, properties| {
        replace(locations, properties, |node| {
            let pattern = validator(&json!({ "pattern": node["pattern"].as_str()? }))?;
            let wrong = JsonValue::from("§ no such form §");
            (!pattern.is_valid(&wrong)).then_some(wrong)
        })
    }),
    ("a text is too long", |locations, properties| {
        replace(locations, properties, |node| {
            let most = node["maxLength"].as_u64().filter(|most| *most < 3000)? as usize;
            let long = JsonValue::from("a".repeat(most + 1));
            let pattern = node["pattern"].as_str().map(|form| validator(&json!({ "pattern": form })));
            pattern.is_none_or(|form| form.is_some_and(|form| form.is_valid(&long))).then_some(long)
        })
    }),
    ("a property does not exist", |locations, properties| {
        let location = locations.iter().find(|location| location.node["additionalProperties"] == false)?;
        let holder = properties.pointer_mut(&location.pointer)?.as_object_mut()?;
        holder.insert("NoSuchProperty".into(), "x".into());
        Some(())
    }),
    ("a reference leads nowhere", |locations, properties| {
        replace(locations, properties, |node| (node["type"] == "string").then(|| json!({ "Ref": "Nobody" })))
    }),
];

fn template(type_name: &str, properties: &JsonValue) -> JsonValue {
    json!({ "Resources": { "Subject": { "Type": type_name, "Properties": properties } } })
}

/// Good templates and faulty ones, by a name that describes them.
fn cases(attempts: usize) -> BTreeMap<String, JsonValue> {
    let mut cases = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    let types = type_names().filter(|name| name.starts_with("AWS::SageMaker::")).chain(MORE);
    for type_name in types {
        let resource = resource_type(type_name).unwrap();
        let Some(fits) = validator(resource.document()) else { continue };
        for number in 0..attempts {
            let mut maker = Maker { runner: &mut runner, resource };
            let made = (0..30)
                .filter_map(|_| maker.value(resource.schema(), "", 0))
                .find(|made| fits.is_valid(made));
            let Some(made) = made else { continue };
            let short = type_name.trim_start_matches("AWS::").replace("::", "-");
            cases.insert(format!("{short} {number} good"), template(type_name, &made));
            for (fault, change) in FAULTS {
                let mut found = Vec::new();
                locations(&made, resource.schema(), String::new(), &mut found);
                let start = maker.below(found.len());
                found.rotate_left(start);
                let mut wrong = made.clone();
                if change(&found, &mut wrong).is_some() && wrong != made {
                    cases.insert(format!("{short} {number} {fault}"), template(type_name, &wrong));
                }
            }
        }
    }
    cases
}

#[test]
fn findings_agree_with_other_programs_or_the_difference_has_a_reason() {
    let cases = cases(2);
    let directory = tempfile::tempdir().unwrap();
    for (name, template) in &cases {
        std::fs::write(directory.path().join(format!("{name}.json")), template.to_string()).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |below: &str| -> Vec<_> {
        let entries = std::fs::read_dir(root.join(below)).unwrap();
        entries.map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect()
    };
    let (shown, more) = (files("cases"), files("cases/more"));
    for file in shown.iter().chain(&more) {
        std::fs::copy(file, directory.path().join(file.file_name().unwrap())).unwrap();
    }
    let python = root.join("../.tools/python/bin/python");
    if !python.exists() {
        eprintln!("skipped: cfn-lint is not installed; run `cargo xtask tools`");
        return;
    }
    let output =
        Command::new(python).arg(root.join("tests/judges.py")).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reported: BTreeMap<String, BTreeMap<String, Vec<String>>> =
        serde_json::from_slice(&output.stdout).unwrap();
    let mut disagreements = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for (name, template) in &cases {
        let assembly = Assembly::of_template(name, template.to_string()).unwrap();
        let options = Options::default().regions(["us-east-1"]);
        let report = check(&assembly, &options);
        let ours: Vec<String> = report
            .diagnostics
            .iter()
            .filter(|one| one.counts_as(Severity::Error))
            .map(|one| format!("{} {}: {}", one.id, one.path, one.message))
            // A property that the service requires can also hold a reference that leads nowhere.
            .filter(|reported| {
                reported.starts_with("dangling-reference")
                    || !OURS_ALONE.iter().any(|(known, _)| reported.contains(known))
            })
            .collect();
        let theirs = |judge: &str| -> Vec<&String> {
            let reported = &reported[&format!("{name}.json")][judge];
            reported
                .iter()
                .filter(|reported| !THEIRS_ALONE.iter().any(|(known, _)| reported.contains(known)))
                .collect()
        };
        let (lint, validate) = (theirs("cfn-lint"), theirs("cloudformation-validate"));
        if ours.is_empty() {
            good += 1;
        } else {
            bad += 1;
        }
        if ours.is_empty() != lint.is_empty() || ours.is_empty() && !validate.is_empty() {
            disagreements.push(format!("{name}: ours {ours:?}, cfn-lint {lint:?}, validate {validate:?}"));
        }
    }
    for file in &shown {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let is_wrong = std::fs::read_to_string(file).unwrap().starts_with("# expect: error");
        let theirs = &reported[&name];
        let agrees = theirs.values().any(|found| !found.is_empty()) == is_wrong;
        let is_explained = CASES.iter().any(|(known, _)| *known == name);
        if agrees == is_explained {
            disagreements.push(format!("{name}: error {is_wrong}, explained {is_explained}, {theirs:?}"));
        }
    }
    disagreements.extend(unexplained(&more, &reported));
    assert!(good > 60 && bad > 100, "{good} good, {bad} bad: these are too few for a comparison");
    let number = disagreements.len();
    assert!(number == 0, "{number} of {}\n{}", cases.len(), disagreements.join("\n"));
}

/// The cases about which the verdicts differ without a reason, and the reasons of cases about which they do not differ.
fn unexplained(
    files: &[std::path::PathBuf],
    reported: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
) -> Vec<String> {
    let mut unused: BTreeSet<&str> = MORE_CASES.iter().flat_map(|(_, names)| *names).copied().collect();
    let mut unexplained = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let is_wrong = std::fs::read_to_string(file).unwrap().starts_with("# expect: error");
        let theirs = &reported[&name];
        let agrees = theirs.values().any(|found| !found.is_empty()) == is_wrong;
        if !agrees && !unused.remove(name.as_str()) {
            unexplained.push(format!("{name}: error {is_wrong}, {theirs:?}"));
        }
    }
    unexplained.extend(unused.iter().map(|name| format!("the verdicts do not differ about {name}")));
    unexplained
}
