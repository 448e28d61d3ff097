//! The stack for development and tests: the relevance scorers on a serverless endpoint with 6 GB of memory.

use stackwright::prelude::*;
use stackwright::stacks::container::Container;
use stackwright::stacks::endpoint::ServerlessEndpoint;

pub fn stack(app: &App) {
    let stack = app
        .stack("DevTest")
        .region("us-east-1")
        .description(
            "ARR-COC relevance scorers for development and tests: serverless, no cost without requests",
        )
        .tag("project", "arr-coc")
        .tag("stage", "dev-test");

    let memory = stack.add(
        "MemorySize",
        Parameter::number()
            .description("Memory of the endpoint in MB")
            .default(6144)
            .allowed_values([1024, 2048, 3072, 4096, 5120, 6144]),
    );
    let archive = stack.add("Archive", asset!("model"));
    let endpoint = stack.add(
        "Scorers",
        ServerlessEndpoint::new(
            Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
                .model(archive)
                .environment("SAGEMAKER_PROGRAM", "inference.py"),
        )
        .memory(memory)
        .max_concurrency(5),
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
