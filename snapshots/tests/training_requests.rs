//! `CreateTrainingJob` requests of this library beside those of the SageMaker Python SDK for the same jobs.
//!
//! The requests of the SDK are in `training/`, with the script that recorded them. Every difference is listed here with
//! its reason; any other one fails the test.
#![allow(clippy::unwrap_used)]

mod requests;

use std::time::Duration;

use serde_json::Value as JsonValue;
use snapshots::needs::{Outside, assert_sufficient};
use stackwright::App;
use stackwright::prelude::Asset;
use stackwright::stacks::launch::pipeline::{Objective, ParameterRange, RangeScaling, SplitType};
use stackwright::stacks::launch::{
    CreateModelStep, Pipeline, StepOptions, TrainingStep, TransformData, TransformStep, TuningJob, TuningStep,
};
use stackwright::stacks::training::{
    BuiltInRule, Checkpoints, Ddp, DebuggerHook, DebuggerRule, ExperimentOptions, Hyperparameter, Input,
    InputMode, InstanceGroup, Instances, Mlflow, ModelParallel, Mpi, MultiWorkerMirrored, OutputCompression,
    ParameterServer, Profiler, Smddp, Spot, TensorBoard, TrainingJob, TrainingPlan, WarmPool,
};
use stackwright::stacks::{ContainerImage, Processor, S3Location, VpcConfig};

/// The bucket and a key of the recorded requests.
fn at(key: &str) -> S3Location {
    S3Location::new("my-bucket", key)
}

fn script() -> Asset {
    Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/training/script"))
}

/// An image by its URI in a repository of AWS or of the account.
fn image(uri: &str) -> ContainerImage {
    let (registry, repository) = uri.split_once('/').unwrap();
    let account = registry.split_once('.').unwrap().0;
    let repository = repository.split_once(':').unwrap().0;
    ContainerImage::ecr(uri, format!("arn:aws:ecr:us-east-1:{account}:repository/{repository}"))
}

/// An image of AWS's deep learning containers.
fn aws_image(name: &str) -> ContainerImage {
    image(&format!("763104351884.dkr.ecr.us-east-1.amazonaws.com/{name}"))
}

/// An image of SageMaker's algorithms and of scikit-learn.
fn algorithm_image(name: &str) -> ContainerImage {
    image(&format!("683313688378.dkr.ecr.us-east-1.amazonaws.com/{name}"))
}

/// A job that runs the script with the SDK's default output path.
fn scripted(image: ContainerImage, instances: Instances) -> TrainingJob {
    TrainingJob::new(image, instances, root()).source(script(), "train.py")
}

trait Observed {
    /// Adds the debugger hook without collections, and the profiler. The SDK adds both to jobs.
    fn observed(self, location: S3Location) -> Self;
}

impl Observed for TrainingJob {
    fn observed(self, location: S3Location) -> Self {
        self.debugger(DebuggerHook::new(location.clone()).without_collections()).profiler(location)
    }
}

/// The request that a pipeline makes for a job, with the functions of CloudFormation replaced.
fn request(job: TrainingJob) -> JsonValue {
    request_of(|pipeline| drop(pipeline.step("Train", TrainingStep::new(job))))
}

/// The request of the last step of a pipeline, with the functions of CloudFormation replaced. The roles allow what the requests
/// name.
fn request_of(define: impl FnOnce(&mut Pipeline)) -> JsonValue {
    let app = App::new("requests");
    let stack = app.stack("Training").region("us-east-1");
    let mut pipeline = Pipeline::new();
    define(&mut pipeline);
    stack.add("Pipeline", pipeline);
    let needed = assert_sufficient("a sample", &app, &Outside::default(), &[]);
    assert!(needed.len() > 8, "{needed:?}");
    let assembly = app.synth().unwrap_or_else(|errors| panic!("{errors}"));
    let template: JsonValue = serde_json::from_str(assembly.stacks[0].template.json()).unwrap();
    let definition =
        &template["Resources"]["Pipeline"]["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"];
    let text = definition["Fn::Sub"].as_str().unwrap();
    let text = text
        .replace("${AWS::URLSuffix}", "amazonaws.com")
        .replace("${AWS::Region}", "us-east-1")
        .replace("${AWS::AccountId}", "111122223333");
    let definition: JsonValue = serde_json::from_str(&text).unwrap();
    definition["Steps"].as_array().unwrap().last().unwrap()["Arguments"].clone()
}

