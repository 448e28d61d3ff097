//! Every distribution strategy on every launcher, and how other programs judge it: our own check, cfn-lint,
//! botocore's parameter validation, the SageMaker SDK, DeepSpeed, and moto, which runs what is launched.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use snapshots::needs::{Outside, assert_sufficient};
use snapshots::refused;
use stackwright::prelude::*;
use stackwright::stacks::launch::pipeline::{Objective, ParameterRange, RangeScaling, WarmStart};
use stackwright::stacks::launch::{
    ApprovedModel, CallbackStep, CheckStep, CheckType, CompiledQuantization, ConditionStep, CreateModelStep,
    EndpointConfigStep, EndpointStep, FailStep, LambdaStep, OptimizationJob, Optimizations, OutputType,
    Pipeline, ProcessingInput, ProcessingJob, ProcessingOutput, ProcessingStep, Quantization,
    RegisterModelStep, RetryOn, RetryPolicy, Schedule, SpeculativeDecoding, SplitType, StateMachine,
    StepOptions, TrainingStep, TransformStep, TuningJob, TuningStep,
};
use stackwright::stacks::training::{
    ActivationCheckpointing, Customization, CustomizationTechnique, Ddp, DeepSpeed, DeepSpeedConfig,
    Distribution, EvaluationType, Fsdp, Input, InstanceGroup, Instances, Mlflow, ModelParallel,
    OutputCompression, Precision, ShardingStrategy, Smddp, Spot, TrainingJob, WarmPool,
};

/// Every strategy by name, with the version of PyTorch and the instances it is tried on.
fn strategies() -> Vec<(&'static str, &'static str, Instances, Distribution)> {
    let p4d = |count| Instances::of("ml.p4d.24xlarge", count);
    let p5 = |count| Instances::of("ml.p5.48xlarge", count);
    let mixed =
        [InstanceGroup::new("train", "ml.p4d.24xlarge", 2), InstanceGroup::new("data", "ml.c5.18xlarge", 1)];
    vec![
        ("Ddp", "2.6.0", Instances::of("ml.g5.12xlarge", 2), Ddp::new().into()),
        ("FullShard", "2.6.0", p5(2), Fsdp::new(ShardingStrategy::FullShard).offload_parameters().into()),
        (
            "ShardGradOp",
            "2.6.0",
            p4d(1),
            Fsdp::new(ShardingStrategy::ShardGradOp).precision(Precision::Bf16).into(),
        ),
        (
            "HybridShard",
            "2.6.0",
            p5(4),
            Fsdp::new(ShardingStrategy::HybridShard).wrap("LlamaDecoderLayer").into(),
        ),
        ("NoShard", "2.6.0", p4d(1), Fsdp::new(ShardingStrategy::NoShard).into()),
        ("FsdpSmddp", "2.3.0", p4d(2), Fsdp::new(ShardingStrategy::FullShard).smddp().into()),
        (
            "ModelParallel",
            "2.5.1",
            p5(2),
            ModelParallel::new().hybrid_shard_degree(16).tensor_parallel_degree(8).into(),
        ),
        (
            "ModelParallelAll",
            "2.5.1",
            p5(4),
            ModelParallel::new()
                .hybrid_shard_degree(16)
                .context_parallel_degree(2)
                .expert_parallel_degree(4)
                .activation_offloading(2)
                .delayed_parameter_initialization()
                .random_seed(7)
                .into(),
        ),
        ("Zero1", "2.6.0", p4d(2), DeepSpeed::zero_1(8).precision(Precision::Fp16).into()),
        (
            "Zero2",
            "2.6.0",
            p4d(2),
            DeepSpeed::zero_2(4).offload_optimizer_to_cpu().gradient_clipping(1.0).into(),
        ),
        (
            "Zero3",
            "2.6.0",
            p5(8),
            DeepSpeed::zero_3(1)
                .gradient_accumulation_steps(4)
                .offload_optimizer_to_nvme("/tmp")
                .offload_parameters_to_nvme("/tmp")
                .activation_checkpointing(ActivationCheckpointing::new().on_cpu().count(96))
                .into(),
        ),
        (
            "Zero3Cpu",
            "2.3.0",
            p4d(2),
            DeepSpeed::zero_3(2).offload_parameters_to_cpu().offload_optimizer_to_cpu().smddp().into(),
        ),
        ("Smddp", "2.2.0", p4d(2), Smddp::new().into()),
        ("SmddpGroups", "2.2.0", Instances::groups(mixed), Smddp::new().into()),
        ("NewFabric", "2.6.0", Instances::of("ml.p5en.48xlarge", 2), Ddp::new().into()),
    ]
}

