//! Edits of an endpoint after its deployment: what `plan` and `diff` report for each, and what local mode does.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value as Json;
use stackwright::prelude::*;

/// What the edits change.
#[derive(Clone)]
struct Settings {
    tag: &'static str,
    model: u32,
    instance_type: &'static str,
    weight: f64,
    sets_weights: bool,
    most: i64,
    target: f64,
    latency: u64,
    name: Option<&'static str>,
    is_scaled: bool,
    first: &'static str,
    second: &'static str,
}

const BASE: Settings = Settings {
    tag: "2.6.0",
    model: 1,
    instance_type: "ml.g5.2xlarge",
    weight: 0.9,
    sets_weights: false,
    most: 4,
    target: 200.0,
    latency: 500,
    name: None,
    is_scaled: true,
    first: "Main",
    second: "New",
};

fn app(settings: &Settings) -> App {
    let app = App::new("edits");
    let stack = app.stack("Serving").region("us-east-1");
    let models = stack.add("Models", PrivateBucket::new());
    let container = || {
        Container::new(ContainerImage::pytorch_inference(settings.tag, Processor::Gpu))
            .model(models.location(format!("scorers/{}/model.tar.gz", settings.model)))
    };
    let mut variant =
        Variant::new(settings.first, container(), settings.instance_type).weight(settings.weight);
    if settings.is_scaled {
        let tracking = TargetTracking::invocations_per_instance(settings.target);
        variant = variant.scale(1..=settings.most, tracking);
    }
    let mut endpoint = RealTimeEndpoint::new(variant)
        .variant(Variant::new(settings.second, container(), "ml.g5.2xlarge").weight(0.1))
        .latency_alarm(Duration::from_millis(settings.latency));
    if settings.sets_weights {
        endpoint = endpoint.set_weights();
    }
    if let Some(name) = settings.name {
        endpoint = endpoint.name(name);
    }
    stack.add("Scorers", endpoint);
    app
}

fn stackwright(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory).args(arguments);
    let output = command.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), text)
}

/// Deploys an assembly with every approval.
fn deploy(directory: &Path, assembly: &str) -> (bool, String) {
    let approvals = ["--approve", "permissions", "--approve", "deletion=*", "--approve", "replacement=*"];
    let arguments = [["--app", assembly, "deploy", "--local", "--yes"].as_slice(), &approvals].concat();
    stackwright(directory, &arguments)
}

/// The reports on an edit.
struct Reported {
    directory: tempfile::TempDir,
    /// The actions of the change set, such as `~ Scorers AWS::SageMaker::Endpoint`.
    plan: String,
    diff: Json,
}

impl Reported {
    fn of(edited: &Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        stackwright::testing::synth(&app(&BASE)).write(&path.join("base")).unwrap();
        stackwright::testing::synth(&app(edited)).write(&path.join("edited")).unwrap();
        let (is_deployed, text) = stackwright(path, &["--app", "base", "deploy", "--local", "--yes"]);
        assert!(is_deployed, "{text}");
        let (is_planned, plan) = stackwright(path, &["--app", "edited", "plan", "--local"]);
        assert!(is_planned, "{plan}");
        let (_, diff) = stackwright(path, &["diff", "base", "edited", "--format", "json"]);
        let diff = serde_json::from_str(&diff).unwrap();
        Self { directory, plan, diff }
    }

    /// The consequence for a resource, by its logical ID; `None` if nothing changes.
    fn consequence(&self, id: &str) -> Option<&str> {
        self.resource(id)?["consequence"].as_str()
    }

    fn resource(&self, id: &str) -> Option<&Json> {
        self.diff["stacks"][0]["resources"].as_array()?.iter().find(|one| one["logicalId"] == id)
    }

    fn reports(&self, id: &str, list: &str, text: &str) -> bool {
        let reported = self.resource(id).and_then(|one| one[list].as_array());
        reported.into_iter().flatten().any(|one| one.as_str().unwrap().contains(text))
    }

    fn deploy(&self) -> (bool, String) {
        deploy(self.directory.path(), "edited")
    }

    /// Asserts that the endpoint moves in place to a new configuration.
    #[track_caller]
    fn moves_to_a_new_configuration(&self) {
        assert_eq!(self.consequence("ScorersConfig"), Some("replaced"), "{}", self.diff);
        assert_eq!(self.consequence("Scorers"), Some("updated"), "{}", self.diff);
        assert!(self.plan.contains("ScorersConfig") && !self.plan.contains("- Scorers "), "{}", self.plan);
    }

    #[track_caller]
    fn is_deployed(&self) {
        let (is_deployed, text) = self.deploy();
        assert!(is_deployed && text.contains("edits-Serving: deployed"), "{text}");
    }
}

