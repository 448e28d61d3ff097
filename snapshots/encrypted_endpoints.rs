//! Every kind of endpoint with volumes, models, topics and captured requests that are encrypted with KMS keys of the app.

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::TargetTracking;
use stackwright::stacks::container::{Container, LargeModel, Weights};
use stackwright::stacks::endpoint::{
    AsynchronousEndpoint, ComponentEndpoint, DataCapture, InferenceComponent, MultiModelEndpoint,
    NotificationTopic, RealTimeEndpoint, ServerlessEndpoint, Variant,
};

/// The app, with one stack; the version of the model is in the keys of its objects.
pub fn app(version: u32) -> App {
    app_in("us-east-1", version)
}

/// The same in another region, which may be one of another partition.
pub fn app_in(region: &str, version: u32) -> App {
    let app = App::new("encrypted").encryption_key("alias/fallback");
    let stack = app.stack("Serving").region(region);
    let key = stack.add("Key", PrivateKey::new().alias("alias/serving"));
    let models = stack.add("Models", PrivateBucket::new().own_kms_key());
    let runs = stack.add("Runs", PrivateBucket::new().kms_key(&key));
    let topic = stack.add("Topic", AlarmTopic::new());
    let image = |processor| ContainerImage::pytorch_inference("2.6.0", processor);
    let archive = |processor| {
        Container::new(image(processor)).model(models.location(format!("relevance/{version}/model.tar.gz")))
    };
    stack.add(
        "RealTime",
        RealTimeEndpoint::new(
            Variant::new("Main", archive(Processor::Gpu), "ml.g4dn.xlarge")
                .scale(1..=2, TargetTracking::invocations_per_instance(100.0)),
        )
        .kms_key(&key)
        .notify(&topic)
        .data_capture(DataCapture::new(runs.location("captured/"), 10)),
    );
    stack.add(
        "MultiModel",
        MultiModelEndpoint::cpu(image(Processor::Cpu), models.location("scorers/"), "ml.m5.large")
            .kms_key(&key),
    );
    stack.add("Serverless", ServerlessEndpoint::new(archive(Processor::Cpu)));
    stack.add(
        "Asynchronous",
        AsynchronousEndpoint::new(archive(Processor::Cpu), "ml.m5.xlarge", runs.location("answers/"))
            .requests(runs.location("requests/"))
            .on_success(NotificationTopic::new(&topic))
            .kms_key(&key),
    );
    let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2).kms_key(&key));
    let weights = Weights::prefix(models.location("qwen3-8b/"));
    let server = LargeModel::vllm("0.36.0", weights).tensor_parallel_degree(1);
    stack.add("Chat", InferenceComponent::new(&host, server, 8_192).accelerators(1));
    app
}
