//! Training: Qwen3-VL-2B with ARR-COC on one ml.p4d.24xlarge, on spot capacity, launched by a pipeline that
//! registers the model if it is good enough.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::resources::sagemaker::ModelPackageGroup;
use stackwright::stacks::launch::{
    ConditionStep, FailStep, Pipeline, ProcessingJob, ProcessingStep, RegisterModelStep, TrainingStep,
};
use stackwright::stacks::training::{Fsdp, Input, Instances, Precision, ShardingStrategy, Spot, TrainingJob};

/// The share of right answers that a model has to reach to be registered.
const ACCURACY: f64 = 0.62;

pub fn stack(app: &App) {
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
    .hyperparameter("model", "Qwen/Qwen3-VL-2B-Instruct")
    .hyperparameter("batch_size", 32)
    .hyperparameter("learning_rate", 1e-5)
    .hyperparameter("epochs", 3)
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
            ProcessingJob::new(Image::pytorch_training("2.6.0"), "ml.g5.2xlarge")
                .script(asset!("training/evaluate.py"))
                .input("model", trained.model())
                .input("validation", S3Location::in_bucket(&data, "vqa/validation/"))
                .output("evaluation", S3Location::in_bucket(&runs, "evaluations"))
                .max_run(Duration::from_hours(2)),
        )
        .property_file("Evaluation", "evaluation", "evaluation.json"),
    );
    pipeline.step(
        "GoodEnough",
        ConditionStep::when(evaluated.measure("Evaluation", "accuracy").at_least(accuracy))
            .then(
                "Register",
                RegisterModelStep::new(
                    models.reference(),
                    trained.model(),
                    Image::triton("25.09", Processor::Gpu),
                )
                .instance_types(["ml.g5.2xlarge"]),
            )
            .otherwise("TooWeak", FailStep::new("The model is less accurate than what is asked for")),
    );
    stack.add("Pipeline", pipeline);
}
