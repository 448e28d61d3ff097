//! Fifty models on one instance with a GPU: a relevance scorer for each customer, which is loaded at its first
//! request.
//!
//! To add a model, upload its archive below the prefix; no deployment is needed. The models that are in use stay in
//! the memory of the ml.g5.2xlarge, as many as fit; the others are in S3.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::{Scaling, StepScaling, TargetTracking};
use stackwright::stacks::endpoint::{BlueGreen, MultiModelEndpoint};

/// The number of customers with a model of their own.
const MODELS: usize = 50;

/// Returns the app with the stack of the project.
pub fn app() -> App {
    let app = App::new("multi-model");
    let stack = app.stack("Serving").region("us-east-1").description(format!(
        "{MODELS} relevance scorers on one ml.g5.2xlarge, loaded when they are asked for"
    ));

    let models = stack.add("Models", PrivateBucket::new());
    let location = S3Location::in_bucket(&models, "scorers/");
    let endpoint = stack.add(
        "Scorers",
        MultiModelEndpoint::triton("25.09", location.clone(), "ml.g5.2xlarge")
            .scale(
                1..=3,
                Scaling::new()
                    .track(
                        TargetTracking::invocations_per_instance(1_200.0)
                            .scale_in_cooldown(Duration::from_mins(15)),
                    )
                    // Models are unloaded for lack of memory before the GPU is fully utilized.
                    .step(StepScaling::at_least(Metric::gpu_memory_utilization(), 95.0).change(1).periods(3)),
            )
            .blue_green(BlueGreen::all_at_once().termination_wait(Duration::from_mins(15)))
            .dashboard(),
    );

    stack.add(
        "EndpointName",
        Output::new(endpoint.name()).description("The name to invoke the endpoint with"),
    );
    stack.add(
        "AddModel",
        Output::new(sub!("aws s3 cp customer-{}.tar.gz {}", MODELS, location.uri()))
            .description("The command that adds a model; a request selects it with TargetModel"),
    );
    app
}
