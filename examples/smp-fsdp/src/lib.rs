//! Llama 2 70B, fine-tuned with the SageMaker model parallel library on 16 ml.p4d.24xlarge: FSDP with hybrid sharding,
//! tensor parallelism, activation offloading, and the collectives of SMDDP. The pretrained weights are in a bucket, where
//! whoever accepted their license puts them once: `huggingface-cli download meta-llama/Llama-2-70b-hf`.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::launch::{Pipeline, TrainingStep};
use stackwright::stacks::training::{Input, Instances, ModelParallel, TrainingJob};

/// Returns the app with the stack of the project.
pub fn app() -> App {
    let app = App::new("smp-fsdp");
    let stack = app
        .stack("Training")
        .region("us-east-1")
        .description("Llama 2 70B with SageMaker model parallel and SMDDP on 16 ml.p4d.24xlarge");
    let data = stack.add("Data", PrivateBucket::new());
    let runs = stack.add("Runs", PrivateBucket::new());

    let job = TrainingJob::pytorch(
        "2.3.1",
        Instances::of("ml.p4d.24xlarge", 16),
        S3Location::in_bucket(&runs, "models"),
    )
    .source(asset!("training"), "train.py")
    .distribution(
        ModelParallel::new()
            .hybrid_shard_degree(64)
            .tensor_parallel_degree(2)
            .activation_offloading(4)
            .delayed_parameter_initialization()
            .smddp(),
    )
    .hyperparameter("sequence", 4_096)
    .hyperparameter("batch_size", 1)
    .hyperparameter("steps", 10_000)
    .input("model", Input::s3(S3Location::in_bucket(&data, "Llama-2-70b-hf/")).fast_file())
    .input("train", Input::s3(S3Location::in_bucket(&data, "tokens/")).fast_file().sharded())
    .checkpoints(S3Location::in_bucket(&runs, "checkpoints"))
    .metric("train:loss", r"loss=([0-9.]+)")
    .max_run(Duration::from_hours(5 * 24))
    .retries(3);

    let mut pipeline = Pipeline::new().description("Fine-tunes Llama 2 70B");
    pipeline.step("Train", TrainingStep::new(job));
    stack.add("Pipeline", pipeline);
    app
}
