//! A language model of 175 billion parameters with DeepSpeed ZeRO-3 on 16 ml.p5.48xlarge, launched by Step Functions.
//! Requests that are throttled or over a quota are retried, and the error of a failed job is published to an SNS
//! topic.

use std::time::Duration;

use serde_json::json;
use stackwright::prelude::*;
use stackwright::resources::sns::Topic;
use stackwright::stacks::launch::{Schedule, StateMachine};
use stackwright::stacks::training::{
    ActivationCheckpointing, DeepSpeed, Input, Instances, Precision, TrainingJob,
};

/// The number of optimizer steps of a run.
const STEPS: i32 = 190_000;

/// Returns the app with the stack of the project.
pub fn app() -> App {
    let app = App::new("zero3");
    let stack = app
        .stack("Training")
        .region("us-east-1")
        .description("175B parameters with DeepSpeed ZeRO-3 on 16 ml.p5.48xlarge, through Step Functions");

    let subnets = stack.add(
        "Subnets",
        Parameter::aws_list(AwsParameterType::SubnetId)
            .description("Subnets that reach S3 and the file system"),
    );
    let groups = stack.add(
        "SecurityGroups",
        Parameter::aws_list(AwsParameterType::SecurityGroupId)
            .description("Groups that allow all traffic from and to themselves, for EFA"),
    );
    let tokens = stack.add(
        "TokensFileSystem",
        Parameter::string()
            .allowed_pattern("^fs-[0-9a-f]{17}$")
            .description("The FSx for Lustre file system with the tokens"),
    );
    let runs = stack.add("Runs", PrivateBucket::new());
    let failures = stack.add("Failures", Topic::new().kms_master_key_id("alias/aws/sns"));

    let job = TrainingJob::pytorch(
        "2.6.0",
        Instances::of("ml.p5.48xlarge", 16),
        S3Location::in_bucket(&runs, "models"),
    )
    .source(asset!("training"), "train.py")
    .distribution(
        DeepSpeed::zero_3(1)
            .precision(Precision::Bf16)
            .gradient_accumulation_steps(12)
            .gradient_clipping(1.0)
            .optimizer("AdamW", json!({ "lr": 6e-5, "betas": [0.9, 0.95], "weight_decay": 0.1 }))
            .scheduler("WarmupDecayLR", json!({ "total_num_steps": STEPS, "warmup_num_steps": 2_000 }))
            .activation_checkpointing(ActivationCheckpointing::new().partitioned())
            .zero("stage3_prefetch_bucket_size", 500_000_000),
    )
    .hyperparameter("layers", 96)
    .hyperparameter("hidden", 12_288)
    .hyperparameter("heads", 96)
    .hyperparameter("sequence", 2_048)
    .hyperparameter("steps", STEPS)
    .input("tokens", Input::fsx_lustre(tokens, "/fsx/tokens"))
    .checkpoints(S3Location::in_bucket(&runs, "checkpoints"))
    .vpc(VpcConfig::new(subnets, groups))
    .metric("train:loss", r"loss=([0-9.]+)")
    .max_run(Duration::from_hours(14 * 24))
    .retries(3);

    let machine = stack.add(
        "Machine",
        StateMachine::new().train("Train", job).notify(&failures).timeout(Duration::from_hours(28 * 24)),
    );
    stack.add("Quarterly", Schedule::new("cron(0 6 1 */3 ? *)", &machine));
    app
}
