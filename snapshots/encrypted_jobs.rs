//! Every launcher, job and step with buckets, volumes, topics and variables that are encrypted with KMS keys of the app.

use std::time::Duration;

use stackwright::App;
use stackwright::prelude::*;
use stackwright::resources::sagemaker::ModelPackageGroup;
use stackwright::stacks::function::{Function, FunctionHandle, Runtime};
use stackwright::stacks::launch::pipeline::{ModelMetric, Objective, ParameterRange, PipelineHandle};
use stackwright::stacks::launch::{
    ApprovedModel, CallbackStep, CheckStep, CheckType, CreateModelStep, EndpointConfigStep, EndpointStep,
    LambdaStep, Optimizations, OutputType, Quantization, RepackStep, StepOptions,
};
use stackwright::stacks::training::{Customization, CustomizationTechnique, Mlflow};
use stackwright::stacks::{AlarmTopicHandle, PrivateBucketHandle, PrivateKeyHandle};

/// The app, with one stack.
pub fn app() -> App {
    app_in("us-east-1")
}

/// The same in another region, which may be one of another partition.
pub fn app_in(region: &str) -> App {
    let app = App::new("jobs");
    let stack = app.stack("Jobs").region(region);
    let key = stack.add("Key", PrivateKey::new().allow_log_groups());
    let jobs = Jobs {
        data: stack.add("Data", PrivateBucket::new().own_kms_key()),
        runs: stack.add("Runs", PrivateBucket::new().kms_key(&key)),
        topic: stack.add("Failures", AlarmTopic::new()),
        group: stack.add("Group", ModelPackageGroup::new("encrypted-scorers")).reference(),
        secrets_key: stack.add("SecretsKey", PrivateKey::new()),
        region: region.to_owned(),
        stack,
        key,
    };
    let choose = jobs.functions();
    let pipeline = jobs.pipeline(&choose);
    jobs.launchers(&pipeline);
    app
}

/// What the jobs share.
struct Jobs {
    region: String,
    stack: Stack,
    key: PrivateKeyHandle,
    /// The key of the secret, which belongs to another team.
    secrets_key: PrivateKeyHandle,
    data: PrivateBucketHandle,
    runs: PrivateBucketHandle,
    topic: AlarmTopicHandle,
    group: Value<String>,
}

fn network() -> VpcConfig {
    VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"])
}

fn source() -> Asset {
    Asset::archive().file("run.py", "print('done')").file("prepare.py", "print('done')")
}

impl Jobs {
    fn arn(&self, service: &str, resource: &str) -> String {
        crate::arn(&self.region, service, resource)
    }

    fn secret(&self) -> SecretReference {
        SecretReference::from_arn(self.arn("secretsmanager", "secret:hub-AbCdEf")).kms_key(&self.secrets_key)
    }

    fn functions(&self) -> FunctionHandle {
        let choose = Asset::archive().file("index.py", "def handler(event, _): return {'directory': 'raw'}");
        let choose = self.stack.add(
            "ChooseData",
            Function::zip(Runtime::python(), "index.handler", choose)
                .environment("BUCKET", self.data.reference())
                .secret("HUB_TOKEN", self.secret())
                .vpc(network())
                .kms_key(&self.key)
                .log_kms_key(&self.key)
                .on_schedule("rate(1 day)")
                .on_queue(self.arn("sqs", "uploads"))
                .on_kinesis_stream(self.arn("kinesis", "stream/clicks"))
                .on_dynamodb_stream(self.arn("dynamodb", "table/Features/stream/2026-11-01T00:00:00.000"))
                .on_topic(&self.topic),
        );
        let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let image = format!("{}/report-failures@{digest}", crate::registry(&self.region));
        self.stack.add(
            "ReportFailures",
            Function::image(ContainerImage::from_uri(image))
                .environment("TOPIC", self.topic.arn().clone())
                .kms_key(&self.key)
                .log_kms_key(&self.key)
                .on_event(serde_json::json!({
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Training Job State Change"],
                    "detail": { "TrainingJobStatus": ["Failed"] },
                })),
        );
        choose
    }

    fn job(&self) -> TrainingJob {
        TrainingJob::pytorch(
            "2.6.0",
            Instances::of("ml.m5.4xlarge", 1),
            self.runs.location("models").per_run(),
        )
        .source(source(), "run.py")
        .hyperparameter("rate", 0.1)
        .metric("loss", "loss=([0-9.]+)")
        .input("train", self.data.location("train/"))
        .profiler(self.runs.location("profiles"))
        .debugger(self.runs.location("tensors"))
        .tensor_board(self.runs.location("boards"))
        .mlflow(
            Mlflow::new(self.arn("sagemaker", "mlflow-tracking-server/runs"))
                .artifacts(self.runs.location("mlflow/")),
        )
        .secret("HUB_TOKEN", self.secret())
        .vpc(network())
        .kms_key(&self.key)
        .capacity(Spot::new(Duration::from_hours(48), self.runs.location("checkpoints")))
    }

