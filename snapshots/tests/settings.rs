//! What settings write that no example uses: images of other registries, access to models, references to what an app does not
//! create, defaults of an app, locations and secrets that reach a role.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value as Json, json};
use snapshots::template::Template;
use stackwright::prelude::*;
use stackwright::stacks::container::{Container, Containers, LargeModel, ModelData, Weights};
use stackwright::stacks::endpoint::{
    ExternalEndpoint, InferenceComponent, InstanceMetrics, MultiModelEndpoint, OneVariant, RealTimeEndpoint,
    ServerlessEndpoint, Variant,
};
use stackwright::stacks::launch::pipeline::{Objective, ParameterRange};
use stackwright::stacks::launch::{
    CreateModelStep, EndpointConfigStep, EndpointStep, Pipeline, ProcessingJob, ProcessingStep,
    RegisterModelStep, Schedule, StateMachine, TrainingStep, TuningJob, TuningStep,
};
use stackwright::stacks::network::{NetworkHandle, NetworkSubnet};
use stackwright::stacks::training::{Instances, OutputCompression, RunVariable, Spot, TrainingJob};

/// The template of an app with one stack, which the check accepts.
fn template(build: impl FnOnce(&Stack)) -> Template {
    let app = App::new("settings");
    build(&app.stack("Main").region("us-east-1"));
    Template::of(&app)
}

/// A property of a resource by its JSON pointer.
#[track_caller]
fn assert_property(template: &Template, id: &str, pointer: &str, expected: &Json) {
    let properties = &template.resources[id]["Properties"];
    assert_eq!(properties.pointer(pointer), Some(expected), "{id}{pointer} in {properties:#}");
}

/// The document of an app with one stack, by the end of its name.
fn document(build: impl FnOnce(&Stack), name: &str) -> Json {
    let app = App::new("settings");
    build(&app.stack("Main").region("us-east-1"));
    let documents = stackwright::testing::synth(&app).stacks[0].documents.clone();
    let text = documents.into_iter().find(|one| one.name.ends_with(name)).unwrap().text;
    serde_json::from_str(&text).unwrap()
}

fn gpu() -> Container {
    Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu))
}

fn cpu() -> Container {
    Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
}

fn one(containers: impl Into<Containers>, instance_type: &str) -> RealTimeEndpoint<OneVariant> {
    RealTimeEndpoint::new(Variant::new("Main", containers, instance_type))
}

fn job(instance_type: &str) -> TrainingJob {
    TrainingJob::pytorch(
        "2.6.0",
        Instances::of(instance_type, 1),
        S3Location::new("my-runs", "models").per_run(),
    )
}

#[test]
fn images_come_from_mirrors_and_private_registries() {
    let mirror = || Mirror::new().account("210987654321").prefix("dlc/");
    let function = "arn:aws:lambda:us-east-1:123456789012:function:registry";
    let made = template(|stack| {
        let image = ContainerImage::pytorch_inference("2.6.0", Processor::Cpu).mirrored(mirror());
        stack.add("Mirrored", ServerlessEndpoint::new(Container::new(image)));
        let models = S3Location::new("my-models", "scorers/");
        let triton = ContainerImage::triton("25.09", Processor::Gpu).mirrored(mirror());
        stack.add("Triton", MultiModelEndpoint::triton("25.09", models, "ml.g5.xlarge").image(triton));
        let image = ContainerImage::from_private_registry("registry.example.com/scorers:1");
        let private = one(Container::new(image.registry_credentials(function)), "ml.m5.xlarge");
        let network = VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
        stack.add("Private", private.vpc(network));
    });
    let registry = "210987654321.dkr.ecr.us-east-1.amazonaws.com/dlc";
    for (id, name) in [
        ("MirroredModel", "pytorch-inference:2.6.0-cpu-py312"),
        ("TritonModel", "sagemaker-tritonserver:25.09-py3"),
    ] {
        let image = made.text(&made.resources[id]["Properties"]["PrimaryContainer"]["Image"]);
        assert_eq!(image, format!("{registry}/{name}"));
    }
    let repository = "arn:aws:ecr:us-east-1:210987654321:repository/dlc/pytorch-inference";
    assert!(made.allowed()["MirroredRole"].contains(&("ecr:BatchGetImage".into(), repository.into())));
    let config = json!({
        "RepositoryAccessMode": "Vpc", "RepositoryAuthConfig": { "RepositoryCredentialsProviderArn": function },
    });
    assert_property(&made, "PrivateMainModel", "/PrimaryContainer/ImageConfig", &config);
    assert!(made.allowed()["PrivateMainRole"].contains(&("lambda:InvokeFunction".into(), function.into())));
}

