//! What CloudFormation creates for endpoints of this library beside the requests of the SageMaker Python SDK for the same endpoints.
//!
//! The requests of the SDK are in `hosting/`, with the script that recorded them. Every difference is listed here with
//! its reason; any other one fails the test.
#![allow(clippy::unwrap_used)]

mod requests;

use std::time::Duration;

use serde_json::{Map, Value as JsonValue, json};
use snapshots::needs::{Outside, assert_sufficient};
use stackwright::stacks::container::{Container, Containers, LargeModel, ModelData, TextGeneration, Weights};
use stackwright::stacks::endpoint::{
    AsynchronousEndpoint, ComponentEndpoint, DataCapture, HostingOptions, InferenceComponent,
    InstanceCountOptions, MemorySize, MultiModelEndpoint, NotificationTopic, RealTimeEndpoint,
    ServerlessEndpoint, Variant,
};
use stackwright::stacks::{ContainerImage, Processor, S3Location, SecurityOptions, VpcConfig};
use stackwright::{App, Stack};

/// The types of resources with the operations that create them.
const OPERATIONS: [(&str, &str); 4] = [
    ("AWS::SageMaker::Model", "CreateModel"),
    ("AWS::SageMaker::EndpointConfig", "CreateEndpointConfig"),
    ("AWS::SageMaker::Endpoint", "CreateEndpoint"),
    ("AWS::SageMaker::InferenceComponent", "CreateInferenceComponent"),
];

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:answers";

/// The bucket and a key of the recorded requests.
fn at(key: &str) -> S3Location {
    S3Location::new("my-bucket", key)
}

fn image(processor: Processor) -> ContainerImage {
    ContainerImage::pytorch_inference("2.6.0", processor)
}

fn scorers(processor: Processor) -> Container {
    Container::new(image(processor)).model(ModelData::archive(at("scorers/model.tar.gz")))
}

/// A value with the functions of CloudFormation replaced; what refers to a resource becomes `<ID>`.
fn resolved(value: &JsonValue) -> JsonValue {
    let text = |text: &str| {
        let text = text.replace("${AWS::URLSuffix}", "amazonaws.com").replace("${AWS::Region}", "us-east-1");
        let text = text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "111122223333");
        text.replace("${", "<").replace('}', ">")
    };
    match value {
        JsonValue::Object(members) if members.len() == 1 => {
            let (name, argument) = members.iter().next().unwrap();
            match (name.as_str(), argument) {
                ("Ref", JsonValue::String(id)) => text(&format!("${{{id}}}")).into(),
                ("Fn::Sub", JsonValue::String(form)) => text(form).into(),
                ("Fn::GetAtt", JsonValue::Array(parts)) => {
                    format!("<{}.{}>", parts[0].as_str().unwrap(), parts[1].as_str().unwrap()).into()
                }
                _ => json!({ (name): resolved(argument) }),
            }
        }
        JsonValue::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), resolved(value))).collect::<Map<_, _>>().into()
        }
        JsonValue::Array(items) => items.iter().map(resolved).collect(),
        other => other.clone(),
    }
}

/// The properties of the resources of an endpoint, by the operation that creates them. Its roles allow what they name.
fn created(define: impl FnOnce(&Stack)) -> JsonValue {
    let app = App::new("requests");
    define(&app.stack("Serving").region("us-east-1"));
    let needed = assert_sufficient("a deployment", &app, &Outside::default(), &[]);
    assert!(needed.len() > 6, "{needed:?}");
    let assembly = app.synth().unwrap_or_else(|errors| panic!("{errors}"));
    let template: JsonValue = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
    let mut found = Map::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        if let Some((_, operation)) = OPERATIONS.iter().find(|(kind, _)| resource["Type"] == *kind) {
            let other = found.insert((*operation).to_owned(), resolved(&resource["Properties"]));
            assert!(other.is_none(), "two resources need {operation}");
        }
    }
    found.into()
}

/// What differs for every endpoint.
const ALWAYS: &[(&str, &str)] = &[
    ("/CreateModel/ExecutionRoleArn", "the role is created with the stack"),
    ("/CreateModel/ModelName", "CloudFormation names the model, so that a change creates a new one"),
    ("/CreateEndpointConfig/EndpointConfigName", "CloudFormation names the configuration"),
    ("/CreateEndpoint/EndpointConfigName", "it is that of the stack"),
    ("/CreateEndpoint/EndpointName", "it contains the name of the stack"),
    ("/CreateEndpoint/Tags", "the SDK sends an empty list"),
];

