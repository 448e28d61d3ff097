//! A wrong value is reported with the line of the user's program that set it.
#![allow(clippy::unwrap_used)]

use stackwright::prelude::*;
use stackwright::resources::s3::Bucket;
use stackwright::review::{Diagnostic, check, report};
use stackwright::stacks::cluster::ServiceNodes;
use stackwright::stacks::fleet::ScheduledSize;
use stackwright::stacks::launch::ApprovedModel;
use stackwright::stacks::network::{NetworkHandle, NetworkSubnet};

fn container() -> Container {
    Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
        .model(S3Location::new("models", "m.tar.gz"))
}

fn source(file: &str) -> Option<String> {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).ok()
}

#[test]
fn in_a_construct_at_the_setter() {
    let app = App::new("app");
    let endpoint = ServerlessEndpoint::new(container()).memory(MemorySize::Gb6);
    let endpoint = endpoint.max_concurrency(400);
    let line = line!() - 1;
    app.stack("DevTest").region("us-east-1").add("Scorers", endpoint);
    let found = check::check(&app.synth().unwrap(), &check::Options::default());
    assert_eq!(
        report::text(&found, source, false),
        format!(
            "\
error[out-of-range]: 400 is too large
  --> cli/tests/wrong_value.rs:{line}:29
   |
{line} |     let endpoint = endpoint.max_concurrency(400);
   |                             ^^^^^^^^^^^^^^^ DevTest/ScorersConfig: ProductionVariants[0].ServerlessConfig.MaxConcurrency
   |
   = help: use at most 200

1 error
"
        )
    );
}

#[test]
fn an_acknowledgement_at_a_construct_keeps_its_reason() {
    let app = App::new("app");
    let bucket = |name| Bucket::new().bucket_name(name);
    let stack = app.stack("Data");
    stack.add("Known", bucket("scores").acknowledge("bucket-without-encryption", "public scores"));
    stack.add("Other", bucket("other-scores").acknowledge("bucket-without-encryptoin", "public scores"));
    let line = line!() - 1;
    let found = check::check(&app.synth().unwrap(), &check::Options::default());
    let reported: Vec<_> = found
        .diagnostics
        .iter()
        .map(|one| (one.id.as_ref(), one.resource.as_deref().unwrap(), one.acknowledged.as_deref()))
        .collect();
    assert_eq!(
        reported,
        [
            ("unused-acknowledgement", "Other", None),
            ("bucket-without-encryption", "Other", None),
            ("bucket-without-encryption", "Known", Some("public scores")),
        ]
    );
    assert_eq!(found.diagnostics[0].location.as_ref().unwrap().line, line);
    assert_eq!(
        found.diagnostics[0].help.as_deref(),
        Some("the most similar name is `bucket-without-encryption`")
    );
    assert_eq!(found.summary(), "1 warning, 1 info, 1 acknowledged");
}

#[test]
fn in_a_value_that_a_construct_looks_up() {
    let app = App::new("app");
    let image = ContainerImage::pytorch_inference("2.66", Processor::Cpu);
    let line = line!() - 1;
    app.stack("DevTest").add("Scorers", ServerlessEndpoint::new(Container::new(image)));
    let found = Diagnostic::from_errors(&app.synth().unwrap_err());
    assert_eq!(found[0].message, "pytorch-inference has no version 2.66 in the image table");
    assert!(found[0].help.as_deref().unwrap().starts_with("use one of the newest, 2.6.0"));
    assert_eq!(found[0].location.as_ref().unwrap().line, line);
}

#[test]
fn a_stack_without_a_region_finds_its_image_where_it_is_deployed() {
    let app = App::new("app");
    app.stack("DevTest").add("Scorers", ServerlessEndpoint::new(container()));
    let assembly = stackwright::testing::synth(&app);
    let template = assembly.stacks[0].template.sections();
    assert_eq!(template["Mappings"]["ScorersRegistry"]["ap-east-1"]["Account"], "871362719292");
    let image = &template["Resources"]["ScorersModel"]["Properties"]["PrimaryContainer"]["Image"];
    assert!(image.to_string().contains("Fn::FindInMap"), "{image}");
}

#[test]
fn a_name_that_is_too_long_is_refused_where_the_endpoint_was_added() {
    let app = App::new("an-app-with-a-name-that-goes-on-and-on");
    app.stack("AndAStackWithOne").add("AndAnEndpoint", ServerlessEndpoint::new(container()));
    let found = Diagnostic::from_errors(&app.synth().unwrap_err());
    assert_eq!(found[0].id, "endpoint-name");
    assert_eq!(found[0].subject(), "AndAStackWithOne/AndAnEndpoint");
}

/// Adds a construct with arguments in the wrong order in a new app, and returns the IDs of the errors with their lines.
fn errors_of<C: Construct>(construct: impl FnOnce() -> C) -> Vec<(String, u32)> {
    let app = App::new("app");
    app.stack("Main").region("us-east-1").add("Wrong", construct());
    let found = Diagnostic::from_errors(&app.synth().unwrap_err());
    found.iter().map(|one| (one.id.to_string(), one.location.as_ref().unwrap().line)).collect()
}