fn job(version: &str, instances: Instances, distribution: Distribution) -> TrainingJob {
    TrainingJob::pytorch(version, instances, S3Location::new("my-runs", "models"))
        .source(Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/zero3/training")), "train.py")
        .distribution(distribution)
        .hyperparameter("learning_rate", 0.001)
        .hyperparameter("epochs", 3)
        .hyperparameter("schedule", "cosine")
        .input("train", Input::s3(S3Location::new("my-data", "train/")).fast_file())
        .max_run(Duration::from_hours(2))
}

/// A pipeline with every kind of step, and parameters of every type.
fn everything(app: &App) {
    let stack = app.stack("Everything").region("us-east-1");
    let location = |key: &str| S3Location::new("my-runs", key);
    let mut pipeline = Pipeline::new().description("Every kind of step");
    let kind = pipeline.parameter("InstanceType", "ml.p3.16xlarge");
    let count = pipeline.parameter("InstanceCount", 1);
    let rate = pipeline.parameter("LearningRate", 0.001);
    let directory = pipeline.parameter("Directory", "run-1");
    let again = pipeline.parameter("Again", true);
    let image = || ContainerImage::pytorch_training("2.6.0");
    let prepared = pipeline.step(
        "Prepare",
        ProcessingStep::new(
            ProcessingJob::new(image(), "ml.m5.xlarge")
                .instances(2)
                .argument(sub!("--directory={}", &directory))
                .environment("DIRECTORY", &directory)
                .input("raw", location("raw/"))
                .output("tokens", location("tokens")),
        )
        .cache(Duration::from_hours(30 * 24)),
    );
    let job = TrainingJob::new(image(), Instances::of(kind, count), location("models"))
        .source(Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/zero3/training")), "train.py")
        .distribution(Ddp::new())
        .hyperparameter("learning_rate", rate)
        .hyperparameter("directory", &directory)
        .hyperparameter("again", again)
        .input("tokens", Input::s3(location("tokens")).pipe().shuffled(7).gzip().content_type("text/plain"))
        .metric("loss", "loss=([0-9.]+)")
        .profiler(location("profiles"))
        .debugger(location("tensors"))
        .experiment("experiment")
        .trial("trial")
        .max_pending(Duration::from_hours(4))
        .volume_gb(200)
        .kms_key("arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f")
        .vpc(VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]))
        .encrypt_between_containers()
        .tag("team", "vision");
    let debugged = job.clone().set("RemoteDebugConfig", serde_json::json!({ "EnableRemoteDebug": true }));
    let trained = pipeline.step("Train", TrainingStep::new(debugged).after("Prepare"));
    let tuned = pipeline.step(
        "Tune",
        TuningStep::new(
            TuningJob::new(job, Objective::Minimize, "loss", 8)
                .parallel(2)
                .range("learning_rate", ParameterRange::Continuous(0.0001, 0.1))
                .scaling("learning_rate", RangeScaling::Logarithmic)
                .early_stopping()
                .autotune()
                .max_runtime(Duration::from_hours(20))
                .warm_start(WarmStart::TransferLearning, ["earlier"])
                .range("epochs", ParameterRange::Integer(1, 5))
                .range("schedule", ParameterRange::Categorical(vec!["cosine".into(), "linear".into()])),
        )
        .retry(RetryPolicy::until(Duration::from_hours(6), [RetryOn::ResourceLimit])),
    );
    let evaluated = pipeline.step(
        "Evaluate",
        ProcessingStep::new(
            ProcessingJob::new(image(), "ml.m5.xlarge")
                .input("model", tuned.model())
                .input("tokens", prepared.output("tokens"))
                .output("report", location("reports")),
        )
        .property_file("Report", PropertyFile::in_output("report")),
    );
    let register =
        || RegisterModelStep::new("group", trained.model(), ContainerImage::triton("25.09", Processor::Gpu));
    pipeline.step(
        "Decide",
        ConditionStep::when(evaluated.measure("Report", "loss").below(2.5))
            .and(evaluated.measure("Report", "share").at_least(0.5))
            .then("Register", register().instance_types(["ml.g5.2xlarge"]))
            .otherwise("Stop", FailStep::new(sub!("{} is not good enough", &directory))),
    );
    stack.add("Pipeline", pipeline);
}