/// What differs for every endpoint whose variants have models.
const WITH_MODEL: &[(&str, &str)] = &[
    ("/CreateEndpointConfig/ProductionVariants/0/ModelName", "it is that of the stack"),
    ("/CreateEndpointConfig/ProductionVariants/0/InitialVariantWeight", "1 is the default of SageMaker"),
    ("/CreateEndpoint/DeploymentConfig/AutoRollbackConfiguration/Alarms/0/AlarmName", GUARDRAILS),
    ("/CreateEndpoint/DeploymentConfig/AutoRollbackConfiguration/Alarms/1/AlarmName", GUARDRAILS),
    ("/CreateEndpoint/DeploymentConfig/BlueGreenUpdatePolicy/TerminationWaitInSeconds", GUARDRAILS),
    ("/CreateEndpoint/DeploymentConfig/BlueGreenUpdatePolicy/TrafficRoutingConfiguration/Type", GUARDRAILS),
    (
        "/CreateEndpoint/DeploymentConfig/BlueGreenUpdatePolicy/TrafficRoutingConfiguration/WaitIntervalInSeconds",
        GUARDRAILS,
    ),
];

const GUARDRAILS: &str = "an update is rolled back by alarms; the SDK sets no deployment guardrails";

const NO_ENVIRONMENT: &[(&str, &str)] =
    &[("/CreateModel/PrimaryContainer/Environment", "the SDK sends an empty object")];

const CAPTURED: &[(&str, &str)] = &[(
    "/CreateEndpointConfig/DataCaptureConfig/KmsKeyId",
    "the key of the endpoint encrypts what is captured, too",
)];

const SERIAL: &[(&str, &str)] =
    &[("/CreateModel/InferenceExecutionConfig/Mode", "`Serial` is the default of SageMaker")];

const LARGE: &[(&str, &str)] = &[
    (
        "/CreateModel/PrimaryContainer/Environment/OPTION_TENSOR_PARALLEL_DEGREE",
        "every setting has the prefix `OPTION_`",
    ),
    (
        "/CreateModel/PrimaryContainer/Environment/TENSOR_PARALLEL_DEGREE",
        "every setting has the prefix `OPTION_`",
    ),
];

const GENERATION: &[(&str, &str)] = &[
    ("/CreateModel/PrimaryContainer/Environment/MAX_INPUT_LENGTH", "the former name of MAX_INPUT_TOKENS"),
    ("/CreateModel/PrimaryContainer/Environment/MAX_INPUT_TOKENS", "the present name of MAX_INPUT_LENGTH"),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_CONTAINER_LOG_LEVEL", TOOLKIT),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_PROGRAM", TOOLKIT),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_REGION", TOOLKIT),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_SUBMIT_DIRECTORY", TOOLKIT),
];

const TOOLKIT: &str = "the SDK sets it for the inference toolkit, which this image does not have";

const COMPONENT: &[(&str, &str)] = &[
    ("/CreateEndpointConfig/EnableNetworkIsolation", "false is the default of SageMaker"),
    ("/CreateEndpointConfig/ExecutionRoleArn", "the role is created with the stack"),
    ("/CreateEndpointConfig/ProductionVariants/0/ManagedInstanceScaling/MaxInstanceCount", SCALED),
    ("/CreateEndpointConfig/ProductionVariants/0/ManagedInstanceScaling/MinInstanceCount", SCALED),
    ("/CreateEndpointConfig/ProductionVariants/0/ManagedInstanceScaling/Status", SCALED),
    (
        "/CreateEndpointConfig/ProductionVariants/0/RoutingConfig/RoutingStrategy",
        "requests go to the copy with the fewest requests; the SDK leaves the random routing",
    ),
    ("/CreateInferenceComponent/DeploymentConfig/AutoRollbackConfiguration/Alarms/0/AlarmName", GUARDRAILS),
    ("/CreateInferenceComponent/DeploymentConfig/AutoRollbackConfiguration/Alarms/1/AlarmName", GUARDRAILS),
    ("/CreateInferenceComponent/DeploymentConfig/RollingUpdatePolicy/MaximumBatchSize/Type", GUARDRAILS),
    ("/CreateInferenceComponent/DeploymentConfig/RollingUpdatePolicy/MaximumBatchSize/Value", GUARDRAILS),
    ("/CreateInferenceComponent/DeploymentConfig/RollingUpdatePolicy/WaitIntervalInSeconds", GUARDRAILS),
    ("/CreateInferenceComponent/EndpointName", "it is that of the stack"),
    ("/CreateInferenceComponent/InferenceComponentName", "it contains the name of the stack"),
    ("/CreateInferenceComponent/Specification/ModelName", "it is that of the stack"),
    ("/CreateInferenceComponent/Specification/StartupParameters", "the SDK sends an empty object"),
];

