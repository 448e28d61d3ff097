//! A large language model served by vLLM, on an endpoint that scales to zero.

use std::time::Duration;

use stackwright::prelude::*;

/// The version of AWS's large model inference (LMI) image.
const LMI_VERSION: &str = "0.36.0";

/// The stacks of this project.
pub fn app() -> App {
    let app = App::new("{{name}}");
    let stack = app
        .stack("Serving")
        .region("us-east-1")
        .description("A large language model on an endpoint that scales to zero");

    // Upload the weights (config.json, *.safetensors, tokenizer files) to the prefix `qwen3-8b/` of this bucket.
    let models = stack.add("Models", PrivateBucket::new());
    let host = stack.add(
        "Host",
        ComponentEndpoint::new("ml.g6e.2xlarge", 0..=2)
            .network_isolation(true)
            .health_check_timeout(Duration::from_mins(20))
            .download_timeout(Duration::from_mins(20)),
    );
    let model = LargeModel::vllm(LMI_VERSION, Weights::prefix(S3Location::in_bucket(&models, "qwen3-8b/")))
        .tensor_parallel_degree(1)
        .data_type(DataType::Bf16)
        .max_model_len(16_384)
        .asynchronous();
    let chat = stack.add(
        "Chat",
        InferenceComponent::new(&host, model, 32_768)
            .accelerators(1)
            .download_timeout(Duration::from_mins(20))
            .health_check_timeout(Duration::from_mins(20))
            .scale(
                0..=2,
                TargetTracking::concurrent_requests_per_copy(16.0).scale_in_cooldown(Duration::from_mins(15)),
            ),
    );

    stack.add("EndpointName", Output::new(host.name()).description("Invoke the endpoint by this name"));
    stack.add("ComponentName", Output::new(chat.name()).description("Name this inference component in requests"));
    stack.output("ModelBucket", models.reference());
    app
}