/// A pipeline with the steps that follow training: from data to an endpoint.
fn deployment(app: &App) {
    let stack = app.stack("Deployment").region("us-east-1");
    let key = stack.add("Key", PrivateKey::new());
    let runs = stack.add("Runs", PrivateBucket::new().kms_key(&key));
    let location = |key: &str| S3Location::in_bucket(&runs, key);
    let image = |processor| ContainerImage::pytorch_inference("2.6.0", processor);
    let source = || Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/zero3/training"));
    let network = || VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
    let mut pipeline = Pipeline::new().max_parallel_steps(4).tag("team", "vision");
    let chosen = pipeline.step(
        "Choose",
        LambdaStep::new("arn:aws:lambda:us-east-1:123456789012:function:choose")
            .input("bucket", "my-data")
            .output("directory", OutputType::String),
    );
    let labelled = pipeline.step(
        "Label",
        CallbackStep::new("arn:aws:sqs:us-east-1:123456789012:labelling")
            .input("directory", chosen.output::<String>("directory"))
            .output("count", OutputType::Integer),
    );
    let prepared = pipeline.step(
        "Prepare",
        ProcessingStep::new(
            ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                .source(source(), "train.py")
                .argument(sub!("--count={}", labelled.output::<i64>("count")))
                .input(
                    "raw",
                    ProcessingInput::new(location("raw").join(chosen.output::<String>("directory")))
                        .sharded(),
                )
                .output("train", ProcessingOutput::new(location("prepared").per_run()).continuous())
                .environment("MODE", "train")
                .kms_key(&key)
                .vpc(network())
                .network_isolation()
                .encrypt_between_containers()
                .tag("team", "vision"),
        ),
    );
    let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.2xlarge", 1), location("models").per_run())
        .source(source(), "train.py")
        .input("train", prepared.output("train"))
        .output_compression(OutputCompression::None)
        .kms_key(&key)
        .vpc(network())
        .remote_debug()
        .secret("HUB_TOKEN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf")
        .capacity(Spot::new(Duration::from_hours(36), location("checkpoints")));
    let trained = pipeline.step("Train", TrainingStep::new(job));
    let model = pipeline.step(
        "Model",
        CreateModelStep::new(image(Processor::Gpu))
            .model(trained.model())
            .reads(location("batch/"))
            .writes(location("answers/")),
    );
    pipeline.step(
        "Answer",
        TransformStep::new(
            &model,
            "ml.g5.xlarge",
            TransformData::read(location("batch/")).write(location("answers").per_run()),
        )
        .content_type("text/csv")
        .split(SplitType::Line)
        .max_payload_mb(6),
    );
    let analyzer = ContainerImage::ecr(
        "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer",
        "arn:aws:ecr:us-east-1:156813124566:repository/sagemaker-model-monitor-analyzer",
    );
    let check = |name: &str| {
        ProcessingJob::new(analyzer.clone(), "ml.m5.xlarge")
            .input("baseline", location("prepared/"))
            .output("result", location(name).per_run())
    };
    pipeline.step("Quality", CheckStep::new(CheckType::DataQuality, check("quality"), "group"));
    pipeline.step("Bias", CheckStep::new(CheckType::ModelBias, check("bias"), "group").model(&model));
    pipeline.step("Register", RegisterModelStep::new("group", trained.model(), image(Processor::Gpu)));
    let config = pipeline.step("Config", EndpointConfigStep::new(&model, "ml.g5.2xlarge"));
    pipeline.step("Endpoint", EndpointStep::new("scorers", &config).after("Register"));
    stack.add("Pipeline", pipeline);
}