const SCALED: &str = "SageMaker changes the number of instances between the two bounds";

/// Compares an endpoint with recorded requests: exactly the listed differences may exist.
#[track_caller]
fn compare(name: &str, define: impl FnOnce(&Stack), differences: &[&[(&str, &str)]]) {
    let path = format!("{}/tests/hosting/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let recorded: JsonValue = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let expected = differences.iter().copied().chain([ALWAYS]).flatten().copied();
    requests::compare(name, &recorded, &created(define), expected);
}

#[test]
fn an_archive_on_a_gpu() {
    let container = scorers(Processor::Gpu).environment("SAGEMAKER_PROGRAM", "inference.py");
    let variant = Variant::new("AllTraffic", container, "ml.g5.2xlarge");
    compare("archive", |stack| drop(stack.add("Scorers", RealTimeEndpoint::new(variant))), &[WITH_MODEL]);
}

#[test]
fn a_model_of_many_files_under_a_prefix() {
    let container = Container::new(image(Processor::Gpu)).model(ModelData::prefix(at("llama/")));
    let variant = Variant::new("AllTraffic", container, "ml.g5.2xlarge");
    compare(
        "prefix",
        |stack| drop(stack.add("Scorers", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, NO_ENVIRONMENT],
    );
}

#[test]
fn an_isolated_endpoint_with_a_key_and_data_capture() {
    let variant = Variant::new("AllTraffic", scorers(Processor::Cpu), "ml.m5.xlarge")
        .volume_gb(100)
        .download_timeout(Duration::from_secs(1200))
        .health_check_timeout(Duration::from_secs(600));
    let endpoint = RealTimeEndpoint::new(variant)
        .kms_key(KEY)
        .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]))
        .network_isolation(true)
        .data_capture(DataCapture::new(at("captured"), 20).json("application/json").csv("text/csv"));
    compare("closed", |stack| drop(stack.add("Scorers", endpoint)), &[WITH_MODEL, NO_ENVIRONMENT, CAPTURED]);
}

#[test]
fn a_serverless_endpoint() {
    let endpoint =
        ServerlessEndpoint::new(scorers(Processor::Cpu)).memory(MemorySize::Gb6).max_concurrency(5);
    compare("serverless", |stack| drop(stack.add("Scorers", endpoint)), &[WITH_MODEL, NO_ENVIRONMENT]);
}

#[test]
fn an_asynchronous_endpoint_with_topics() {
    let endpoint = AsynchronousEndpoint::new(scorers(Processor::Gpu), "ml.g5.2xlarge", at("answers/"))
        .failures(at("failures/"))
        .requests(at("requests/"))
        .max_concurrent_invocations(4)
        .on_success(NotificationTopic::new(TOPIC))
        .on_failure(NotificationTopic::new(TOPIC));
    compare("asynchronous", |stack| drop(stack.add("Scorers", endpoint)), &[WITH_MODEL, NO_ENVIRONMENT]);
}

#[test]
fn many_models_on_cpus() {
    let endpoint = MultiModelEndpoint::cpu(image(Processor::Cpu), at("many/"), "ml.m5.large").instances(2);
    compare("multi-model", |stack| drop(stack.add("Scorers", endpoint)), &[WITH_MODEL, NO_ENVIRONMENT]);
}

