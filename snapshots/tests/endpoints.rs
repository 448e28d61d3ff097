//! Every kind of endpoint with every kind of scaling and guardrail, and how other programs judge it: our own check,
//! cfn-lint, botocore's parameter validation, moto, and Triton's protobuf. What an edit changes, and what it never does.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;
use snapshots::refused;
use stackwright::prelude::*;
use stackwright::stacks::autoscaling::{
    AsynchronousInstanceCount, CapacityRange, CopyCount, InstanceCount, MetricMath, ProvisionedConcurrency,
    Scaling, ScheduledCapacity, StepScaling, Target, TargetTracking,
};
use stackwright::stacks::container::{
    Container, Containers, DataType, DynamicBatching, Ensemble, EnsembleStep, LargeModel, ModelData,
    ModelRepository, RollingBatch, SequenceBatching, SequenceControl, Tensor, TensorRtLlmQuantization,
    TensorRtOptions, TextGeneration, Triton, TritonInstanceGroup, TritonModel, TritonType, VersionPolicy,
    Vllm, VllmQuantization, WarmUp, Weights,
};
use stackwright::stacks::endpoint::{
    AdapterComponent, AsynchronousEndpoint, BlueGreen, CapacitySize, ComponentEndpoint, CopyBatch,
    DataCapture, InferenceAmiVersion, InferenceComponent, InstancePool, MemorySize, MultiModelEndpoint,
    NotificationTopic, RealTimeEndpoint, Rolling, Routing, ServerlessEndpoint, Variant,
};
use stackwright::stacks::iam::PolicyDocument;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";

#[track_caller]
fn location(key: &str) -> S3Location {
    S3Location::new("my-models", key)
}

fn minutes(number: u64) -> Duration {
    Duration::from_mins(number)
}

#[track_caller]
fn container(processor: Processor) -> Container {
    Container::new(ContainerImage::pytorch_inference("2.6.0", processor))
        .model(location("relevance/model.tar.gz"))
}

#[track_caller]
fn gpu() -> Container {
    container(Processor::Gpu)
}

fn blue_greens() -> Vec<(&'static str, BlueGreen)> {
    vec![
        ("AllAtOnce", BlueGreen::all_at_once().termination_wait(minutes(5)).timeout(Duration::from_hours(1))),
        ("Canary", BlueGreen::canary(CapacitySize::percent(10)).wait(minutes(10))),
        ("CanaryOfOne", BlueGreen::canary(CapacitySize::instances(1))),
        ("Linear", BlueGreen::linear(CapacitySize::percent(25)).wait(minutes(5))),
    ]
}

fn rolling() -> Rolling {
    Rolling::new(CapacitySize::percent(20), minutes(5))
        .rollback_batch(CapacitySize::percent(100))
        .timeout(Duration::from_hours(2))
}

/// Scaling that every target takes.
fn for_any<T: Target>() -> Vec<(&'static str, Scaling<T>)> {
    let waiting = || {
        MetricNamespace::new("Shop")
            .metric("Waiting")
            .dimension("Model", "relevance")
            .statistic(Statistic::Maximum)
    };
    vec![
        ("Metric", TargetTracking::metric(waiting(), 10.0).scale_in_cooldown(minutes(10)).into()),
        (
            "Steps",
            Scaling::new()
                .step(StepScaling::at_least(waiting(), 70.0).change(1).change_beyond(20.0, 3).periods(2))
                .step(StepScaling::at_most(waiting(), 20.0).change(-10).in_percent().cooldown(minutes(10))),
        ),
        (
            "Times",
            Scaling::new()
                .schedule(
                    ScheduledCapacity::new("Morning", "cron(0 7 ? * MON-FRI *)", 2..=4)
                        .time_zone("Europe/Berlin")
                        .starts("2027-01-01T00:00:00Z")
                        .ends("2028-01-01T00:00:00Z"),
                )
                .suspend_scale_in()
                .suspend_scale_out()
                .suspend_schedule(),
        ),
    ]
}

fn for_instances() -> Vec<(&'static str, Scaling<InstanceCount>)> {
    let queue = MetricNamespace::new("AWS/SQS")
        .metric("ApproximateNumberOfMessagesVisible")
        .dimension("QueueName", "jobs");
    let math = MetricMath::new("queue / instances")
        .metric("queue", queue)
        .metric("instances", Metric::cpu_utilization().statistic(Statistic::SampleCount));
    let mut all = for_any();
    all.extend([
        (
            "Invocations",
            TargetTracking::invocations_per_instance(200.0)
                .scale_out_cooldown(minutes(1))
                .never_scale_in()
                .into(),
        ),
        ("Concurrent", TargetTracking::concurrent_requests_per_model(5.0).into()),
        ("Gpu", TargetTracking::gpu_utilization(70.0).into()),
        ("Cpu", TargetTracking::cpu_utilization(70.0).into()),
        ("Math", TargetTracking::math(math, 10.0).into()),
    ]);
    all
}