/// What differs in every request.
const ALWAYS: &[(&str, &str)] = &[
    ("/RoleArn", "the job's role is created with the stack"),
    ("/TrainingJobName", "the pipeline names the job when it runs"),
];

/// What differs in every request of a job with a script.
const SCRIPT: &[(&str, &str)] = &[
    ("/HyperParameters/sagemaker_submit_directory", "the script is an asset of the stack"),
    (
        "/HyperParameters/sagemaker_job_name",
        "the name is not known before the run, and the toolkit finds it itself",
    ),
];

/// The debugger hook that the SDK adds to jobs of older frameworks and of other images.
const HOOK: &[(&str, &str)] = &[
    (
        "/DebugHookConfig/CollectionConfigurations",
        "the SDK adds a hook without collections; here it is set explicitly",
    ),
    ("/DebugHookConfig/S3OutputPath", "the SDK adds a hook without collections; here it is set explicitly"),
];

/// The profiler that the SDK adds to every job.
const PROFILER: &[(&str, &str)] = &[
    ("/ProfilerConfig/DisableProfiler", "the SDK adds the profiler; here it is set explicitly"),
    ("/ProfilerConfig/S3OutputPath", "the SDK adds the profiler; here it is set explicitly"),
];

const SPOT_RETRIES: &[(&str, &str)] =
    &[("/RetryStrategy/MaximumRetryAttempts", "`Spot` lets SageMaker try again after internal errors")];

/// Compares a job with a recorded request: exactly the listed differences may exist.
#[track_caller]
fn compare(name: &str, job: TrainingJob, differences: &[&[(&str, &str)]]) {
    compare_request(name, &request(job), &[differences, &[ALWAYS]].concat());
}

#[track_caller]
fn compare_request(name: &str, request: &JsonValue, differences: &[&[(&str, &str)]]) {
    let path = format!("{}/tests/training/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let recorded: JsonValue = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    requests::compare(name, &recorded, request, differences.iter().copied().flatten().copied());
}

/// The SDK's default output path.
fn root() -> S3Location {
    at("")
}

#[test]
fn deepspeed_zero_3_with_a_warm_pool() {
    let job = TrainingJob::pytorch("2.0.1", Instances::of("ml.p4d.24xlarge", 2), root())
        .source(script(), "train.py")
        .distribution(Ddp::new())
        .hyperparameter("model_id", "meta-llama/Llama-2-7b-chat-hf")
        .hyperparameter("deepspeed_config", "dsconfig.json")
        .hyperparameter("epochs", 1)
        .hyperparameter("max_steps", 50)
        .hyperparameter("per_device_train_batch_size", 1)
        .hyperparameter("bf16", true)
        .hyperparameter("gradient_checkpointing", true)
        .hyperparameter("optimizer", "adamw_torch")
        .output_compression(OutputCompression::None)
        .metrics_time_series(true)
        .profiler(root())
        .max_run(Duration::from_mins(30))
        .capacity(WarmPool::new(Duration::from_mins(10)));
    compare("ds", job, &[SCRIPT]);
}

#[test]
fn model_parallel_with_a_file_system() {
    let tokens = || Input::fsx_lustre("fs-0123456789abcdef0", "/3x5lhbmv").writable();
    let job = TrainingJob::pytorch("2.4.1", Instances::of("ml.p4d.24xlarge", 1), at("smp-fsdp/out/"))
        .source(script(), "train.py")
        .distribution(
            ModelParallel::new()
                .tensor_parallel_degree(2)
                .hybrid_shard_degree(4)
                .activation_offloading(2)
                .delayed_parameter_initialization(),
        )
        .hyperparameter("bf16", 1)
        .hyperparameter("checkpoint_dir", "/opt/ml/input/data/train/smp-v2/llama_v3/checkpointdir")
        .hyperparameter("distributed_backend", "nccl")
        .hyperparameter("lr", 0.0001)
        .hyperparameter("model_type", "llama_v3")
        .hyperparameter("rope_scaling_type", "llama3")
        .hyperparameter("rotary_emb_base", 500_000)
        .hyperparameter("sharding_strategy", "hybrid_shard")
        .hyperparameter("train_batch_size", 2)
        .hyperparameter("zipped_data", 1)
        .input("train", tokens())
        .input("test", tokens())
        .metric("base_metric", "<><><><><><>")
        .profiler(at("smp-fsdp/out/"))
        .volume_gb(400)
        .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]));
    compare("smp", job, &[SCRIPT]);
}

