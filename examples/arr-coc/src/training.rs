//! The training stack: Qwen3-VL-2B with ARR-COC on one ml.p4d.24xlarge spot instance. A pipeline runs the training
//! job, evaluates the model, packs its relevance scorers into the Triton model repository of production, and
//! registers the repository if the model is accurate enough.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::resources::sagemaker::ModelPackageGroup;
use stackwright::stacks::launch::{
    ApprovedModel, ConditionStep, FailStep, ModelMetric, Pipeline, ProcessingJob, ProcessingStep,
    RegisterModelStep, TrainingStep,
};
use stackwright::stacks::training::{Fsdp, Input, Instances, Precision, ShardingStrategy, Spot, TrainingJob};
use stackwright::synth::AssetHandle;

use crate::production;

/// The share of correct answers that a model must reach to be registered.
const ACCURACY: f64 = 0.62;

/// The model of the Hugging Face Hub that is fine-tuned, and its revision.
const MODEL: &str = "Qwen/Qwen3-VL-2B-Instruct";
const REVISION: &str = "89644892e4d85e24eaac8bacfd4f463576704203";

/// The number of patches (of 256) of an image that the language model gets.
const VISUAL_TOKENS: i32 = 128;

/// The name of the parameter with the location of the model that was approved last.
pub const APPROVED_MODEL: &str = "/arr-coc/approved-model";

/// What production serves.
pub struct Trained {
    /// The Triton model repository with the initial weights, which is served until a model is approved.
    pub initial: AssetHandle,
    /// The location of the repositories with trained weights.
    pub repositories: S3Location,
}

pub fn stack(app: &App) -> Trained {
    let stack = app
        .stack("Training")
        .region("us-west-2")
        .description("ARR-COC training: Qwen3-VL-2B on one ml.p4d.24xlarge, spot, launched by a pipeline")
        .tag("project", "arr-coc")
        .tag("stage", "training");

    let data = stack.add("Data", PrivateBucket::new());
    let runs = stack.add("Runs", PrivateBucket::new().expire("checkpoints/", 30));
    let models = stack.add("Models", ModelPackageGroup::new("arr-coc"));

    let job = TrainingJob::pytorch(
        "2.6.0",
        Instances::of("ml.p4d.24xlarge", 1),
        S3Location::in_bucket(&runs, "models"),
    )
    .source(asset!("training"), "train.py")
    .distribution(
        Fsdp::new(ShardingStrategy::ShardGradOp)
            .precision(Precision::Bf16)
            .wrap("Qwen3VLTextDecoderLayer")
            .activation_checkpointing(),
    )
    .hyperparameter("model", MODEL)
    .hyperparameter("revision", REVISION)
    .hyperparameter("batch_size", 32)
    .hyperparameter("learning_rate", 1e-5)
    .hyperparameter("epochs", 3)
    .hyperparameter("visual_tokens", VISUAL_TOKENS)
    .input("train", Input::s3(S3Location::in_bucket(&data, "vqa/train/")).fast_file())
    .input("validation", Input::s3(S3Location::in_bucket(&data, "vqa/validation/")))
    .metric("train:loss", r"loss=([0-9.]+)")
    .max_run(Duration::from_hours(24))
    .capacity(Spot::new(Duration::from_hours(48), S3Location::in_bucket(&runs, "checkpoints/arr-coc")))
    .tag("project", "arr-coc");

    let mut pipeline = Pipeline::new().description("Trains, evaluates and registers the relevance scorers");
    let accuracy = pipeline.parameter("LeastAccuracy", ACCURACY);
    let trained = pipeline.step("Train", TrainingStep::new(job));
    let evaluated = pipeline.step(
        "Evaluate",
        ProcessingStep::new(
            ProcessingJob::pytorch("2.6.0", "ml.g5.2xlarge")
                .source(asset!("training"), "evaluate.py")
                .argument(VISUAL_TOKENS.to_string())
                .input("model", trained.model())
                .input("validation", S3Location::in_bucket(&data, "vqa/validation/"))
                .output("evaluation", S3Location::in_bucket(&runs, "evaluations").per_run())
                .max_run(Duration::from_hours(2)),
        )
        .property_file("Evaluation", PropertyFile::in_output("evaluation")),
    );
    // The model repository of production, with the trained weights: the registered model is what Triton serves.
    let repository = stack.add("Repository", production::scorers().archive());
    let repositories = S3Location::in_bucket(&runs, "repositories");
    let packed = pipeline.step(
        "Pack",
        ProcessingStep::new(
            ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
                .source(asset!("scorers"), "pack.py")
                .input("repository", S3Location::from(&repository))
                .input("model", trained.model())
                .output("archive", repositories.per_run())
                .max_run(Duration::from_hours(1)),
        ),
    );
    pipeline.step(
        "GoodEnough",
        ConditionStep::when(evaluated.measure("Evaluation", "accuracy").at_least(accuracy))
            .then(
                "Register",
                RegisterModelStep::new(
                    models.reference(),
                    packed.output("archive").join("model.tar.gz"),
                    ContainerImage::triton(production::TRITON, Processor::Gpu),
                )
                .instance_types(["ml.g5.2xlarge"])
                .metric(
                    ModelMetric::ModelQualityStatistics,
                    evaluated.output("evaluation").join("evaluation.json"),
                    "application/json",
                ),
            )
            .otherwise("TooWeak", FailStep::new("The model answers fewer questions correctly than required")),
    );
    stack.add("Pipeline", pipeline);
    stack.add(
        "Approved",
        ApprovedModel::new(models.reference(), APPROVED_MODEL, repository.s3_uri())
            .image_suffix(format!("sagemaker-tritonserver:{}-py3", production::TRITON)),
    );
    Trained { initial: repository, repositories }
}
