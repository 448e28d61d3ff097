//! The production stack: the relevance scorers that were approved last, in a Triton ensemble on ml.g5.2xlarge. TensorRT
//! compiles them when they are loaded.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::{Scaling, ScheduledCapacity, TargetTracking};
use stackwright::stacks::container::{
    Container, DynamicBatching, Ensemble, EnsembleStep, ModelData, ModelRepository, Tensor, TensorRtOptions,
    Triton, TritonInstanceGroup, TritonModel, TritonType,
};
use stackwright::stacks::endpoint::{
    BlueGreen, CapacitySize, DataCapture, RealTimeEndpoint, Routing, Variant,
};

use crate::training::{APPROVED_MODEL, Trained};

/// The number of patches of an image, and the number of features of a patch: the shapes with which the scorers were
/// exported.
const PATCHES: i64 = 256;
const FEATURES: i64 = 64;

/// The version of Triton that serves the scorers.
pub const TRITON: &str = "25.09";

pub fn stack(app: &App, trained: &Trained) {
    let stack = app
        .stack("Production")
        .region("us-west-2")
        .description("ARR-COC relevance scorers: TensorRT in a Triton ensemble on ml.g5.2xlarge, autoscaled")
        .tag("project", "arr-coc")
        .tag("stage", "production")
        .termination_protection(true);

    let captured = stack.add("Captured", PrivateBucket::new().expire("requests/", 30));
    let alarms = stack.add("Alarms", AlarmTopic::new());

    // Read when the stack is deployed: the next deployment after an approval moves the endpoint to the approved model.
    let approved = stack.add(
        "ApprovedModel",
        Parameter::ssm()
            .default(APPROVED_MODEL)
            .description("The parameter with the location of the model that was approved last"),
    );
    let triton = Container::from(Triton::new(TRITON, scorers()))
        .model(ModelData::archive_within(trained.repositories.clone(), approved))
        .reads(&trained.initial);
    let variant = Variant::new("Main", triton, "ml.g5.2xlarge")
        .health_check_timeout(Duration::from_mins(10))
        .routing(Routing::least_outstanding_requests())
        .scale(
            1..=4,
            Scaling::new()
                .track(
                    TargetTracking::invocations_per_instance(3_000.0)
                        .scale_out_cooldown(Duration::from_mins(1))
                        .scale_in_cooldown(Duration::from_mins(10)),
                )
                .track(TargetTracking::gpu_utilization(70.0))
                .schedule(
                    ScheduledCapacity::new("WorkingHours", "cron(30 7 ? * MON-FRI *)", 2..=4)
                        .time_zone("America/Los_Angeles"),
                )
                .schedule(
                    ScheduledCapacity::new("Night", "cron(0 20 * * ? *)", 1..=4)
                        .time_zone("America/Los_Angeles"),
                ),
        );
    let endpoint = stack.add(
        "Scorers",
        RealTimeEndpoint::new(variant)
            .blue_green(
                BlueGreen::canary(CapacitySize::percent(10))
                    .wait(Duration::from_mins(10))
                    .termination_wait(Duration::from_mins(10)),
            )
            .latency_alarm(Duration::from_millis(500))
            .notify(&alarms)
            .data_capture(DataCapture::new(captured.location("requests/"), 5))
            .network_isolation(true)
            .dashboard()
            .log_retention_days(90),
    );

    stack.add(
        "EndpointName",
        Output::new(endpoint.name()).description("The name to invoke the endpoint with"),
    );
    stack.add(
        "EndpointArn",
        Output::new(endpoint.arn()).description("The ARN for policies that allow to invoke the endpoint"),
    );
}

/// Returns an ensemble of three scorers that run in parallel, and a model that weights their scores.
pub fn scorers() -> ModelRepository {
    let patches = || Tensor::new("patches", TritonType::Fp32, [PATCHES, FEATURES]);
    let query = || Tensor::new("query", TritonType::Fp32, [FEATURES]);
    let score = |name: &str| Tensor::new(name, TritonType::Fp32, [PATCHES]);
    let scorer = |name: &str, file: Asset| {
        TritonModel::onnx(name, file)
            .max_batch_size(32)
            .output(score(name))
            .instances(TritonInstanceGroup::gpu(1))
            .tensorrt(TensorRtOptions::fp16().max_workspace_size(1 << 30))
            .dynamic_batching(
                DynamicBatching::new().preferred([8, 16, 32]).max_queue_delay(Duration::from_micros(500)),
            )
    };
    let combine = TritonModel::onnx("combine", asset!("scorers/combine.onnx"))
        .max_batch_size(32)
        .input(score("information"))
        .input(score("salience"))
        .input(score("coupling"))
        .output(score("relevance"))
        .instances(TritonInstanceGroup::gpu(1));
    let step = |name: &str| EnsembleStep::new(name).input("patches", "patches").output(name, name);
    ModelRepository::new()
        .model(scorer("information", asset!("scorers/information.onnx")).input(patches()))
        .model(scorer("salience", asset!("scorers/salience.onnx")).input(patches()))
        .model(scorer("coupling", asset!("scorers/coupling.onnx")).input(patches()).input(query()))
        .model(combine)
        .ensemble(
            Ensemble::new("relevance")
                .max_batch_size(32)
                .input(patches())
                .input(query())
                .output(score("relevance"))
                .step(step("information"))
                .step(step("salience"))
                .step(step("coupling").input("query", "query"))
                .step(
                    EnsembleStep::new("combine")
                        .input("information", "information")
                        .input("salience", "salience")
                        .input("coupling", "coupling")
                        .output("relevance", "relevance"),
                ),
        )
}