#[test]
fn built_in_xgboost_on_spot_capacity() {
    let image = algorithm_image("sagemaker-xgboost:1.7-1");
    let job = TrainingJob::new(image, Instances::of("ml.m5.4xlarge", 1), at("o"))
        .hyperparameter("eta", 0.2)
        .hyperparameter("max_depth", 5)
        .hyperparameter("num_round", 50)
        .hyperparameter("objective", "reg:squarederror")
        .input("train", Input::s3(at("train")).content_type("libsvm"))
        .observed(at("o"))
        .volume_gb(5)
        .max_run(Duration::from_hours(1))
        .capacity(Spot::new(Duration::from_hours(2), Checkpoints::continuing(at("ck"))));
    compare("xgb", job, &[SPOT_RETRIES]);
}

#[test]
fn a_heterogeneous_cluster_trains_on_one_group() {
    let instances = Instances::groups([
        InstanceGroup::new("data_group", "ml.c5.9xlarge", 1),
        InstanceGroup::new("dnn_group", "ml.p3.2xlarge", 1),
    ])
    .distributed_on("dnn_group");
    let job = scripted(aws_image("pytorch-training:1.11.0-gpu-py38"), instances)
        .distribution(Mpi::new().processes_per_host(1).custom_options("--NCCL_DEBUG INFO"))
        .hyperparameter("batch-size", 8192)
        .hyperparameter("pin-memory", true)
        .hyperparameter("region", "us-east-1")
        .input("training", Input::s3(at("x")).instance_groups(["data_group"]))
        .input("testing", at("x"))
        .metrics_time_series(true)
        .profiler(Profiler::disabled())
        .volume_gb(10)
        .max_run(Duration::from_secs(4800));
    compare("hetero", job, &[SCRIPT]);
}

#[test]
fn hugging_face_in_a_training_plan() {
    let job = scripted(
        aws_image("huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04"),
        Instances::of("ml.g5.2xlarge", 1),
    )
    .hyperparameter("epochs", 1)
    .hyperparameter("model_name", "distilbert")
    .environment("HUGGINGFACE_HUB_CACHE", "/tmp/.cache")
    .input("train", at("x"))
    .metrics_time_series(true)
    .observed(root())
    .encrypt_between_containers()
    .infrastructure_check(true)
    .remote_debug()
    .retries(2)
    .capacity(TrainingPlan::new("arn:aws:sagemaker:us-east-1:111122223333:training-plan/p"));
    compare("hf", job, &[SCRIPT]);
}

#[test]
fn scikit_learn_with_managed_mlflow() {
    let job =
        scripted(algorithm_image("sagemaker-scikit-learn:1.2-1-cpu-py3"), Instances::of("ml.c4.xlarge", 1))
            .hyperparameter("max_leaf_nodes", 30)
            .mlflow(Mlflow::new("arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/x"))
            .input("train", at("x"))
            .observed(root())
            .capacity(WarmPool::new(Duration::from_hours(1)));
    compare("sk", job, &[SCRIPT]);
}

#[test]
fn the_defaults_of_the_sdk_are_differences_where_they_are_not_set() {
    let job =
        scripted(algorithm_image("sagemaker-scikit-learn:1.2-1-cpu-py3"), Instances::of("ml.c4.xlarge", 1))
            .hyperparameter("max_leaf_nodes", 30)
            .mlflow(Mlflow::new("arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/x"))
            .input("train", at("x"))
            .capacity(WarmPool::new(Duration::from_hours(1)));
    compare("sk", job, &[SCRIPT, HOOK, PROFILER]);
}

/// A TensorFlow job, with the image of its instance type.
fn tensorflow(processor: &str, instances: Instances) -> TrainingJob {
    let image = aws_image(&format!("tensorflow-training:2.13-{processor}-py310"));
    scripted(image, instances).metrics_time_series(true)
}