/// A repository with everything that a configuration can contain.
fn repository() -> ModelRepository {
    let file =
        || Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/arr-coc/scorers/coupling.onnx"));
    let directory = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/arr-coc/model/code"));
    let tensor = |name: &str| Tensor::new(name, TritonType::Fp32, [-1, 64]);
    ModelRepository::new()
        .model(
            TritonModel::tensorrt_plan("plan", file(), "ml.g4dn.2xlarge")
                .version(2, file())
                .version_policy(VersionPolicy::Latest(2))
                .max_batch_size(16)
                .input(tensor("in"))
                .output(tensor("out"))
                .instances(TritonInstanceGroup::gpu(2).on_gpus([0]))
                .dynamic_batching(
                    DynamicBatching::new()
                        .preferred([4, 16])
                        .max_queue_delay(Duration::from_micros(100))
                        .preserve_ordering(),
                )
                .response_cache(),
        )
        .model(
            TritonModel::onnx("onnx", file())
                .max_batch_size(32)
                .input(tensor("in"))
                .output(tensor("out"))
                .tensorrt(TensorRtOptions::fp16().max_workspace_size(1 << 30).engine_cache("/tmp/engines"))
                .version_policy(VersionPolicy::All),
        )
        .model(
            TritonModel::torchscript("torch", file())
                .max_batch_size(16)
                .input(tensor("in"))
                .input(Tensor::new("more", TritonType::Int64, [1]).optional())
                .output(tensor("out"))
                .version_policy(VersionPolicy::Specific(vec![1]))
                .parameter("INFERENCE_MODE", "true"),
        )
        .model(
            TritonModel::python("python", directory)
                .max_batch_size(16)
                .input(tensor("in"))
                .output(Tensor::new("out", TritonType::String, [1]))
                .instances(TritonInstanceGroup::cpu(2))
                .decoupled(true)
                .warm_up(WarmUp::new("largest").batch_size(16).repeat(2).random(Tensor::new(
                    "in",
                    TritonType::Fp32,
                    [4, 64],
                )))
                .parameter("WORDS", "a \"quoted\" \\ word\n"),
        )
        .model(
            TritonModel::in_backend(TritonBackend::new("fil"), "forest", file())
                .max_batch_size(16)
                .input(tensor("in"))
                .output(tensor("out"))
                .sequence_batching(
                    SequenceBatching::oldest(4)
                        .max_idle(Duration::from_secs(5))
                        .control("START", SequenceControl::Start(TritonType::Int32))
                        .control("ID", SequenceControl::CorrelationId(TritonType::Uint64)),
                )
                .warm_up(WarmUp::new("zeros").zeros(Tensor::new("in", TritonType::Fp32, [1, 64]))),
        )
        .model(TritonModel::vllm("chat", serde_json::json!({ "model": "/opt/ml/model/weights" })))
        .ensemble(
            Ensemble::new("ensemble")
                .max_batch_size(8)
                .input(tensor("in"))
                .output(Tensor::new("words", TritonType::String, [1]))
                .step(EnsembleStep::new("plan").version(2).input("in", "in").output("out", "middle"))
                .step(EnsembleStep::new("onnx").input("in", "middle").output("out", "late"))
                .step(EnsembleStep::new("torch").input("in", "late").output("out", "last"))
                .step(EnsembleStep::new("python").input("in", "last").output("out", "words")),
        )
}

