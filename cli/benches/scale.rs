//! A program with as many stacks as the variable `STACKS` states, for `cargo xtask bench`.
//!
//! One stack is what the peers were measured with: role, bucket, multi-model model, endpoint configuration,
//! endpoint, scalable target, scaling policy, alarm, and a pipeline with one training step.

use std::process::ExitCode;

use stackwright::prelude::*;
use stackwright::resources::iam::Role;
use stackwright::resources::s3::Bucket;
use stackwright::resources::s3::bucket::{
    BucketEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionRule, SseAlgorithm,
};
use stackwright::resources::sagemaker::endpoint_config::ProductionVariant;
use stackwright::resources::sagemaker::model::{ContainerDefinition, Mode};
use stackwright::resources::sagemaker::pipeline::PipelineDefinition;
use stackwright::resources::sagemaker::{Endpoint, EndpointConfig, Model, Pipeline};
use stackwright::stacks::iam::{PolicyDocument, Statement};
use stackwright::synth::{Json, Property};

fn main() -> ExitCode {
    let stacks = std::env::var("STACKS").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let app = App::new("scale");
    for number in 0..stacks {
        serving(&app.stack(&format!("Serving{number}")).region("us-east-1"));
    }
    let code = stackwright::run(app);
    if std::env::var_os("PEAK_MEMORY").is_some() {
        // Where there is no such file, the measurement reports that.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        eprintln!("peak memory: {}", peak.trim().trim_end_matches(" kB"));
    }
    code
}

/// The instance type, so that two different versions can be compared.
fn instance_type() -> String {
    std::env::var("VARIANT").unwrap_or_else(|_| "ml.g5.2xlarge".into())
}

fn serving(stack: &Stack) {
    let trust = PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service("sagemaker")]);
    let role = stack.add("Role", Role::new(trust));
    let rule = ServerSideEncryptionRule::new()
        .server_side_encryption_by_default(ServerSideEncryptionByDefault::new(SseAlgorithm::AwsKms));
    let bucket = stack.add("Models", Bucket::new().bucket_encryption(BucketEncryption::new([rule])));
    let container = ContainerDefinition::new()
        .image("785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3")
        .mode(Mode::MultiModel)
        .model_data_url(sub!("s3://{}/models/", bucket.reference()));
    let model = stack.add("Model", Model::new().execution_role_arn(role.arn()).primary_container(container));
    let variant = ProductionVariant::new("AllTraffic")
        .model_name(model.model_name())
        .instance_type(Value::<String>::from(instance_type()))
        .initial_instance_count(1)
        .initial_variant_weight(1);
    let config = stack.add("Config", EndpointConfig::new([variant]));
    let endpoint = stack.add("Endpoint", Endpoint::new(config.endpoint_config_name()));
    let resource_id = sub!("endpoint/{}/variant/AllTraffic", endpoint.endpoint_name());
    let target = stack.add(
        "Target",
        Resource::of("AWS::ApplicationAutoScaling::ScalableTarget")
            .set("MinCapacity", 1)
            .set("MaxCapacity", 4)
            .set("ResourceId", &resource_id)
            .set("RoleARN", role.arn())
            .set("ScalableDimension", "sagemaker:variant:DesiredInstanceCount")
            .set("ServiceNamespace", "sagemaker"),
    );
    let metric = Json::object([
        Property::new("TargetValue", 200),
        Property::new(
            "PredefinedMetricSpecification",
            Json::object([Property::new("PredefinedMetricType", "SageMakerVariantInvocationsPerInstance")]),
        ),
    ]);
    stack.add(
        "Scaling",
        Resource::of("AWS::ApplicationAutoScaling::ScalingPolicy")
            .set("PolicyName", "invocations")
            .set("PolicyType", "TargetTrackingScaling")
            .set("ScalingTargetId", target.reference())
            .set("TargetTrackingScalingPolicyConfiguration", metric),
    );
    stack.add(
        "Errors",
        Resource::of("AWS::CloudWatch::Alarm")
            .set("ComparisonOperator", "GreaterThanThreshold")
            .set("EvaluationPeriods", 1)
            .set("MetricName", "Invocation5XXErrors")
            .set("Namespace", "AWS/SageMaker")
            .set("Period", 60)
            .set("Statistic", "Sum")
            .set("Threshold", 5),
    );
    let definition = sub!(
        r#"{{"Version":"2020-12-01","Steps":[{{"Name":"Train","Type":"Training","Arguments":{{"RoleArn":"{}","AlgorithmSpecification":{{"TrainingImage":"763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312","TrainingInputMode":"File"}},"OutputDataConfig":{{"S3OutputPath":"s3://{}/models/"}},"ResourceConfig":{{"InstanceType":"ml.g5.2xlarge","InstanceCount":1,"VolumeSizeInGB":100}},"StoppingCondition":{{"MaxRuntimeInSeconds":86400}}}}}}]}}"#,
        role.arn(),
        bucket.reference()
    );
    let definition = PipelineDefinition::new().pipeline_definition_body(definition);
    stack.add(
        "Pipeline",
        Pipeline::new().pipeline_name("training").pipeline_definition(definition).role_arn(role.arn()),
    );
}