/// The SDK's `model_dir` of TensorFlow.
const MODEL_DIR: &[(&str, &str)] = &[(
    "/HyperParameters/model_dir",
    "the SDK adds a location that contains the job's name; the script stores the model in SM_MODEL_DIR",
)];

#[test]
fn tensorflow_with_mirrored_workers() {
    let job = tensorflow("gpu", Instances::of("ml.g5.12xlarge", 2))
        .distribution(MultiWorkerMirrored::new())
        .hyperparameter("epochs", 2)
        .input("training", at("x"))
        .observed(root());
    let fabric = [
        ("/Environment/FI_PROVIDER", "ml.g5.12xlarge has EFA, and the toolkit does not know it"),
        ("/Environment/RDMAV_FORK_SAFE", "ml.g5.12xlarge has EFA, and the toolkit does not know it"),
    ];
    compare("tf-mirrored", job, &[SCRIPT, MODEL_DIR, &fabric]);
}

#[test]
fn tensorflow_with_horovod() {
    let job = tensorflow("gpu", Instances::of("ml.p3.16xlarge", 2))
        .distribution(Mpi::new().processes_per_host(8).custom_options("-verbose --NCCL_DEBUG=INFO"))
        .input("training", at("x"))
        .checkpoints(Checkpoints::continuing(at("ck")).local_path("/opt/ml/model"))
        .profiler(root());
    compare("tf-horovod", job, &[SCRIPT]);
}

#[test]
fn tensorflow_with_parameter_servers() {
    let job = tensorflow("cpu", Instances::of("ml.c5.2xlarge", 2))
        .distribution(ParameterServer::new())
        .profiler(Profiler::disabled());
    compare("tf-servers", job, &[SCRIPT, MODEL_DIR]);
}

#[test]
fn pytorch_with_torchrun() {
    let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.p4d.24xlarge", 2), at("out"))
        .source(script(), "train.py")
        .distribution(Ddp::new())
        .hyperparameter("lr", 0.001)
        .hyperparameter("backend", "nccl")
        .hyperparameter("amp", true)
        .environment("NCCL_DEBUG", "INFO")
        .input("train", Input::s3(at("train")).fast_file())
        .input("test", at("test"))
        .metric("loss", "loss=(.*?);")
        .checkpoints(Checkpoints::continuing(at("ck")).local_path("/opt/ml/local"))
        .experiment("e")
        .trial("t")
        .trial_component("Training")
        .retries(3)
        .tag("team", "vision")
        .profiler(at("out"));
    compare("pt-torchrun", job, &[SCRIPT]);
}

#[test]
fn pytorch_with_smddp_and_efs() {
    let job = TrainingJob::pytorch("1.13.1", Instances::of("ml.p4d.24xlarge", 2), root())
        .source(script(), "train.py")
        .distribution(Smddp::new().custom_mpi_options("-verbose -x NCCL_DEBUG=VERSION"))
        .input("training", Input::efs("fs-0123456789abcdef0", "/data"))
        .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]))
        .metrics_time_series(true)
        .observed(root());
    compare("pt-smddp", job, &[SCRIPT]);
}

#[test]
fn pytorch_on_trainium() {
    let job = scripted(
        aws_image("pytorch-training-neuron:1.11.0-neuron-py38-sdk2.4.0-ubuntu20.04"),
        Instances::of("ml.trn1.32xlarge", 2),
    )
    .distribution(Ddp::new())
    .hyperparameter("batch_size", 8)
    .input("train", at("x"))
    .metrics_time_series(true)
    .debugger(DebuggerHook::new(root()).without_collections())
    .profiler(Profiler::disabled())
    .volume_gb(512);
    compare("pt-trainium", job, &[SCRIPT]);
}

#[test]
fn pytorch_on_a_cpu_instance_gets_the_cpu_image() {
    let job = TrainingJob::pytorch("2.6", Instances::of("ml.c5.xlarge", 1), root())
        .source(script(), "train.py")
        .input_mode(InputMode::Pipe)
        .metrics_time_series(true)
        .observed(root());
    let image = [(
        "/AlgorithmSpecification/TrainingImage",
        "the SDK keeps `2.6` in the tag; here the tag has the full version, and names the same image",
    )];
    compare("pt-cpu", job, &[SCRIPT, &image]);
}