/// An app with a stack for each kind and guardrail, and in it an endpoint for each scaling.
fn app() -> App {
    let app = App::new("endpoints");
    let stack = |kind: &str, guardrail: &str| app.stack(&format!("{kind}{guardrail}")).region("us-east-1");
    for (guardrail, update) in blue_greens() {
        let of = |kind: &str| stack(kind, guardrail);
        let (real_time, multi_model, asynchronous, serverless) =
            (of("RealTime"), of("MultiModel"), of("Asynchronous"), of("Serverless"));
        for (name, scaling) in for_instances() {
            let variant = Variant::new("Main", gpu(), "ml.g4dn.xlarge").scale(1..=4, scaling.clone());
            real_time.add(name, RealTimeEndpoint::new(variant).blue_green(update.clone()));
            multi_model.add(
                name,
                MultiModelEndpoint::triton("25.09", location("scorers/"), "ml.g4dn.xlarge")
                    .scale(1..=4, scaling)
                    .blue_green(update.clone()),
            );
        }
        let mut queued: Vec<(&str, Scaling<AsynchronousInstanceCount>)> = for_any();
        queued.push(("Backlog", TargetTracking::backlog_per_instance(5.0).into()));
        for (name, scaling) in queued {
            asynchronous.add(
                name,
                AsynchronousEndpoint::new(gpu(), "ml.g4dn.xlarge", location("answers/"))
                    .requests(location("requests/"))
                    .scale(0..=5, scaling)
                    .blue_green(update.clone()),
            );
        }
        let mut provisioned: Vec<(&str, Scaling<ProvisionedConcurrency>)> = for_any();
        provisioned.push(("Utilization", TargetTracking::utilization(0.7).into()));
        for (name, scaling) in provisioned {
            serverless.add(
                name,
                ServerlessEndpoint::new(container(Processor::Cpu))
                    .max_concurrency(10)
                    .scale(1..=5, scaling)
                    .blue_green(update.clone()),
            );
        }
    }
    let batch_by_batch = stack("Rolling", "");
    for (name, scaling) in for_instances() {
        let variant = Variant::new("Main", gpu(), "ml.g4dn.xlarge").scale(1..=4, scaling);
        batch_by_batch.add(name, RealTimeEndpoint::new(variant).rolling(rolling()));
    }
    batch_by_batch.add(
        "Models",
        MultiModelEndpoint::cpu(
            ContainerImage::pytorch_inference("2.6.0", Processor::Cpu),
            location("m/"),
            "ml.m5.large",
        )
        .environment("SAGEMAKER_MODEL_SERVER_WORKERS", "2")
        .cache(false)
        .instances(2)
        .rolling(rolling()),
    );
    batch_by_batch.add(
        "Queue",
        AsynchronousEndpoint::new(gpu(), "ml.g4dn.xlarge", location("answers/"))
            .requests(location("requests/"))
            .rolling(rolling()),
    );
    everything(&app);
    containers(&app);
    components(&app);
    app
}

/// Every setting that there is.
fn everything(app: &App) {
    let stack = app.stack("Everything").region("us-east-1");
    let network = || VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
    let topic = "arn:aws:sns:us-east-1:123456789012:topic";
    let most = stack.add("Most", Parameter::number().default(6));
    let old = Variant::new("Old", gpu(), "ml.m5.xlarge")
        .instances(2)
        .weight(0.9)
        .volume_gb(100)
        .download_timeout(minutes(30))
        .health_check_timeout(minutes(10))
        .provision_timeout(minutes(20))
        .core_dumps(location("dumps/"))
        .routing(Routing::prefix_aware(4_096))
        .scale(CapacityRange::between(1, most), TargetTracking::invocations_per_instance(100.0));
    let new = Variant::on_pools(
        "New",
        gpu(),
        [InstancePool::new("ml.g5.xlarge", 1), InstancePool::new("ml.g6.xlarge", 2)],
    )
    .weight(0.1)
    .ami_version(InferenceAmiVersion::Al2AmiSagemakerInferenceGpu3_1)
    .capacity_reservation("arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan");
    let endpoint = stack.add(
        "Several",
        RealTimeEndpoint::new(old)
            .variant(new)
            .variant(Variant::new("Third", gpu(), "ml.g4dn.xlarge"))
            .set_weights()
            .name("relevance")
            .tag("team", "vision")
            .notify(topic)
            .error_alarm(0.05)
            .latency_alarm(Duration::from_millis(250))
            .rollback_on("business-alarm")
            .dashboard()
            .log_retention_days(30)
            .kms_key(KEY)
            .vpc(network())
            .network_isolation(true)
            .data_capture(
                DataCapture::new(location("captured/"), 20).json("application/json").csv("text/csv"),
            ),
    );
    stack.add(
        "Shadowed",
        RealTimeEndpoint::new(Variant::new("Main", gpu(), "ml.g4dn.xlarge"))
            .shadow(Variant::new("Shadow", gpu(), "ml.g4dn.2xlarge").weight(0.5))
            .without_alarms()
            .data_capture(DataCapture::new(location("captured/"), 100).outputs_only()),
    );
    let caller =
        stackwright::resources::iam::ManagedPolicy::new(PolicyDocument::new([endpoint.allow_invoke()]));
    stack.add("Caller", caller);
    stack.add(
        "Queue",
        AsynchronousEndpoint::new(gpu(), "ml.m5.xlarge", location("answers/"))
            .requests(location("requests/"))
            .failures(location("failures/"))
            .on_success(NotificationTopic::new(topic).with_answer())
            .on_failure(NotificationTopic::new(topic))
            .max_concurrent_invocations(4)
            .kms_key(KEY)
            .dashboard(),
    );
    stack.add(
        "Serverless",
        ServerlessEndpoint::new(container(Processor::Cpu))
            .memory(MemorySize::Gb6)
            .max_concurrency(20)
            .provisioned_concurrency(2)
            .log_retention_days(7),
    );
}