    fn customization(&self) -> TrainingJob {
        let region = &self.region;
        let hub = format!("arn:{}:sagemaker:{region}:aws:hub-content", crate::partition(&self.region));
        let base = format!("{hub}/SageMakerPublicHub/Model/meta-textgeneration-llama-3-2-1b-instruct/1.0.0");
        let customization =
            Customization::fine_tuning(base, CustomizationTechnique::SupervisedFineTuning).lora();
        TrainingJob::serverless(
            customization.accept_license_agreement(),
            self.runs.location("custom").per_run(),
        )
        .input("train", self.data.location("instructions/"))
        .model_package_group(self.group.clone())
        .mlflow(
            Mlflow::new(self.arn("sagemaker", "mlflow-app/app-1")).artifacts(self.runs.location("mlflow/")),
        )
        .kms_key(&self.key)
    }

    fn pipeline(&self, choose: &FunctionHandle) -> PipelineHandle {
        let mut pipeline = Pipeline::new();
        let chosen = pipeline.step(
            "Choose",
            LambdaStep::new(choose.arn()).input("month", "2026-11").output("directory", OutputType::String),
        );
        pipeline.step("Label", CallbackStep::new(self.arn("sqs", "labelling")).input("month", "2026-11"));
        let prepared = pipeline.step(
            "Prepare",
            ProcessingStep::new(
                ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                    .source(source(), "prepare.py")
                    .input("raw", self.data.location("raw").join(chosen.output::<String>("directory")))
                    .output("train", self.runs.location("prepared").per_run())
                    .secret("HUB_TOKEN", self.secret())
                    .vpc(network())
                    .kms_key(&self.key),
            ),
        );
        let trained = pipeline.step(
            "Train",
            TrainingStep::new(self.job().remote_debug().input("prepared", prepared.output("train"))),
        );
        let tuned = pipeline.step(
            "Tune",
            TuningStep::new(
                TuningJob::new(self.job(), Objective::Minimize, "loss", 4)
                    .range("rate", ParameterRange::Continuous(0.1, 1.0)),
            ),
        );
        pipeline.step("Customize", TrainingStep::new(self.customization()));
        let checked = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
            .source(source(), "run.py")
            .input("baseline", self.data.location("train/"))
            .output("result", self.runs.location("quality").per_run())
            .kms_key(&self.key);
        pipeline.step("Quality", CheckStep::new(CheckType::DataQuality, checked, "encrypted-scorers"));
        let evaluated = pipeline.step(
            "Evaluate",
            ProcessingStep::new(
                ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                    .source(source(), "run.py")
                    .input("model", tuned.model())
                    .output("report", self.runs.location("reports").per_run())
                    .kms_key(&self.key),
            )
            .property_file("Report", PropertyFile::in_output("report")),
        );
        let packed = pipeline.step(
            "Pack",
            RepackStep::new(trained.model(), source(), self.runs.location("packed").per_run())
                .kms_key(&self.key),
        );
        let image = || ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
        let model = pipeline.step(
            "Model",
            CreateModelStep::new(image())
                .model(packed.model())
                .reads(self.data.location("batch/"))
                .writes(self.runs.location("answers/")),
        );
        pipeline.step(
            "Answer",
            TransformStep::new(
                &model,
                "ml.m5.xlarge",
                TransformData::read(self.data.location("batch/"))
                    .write(self.runs.location("answers").per_run()),
            ),
        );
        let config =
            pipeline.step("Config", EndpointConfigStep::new(&model, "ml.m5.xlarge").kms_key(&self.key));
        pipeline.step("Endpoint", EndpointStep::new("encrypted", &config).after("Answer"));
        pipeline.step(
            "GoodEnough",
            ConditionStep::when(evaluated.measure("Report", "loss").below(1.0))
                .then(
                    "Register",
                    RegisterModelStep::new(self.group.clone(), packed.model(), image()).metric(
                        ModelMetric::ModelQualityStatistics,
                        evaluated.output("report").join("report.json"),
                        "application/json",
                    ),
                )
                .otherwise("TooWeak", FailStep::new("The loss is too high")),
        );
        self.stack.add("Pipeline", pipeline)
    }

    fn launchers(&self, pipeline: &PipelineHandle) {
        self.stack.add("Nightly", Schedule::new("rate(1 day)", pipeline));
        self.stack.add("Weekly", Schedule::new("rate(7 days)", self.job()));
        let optimization = OptimizationJob::new(
            self.data.location("llama/"),
            "ml.g5.12xlarge",
            self.runs.location("fast/"),
            Optimizations::quantization(Quantization::Fp8),
        )
        .image(ContainerImage::aws("djl-lmi", "0.33.0", Processor::Gpu));
        let machine = StateMachine::new()
            .train("Train", self.job())
            .optimize("Optimize", optimization)
            .notify(&self.topic);
        let machine = self.stack.add("Machine", machine);
        self.stack.add("Monthly", Schedule::new("rate(30 days)", &machine));
        let first = self.data.location("initial/model.tar.gz").uri();
        self.stack.add("Approved", ApprovedModel::new(self.group.clone(), "/encrypted/approved", first));
    }
}