#[test]
fn hugging_face_on_spot_capacity() {
    let job = scripted(
        aws_image("huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04"),
        Instances::of("ml.p4d.24xlarge", 1),
    )
    .distribution(Ddp::new())
    .hyperparameter("model_id", "google/flan-t5-xxl")
    .hyperparameter("deepspeed", "ds.json")
    .hyperparameter("lr", 5e-5)
    .input("train", at("x"))
    .metrics_time_series(true)
    .observed(root())
    .max_run(Duration::from_hours(10))
    .capacity(Spot::new(Duration::from_hours(20), Checkpoints::continuing(at("ck"))));
    compare("hf-spot", job, &[SCRIPT, SPOT_RETRIES]);
}

#[test]
fn xgboost_in_script_mode() {
    let job = scripted(algorithm_image("sagemaker-xgboost:1.7-1"), Instances::of("ml.m5.2xlarge", 2))
        .hyperparameter("objective", "reg:squarederror")
        .hyperparameter("verbosity", 1)
        .input("train", Input::s3(at("train")).content_type("text/csv"))
        .observed(root());
    compare("xgb-script", job, &[SCRIPT]);
}

#[test]
fn autogluon_with_a_configuration_channel() {
    let job = scripted(aws_image("autogluon-training:1.1.1-cpu-py311"), Instances::of("ml.m5.2xlarge", 1))
        .hyperparameter("config", "config.yaml")
        .hyperparameter("fit", true)
        .input("config", at("config"))
        .input("train", at("train"))
        .observed(root());
    compare("autogluon", job, &[SCRIPT]);
}

#[test]
fn image_classification_with_manifests() {
    let image = image("811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1");
    let job = TrainingJob::new(image, Instances::of("ml.p3.2xlarge", 1), at("out"))
        .input_mode(InputMode::Pipe)
        .hyperparameter("num_layers", 18)
        .hyperparameter("learning_rate", 0.01)
        .hyperparameter("optimizer", "sgd")
        .input(
            "train",
            Input::augmented_manifest(at("train.manifest"), ["source-ref", "class"])
                .reads(at("images/"))
                .pipe()
                .record_io()
                .shuffled(7)
                .content_type("application/x-recordio"),
        )
        .input("validation", Input::manifest(at("validation.manifest")).reads(at("images/")).gzip().sharded())
        .volume_gb(50)
        .kms_key("arn:aws:kms:us-east-1:111122223333:key/k")
        .encrypt_between_containers()
        .network_isolation()
        .observed(at("out"));
    compare("image-classification", job, &[]);
}

#[test]
fn a_container_with_its_own_entry_point() {
    let job = TrainingJob::new(
        image("111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"),
        Instances::of("ml.g5.2xlarge", 1),
        root(),
    )
    .container_entrypoint(["python3", "/app/main.py"])
    .container_arguments(["--epochs", "3"])
    .hyperparameter("name", "value")
    .hyperparameter("flag", "yes")
    .input("train", Input::fsx_lustre("fs-0123456789abcdef0", "/abc/data"))
    .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]))
    .max_run(Duration::from_hours(1))
    .capacity(WarmPool::new(Duration::from_mins(30)))
    .infrastructure_check(true)
    .remote_debug()
    .session_tag_chaining()
    .debugger(DebuggerHook::new(root()).without_collections())
    .profiler(Profiler::disabled());
    compare("own-container", job, &[]);
}

#[test]
fn debugger_profiler_and_tensorboard() {
    let rules = || image("503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest");
    let job = scripted(aws_image("pytorch-training:1.12-gpu-py38"), Instances::of("ml.g4dn.12xlarge", 1))
        .input("train", at("x"))
        .metrics_time_series(true)
        .debugger(
            DebuggerHook::new(at("tensors"))
                .collection("gradients", [("save_interval", "500")])
                .parameter("save_interval", "100"),
        )
        .debugger_rule(
            DebuggerRule::built_in(BuiltInRule::VanishingGradient, rules())
                .parameter("threshold", "0.0000001"),
        )
        .profiler(Profiler::new(at("profiles")).interval(Duration::from_millis(500)))
        .profiler_rule(DebuggerRule::built_in(BuiltInRule::ProfilerReport, rules()))
        .tensor_board(TensorBoard::new(at("tensorboard")).local_path("/opt/ml/output/tensorboard"));
    compare("debugged", job, &[SCRIPT]);
}