/// Every container.
fn containers(app: &App) {
    let stack = app.stack("Containers").region("us-east-1");
    let weights = || Weights::prefix(location("qwen3-8b/"));
    let large_models: Vec<(&str, Container)> = vec![
        (
            "Vllm",
            LargeModel::vllm("0.36.0", weights())
                .tensor_parallel_over_all()
                .data_type(DataType::Bf16)
                .quantize(VllmQuantization::Fp8)
                .max_model_len(8_192)
                .gpu_memory_utilization(0.9)
                .prefix_caching()
                .speculative_decoding("/opt/ml/model/draft", 4)
                .asynchronous()
                .model_loading_timeout(minutes(20))
                .engine_argument("max_num_seqs", 64)
                .into(),
        ),
        (
            "VllmFile",
            LargeModel::vllm("0.36.0", weights())
                .tensor_parallel_degree(1)
                .rolling_batch(RollingBatch::Engine)
                .max_rolling_batch_size(32)
                .job_queue_size(100)
                .option("tokenizer_mode", "mistral")
                .serving_properties()
                .into(),
        ),
        (
            "VllmHub",
            LargeModel::vllm("0.36.0", Weights::hub("Qwen/Qwen3-8B").revision("0123456789abcdef"))
                .job_queue_size(100)
                .into(),
        ),
        (
            "TensorRtLlm",
            LargeModel::tensorrt_llm("0.33.0", weights())
                .tensor_parallel_degree(1)
                .quantize(TensorRtLlmQuantization::SmoothQuant)
                .max_num_tokens(50_000)
                .rolling_batch(RollingBatch::Auto)
                .into(),
        ),
        (
            "TextGeneration",
            TextGeneration::new("3.3.6", weights())
                .accelerators(1)
                .max_input_tokens(4_096)
                .max_total_tokens(8_192)
                .max_batch_prefill_tokens(8_192)
                .into(),
        ),
    ];
    for (name, container) in large_models {
        let variant = Variant::new("Main", container, "ml.g5.2xlarge").health_check_timeout(minutes(30));
        stack.add(name, RealTimeEndpoint::new(variant));
    }
    let triton = || Triton::new("25.09", repository());
    let made = stack.add("Made", Parameter::string().default("s3://my-models/runs/model.tar.gz"));
    let package = "arn:aws:sagemaker:us-east-1:123456789012:model-package/relevance/3";
    let one = |name: &str, containers: Containers| {
        stack.add(name, RealTimeEndpoint::new(Variant::new("Main", containers, "ml.g4dn.xlarge")));
    };
    one("Triton", triton().into());
    one("TritonDefault", triton().default_model("plan").into());
    one("Prefix", gpu().model(ModelData::prefix(location("relevance"))).into());
    one(
        "Trained",
        gpu().model(ModelData::archive_within(location("runs/"), made)).reads(location("words/")).into(),
    );
    let image = ContainerImage::pytorch_inference("2.6.0", Processor::Gpu);
    one("Package", Container::package(package, image, location("packages/")).into());
    one("Pipeline", Containers::serial([container(Processor::Cpu), gpu(), triton().into()]));
    one("Direct", Containers::direct([("words", gpu()), ("pictures", gpu())]));
    stack.add("CustomerModel", repository());
}

/// Every component.
fn components(app: &App) {
    let stack = app.stack("Components").region("us-east-1");
    let network = VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
    let host = stack.add(
        "Host",
        ComponentEndpoint::new("ml.g5.48xlarge", 0..=2)
            .vpc(network)
            .network_isolation(true)
            .kms_key(KEY)
            .log_retention_days(30)
            .dashboard(),
    );
    let server = || {
        LargeModel::vllm("0.36.0", Weights::prefix(location("qwen3-8b/")))
            .tensor_parallel_degree(1)
            .adapters(4)
            .max_adapter_rank(16)
    };
    let mut copies: Vec<(&str, Scaling<CopyCount>)> = for_any();
    copies.push(("Invocations", TargetTracking::invocations_per_copy(60.0).into()));
    copies.push(("Concurrent", TargetTracking::concurrent_requests_per_copy(8.0).into()));
    for (name, scaling) in copies {
        let component =
            InferenceComponent::new(&host, server(), 8_192).accelerators(1).scale(0..=1, scaling).dashboard();
        stack.add(name, component);
    }
    let base = stack.add(
        "Base",
        InferenceComponent::new(&host, server(), 8_192)
            .accelerators(1)
            .cpu_cores(2.5)
            .max_memory_mb(16_384)
            .copies(2)
            .download_timeout(minutes(10))
            .health_check_timeout(minutes(20))
            .rolling_update(CopyBatch::copies(1), minutes(2))
            .rollback_batch(CopyBatch::percent(100))
            .update_timeout(Duration::from_hours(1))
            .data_cache(true)
            .tag("team", "language")
            .log_retention_days(7),
    );
    stack.add("Adapter", AdapterComponent::new(&base, location("adapters/support.tar.gz")));
}

