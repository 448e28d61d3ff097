//! Two large models and an adapter on one endpoint. Each has its own copies, which share the accelerators of the
//! instances; without requests, the endpoint scales to zero instances.

use std::time::Duration;

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::TargetTracking;
use stackwright::stacks::container::{DataType, LargeModel, VllmQuantization, Weights};
use stackwright::stacks::endpoint::{AdapterComponent, ComponentEndpoint, InferenceComponent};

/// The version of AWS's image with vLLM.
const VERSION: &str = "0.36.0";

/// Returns the app with the stack of the project.
pub fn app() -> App {
    let app = App::new("llm");
    let stack = app
        .stack("Serving")
        .region("us-east-1")
        .description("Two large models and an adapter on ml.g6e.12xlarge, scaled to zero without requests");

    let models = stack.add("Models", PrivateBucket::new());
    let weights = |directory: &str| Weights::prefix(S3Location::in_bucket(&models, directory));

    let host = stack.add(
        "Host",
        ComponentEndpoint::new("ml.g6e.12xlarge", 0..=2)
            // The weights are in S3, so that the containers download nothing from the internet.
            .network_isolation(true)
            .health_check_timeout(Duration::from_mins(30))
            .download_timeout(Duration::from_mins(30)),
    );

    let chat = LargeModel::vllm(VERSION, weights("qwen3-32b/"))
        .tensor_parallel_degree(2)
        .data_type(DataType::Bf16)
        .quantize(VllmQuantization::Fp8)
        .max_model_len(16_384)
        .prefix_caching()
        .asynchronous();
    let chat = stack.add(
        "Chat",
        InferenceComponent::new(&host, chat, 65_536)
            .accelerators(2)
            .download_timeout(Duration::from_mins(30))
            .health_check_timeout(Duration::from_mins(30))
            .scale(
                0..=4,
                TargetTracking::concurrent_requests_per_copy(16.0).scale_in_cooldown(Duration::from_mins(15)),
            )
            .dashboard(),
    );

    let extract = LargeModel::vllm(VERSION, weights("qwen3-8b/"))
        .tensor_parallel_degree(1)
        .data_type(DataType::Bf16)
        .max_model_len(8_192)
        .adapters(4)
        .max_adapter_rank(16)
        .asynchronous();
    let extract = stack.add(
        "Extract",
        InferenceComponent::new(&host, extract, 24_576)
            .accelerators(1)
            .download_timeout(Duration::from_mins(20))
            .health_check_timeout(Duration::from_mins(20))
            .scale(
                0..=4,
                TargetTracking::invocations_per_copy(60.0).scale_in_cooldown(Duration::from_mins(15)),
            ),
    );
    let invoices = stack.add(
        "Invoices",
        AdapterComponent::new(&extract, S3Location::in_bucket(&models, "adapters/invoices.tar.gz")),
    );

    stack.add("EndpointName", Output::new(host.name()).description("The name to invoke the endpoint with"));
    for (id, component) in [("ChatName", &chat), ("ExtractName", &extract), ("InvoicesName", &invoices)] {
        stack.add(id, Output::new(component.name()).description("The inference component name for requests"));
    }
    app
}