#[test]
fn images_follow_the_processor_of_the_instance_type() {
    let of = |instance_type: &str| {
        let job = TrainingJob::pytorch("2.6.0", Instances::of(instance_type, 1), root());
        request(job)["AlgorithmSpecification"]["TrainingImage"].as_str().unwrap().to_owned()
    };
    assert!(of("ml.m5.xlarge").ends_with("pytorch-training:2.6.0-cpu-py312"));
    assert!(of("ml.g5.xlarge").ends_with("pytorch-training:2.6.0-gpu-py312"));
}

/// The text of a recipe that was recorded.
fn recipe(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/training/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn a_recipe_of_hyperpod_with_the_adapter() {
    let adapter = Asset::archive().file("llama_pretrain.py", "");
    let job = TrainingJob::pytorch("2.4.1", Instances::of("ml.p5.48xlarge", 2), at("out"))
        .distribution(ModelParallel::new().parameter("placement_strategy", "cluster"))
        .recipe(adapter, "llama_pretrain.py", recipe("recipe.yaml"))
        .input("train", at("train"))
        .input("val", at("val"))
        .observed(at("out"));
    let name = [(
        "/HyperParameters/config-name",
        "the SDK gives the file a temporary name; here it has a fixed one",
    )];
    compare("recipe", job, &[SCRIPT, &name]);
}

#[test]
fn a_recipe_of_hyperpod_in_a_channel() {
    let image = image("327873000638.dkr.ecr.us-east-1.amazonaws.com/hyperpod-recipes:llmft-v1.0.0");
    let job = TrainingJob::new(image, Instances::of("ml.p5.48xlarge", 1), at("out"))
        .input("train", at("train"))
        .recipe_channel(recipe("recipe-channel.yaml"))
        .observed(at("out"));
    let location =
        [("/InputDataConfig/1/DataSource/S3DataSource/S3Uri", "the recipe is an asset of the stack")];
    compare("recipe-channel", job, &[&location]);
}

#[test]
fn built_in_text_classification() {
    let records = |key: &str| Input::s3(at(key)).content_type("text/plain");
    let image = ContainerImage::aws("blazingtext", "1", Processor::Cpu);
    let job = TrainingJob::new(image, Instances::of("ml.c4.4xlarge", 1), at("output"))
        .hyperparameter("mode", "supervised")
        .hyperparameter("epochs", 1)
        .hyperparameter("min_count", 2)
        .hyperparameter("learning_rate", 0.05)
        .hyperparameter("vector_dim", 10)
        .hyperparameter("early_stopping", Hyperparameter::plain("True"))
        .hyperparameter("patience", 4)
        .hyperparameter("min_epochs", 5)
        .hyperparameter("word_ngrams", 2)
        .input("train", records("train"))
        .input("validation", records("validation"))
        .observed(at("output"))
        .volume_gb(30)
        .max_run(Duration::from_secs(360_000));
    compare("blazingtext", job, &[]);
}

#[test]
fn built_in_forecasting() {
    let image = ContainerImage::aws("forecasting-deepar", "1", Processor::Cpu);
    let job = TrainingJob::new(image, Instances::of("ml.c4.2xlarge", 1), at("output"))
        .hyperparameter("time_freq", "2H")
        .hyperparameter("epochs", "400")
        .hyperparameter("early_stopping_patience", "40")
        .hyperparameter("mini_batch_size", "64")
        .hyperparameter("learning_rate", "5E-4")
        .hyperparameter("context_length", "84")
        .hyperparameter("prediction_length", "84")
        .input("train", at("train/"))
        .input("test", at("test/"))
        .observed(at("output"));
    compare("deepar", job, &[]);
}

#[test]
fn built_in_object_detection_that_continues_from_a_model() {
    let records = |key: &str| Input::s3(at(key)).content_type("application/x-recordio");
    let image = ContainerImage::aws("object-detection", "1", Processor::Gpu);
    let model = Input::s3(at("model.tar.gz")).content_type("application/x-sagemaker-model");
    let job = TrainingJob::new(image, Instances::of("ml.p3.2xlarge", 2), at("output"))
        .input_mode(InputMode::Pipe)
        .hyperparameter("base_network", "resnet-50")
        .hyperparameter("use_pretrained_model", 1)
        .hyperparameter("num_classes", 20)
        .hyperparameter("mini_batch_size", 32)
        .hyperparameter("learning_rate", 0.001)
        .hyperparameter("lr_scheduler_step", "3,6")
        .hyperparameter("nms_threshold", 0.45)
        .input("train", records("train"))
        .input("validation", records("validation"))
        .input("model", model.mode(InputMode::File))
        .debugger(DebuggerHook::new(at("output")).without_collections())
        .profiler(Profiler::disabled())
        .volume_gb(50)
        .max_run(Duration::from_secs(360_000));
    compare("object-detection", job, &[]);
}

#[test]
fn a_tuning_job_with_every_kind_of_range() {
    let csv = |key: &str| Input::s3(at(key)).content_type("csv");
    let job =
        TrainingJob::new(ContainerImage::xgboost("1.7-1"), Instances::of("ml.m4.xlarge", 1), at("output"))
            .hyperparameter("eval_metric", "auc")
            .hyperparameter("objective", "binary:logistic")
            .hyperparameter("num_round", 10)
            .hyperparameter("rate_drop", 0.3)
            .hyperparameter("tweedie_variance_power", 1.4)
            .input("train", csv("train"))
            .input("validation", csv("validation"));
    let tuning = TuningJob::new(job, Objective::Maximize, "validation:auc", 20)
        .parallel(3)
        .early_stopping()
        .range("eta", ParameterRange::Continuous(0.0, 1.0))
        .range("min_child_weight", ParameterRange::Continuous(1.0, 10.0))
        .range("alpha", ParameterRange::Continuous(0.0, 2.0))
        .scaling("alpha", RangeScaling::Linear)
        // The SDK sends the default of SageMaker.
        .scaling("eta", RangeScaling::Auto)
        .scaling("min_child_weight", RangeScaling::Auto)
        .scaling("max_depth", RangeScaling::Auto)
        .range("max_depth", ParameterRange::Integer(1, 10))
        .range("booster", ParameterRange::Categorical(vec!["gbtree".into(), "dart".into()]));
    let request = request_of(|pipeline| drop(pipeline.step("Tune", TuningStep::new(tuning))));
    let differences = [
        ("/HyperParameterTuningJobName", "the pipeline names the job when it runs"),
        ("/TrainingJobDefinition/RoleArn", "the role of the job is created with the stack"),
    ];
    const RESOURCES: &str =
        "a definition has `ResourceConfig` or `HyperParameterTuningResourceConfig`, with the same members";
    let resources = ["InstanceCount", "InstanceType", "VolumeSizeInGB"].map(|member| {
        ["ResourceConfig", "HyperParameterTuningResourceConfig"]
            .map(|config| format!("/TrainingJobDefinition/{config}/{member}"))
    });
    let resources: Vec<(&str, &str)> =
        resources.iter().flatten().map(|path| (path.as_str(), RESOURCES)).collect();
    compare_request("tuning", &request, &[&differences, &resources]);
}

#[test]
fn a_batch_transform_that_joins_answers_with_records() {
    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
    let request = request_of(|pipeline| {
        let model = CreateModelStep::new(ContainerImage::xgboost("1.7-1")).model(at("model.tar.gz"));
        let model = pipeline.step("Model", model.reads(at("batch/")).writes(at("answers/")));
        let transform = TransformStep::new(
            &model,
            "ml.c4.xlarge",
            TransformData::read(at("batch/")).write(at("answers/")),
        )
        .instances(2)
        .content_type("text/csv")
        .accept("text/csv")
        .split(SplitType::Line)
        .gzip()
        .max_payload_mb(6)
        .max_concurrency(4)
        .input_filter("$[1:]")
        .output_filter("$[0,-1]")
        .join_input()
        .environment("MODEL_SERVER_TIMEOUT", "600")
        .kms_key(KEY)
        .set("/Arguments/BatchStrategy", "MultiRecord");
        pipeline.step("Answer", transform);
    });
    let differences = [
        ("/ModelName", "the model is created by the pipeline"),
        ("/ModelName/Get", "the model is created by the pipeline"),
        ("/TransformJobName", "the pipeline names the job when it runs"),
    ];
    compare_request("transform", &request, &[&differences]);
}