#[test]
fn strings_in_the_wrong_order_are_errors_at_their_line() {
    fn cluster(add: impl FnOnce(&Stack, &NetworkHandle)) -> Vec<(String, u32)> {
        let app = App::new("app");
        let stack = app.stack("Main").region("us-east-1");
        let network = NetworkHandle::existing(
            "vpc-0123456789abcdef0",
            [NetworkSubnet::existing("subnet-0123456789abcdef0")],
            ["sg-0123456789abcdef0"],
        );
        add(&stack, &network);
        let found = Diagnostic::from_errors(&app.synth().unwrap_err());
        found.iter().map(|one| (one.id.to_string(), one.location.as_ref().unwrap().line)).collect()
    }
    let expect = |found: Vec<(String, u32)>, id: &str, line: u32| {
        assert!(found.contains(&(id.to_owned(), line)), "line {line}: {found:?}");
    };
    let job = |instances| TrainingJob::pytorch("2.6.0", instances, S3Location::new("my-runs", "models"));

    let found = errors_of(|| Schedule::new("rate(1 day)", job(Instances::of("g5.xlarge", 1))));
    expect(found, "invalid-instance-type", line!() - 1);
    let found = errors_of(|| {
        let groups = [InstanceGroup::new("ml.p4d.24xlarge", "train", 2)];
        Schedule::new("rate(1 day)", job(Instances::groups(groups)))
    });
    expect(found, "invalid-instance-type", line!() - 3);
    let found = cluster(|stack, network| {
        let controller = ServiceNodes::new("ml.m5.4xlarge", "controller");
        stack.add("Cluster", HyperPodCluster::slurm(network, controller));
    });
    expect(found, "invalid-instance-type", line!() - 3);
    let found = errors_of(|| {
        let vpc = VpcConfig::new(["sg-0123456789abcdef0"], ["subnet-0123456789abcdef0"]);
        Schedule::new("rate(1 day)", job(Instances::of("ml.g5.xlarge", 1)).vpc(vpc))
    });
    expect(found.clone(), "invalid-id", line!() - 3);
    assert!(found.len() >= 2, "{found:?}");
    let found =
        errors_of(|| ApprovedModel::new("/scorers/approved", "scorers", "s3://my-models/first.tar.gz"));
    expect(found, "invalid-parameter-name", line!() - 1);
    let found =
        errors_of(|| ApprovedModel::new("s3://my-models/first.tar.gz", "/scorers/approved", "scorers"));
    expect(found, "invalid-s3-uri", line!() - 1);
    let found = errors_of(|| {
        let variant = Variant::new("Main", container(), "ml.m5.xlarge");
        let night = ScheduledCapacity::new("cron(0 20 * * ? *)", "Night", 1..=2);
        RealTimeEndpoint::new(variant.scale(1..=4, Scaling::new().schedule(night)))
    });
    expect(found, "invalid-schedule", line!() - 3);
    let found = cluster(|stack, network| {
        let sizes = ScheduledSize::new("0 20 * * MON-FRI", "Night", 0..=0);
        let fleet = GpuFleet::new(network, "g5.2xlarge", Ami::id("/dev/sda1", "ami-0123456789abcdef0"));
        stack.add("Fleet", fleet.schedule(sizes));
    });
    expect(found.clone(), "invalid-schedule", line!() - 4);
    expect(found, "invalid-id", line!() - 4);
    let found = cluster(|stack, network| {
        let image = Ami::from_parameter("/dev/sda1", "/ml/images/training");
        stack.add("Fleet", GpuFleet::new(network, "g5.2xlarge", image));
    });
    expect(found, "invalid-root-device", line!() - 3);
    let found = errors_of(|| {
        let script = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let job = job(Instances::of("ml.g5.2xlarge", 1)).source(script, "lib.rs").distribution(Ddp::new());
        ClusterJob::new("train", &job, "/fsx").on_eks("trainer:3").claim("/data", "claim")
    });
    expect(found, "invalid-directory", line!() - 2);
    let found = errors_of(|| {
        let job =
            ProcessingJob::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu), "ml.m5.xlarge");
        let job = job.output("report", S3Location::new("my-runs", "report"));
        let mut pipeline = Pipeline::new();
        let file = PropertyFile::in_output("Report");
        let step = pipeline.step("Evaluate", ProcessingStep::new(job).property_file("report", file));
        let tested = step.measure("accuracy", "Report");
        pipeline.step("Check", ConditionStep::when(tested.at_least(0.5)));
        pipeline
    });
    expect(found.clone(), "unknown-output", line!() - 6);
    expect(found, "unknown-property-file", line!() - 5);
}

#[test]
fn a_reference_across_environments_is_reported_at_lines_of_the_program() {
    let app = App::new("app");
    let alarms = app.stack("Base").region("us-east-1").add("Alarms", AlarmTopic::new());
    let runs = app.stack("Runs").region("us-east-1").add("Data", PrivateBucket::new().own_kms_key());
    let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), runs.location("models"));
    let machine = StateMachine::new().train("Train", job).notify(&alarms);
    app.stack("Train").region("eu-west-1").add("Machine", machine);
    let found = Diagnostic::from_errors(&app.synth().unwrap_err());
    assert!(found.iter().all(|one| one.id == "reference-across-environments"), "{found:?}");
    let files: Vec<_> = found.iter().map(|one| one.location.as_ref().unwrap().file.as_ref()).collect();
    assert!(files.iter().all(|file| file.ends_with("cli/tests/wrong_value.rs")), "{files:?}");
}