/// An app with a stack for each strategy on each launcher.
fn app() -> App {
    let app = App::new("launchers");
    for (name, version, instances, distribution) in strategies() {
        let stack = app.stack(name).region("us-east-1");
        let job = job(version, instances.clone(), distribution.clone());
        let mut pipeline = Pipeline::new();
        pipeline.step("Train", TrainingStep::new(job.clone()));
        let pipeline = stack.add("Pipeline", pipeline);
        let machine = stack.add("Machine", StateMachine::new().train("Train", job.clone()));
        stack.add("Hourly", Schedule::new("rate(1 hour)", job));
        stack.add("Daily", Schedule::new("rate(1 day)", &pipeline).flexible_window(Duration::from_mins(30)));
        stack.add("Weekly", Schedule::new("rate(7 days)", &machine).time_zone("Europe/Berlin"));
    }
    everything(&app);
    deployment(&app);
    for (name, optimizations) in [
        ("Quantized", Optimizations::quantization(Quantization::Fp8)),
        ("Compiled", Optimizations::compilation()),
        ("CompiledSmooth", Optimizations::compilation_and_quantization(CompiledQuantization::SmoothQuant)),
        ("Guessing", Optimizations::speculative_decoding(SpeculativeDecoding::new())),
        ("Sharded", Optimizations::sharding(4)),
    ] {
        let model = |key: &str| S3Location::new("my-models", key);
        let optimization =
            OptimizationJob::new(model("llama/"), "ml.g5.12xlarge", model("fast/"), optimizations)
                .image(ContainerImage::aws("djl-lmi", "0.33.0", Processor::Gpu));
        let spot = job("2.6.0", Instances::of("ml.g5.12xlarge", 1), Ddp::new().into())
            .capacity(Spot::new(Duration::from_hours(6), S3Location::new("my-runs", "checkpoints/")));
        app.stack(name)
            .region("us-east-1")
            .add("Machine", StateMachine::new().train("Train", spot).optimize("Optimize", optimization));
    }
    app
}

#[test]
fn every_strategy_on_every_launcher_is_what_others_take() {
    snapshots::needs!("python/bin/python");
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    // Synthesizes and checks.
    stackwright::testing::synth(&app()).write(&assembly).unwrap();
    let reported = snapshots::judged_by("launchers.py", &assembly);
    // Detects a program that evaluated nothing.
    for expected in [
        "templates: 22",
        "training requests: 52",
        "optimization requests: 5",
        "processing requests: 5",
        "tuning requests: 1",
        "model packages: 2",
        "transform requests: 1",
        "models: 1",
        "endpoint configurations: 1",
        "endpoints: 1",
        "DeepSpeed files: 4",
        "like the SDK's: 15",
        "state machines run: 20",
        "pipelines run: 17",
    ] {
        assert!(reported.contains(expected), "not {expected:?} in\n{reported}");
    }
}

fn launched(job: TrainingJob) -> App {
    let app = App::new("wrong");
    let mut pipeline = Pipeline::new();
    pipeline.step("Train", TrainingStep::new(job));
    app.stack("Training").region("us-east-1").add("Pipeline", pipeline);
    app
}