#[test]
fn model_data_states_how_it_may_be_read() {
    let hub = "arn:aws:sagemaker:us-east-1:123456789012:hub-content/my-hub/Model/llama/1.0.0";
    let at = |key: &str| S3Location::new("jumpstart-models", key);
    let made = template(|stack| {
        let gated = gpu().model(ModelData::prefix(at("llama/")).accept_eula(true));
        let metrics = InstanceMetrics::new().enhanced(true).publish_every(Duration::from_secs(30));
        stack.add("Gated", one(gated, "ml.g5.xlarge").metrics(metrics));
        let of_hub = ModelData::archive(at("llama.tar.gz")).hub_content(hub);
        stack.add("Hub", one(gpu().model(of_hub), "ml.g5.xlarge"));
        let trained = ModelData::archive_within(at("runs"), "s3://jumpstart-models/runs/1/model.tar.gz");
        stack.add("Trained", one(gpu().model(trained.accept_eula(true)), "ml.g5.xlarge"));
    });
    let source = "/PrimaryContainer/ModelDataSource/S3DataSource";
    for (id, member, expected) in [
        ("GatedMainModel", "ModelAccessConfig", json!({ "AcceptEula": true })),
        ("HubMainModel", "HubAccessConfig", json!({ "HubContentArn": hub })),
        ("TrainedMainModel", "ModelAccessConfig", json!({ "AcceptEula": true })),
        ("TrainedMainModel", "S3Uri", "s3://jumpstart-models/runs/1/model.tar.gz".into()),
    ] {
        assert_property(&made, id, &format!("{source}/{member}"), &expected);
    }
    let metrics = json!({ "EnableEnhancedMetrics": true, "MetricPublishFrequencyInSeconds": 30 });
    assert_property(&made, "GatedConfig", "/MetricsConfig", &metrics);
}

#[test]
fn what_the_app_does_not_create_is_named_by_parameters() {
    let parameter = |name: &str| SsmParameter::new(name);
    let made = template(|stack| {
        let host =
            ExternalEndpoint::from_name(parameter("/endpoint")).host("arn:aws:iam::123456789012:role/Host");
        let server = LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen/")));
        let server = server.tensor_parallel_degree(1);
        stack.add("Chat", InferenceComponent::new(&host, server, 8_192).accelerators(1));
        let subnets = [NetworkSubnet::existing(parameter("/subnet"))];
        let network = NetworkHandle::existing(parameter("/vpc"), subnets, [parameter("/group")]);
        let bucket = ExternalBucket::from_name(parameter("/bucket")).kms_key(parameter("/bucket-key"));
        let endpoint = one(cpu().model(bucket.location("model.tar.gz")), "ml.m5.xlarge").vpc(&network);
        stack.add("Scorers", endpoint.notify(parameter("/topic")).kms_key(parameter("/key")));
        stack.add("Given", ServerlessEndpoint::new(cpu()).role(parameter("/role")));
    });
    for (id, pointer, name) in [
        ("Chat", "/EndpointName", "/endpoint"),
        ("ScorersMainModel", "/VpcConfig/Subnets/0", "/subnet"),
        ("ScorersMainModel", "/VpcConfig/SecurityGroupIds/0", "/group"),
        ("ScorersConfig", "/KmsKeyId", "/key"),
        ("ScorersMainErrorsAlarm", "/AlarmActions/0", "/topic"),
        ("GivenModel", "/ExecutionRoleArn", "/role"),
    ] {
        assert_property(&made, id, pointer, &format!("{{{{resolve:ssm:{name}}}}}").into());
    }
    let data = &made.resources["ScorersMainModel"]["Properties"]["PrimaryContainer"]["ModelDataUrl"];
    assert_eq!(made.text(data), "s3://{{resolve:ssm:/bucket}}/model.tar.gz");
    let decrypt = ("kms:Decrypt".to_owned(), "{{resolve:ssm:/bucket-key}}".to_owned());
    assert!(made.allowed()["ScorersMainRole"].contains(&decrypt));
}