#[test]
fn every_kind_with_every_scaling_and_guardrail_is_what_others_take() {
    snapshots::needs!("python/bin/python");
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    // Synthesizes and checks.
    stackwright::testing::synth(&app()).write(&assembly).unwrap();
    let reported = snapshots::judged_by("endpoints.py", &assembly);
    // Detects a program that evaluated nothing.
    for expected in [
        "templates: 20",
        "CreateEndpoint: 123",
        "UpdateEndpoint: 123",
        "UpdateInferenceComponent: 7",
        "RegisterScalableTarget: 110",
        "PutScheduledAction: 18",
        "PutScalingPolicy: 131",
        "widgets: 35",
        "config.pbtxt: 7",
        "ensemble steps: 4",
        "sequence controls: 2",
        "warm-ups: 2",
        "decoupled: 2",
        "tensorrt: 1",
        "preferred batches: 2",
        "typos refused: 1",
    ] {
        assert!(reported.contains(expected), "not {expected:?} in\n{reported}");
    }
}

#[track_caller]
fn served<C: Construct>(construct: C) -> App {
    let app = App::new("wrong");
    app.stack("Serving").region("us-east-1").add("Endpoint", construct);
    app
}

#[track_caller]
fn on(containers: impl Into<Containers>, instance_type: &str) -> App {
    served(RealTimeEndpoint::new(Variant::new("Main", containers, instance_type)))
}

#[track_caller]
fn variant(name: &str) -> Variant {
    Variant::new(name, gpu(), "ml.g5.xlarge")
}

#[track_caller]
fn vllm() -> LargeModel<Vllm> {
    LargeModel::vllm("0.36.0", Weights::prefix(location("qwen3-8b/")))
}

#[test]
#[rustfmt::skip]
fn wrong_combinations_are_found_at_the_users_line() {
    let cpu = || container(Processor::Cpu);
    let real_time = || RealTimeEndpoint::new(variant("Main"));
    let tracked = || TargetTracking::invocations_per_instance(100.0);
    let percent = CapacitySize::percent;

    // Serverless
    refused!("out-of-range", served(ServerlessEndpoint::new(cpu()).max_concurrency(201)));
    refused!("provisioned-above-max-concurrency", served(ServerlessEndpoint::new(cpu()).max_concurrency(2).provisioned_concurrency(3)));
    refused!("unsupported-model-data-source", served(ServerlessEndpoint::new(cpu().model(ModelData::prefix(location("relevance"))))));
    refused!("gpu-image-on-serverless", served(ServerlessEndpoint::new(gpu())));
    refused!("utilization-above-one", served(ServerlessEndpoint::new(cpu()).scale(1..=3, TargetTracking::utilization(70.0))));
    // Multi-model
    refused!("multi-model-gpu-instance", served(MultiModelEndpoint::triton("25.09", location("scorers/"), "ml.g5.12xlarge")));
    refused!("multi-model-without-triton", served(MultiModelEndpoint::cpu(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu), location("m/"), "ml.g5.xlarge")));
    // Real-time
    refused!("value-not-allowed", on(gpu(), "ml.g5.3xlarge"));
    refused!("duplicate-variant-name", served(real_time().variant(variant("Main").weight(0.5))));
    refused!("out-of-range", on(Containers::serial((0..16).map(|_| gpu())), "ml.g5.xlarge"));
    refused!("unsupported-shadow-variant", served(real_time().shadow(Variant::new("Shadow", Containers::serial([gpu(), gpu()]), "ml.g5.xlarge"))));
    refused!("unsupported-shadow-variant", served(real_time().shadow(Variant::new("Shadow", gpu(), "ml.inf1.xlarge"))));
    refused!("out-of-range", served(RealTimeEndpoint::new(variant("Main").volume_gb(513))));
    refused!("out-of-range", served(RealTimeEndpoint::new(variant("Main").health_check_timeout(minutes(61)))));
    refused!("duplicate-instance-pool-priority", served(RealTimeEndpoint::new(Variant::on_pools("Main", gpu(), [InstancePool::new("ml.g5.xlarge", 1), InstancePool::new("ml.g6.xlarge", 1)]))));
    refused!("endpoint-name", { let app = App::new("wrong"); app.stack("S").name("s".repeat(60)).add("Endpoint", real_time()); app });
    // Asynchronous
    refused!("out-of-range", served(AsynchronousEndpoint::new(gpu(), "ml.g5.xlarge", location("answers/")).requests(location("requests/")).max_concurrent_invocations(1_001)));
    refused!("no-request-location", served(AsynchronousEndpoint::new(gpu(), "ml.g5.xlarge", location("answers/"))));
    // Images, keys, roles, topics
    refused!("invalid-image-uri", on(Container::new(ContainerImage::from_uri("docker.io/library/nginx:1")), "ml.g5.xlarge"));
    refused!("invalid-arn", served(real_time().kms_key("my-key")));
    refused!("invalid-arn", served(real_time().role("arn:aws:s3:::models")));
    refused!("invalid-arn", served(real_time().notify("alarms")));
    refused!("invalid-bucket-name", on(gpu().model(S3Location::new("s3://my-models", "a.tar.gz")), "ml.g5.xlarge"));
    // Autoscaling
    refused!("real-time-variant-to-zero", served(RealTimeEndpoint::new(variant("Main").scale(0..=2, tracked()))));
    refused!("min-above-max-capacity", served(RealTimeEndpoint::new(variant("Main").scale(CapacityRange::between(5, 2), tracked()))));
    refused!("autoscaled-burstable-instance", served(RealTimeEndpoint::new(Variant::new("Main", cpu(), "ml.t2.medium").scale(1..=2, tracked()))));
    refused!("no-scaling-step", served(RealTimeEndpoint::new(variant("Main").scale(1..=2, Scaling::new().step(StepScaling::at_least(Metric::gpu_utilization(), 70.0))))));
    // Guardrails
    refused!("wrong-traffic-routing", served(real_time().blue_green(BlueGreen::canary(percent(60)))));
    refused!("wrong-traffic-routing", served(real_time().blue_green(BlueGreen::linear(percent(5)))));
    refused!("batch-size-out-of-range", served(real_time().rolling(Rolling::new(percent(60), minutes(5)))));
    refused!("deployment-timeout-below-waits", served(real_time().blue_green(BlueGreen::canary(percent(10)).wait(minutes(30)).timeout(minutes(15)))));
    refused!("out-of-range", served(real_time().blue_green(BlueGreen::canary(percent(10)).wait(minutes(61)))));
    refused!("out-of-range", served((0..9).fold(real_time(), |endpoint, number| endpoint.rollback_on(format!("alarm-{number}")))));
    refused!("unsupported-rolling-update", served(RealTimeEndpoint::new(Variant::new("Main", cpu(), "ml.inf1.xlarge")).rolling(rolling())));
    // Large models
    refused!("tensor-parallel-above-accelerators", on(vllm().tensor_parallel_degree(4), "ml.g5.2xlarge"));
    refused!("bfloat16-on-old-accelerator", on(vllm().data_type(DataType::Bf16), "ml.g4dn.xlarge"));
    refused!("unknown-option", on(vllm().option("max_rolling_batch_sise", "4"), "ml.g5.2xlarge"));
    refused!("unknown-option", on(vllm().option("max_num_tokens", "4"), "ml.g5.2xlarge"));
    refused!("not-known-yet", on(vllm().option("tokenizer_mode", sub!("{}", intrinsic::region())).serving_properties(), "ml.g5.2xlarge"));
    refused!("unknown-image", on(LargeModel::vllm("9.9", Weights::hub("a/b")), "ml.g5.2xlarge"));
}

