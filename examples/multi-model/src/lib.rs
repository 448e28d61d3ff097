//! Fifty models on one instance with a GPU: each customer's relevance scorer, loaded when it is asked for.
//!
//! A model is added by putting its archive below the prefix: nothing is deployed. One ml.g5.2xlarge holds as many as fit
//! into its memory at a time; the others wait in S3.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::{Scaling, StepScaling, TargetTracking};
use stackwright::stacks::endpoint::{BlueGreen, MultiModelEndpoint};

/// Customers with a model of their own.
const MODELS: usize = 50;

/// The stack of the project.
pub fn app() -> App {
    let app = App::new("multi-model");
    let stack = app.stack("Serving").region("us-east-1").description(format!(
        "{MODELS} relevance scorers on one ml.g5.2xlarge, loaded when they are asked for"
    ));

    let models = stack.add("Models", PrivateBucket::new());
    let place = S3Location::in_bucket(&models, "scorers/");
    let endpoint = stack.add(
        "Scorers",
        MultiModelEndpoint::triton("25.09", place.clone(), "ml.g5.2xlarge")
            .scale(
                1..=3,
                Scaling::new()
                    .track(
                        TargetTracking::invocations_per_instance(1_200.0)
                            .scale_in_cooldown(Duration::from_mins(15)),
                    )
                    // Models push each other out before the GPU is busy.
                    .step(StepScaling::at_least(Metric::gpu_memory_utilization(), 95.0).change(1).periods(3)),
            )
            .blue_green(BlueGreen::all_at_once().termination_wait(Duration::from_mins(15)))
            .dashboard(),
    );

    stack.add("EndpointName", Output::new(endpoint.endpoint_name()).description("Invoke it by this name"));
    stack.add(
        "AddModel",
        Output::new(sub!("aws s3 cp customer-{}.tar.gz {}", MODELS, place.uri()))
            .description("Adds a model; a request names it by its TargetModel"),
    );
    app
}
