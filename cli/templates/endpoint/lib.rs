//! A model behind a serverless endpoint: it costs nothing while there are no requests.

use stackwright::prelude::*;

/// The stacks of this project.
pub fn app() -> App {
    let app = App::new("{{name}}");
    let stack = app
        .stack("Serving")
        .region("us-east-1")
        .description("A model behind a serverless endpoint");

    // The directory `model/` is packed as model.tar.gz and uploaded when the stack is deployed.
    let model = stack.add("Model", asset!("model"));
    let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
        .model(model)
        .environment("SAGEMAKER_PROGRAM", "inference.py");
    let endpoint = stack.add(
        "Scorer",
        ServerlessEndpoint::new(container).memory(MemorySize::Gb2).max_concurrency(5),
    );

    stack.add("EndpointName", Output::new(endpoint.name()).description("Invoke the endpoint by this name"));
    app
}