#[track_caller]
fn of(repository: ModelRepository) -> App {
    on(Triton::new("25.09", repository), "ml.g4dn.xlarge")
}

#[test]
#[rustfmt::skip]
fn the_parts_of_a_triton_repository_are_consistent() {
    let file = || Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lib.rs"));
    let tensor = |name: &str| Tensor::new(name, TritonType::Fp32, [64]);
    let model = |name: &str| TritonModel::onnx(name, file()).max_batch_size(8).input(tensor("in")).output(tensor("out"));
    let ensemble = || Ensemble::new("ensemble").max_batch_size(8).input(tensor("in")).output(tensor("out"));
    let step = |name: &str| EnsembleStep::new(name).input("in", "in").output("out", "out");
    let one = || ModelRepository::new().model(model("scorer"));

    assert_eq!(snapshots::findings(&of(one().ensemble(ensemble().step(step("scorer"))))), "nothing found\n");
    refused!("is larger than 8", of(ModelRepository::new().model(model("scorer").dynamic_batching(DynamicBatching::new().preferred([4, 16])))));
    refused!("two models have the name", of(one().model(TritonModel::onnx("scorer", file()))));
    refused!("not a valid name of a model", of(ModelRepository::new().model(TritonModel::onnx("a/b", file()))));
    refused!("has no model `scoer`", of(one().ensemble(ensemble().step(EnsembleStep::new("scoer")))));
    refused!("has no input `inn`", of(one().ensemble(ensemble().step(EnsembleStep::new("scorer").input("inn", "in").output("out", "out")))));
    refused!("has no output `ot`", of(one().ensemble(ensemble().step(EnsembleStep::new("scorer").input("in", "in").output("ot", "out")))));
    refused!("is not connected", of(one().ensemble(ensemble().step(EnsembleStep::new("scorer").output("out", "out")))));
    refused!("no step or input produces `elsewhere`", of(one().ensemble(ensemble().step(EnsembleStep::new("scorer").input("in", "elsewhere").output("out", "out")))));
    refused!("no step produces the output", of(one().ensemble(Ensemble::new("ensemble").input(tensor("in")).output(tensor("late")).step(step("scorer")))));
    refused!("two steps produce", of(one().ensemble(Ensemble::new("ensemble").input(tensor("in")).output(tensor("out")).step(step("scorer")).step(EnsembleStep::new("scorer").input("in", "in").output("out", "out")))));
    refused!("is TYPE_FP16", of(one().ensemble(Ensemble::new("ensemble").input(Tensor::new("in", TritonType::Fp16, [64])).output(tensor("out")).step(EnsembleStep::new("scorer").input("in", "in").output("out", "out")))));
    refused!("accepts batches of 16", of(one().ensemble(Ensemble::new("ensemble").max_batch_size(16).input(tensor("in")).output(tensor("out")).step(EnsembleStep::new("scorer").input("in", "in").output("out", "out")))));
    refused!("has no step", of(one().ensemble(Ensemble::new("ensemble").input(tensor("in")).output(tensor("in")))));
    refused!("both dynamic batching and sequence batching", of(ModelRepository::new().model(model("scorer").dynamic_batching(DynamicBatching::new()).sequence_batching(SequenceBatching::direct()))));
    refused!("has a dimension of variable size", of(ModelRepository::new().model(model("scorer").warm_up(WarmUp::new("w").zeros(Tensor::new("in", TritonType::Fp32, [-1]))))));
    refused!("has no input `inn`", of(ModelRepository::new().model(model("scorer").warm_up(WarmUp::new("w").zeros(tensor("inn"))))));
    refused!("no-default-model", of(one().model(model("other"))));
    refused!("plan-for-another-gpu", on(Triton::new("25.09", ModelRepository::new().model(TritonModel::tensorrt_plan("plan", file(), "ml.g5.xlarge"))), "ml.g4dn.xlarge"));
    refused!("unknown-instance-type", of(ModelRepository::new().model(TritonModel::tensorrt_plan("plan", file(), "ml.g5"))));
}