#[test]
#[rustfmt::skip]
fn wrong_combinations_are_found_at_the_users_line() {
    let p4d = || Instances::of("ml.p4d.24xlarge", 2);
    let location = || S3Location::new("my-runs", "models");
    let plain = || TrainingJob::pytorch("2.3.0", p4d(), location()).distribution(Ddp::new());
    let source = || Asset::new(env!("CARGO_MANIFEST_DIR")).leave_out("tests");
    let on = |kind: &str| TrainingJob::pytorch("2.3.0", Instances::of(kind, 2), location());

    refused!("unsupported-data-parallel-instance", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.g5.48xlarge", 2), location()).distribution(Smddp::new())));
    refused!("unsupported-data-parallel-instance", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.p5.48xlarge", 2), location()).distribution(Fsdp::new(ShardingStrategy::FullShard).smddp())));
    refused!("data-parallel-library-missing", launched(TrainingJob::pytorch("2.6.0", p4d(), location()).source(source(), "lib.rs").distribution(DeepSpeed::zero_3(1).smddp())));
    refused!("no-source-directory", launched(TrainingJob::pytorch("2.6.0", p4d(), location()).distribution(DeepSpeed::zero_3(1))));
    refused!("unsupported-model-parallel-instance", launched(TrainingJob::pytorch("2.3.1", Instances::of("ml.g5.48xlarge", 2), location()).distribution(ModelParallel::new())));
    refused!("unknown-image", launched(TrainingJob::pytorch("2.9.0", p4d(), location()).distribution(ModelParallel::new())));
    refused!("unknown-image", launched(TrainingJob::pytorch("9.9", p4d(), location())));
    refused!("parallel-degree-does-not-fit", launched(TrainingJob::pytorch("2.3.1", p4d(), location()).distribution(ModelParallel::new().tensor_parallel_degree(3))));
    refused!("parallel-degree-does-not-fit", launched(TrainingJob::pytorch("2.3.1", p4d(), location()).distribution(ModelParallel::new().hybrid_shard_degree(2).context_parallel_degree(4))));
    refused!("spot-wait-below-run", launched(plain().max_run(Duration::from_hours(2)).capacity(Spot::new(Duration::from_hours(1), location()))));
    refused!("training-too-long", launched(plain().max_run(Duration::from_hours(29 * 24))));
    refused!("out-of-range", launched(plain().max_pending(Duration::from_mins(10))));
    refused!("long-warm-pool", launched(plain().capacity(WarmPool::new(Duration::from_hours(2)))));
    refused!("torchrun-without-accelerator", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.c5.18xlarge", 2), location()).distribution(Ddp::new())));
    refused!("out-of-range", launched(plain().hyperparameter("long", "x".repeat(2_499))));
    refused!("value-not-allowed", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.p4d.24xlarg", 2), location())));
    refused!("out-of-range", launched(plain().retries(31)));
    refused!("deepspeed-config", launched(on("ml.p4d.24xlarge").source(source(), "lib.rs").distribution(DeepSpeed::zero_3(1).set("fp16", serde_json::json!({ "enabled": true })))));
    refused!("deepspeed-config", launched(plain().source(source(), "lib.rs").distribution(DeepSpeed::zero_2(1).zero("reduce_buckt_size", 1))));
    refused!("deepspeed-config", launched(plain().source(source(), "lib.rs").distribution(DeepSpeedConfig::from_json(r#"{ "train_micro_batch_size_per_gpu": 2, "train_batch_size": 31 }"#))));
    refused!("deepspeed-config", launched(plain().source(source(), "lib.rs").distribution(DeepSpeedConfig::from_json("{ \"zero_optimization\": "))));
    refused!("file-system-without-vpc", launched(plain().input("tokens", Input::fsx_lustre("fs-0123456789abcdef0", "/fsx"))));
    refused!("hybrid-shard-on-one-instance", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.p4d.24xlarge", 1), location()).distribution(Fsdp::new(ShardingStrategy::HybridShard))));
    refused!("invalid-schedule", { let app = App::new("wrong"); app.stack("Training").region("us-east-1").add("Nightly", Schedule::new("cron(0 2 * * *)", plain())); app });
    refused!("unknown-instance-group", launched(TrainingJob::pytorch("2.3.0", Instances::groups([InstanceGroup::new("a", "ml.p4d.24xlarge", 1)]).distributed_on("b"), location()).distribution(Ddp::new())));
    refused!("unknown-output", { let mut pipeline = Pipeline::new(); let prepared = pipeline.step("Prepare", ProcessingStep::new(ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge"))); pipeline.step("Train", TrainingStep::new(plain().input("train", prepared.output("train")))); let app = App::new("wrong"); app.stack("Training").region("us-east-1").add("Pipeline", pipeline); app });
    refused!("sharded-on-one-accelerator", launched(TrainingJob::pytorch("2.3.0", Instances::of("ml.g5.2xlarge", 1), location()).distribution(Fsdp::new(ShardingStrategy::FullShard))));
}

#[test]
fn steps_have_names_of_their_own() {
    let job =
        || TrainingJob::pytorch("2.3.0", Instances::of("ml.p4d.24xlarge", 1), S3Location::new("b", "k"));
    let app = App::new("wrong");
    let stack = app.stack("Training").region("us-east-1");
    let mut pipeline = Pipeline::new();
    pipeline.step("Train", TrainingStep::new(job()));
    pipeline.step("Train", TrainingStep::new(job()));
    stack.add("Pipeline", pipeline);
    stack.add("Machine", StateMachine::new().train("Tune", job()).train("Tune", job()));
    stack.add("Empty", StateMachine::new());
    let found = snapshots::findings(&app);
    for message in
        ["two steps have the name \"Train\"", "two states have the name \"Tune\"", "there are no states"]
    {
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn the_missing_permissions_of_launchers_and_of_their_jobs_are_reported() {
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let job = || {
        TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.2xlarge", 1), S3Location::new("my-runs", "models"))
            .role(role("Job").as_str())
    };
    let app = App::new("given");
    let stack = app.stack("Training").region("us-east-1");
    let mut pipeline = Pipeline::new().role(role("Pipeline").as_str());
    pipeline.step("Train", TrainingStep::new(job()));
    let pipeline = stack.add("Pipeline", pipeline);
    let machine =
        stack.add("Machine", StateMachine::new().train("Train", job()).role(role("Machine").as_str()));
    let schedule = stack.add("Nightly", Schedule::new("rate(1 day)", job()).role(role("Schedule").as_str()));
    let initial = "s3://my-models/initial.tar.gz";
    let approved =
        ApprovedModel::new("scorers", "/scorers/approved", initial).role(role("Approval").as_str());
    let approved = stack.add("Approved", approved.event_role(role("Event").as_str()));
    let needed = [
        Some(pipeline.role()),
        pipeline.job_role("Train"),
        Some(machine.role()),
        machine.job_role("Train"),
        Some(schedule.role()),
        schedule.job_role(),
        Some(approved.role()),
        Some(approved.event_role()),
    ];
    for role in needed {
        assert!(!role.unwrap().permissions().is_empty(), "{role:?}");
    }
    assert!(pipeline.job_role("Other").is_none());
    let template = app.synth().unwrap().stacks[0].template.json().to_owned();
    assert!(!template.contains("AWS::IAM::Role"), "{template}");
    for name in ["Job", "Pipeline", "Machine", "Schedule", "Approval", "Event"] {
        assert!(template.contains(&role(name)), "{name}");
    }
}

#[test]
fn serverless_customization_is_what_botocore_takes() {
    snapshots::needs!("python/bin/python");
    let base =
        "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/llama-3-2-1b-instruct/1.0.0";
    let group = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/instructed";
    let mlflow =
        || Mlflow::new("arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-1").experiment("e").run("r");
    let app = App::new("customization");
    let stack = app.stack("Customization").region("us-east-1");
    let runs = stack.add("Runs", PrivateBucket::new());
    let tune = Customization::fine_tuning(base, CustomizationTechnique::SupervisedFineTuning)
        .accept_license_agreement()
        .lora()
        .sequence_length("4K");
    let judge = Customization::evaluation(base, EvaluationType::LlmAsJudge).accept_license_agreement();
    let mut pipeline = Pipeline::new();
    for (name, customization) in [("Tune", tune), ("Judge", judge)] {
        let job = TrainingJob::serverless(customization, runs.location("models").per_run())
            .input("train", runs.location("instructions/"))
            .model_package_group(group)
            .mlflow(mlflow())
            .hyperparameter("learning_rate", 1e-5);
        pipeline.step(name, TrainingStep::new(job));
    }
    stack.add("Pipeline", pipeline);
    assert_sufficient("customization", &app, &Outside::default(), &[]);
    let directory = tempfile::tempdir().unwrap();
    let assembly = directory.path().join("out");
    stackwright::testing::synth(&app).write(&assembly).unwrap();
    let report = snapshots::judged_by("launchers.py", &assembly);
    assert!(report.contains("training requests: 2"), "{report}");
}
