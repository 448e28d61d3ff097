//! Every launcher, job and step with buckets, volumes, topics and variables that are encrypted with KMS keys of the app.

use std::time::Duration;

use stackwright::App;
use stackwright::prelude::*;
use stackwright::resources::sagemaker::ModelPackageGroup;
use stackwright::stacks::function::{Function, Runtime};
use stackwright::stacks::launch::pipeline::{ModelMetric, Objective, Range};
use stackwright::stacks::launch::{
    ApprovedModel, CallbackStep, CheckStep, CheckType, CreateModelStep, EndpointConfigStep, EndpointStep,
    LambdaStep, Optimizations, OutputType, Quantization, RepackStep, StepOptions,
};
use stackwright::stacks::training::{Customization, CustomizationTechnique};

/// The app, with one stack.
pub fn app() -> App {
    app_in("us-east-1")
}

/// The same in another region, which may be one of another partition.
pub fn app_in(region: &str) -> App {
    let app = App::new("jobs");
    let stack = app.stack("Jobs").region(region);
    let arn = |service: &str, resource: &str| crate::arn(region, service, resource);
    let key = stack.add("Key", PrivateKey::new());
    let data = stack.add("Data", PrivateBucket::new().own_kms_key());
    let runs = stack.add("Runs", PrivateBucket::new().kms_key(&key));
    let topic = stack.add("Failures", AlarmTopic::new());
    let group = stack.add("Group", ModelPackageGroup::new("encrypted-scorers"));
    let network = || VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
    let source = || Asset::archive().file("run.py", "print('done')").file("prepare.py", "print('done')");
    let secret = &arn("secretsmanager", "secret:hub-AbCdEf");

    let choose = Asset::archive().file("index.py", "def handler(event, _): return {'directory': 'raw'}");
    let choose = stack.add(
        "ChooseData",
        Function::zip(Runtime::python(), "index.handler", choose)
            .environment("BUCKET", data.reference())
            .secret("HUB_TOKEN", secret.as_str())
            .vpc(network())
            .kms_key(&key)
            .on_schedule("rate(1 day)")
            .on_queue(arn("sqs", "uploads"))
            .on_kinesis_stream(arn("kinesis", "stream/clicks"))
            .on_dynamodb_stream(arn("dynamodb", "table/Features/stream/2026-11-01T00:00:00.000"))
            .on_topic(&topic),
    );
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let image = format!("{}/report-failures@{digest}", crate::registry(region));
    stack.add(
        "ReportFailures",
        Function::image(ContainerImage::from_uri(image))
            .environment("TOPIC", topic.arn().clone())
            .kms_key(&key)
            .on_event(serde_json::json!({
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Training Job State Change"],
                "detail": { "TrainingJobStatus": ["Failed"] },
            })),
    );

    let job = || {
        TrainingJob::pytorch("2.6.0", Instances::of("ml.m5.4xlarge", 1), runs.location("models").per_run())
            .source(source(), "run.py")
            .hyperparameter("rate", 0.1)
            .metric("loss", "loss=([0-9.]+)")
            .input("train", data.location("train/"))
            .profiler(runs.location("profiles"))
            .debugger(runs.location("tensors"))
            .tensor_board(runs.location("boards"))
            .secret("HUB_TOKEN", secret.as_str())
            .vpc(network())
            .kms_key(&key)
            .capacity(Spot::new(Duration::from_hours(48), runs.location("checkpoints")))
    };

    let mut pipeline = Pipeline::new();
    let chosen = pipeline.step(
        "Choose",
        LambdaStep::new(choose.arn()).input("month", "2026-11").output("directory", OutputType::String),
    );
    pipeline.step("Label", CallbackStep::new(arn("sqs", "labelling")).input("month", "2026-11"));
    let prepared = pipeline.step(
        "Prepare",
        ProcessingStep::new(
            ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                .source(source(), "prepare.py")
                .input("raw", data.location("raw").join(chosen.output::<String>("directory")))
                .output("train", runs.location("prepared").per_run())
                .secret("HUB_TOKEN", secret.as_str())
                .vpc(network())
                .kms_key(&key),
        ),
    );
    let trained =
        pipeline.step("Train", TrainingStep::new(job().input("prepared", prepared.output("train"))));
    let tuned = pipeline.step(
        "Tune",
        TuningStep::new(
            TuningJob::new(job(), Objective::Minimize, "loss", 4).range("rate", Range::Continuous(0.1, 1.0)),
        ),
    );
    let hub = format!("arn:{}:sagemaker:{region}:aws:hub-content", crate::partition(region));
    let base = format!("{hub}/SageMakerPublicHub/Model/meta-textgeneration-llama-3-2-1b-instruct/1.0.0");
    let customization = Customization::fine_tuning(base, CustomizationTechnique::SupervisedFineTuning).lora();
    pipeline.step(
        "Customize",
        TrainingStep::new(
            TrainingJob::serverless(
                customization.accept_license_agreement(),
                runs.location("custom").per_run(),
            )
            .input("train", data.location("instructions/"))
            .kms_key(&key),
        ),
    );
    let checked = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
        .source(source(), "run.py")
        .input("baseline", data.location("train/"))
        .output("result", runs.location("quality").per_run())
        .kms_key(&key);
    pipeline.step("Quality", CheckStep::new(CheckType::DataQuality, checked, "encrypted-scorers"));
    let evaluated = pipeline.step(
        "Evaluate",
        ProcessingStep::new(
            ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                .source(source(), "run.py")
                .input("model", tuned.model())
                .output("report", runs.location("reports").per_run())
                .kms_key(&key),
        )
        .property_file("Report", "report", "report.json"),
    );
    let packed = pipeline.step(
        "Pack",
        RepackStep::new(trained.model(), source(), runs.location("packed").per_run()).kms_key(&key),
    );
    let image = || ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
    let model = pipeline.step(
        "Model",
        CreateModelStep::new(image())
            .model(packed.model())
            .reads(data.location("batch/"))
            .writes(runs.location("answers/")),
    );
    pipeline.step(
        "Answer",
        TransformStep::new(
            &model,
            "ml.m5.xlarge",
            data.location("batch/"),
            runs.location("answers").per_run(),
        ),
    );
    let config = pipeline.step("Config", EndpointConfigStep::new(&model, "ml.m5.xlarge").kms_key(&key));
    pipeline.step("Endpoint", EndpointStep::new("encrypted", &config).after("Answer"));
    pipeline.step(
        "GoodEnough",
        ConditionStep::when(evaluated.measure("Report", "loss").below(1.0))
            .then(
                "Register",
                RegisterModelStep::new(group.reference(), packed.model(), image()).metric(
                    ModelMetric::ModelQualityStatistics,
                    evaluated.output("report").join("report.json"),
                    "application/json",
                ),
            )
            .otherwise("TooWeak", FailStep::new("The loss is too high")),
    );
    let pipeline = stack.add("Pipeline", pipeline);
    stack.add("Nightly", Schedule::new("rate(1 day)", &pipeline));
    stack.add("Weekly", Schedule::new("rate(7 days)", job()));

    let optimization = OptimizationJob::new(
        data.location("llama/"),
        "ml.g5.12xlarge",
        runs.location("fast/"),
        Optimizations::quantization(Quantization::Fp8),
    )
    .image(ContainerImage::aws("djl-lmi", "0.33.0", Processor::Gpu));
    let machine =
        StateMachine::new().train("Train", job()).optimize("Optimize", optimization).notify(topic.arn());
    let machine = stack.add("Machine", machine);
    stack.add("Monthly", Schedule::new("rate(30 days)", &machine));
    let first = data.location("initial/model.tar.gz").uri();
    stack.add("Approved", ApprovedModel::new(group.reference(), "/encrypted/approved", first));
    app
}