/// What an edit changes: each resource with the properties that it has other than before, or with `+` or `-` where it
/// came or went.
fn difference(before: &App, after: &App) -> BTreeSet<String> {
    let resources = |app: &App| {
        let assembly = stackwright::testing::synth(app);
        assembly.stacks[0].template.sections()["Resources"].as_object().unwrap().clone()
    };
    let (before, after) = (resources(before), resources(after));
    let properties = |resource: &Json| resource["Properties"].as_object().unwrap().clone();
    let mut changes = BTreeSet::new();
    for id in before.keys().chain(after.keys()) {
        let (Some(old), Some(new)) = (before.get(id), after.get(id)) else {
            changes.insert(format!("{}{id}", if before.contains_key(id) { "-" } else { "+" }));
            continue;
        };
        let (old, new) = (properties(old), properties(new));
        for name in old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)) {
            // A physical name of its own is what CloudFormation cannot replace in one go.
            let kind = before[id]["Type"].as_str().unwrap();
            let of_type = stackwright_schemas::registry::resource_type(kind).unwrap();
            let is_replaced = of_type.is_create_only(name);
            assert!(!is_replaced || kind != "AWS::SageMaker::Endpoint", "{id}.{name} replaces the endpoint");
            changes.insert(format!("{id}.{name}{}", if is_replaced { " (replaced)" } else { "" }));
        }
    }
    changes
}

/// Holds that an edit changes these things and nothing else.
fn changes<C: Construct + Clone>(endpoint: &C, edited: C, expected: &[&str]) {
    let changed = difference(&served(endpoint.clone()), &served(edited));
    let expected: BTreeSet<String> = expected.iter().map(|&change| change.to_owned()).collect();
    assert_eq!(changed, expected);
}

