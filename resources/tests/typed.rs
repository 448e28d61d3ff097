//! What typed resources write.

use serde_json::json;
use stackwright_resources::Tag;
use stackwright_resources::s3::{Bucket, bucket};
use stackwright_resources::sagemaker::endpoint_config::{InstanceType, ProductionVariant, ServerlessConfig};
use stackwright_resources::sagemaker::{Endpoint, EndpointConfig};
use stackwright_synth::{App, Parameter, Value};

#[test]
fn properties_take_literals_parameters_and_attributes() {
    let app = App::new("app");
    let stack = app.stack("Main");
    let kind = stack.add("InstanceType", Parameter::string().default("ml.g5.xlarge"));
    let count = stack.add("Count", Parameter::number().default(1));
    let variant = |name: &str| ProductionVariant::new(name).model_name("model");
    let config = stack.add(
        "Config",
        EndpointConfig::new([
            variant("Listed").instance_type(InstanceType::MlG5_2xlarge).initial_instance_count(&count),
            // A parameter decides, or a type that is newer than the data.
            variant("Chosen").instance_type(kind).initial_instance_count(2).initial_variant_weight(0.5),
            variant("Newer").instance_type(InstanceType::Unlisted("ml.g9.xlarge".into())),
            variant("Serverless")
                .serverless_config(ServerlessConfig::new().max_concurrency(5).memory_size_in_mb(1024)),
        ])
        .tags([Tag::new("team", "ml")]),
    );
    let endpoint = stack.add("Endpoint", Endpoint::new(config.endpoint_config_name()));
    let name: Value<String> = endpoint.endpoint_name();
    stack.output("Name", name);

    let assembly = app.synth().unwrap();
    let template = assembly.stacks[0].template.sections();
    let variants = &template["Resources"]["Config"]["Properties"]["ProductionVariants"];
    assert_eq!(
        variants[0],
        json!({
            "VariantName": "Listed", "ModelName": "model", "InstanceType": "ml.g5.2xlarge",
            "InitialInstanceCount": { "Ref": "Count" },
        })
    );
    assert_eq!(variants[1]["InstanceType"], json!({ "Ref": "InstanceType" }));
    assert_eq!(variants[1]["InitialVariantWeight"], 0.5);
    assert_eq!(variants[2]["InstanceType"], "ml.g9.xlarge");
    assert_eq!(variants[3]["ServerlessConfig"], json!({ "MaxConcurrency": 5, "MemorySizeInMB": 1024 }));
    assert_eq!(
        template["Resources"]["Config"]["Properties"]["Tags"],
        json!([{ "Key": "team", "Value": "ml" }])
    );
    assert_eq!(template["Outputs"]["Name"]["Value"], json!({ "Fn::GetAtt": ["Endpoint", "EndpointName"] }));
}

#[test]
fn a_second_call_of_a_setter_wins() {
    let app = App::new("app");
    let encryption = bucket::BucketEncryption::new([bucket::ServerSideEncryptionRule::new()]);
    app.stack("Main")
        .add("Bucket", Bucket::new().bucket_name("a").bucket_encryption(encryption).bucket_name("b"));
    let assembly = app.synth().unwrap();
    let properties = &assembly.stacks[0].template.sections()["Resources"]["Bucket"]["Properties"];
    assert_eq!(properties["BucketName"], "b");
}
