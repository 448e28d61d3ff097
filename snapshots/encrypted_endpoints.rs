//! Every kind of endpoint with volumes, models, topics and captured requests that are encrypted with KMS keys of the app.

use stackwright::prelude::*;
use stackwright::stacks::autoscaling::TargetTracking;
use stackwright::stacks::container::{Container, LargeModel, ModelData, Weights};
use stackwright::stacks::endpoint::{
    AdapterComponent, AsynchronousEndpoint, ComponentEndpoint, DataCapture, InferenceComponent,
    MultiModelEndpoint, NotificationTopic, RealTimeEndpoint, ServerlessEndpoint, Variant,
};

/// The app, with one stack; the version of the model is in the keys of its objects.
pub fn app(version: u32) -> App {
    app_in("us-east-1", version)
}

/// The key of the bucket outside of the app whose objects are requests.
pub fn external_key(region: &str) -> String {
    crate::arn(region, "kms", "key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f")
}

/// The same in another region, which may be one of another partition.
pub fn app_in(region: &str, version: u32) -> App {
    let app = App::new("encrypted").encryption_key("alias/fallback");
    let stack = app.stack("Serving").region(region);
    let key = stack.add("Key", PrivateKey::new().alias("alias/serving").allow_log_groups());
    let models = stack.add("Models", PrivateBucket::new().own_kms_key());
    let runs = stack.add("Runs", PrivateBucket::new().kms_key(&key));
    let requests = ExternalBucket::from_name("company-requests").kms_key(external_key(region));
    let topic = stack.add("Topic", AlarmTopic::new());
    let network = || VpcConfig::new(["subnet-0123456789abcdef0"], ["sg-0123456789abcdef0"]);
    let image = |processor| ContainerImage::pytorch_inference("2.6.0", processor);
    let archive = |processor| {
        Container::new(image(processor)).model(models.location(format!("relevance/{version}/model.tar.gz")))
    };
    let directory = Container::new(image(Processor::Cpu)).model(ModelData::prefix(models.location("files")));
    let old = Variant::new("Old", archive(Processor::Cpu), "ml.m5.xlarge")
        .core_dumps(runs.location("dumps/"))
        .scale(1..=2, TargetTracking::invocations_per_instance(100.0));
    stack.add(
        "RealTime",
        RealTimeEndpoint::new(old)
            .variant(Variant::new("New", directory, "ml.m5.xlarge"))
            .kms_key(&key)
            .log_kms_key(&key)
            .vpc(network())
            .notify(&topic)
            .data_capture(DataCapture::new(runs.location("captured/"), 10)),
    );
    // The disks of this instance type are encrypted by its hardware, so that the key has no place.
    stack.add(
        "LocalStorage",
        RealTimeEndpoint::new(Variant::new("Main", archive(Processor::Gpu), "ml.g4dn.xlarge"))
            .kms_key(&key)
            .log_kms_key(&key),
    );
    stack.add(
        "MultiModel",
        MultiModelEndpoint::cpu(image(Processor::Cpu), models.location("scorers/"), "ml.m5.large")
            .kms_key(&key)
            .log_kms_key(&key),
    );
    stack.add("Serverless", ServerlessEndpoint::new(archive(Processor::Cpu)).log_kms_key(&key));
    stack.add(
        "Asynchronous",
        AsynchronousEndpoint::new(archive(Processor::Cpu), "ml.m5.xlarge", runs.location("answers/"))
            .requests(requests.location("requests/"))
            .failures(runs.location("failures/"))
            .on_success(NotificationTopic::new(&topic).with_answer())
            .on_failure(&topic)
            .kms_key(&key)
            .log_kms_key(&key),
    );
    let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2).kms_key(&key));
    let weights = Weights::prefix(models.location("qwen3-8b/"));
    let server =
        LargeModel::vllm("0.36.0", weights).tensor_parallel_degree(1).adapters(2).max_adapter_rank(16);
    let base =
        stack.add("Chat", InferenceComponent::new(&host, server, 8_192).accelerators(1).log_kms_key(&key));
    stack.add("Support", AdapterComponent::new(&base, models.location("adapters/support.tar.gz")));
    app
}