#[test]
fn text_generation_inference() {
    let container = TextGeneration::new("3.2.3", Weights::hub("HuggingFaceH4/zephyr-7b-beta"))
        .accelerators(1)
        .max_input_tokens(2_048)
        .max_total_tokens(4_096);
    let variant =
        Variant::new("AllTraffic", container, "ml.g5.2xlarge").health_check_timeout(Duration::from_mins(15));
    compare(
        "text-generation",
        |stack| drop(stack.add("Chat", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, GENERATION],
    );
}

#[test]
fn a_large_model_with_vllm() {
    let container = LargeModel::vllm("0.32.0", Weights::hub("meta-llama/Llama-3.1-8B-Instruct"))
        .tensor_parallel_degree(4)
        .option("rolling_batch", "vllm");
    let variant =
        Variant::new("AllTraffic", container, "ml.g5.12xlarge").health_check_timeout(Duration::from_hours(1));
    compare(
        "large-model",
        |stack| drop(stack.add("Chat", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, LARGE],
    );
}

#[test]
fn an_inference_component() {
    let define = |stack: &Stack| {
        let host = stack.add("Host", ComponentEndpoint::new("ml.g5.2xlarge", 1..=1));
        let component = InferenceComponent::new(&host, scorers(Processor::Gpu), 8_192)
            .accelerators(1.0)
            .cpu_cores(2.0)
            .copies(2);
        stack.add("Scorer", component);
    };
    compare("component", define, &[NO_ENVIRONMENT, COMPONENT]);
}

#[test]
fn containers_in_series() {
    let part = |name: &str| {
        Container::new(image(Processor::Cpu))
            .model(ModelData::archive(at(&format!("{name}/model.tar.gz"))))
            .environment("PART", name)
    };
    let containers = Containers::serial([part("prepare"), part("score")]);
    let variant = Variant::new("AllTraffic", containers, "ml.m5.large").instances(2);
    compare(
        "serial",
        |stack| drop(stack.add("Scorers", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, SERIAL],
    );
}

/// What the SDK sets for the inference toolkit of Hugging Face where there is no script.
const HUGGING_FACE: &[(&str, &str)] = &[
    (
        "/CreateModel/PrimaryContainer/Environment/SAGEMAKER_CONTAINER_LOG_LEVEL",
        "20 is the default of the toolkit",
    ),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_PROGRAM", "empty: there is no script"),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_REGION", "SageMaker sets AWS_REGION"),
    ("/CreateModel/PrimaryContainer/Environment/SAGEMAKER_SUBMIT_DIRECTORY", "empty: there is no script"),
];

#[test]
fn one_model_on_triton() {
    let container = Container::new(ContainerImage::triton("25.04", Processor::Gpu))
        .model(at("triton/resnet_pt_v0.tar.gz"))
        .environment("SAGEMAKER_TRITON_DEFAULT_MODEL_NAME", "resnet");
    let variant = Variant::new("AllTraffic", container, "ml.g4dn.xlarge");
    compare("triton", |stack| drop(stack.add("Scorers", RealTimeEndpoint::new(variant))), &[WITH_MODEL]);
}

#[test]
fn text_embeddings() {
    let container = Container::new(ContainerImage::text_embeddings("1.8.2", Processor::Gpu))
        .environment("HF_MODEL_ID", "BAAI/bge-m3");
    let variant = Variant::new("AllTraffic", container, "ml.g5.2xlarge");
    compare(
        "embedding",
        |stack| drop(stack.add("Embeddings", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, HUGGING_FACE],
    );
}

#[test]
fn a_model_of_a_hub_without_instances() {
    let container = Container::new(ContainerImage::huggingface_inference("4.26.0", Processor::Cpu))
        .environment("HF_MODEL_ID", "distilbert-base-uncased-finetuned-sst-2-english")
        .environment("HF_TASK", "text-classification");
    let endpoint = ServerlessEndpoint::new(container).memory(MemorySize::Gb4).max_concurrency(10);
    compare("hub-serverless", |stack| drop(stack.add("Sentiment", endpoint)), &[WITH_MODEL, HUGGING_FACE]);
}

#[test]
fn tensorflow_serving() {
    let container = Container::new(ContainerImage::tensorflow_inference("2.16.1", Processor::Cpu))
        .model(at("scorers/model.tar.gz"));
    let variant = Variant::new("AllTraffic", container, "ml.c5.xlarge");
    compare(
        "tensorflow",
        |stack| drop(stack.add("Digits", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, NO_ENVIRONMENT],
    );
}

#[test]
fn a_model_of_a_built_in_algorithm() {
    let container = Container::new(ContainerImage::aws("linear-learner", "1", Processor::Cpu))
        .model(at("scorers/model.tar.gz"));
    let variant = Variant::new("AllTraffic", container, "ml.m4.xlarge");
    compare(
        "linear",
        |stack| drop(stack.add("Digits", RealTimeEndpoint::new(variant))),
        &[WITH_MODEL, NO_ENVIRONMENT],
    );
}

#[test]
fn a_large_model_on_inferentia() {
    let image = ContainerImage::aws("djl-neuronx", "0.29.0", Processor::Neuron);
    let container = Container::new(image)
        .model(ModelData::prefix(at("llama/")))
        .environment("OPTION_TENSOR_PARALLEL_DEGREE", "12")
        .environment("OPTION_N_POSITIONS", "4096")
        .environment("OPTION_ROLLING_BATCH", "auto");
    let variant = Variant::new("AllTraffic", container, "ml.inf2.24xlarge")
        .volume_gb(256)
        .health_check_timeout(Duration::from_mins(45));
    compare("neuron", |stack| drop(stack.add("Chat", RealTimeEndpoint::new(variant))), &[WITH_MODEL]);
}