#[test]
fn defaults_of_an_app_reach_every_construct() {
    let boundary = "arn:aws:iam::123456789012:policy/Boundary";
    let app = App::new("settings")
        .permissions_boundary(boundary)
        .tag("team", "vision")
        .encryption_key("alias/vision")
        .removal_policy(DeletionPolicy::Delete);
    let stack = app.stack("Main").region("us-east-1");
    let runs = stack.add("Runs", PrivateBucket::new());
    let mut pipeline = Pipeline::new();
    pipeline.step("Train", TrainingStep::new(job("ml.m5.xlarge")));
    stack.add("Pipeline", pipeline);
    stack.add("Scorers", one(cpu().model(runs.location("model.tar.gz")), "ml.m5.xlarge"));
    let assembly = stackwright::testing::synth(&app);
    assert_eq!(assembly.stacks[0].tags.get("team").map(String::as_str), Some("vision"));
    let made = Template::of(&app);
    let roles: Vec<_> = made.of_type("AWS::IAM::Role").collect();
    assert_eq!(roles.len(), 3);
    for (id, role) in roles {
        assert_eq!(role["PermissionsBoundary"], boundary, "{id}");
    }
    assert_eq!(made.resources["Runs"]["DeletionPolicy"], "Delete");
    assert_property(&made, "ScorersConfig", "/KmsKeyId", &"alias/vision".into());
    let definition = made.resources["Pipeline"]["Properties"]["PipelineDefinition"].to_string();
    for member in ["VolumeKmsKeyId", "KmsKeyId"] {
        assert!(
            definition.contains(&format!(r#"\"{member}\":\"alias/vision\""#)),
            "{member} in {definition}"
        );
    }
}

#[test]
fn locations_and_secrets_in_variables_reach_the_role() {
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf";
    let made = template(|stack| {
        let runs = stack.add("Runs", PrivateBucket::new().own_kms_key());
        stack.add("Scorers", ServerlessEndpoint::new(cpu().secret("HUB_TOKEN", secret)));
        let mut pipeline = Pipeline::new();
        let train = job("ml.m5.xlarge").environment_location("COMPILE_CACHE", runs.location("cache/"));
        pipeline.step("Train", TrainingStep::new(train));
        let prepare = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge");
        let prepare = prepare.environment_location("COMPILE_CACHE", runs.location("cache/"));
        pipeline.step("Prepare", ProcessingStep::new(prepare));
        stack.add("Pipeline", pipeline);
    });
    assert_property(&made, "ScorersModel", "/PrimaryContainer/Environment/HUB_TOKEN", &secret.into());
    let allowed = made.allowed();
    assert!(allowed["ScorersRole"].contains(&("secretsmanager:GetSecretValue".into(), secret.into())));
    for role in ["PipelineTrainExecutionRole", "PipelinePrepareExecutionRole"] {
        for (action, resource) in
            [("s3:PutObject", "arn:aws:s3:::<Runs>/cache/*"), ("kms:GenerateDataKey", "<RunsKey.Arn>")]
        {
            assert!(allowed[role].contains(&(action.into(), resource.into())), "{role}: {action}");
        }
    }
}

#[test]
fn locations_that_are_set_by_pointer_reach_the_role() {
    let made = template(|stack| {
        let mut pipeline = Pipeline::new();
        let train = job("ml.m5.xlarge")
            .set("/TensorBoardOutputConfig/S3OutputPath", "s3://team-runs/boards")
            .set(
                "/InputDataConfig",
                json!([{
                    "ChannelName": "train",
                    "DataSource": { "S3DataSource": { "S3DataType": "S3Prefix", "S3Uri": "s3://team-data/images/" } },
                }]),
            );
        pipeline.step("Train", TrainingStep::new(train));
        let prepare = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge").set(
            "/ProcessingInputs",
            json!([{
                "InputName": "raw",
                "S3Input": {
                    "S3Uri": "s3://team-data/raw/", "LocalPath": "/opt/ml/processing/raw", "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }]),
        );
        pipeline.step("Prepare", ProcessingStep::new(prepare));
        stack.add("Pipeline", pipeline);
    });
    let allowed = made.allowed();
    for (role, action, location) in [
        ("PipelineTrainExecutionRole", "s3:GetObject", "team-data/images/*"),
        ("PipelineTrainExecutionRole", "s3:PutObject", "team-runs/boards/*"),
        ("PipelinePrepareExecutionRole", "s3:GetObject", "team-data/raw/*"),
    ] {
        let resource = format!("arn:aws:s3:::{location}");
        assert!(allowed[role].contains(&(action.into(), resource)), "{role}: {:#?}", allowed[role]);
    }
    let written = ("s3:PutObject".to_owned(), "arn:aws:s3:::team-data/images/*".to_owned());
    assert!(!allowed["PipelineTrainExecutionRole"].contains(&written));
}

#[test]
fn every_launcher_has_checkpoints_and_outputs_of_its_run() {
    let spot = || {
        job("ml.g5.xlarge")
            .input("train", S3Location::new("my-data", "days").join(RunVariable::start_time()))
            .capacity(Spot::new(Duration::from_hours(36), S3Location::new("my-runs", "checkpoints")))
    };
    let launched = |name: &str| {
        let build = |stack: &Stack| {
            let mut pipeline = Pipeline::new();
            pipeline.step("Train", TrainingStep::new(spot()));
            stack.add("Pipeline", pipeline);
            stack.add("Machine", StateMachine::new().train("Train", spot()));
            stack.add("Nightly", Schedule::new("rate(1 day)", spot()));
        };
        document(build, name)
    };
    let join = |parts: Json| json!({ "Std:Join": { "On": "", "Values": parts } });
    let id = json!({ "Get": "Execution.PipelineExecutionId" });
    let request = launched("PipelineDefinitionBody.json")["Steps"][0]["Arguments"].clone();
    let checkpoints = join(json!(["s3://my-runs/checkpoints/", id, "/PipelineTrain"]));
    assert_eq!(request["CheckpointConfig"]["S3Uri"], checkpoints);
    assert_eq!(request["OutputDataConfig"]["S3OutputPath"], join(json!(["s3://my-runs/models/", id])));

    let request = launched("DefinitionString.json")["States"]["Train"]["Parameters"].clone();
    let checkpoints = "States.Format('s3://my-runs/checkpoints/{}/MachineTrain', $$.Execution.Name)";
    assert_eq!(request["CheckpointConfig"]["S3Uri.$"], checkpoints);
    let data = &request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri.$"];
    assert_eq!(*data, "States.Format('s3://my-data/days/{}', $$.Execution.StartTime)");

    let request = launched("Nightly.Input.json");
    let checkpoints = "s3://my-runs/checkpoints/<aws.scheduler.execution-id>/NightlyJob";
    assert_eq!(request["CheckpointConfig"]["S3Uri"], checkpoints);
}

#[test]
fn a_directory_of_weights_is_evaluated_registered_and_served() {
    let build = |stack: &Stack| {
        let image = || ContainerImage::pytorch_inference("2.6.0", Processor::Gpu);
        let mut pipeline = Pipeline::new();
        let train = job("ml.g5.xlarge").output_compression(OutputCompression::None);
        let trained = pipeline.step("Train", TrainingStep::new(train));
        let evaluate = ProcessingJob::pytorch("2.6.0", "ml.g5.xlarge").input("model", trained.model());
        pipeline.step("Evaluate", ProcessingStep::new(evaluate));
        pipeline.step("Register", RegisterModelStep::new("group", trained.model(), image()));
        let model = pipeline.step("Model", CreateModelStep::new(image()).model(trained.model()));
        let config = pipeline.step("Config", EndpointConfigStep::new(&model, "ml.g5.xlarge"));
        pipeline.step("Endpoint", EndpointStep::new("scorers", &config));
        stack.add("Pipeline", pipeline);
    };
    let definition = document(build, "PipelineDefinitionBody.json");
    let step = |name: &str| {
        let steps = definition["Steps"].as_array().unwrap();
        steps.iter().find(|step| step["Name"] == name).unwrap()["Arguments"].clone()
    };
    let model = json!({ "Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts" });
    let source = json!({ "S3Uri": model, "S3DataType": "S3Prefix", "CompressionType": "None" });
    assert_eq!(step("Evaluate")["ProcessingInputs"][0]["S3Input"]["S3Uri"], model);
    let registered = &step("Register")["InferenceSpecification"]["Containers"][0];
    for container in [registered, &step("Model")["PrimaryContainer"]] {
        assert_eq!(container["ModelDataSource"]["S3DataSource"], source, "{container}");
    }
}

#[test]
fn a_tuning_job_has_the_settings_of_hyperband() {
    let build = |stack: &Stack| {
        let tuned = job("ml.g5.xlarge").metric("loss", "loss=([0-9.]+)");
        let tuning = TuningJob::new(tuned, Objective::Minimize, "loss", 4)
            .hyperband(1..=9)
            .range("rate", ParameterRange::Continuous(0.1, 1.0));
        let mut pipeline = Pipeline::new();
        pipeline.step("Tune", TuningStep::new(tuning));
        stack.add("Pipeline", pipeline);
    };
    let request = document(build, "PipelineDefinitionBody.json")["Steps"][0]["Arguments"].clone();
    let config = &request["HyperParameterTuningJobConfig"];
    assert_eq!(config["Strategy"], "Hyperband");
    let resources = json!({ "MinResource": 1, "MaxResource": 9 });
    assert_eq!(config["StrategyConfig"]["HyperbandStrategyConfig"], resources);
}