#[test]
fn another_image_or_model_moves_the_endpoint_in_place() {
    for edited in [Settings { tag: "2.5.1", ..BASE }, Settings { model: 2, ..BASE }] {
        let reported = Reported::of(&edited);
        assert_eq!(reported.consequence("ScorersMainModel"), Some("replaced"), "{}", reported.diff);
        reported.moves_to_a_new_configuration();
        assert_eq!(reported.consequence("ScorersMainCapacity"), None, "{}", reported.diff);
        reported.is_deployed();
    }
}

#[test]
fn another_instance_type_is_refused_while_the_variant_is_scaled() {
    let reported = Reported::of(&Settings { instance_type: "ml.g5.4xlarge", ..BASE });
    reported.moves_to_a_new_configuration();
    assert!(
        reported.reports("ScorersConfig", "failures", "SageMaker refuses to change the instance type"),
        "{}",
        reported.diff
    );
    let planned = "`ScorersConfig[Main].InstanceType` changes: SageMaker refuses this";
    assert!(reported.plan.contains(planned), "{}", reported.plan);
    let (is_deployed, text) = reported.deploy();
    assert!(!is_deployed && text.contains("must be deregistered as scalable targets"), "{text}");

    // The way that works: without the scalable target, then with the other type, then with a target again.
    let directory = reported.directory.path();
    let unscaled = Settings { is_scaled: false, ..BASE };
    let other = Settings { instance_type: "ml.g5.4xlarge", ..unscaled };
    let scaled = Settings { is_scaled: true, ..other.clone() };
    for (number, step) in [unscaled, other, scaled].iter().enumerate() {
        let out = format!("step{number}");
        stackwright::testing::synth(&app(step)).write(&directory.join(&out)).unwrap();
        let (is_deployed, text) = deploy(directory, &out);
        assert!(is_deployed, "step {number}: {text}");
    }
}

#[test]
fn other_weights_are_kept_unless_the_program_sets_them() {
    let reported = Reported::of(&Settings { weight: 0.5, ..BASE });
    reported.moves_to_a_new_configuration();
    assert!(
        reported.reports("ScorersConfig", "notes", "has no effect on running variants"),
        "{}",
        reported.diff
    );
    assert!(reported.reports("ScorersConfig", "notes", "`.set_weights()`"), "{}", reported.diff);
    let planned = "`ScorersConfig[Main].InitialVariantWeight` changes";
    assert!(reported.plan.contains(planned), "{}", reported.plan);
    reported.is_deployed();

    let reported = Reported::of(&Settings { weight: 0.5, sets_weights: true, ..BASE });
    reported.moves_to_a_new_configuration();
    assert!(!reported.reports("ScorersConfig", "notes", "has no effect"), "{}", reported.diff);
    reported.is_deployed();
}

#[test]
fn other_scaling_bounds_targets_and_alarms_are_updated_in_place() {
    for (edited, changed) in [
        (Settings { most: 8, ..BASE }, "AWS::ApplicationAutoScaling::ScalableTarget"),
        (Settings { target: 300.0, ..BASE }, "AWS::ApplicationAutoScaling::ScalingPolicy"),
        (Settings { latency: 800, ..BASE }, "AWS::CloudWatch::Alarm"),
    ] {
        let reported = Reported::of(&edited);
        let resources = reported.diff["stacks"][0]["resources"].as_array().unwrap();
        assert!(!resources.is_empty());
        for resource in resources {
            assert_eq!(resource["type"], changed, "{}", reported.diff);
            assert_eq!(resource["consequence"], "updated", "{}", reported.diff);
        }
        assert!(
            reported.plan.contains(changed) && !reported.plan.contains("SageMaker::"),
            "{}",
            reported.plan
        );
        reported.is_deployed();
    }
}

#[test]
fn another_endpoint_name_replaces_the_endpoint() {
    let reported = Reported::of(&Settings { name: Some("scorers-2"), ..BASE });
    assert_eq!(reported.consequence("Scorers"), Some("replaced"), "{}", reported.diff);
    assert!(reported.plan.contains("Scorers AWS::SageMaker::Endpoint"), "{}", reported.plan);
}

#[test]
fn another_name_of_a_scaled_variant_is_refused() {
    let reported = Reported::of(&Settings { first: "Best", ..BASE });
    reported.moves_to_a_new_configuration();
    let refused = "SageMaker refuses to remove the variant `Main`";
    assert!(reported.reports("ScorersConfig", "failures", refused), "{}", reported.diff);
}

#[test]
fn another_variant_name_is_a_removed_and_an_added_variant() {
    let reported = Reported::of(&Settings { second: "Candidate", ..BASE });
    reported.moves_to_a_new_configuration();
    // It is not scaled, so nothing refuses that.
    assert!(reported.resource("ScorersConfig").unwrap()["failures"].as_array().is_none_or(Vec::is_empty));
    reported.is_deployed();
}