#[test]
fn an_edit_changes_what_a_reviewer_expects_and_never_replaces_the_endpoint() {
    let of = |containers: Container| Variant::new("Main", containers, "ml.g5.xlarge");
    let image = |version: &str| Container::new(ContainerImage::pytorch_inference(version, Processor::Gpu));
    let tracked = |value: f64| TargetTracking::invocations_per_instance(value);
    let archive = |key: &str| image("2.6.0").model(location(key));
    let variant = || of(archive("relevance/1.tar.gz")).scale(1..=4, tracked(100.0));
    let real_time = || RealTimeEndpoint::new(variant());

    // The image, the artifact, the environment, the instance type.
    let newer = of(image("2.5.1").model(location("relevance/1.tar.gz"))).scale(1..=4, tracked(100.0));
    let model = "EndpointMainModel.PrimaryContainer (replaced)";
    changes(&real_time(), RealTimeEndpoint::new(newer), &[model]);
    let other = of(archive("relevance/2.tar.gz")).scale(1..=4, tracked(100.0));
    // The role may read the one artifact. Its policy is replaced, so that the old fleet can read the old one until the
    // update is complete.
    let policy = ["EndpointMainRolePolicy.PolicyDocument", "EndpointMainRolePolicy.PolicyName (replaced)"];
    changes(&real_time(), RealTimeEndpoint::new(other), &[&[model], &policy[..]].concat());
    let changed = of(archive("relevance/1.tar.gz").environment("TOP", "5")).scale(1..=4, tracked(100.0));
    changes(&real_time(), RealTimeEndpoint::new(changed), &[model]);
    let larger =
        Variant::new("Main", archive("relevance/1.tar.gz"), "ml.g5.2xlarge").scale(1..=4, tracked(100.0));
    let config = "EndpointConfig.ProductionVariants (replaced)";
    changes(&real_time(), RealTimeEndpoint::new(larger), &[config]);

    // Scaling is changed in place, and nothing else is.
    let wider = of(archive("relevance/1.tar.gz")).scale(2..=8, tracked(200.0));
    changes(
        &real_time(),
        RealTimeEndpoint::new(wider),
        &[
            "EndpointMainCapacity.MaxCapacity",
            "EndpointMainCapacity.MinCapacity",
            "EndpointMainCapacityInvocationsPerInstance.TargetTrackingScalingPolicyConfiguration",
        ],
    );
    let kept = ["Endpoint.ExcludeRetainedVariantProperties", "Endpoint.RetainAllVariantProperties"];
    changes(
        &real_time(),
        RealTimeEndpoint::new(of(archive("relevance/1.tar.gz"))),
        &[&kept[..], &["-EndpointMainCapacity", "-EndpointMainCapacityInvocationsPerInstance"]].concat(),
    );

    // Guardrails, alarms, names of alarms.
    let canary = real_time().blue_green(BlueGreen::canary(CapacitySize::percent(10)));
    changes(&real_time(), canary, &["Endpoint.DeploymentConfig"]);
    changes(&real_time(), real_time().rollback_on("other"), &["Endpoint.DeploymentConfig"]);
    changes(&real_time(), real_time().error_alarm(0.1), &["EndpointMainErrorsAlarm.Threshold"]);
    changes(&real_time(), real_time().dashboard(), &["+EndpointDashboard"]);
    changes(&real_time(), real_time().tag("team", "vision"), &["Endpoint.Tags", "EndpointConfig.Tags"]);

    // A second variant leaves the first one alone.
    let two = || {
        real_time().variant(Variant::new("New", archive("relevance/2.tar.gz"), "ml.g5.xlarge").weight(0.1))
    };
    let only = difference(&served(real_time()), &served(two()));
    assert!(!only.iter().any(|change| change.contains("Main")), "{only:?}");
    changes(&two(), two().set_weights(), &["Endpoint.ExcludeRetainedVariantProperties"]);

    // Serverless and multi-model endpoints, inference components.
    let serverless = || ServerlessEndpoint::new(container(Processor::Cpu)).memory(MemorySize::Gb2);
    changes(&serverless(), serverless().memory(MemorySize::Gb6), &[config]);
    changes(
        &serverless(),
        serverless().scale(1..=3, TargetTracking::utilization(0.7)),
        &[config, "+EndpointCapacity", "+EndpointCapacityUtilization"],
    );
    let models = || MultiModelEndpoint::triton("25.09", location("scorers/"), "ml.g5.xlarge");
    changes(&models(), models().cache(false), &["EndpointModel.PrimaryContainer (replaced)"]);
    changes(&models(), models().instances(2), &[config]);
}

#[test]
fn the_role_of_a_host_keeps_what_the_old_instances_need() {
    let with = |alias: &str| served(ComponentEndpoint::new("ml.m5.xlarge", 1..=2).kms_key(alias));
    let changed = difference(&with("alias/old"), &with("alias/new"));
    // The policy is replaced, so that the old one is there until the endpoint has moved.
    let expected = [
        "EndpointConfig.KmsKeyId (replaced)",
        "EndpointConfig.ProductionVariants (replaced)",
        "EndpointRolePolicy.PolicyDocument",
        "EndpointRolePolicy.PolicyName (replaced)",
    ];
    assert!(changed.iter().all(|change| expected.contains(&change.as_str())), "{changed:?}");
    assert!(changed.contains("EndpointRolePolicy.PolicyName (replaced)"), "{changed:?}");
}

#[test]
fn a_component_is_updated_in_place() {
    let with = |version: &str, copies: i64| {
        let app = App::new("app");
        let stack = app.stack("Serving").region("us-east-1");
        let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2));
        let server = LargeModel::vllm(version, Weights::prefix(location("qwen3-8b/")));
        stack.add("Chat", InferenceComponent::new(&host, server, 8_192).accelerators(1).copies(copies));
        app
    };
    let changes = |after: App| difference(&with("0.36.0", 1), &after).into_iter().collect::<Vec<_>>();
    assert_eq!(changes(with("0.35.0", 1)), ["ChatModel.PrimaryContainer (replaced)"]);
    assert_eq!(changes(with("0.36.0", 2)), ["Chat.RuntimeConfig"]);
}

#[test]
fn production_scores_what_development_scores() {
    snapshots::needs!("python/bin/python");
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(&arr_coc::app()).write(&assembly).unwrap();
    assert!(snapshots::judged_by("scorers.py", &assembly).contains("scorers agree: 4"));
}
