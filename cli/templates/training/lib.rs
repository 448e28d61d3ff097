//! A PyTorch training job on a managed spot instance, started by a SageMaker pipeline.

use std::time::Duration;

use stackwright::prelude::*;

/// The stacks of this project.
pub fn app() -> App {
    let app = App::new("{{name}}");
    let stack = app
        .stack("Training")
        .region("us-east-1")
        .description("A PyTorch training job on a managed spot instance");

    let data = stack.add("Data", PrivateBucket::new());
    let runs = stack.add("Runs", PrivateBucket::new());
    let job = TrainingJob::pytorch(
        "2.6.0",
        Instances::of("ml.g5.xlarge", 1),
        S3Location::in_bucket(&runs, "models"),
    )
    .source(asset!("training"), "train.py")
    .hyperparameter("epochs", 3)
    .input("train", Input::s3(S3Location::in_bucket(&data, "train/")))
    .metric("train:loss", "loss=([0-9.]+)")
    // SageMaker can interrupt a spot instance. The job then resumes from its last checkpoint.
    .capacity(Spot::new(Duration::from_hours(8), S3Location::in_bucket(&runs, "checkpoints")))
    .max_run(Duration::from_hours(4));

    let mut pipeline = Pipeline::new().description("Trains the model");
    pipeline.step("Train", TrainingStep::new(job));
    let pipeline = stack.add("Pipeline", pipeline);

    stack.output("PipelineName", pipeline.name());
    stack.output("DataBucket", data.reference());
    app
}
