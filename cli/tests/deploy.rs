//! Deploys through change sets with the binary, to endpoints that run: moto's server, on loopback.
#![allow(clippy::unwrap_used)]

mod aws;

use std::path::Path;

use assert_cmd::Command;
use aws::{Endpoint, environment, succeeded};
use serde_json::Value as Json;
use stackwright::App;
use stackwright::prelude::*;
use stackwright::resources::s3::Bucket;

#[test]
fn a_stack_is_made_left_alone_and_changed() {
    snapshots::needs!("python/bin/moto_server", "python/bin/python");
    let moto = Endpoint::moto();

    let (_, stderr) = succeeded(moto.run(&arr_coc::app(), &["deploy", "DevTest", "--yes"]));
    assert!(stderr.contains("+ Scorers AWS::SageMaker::Endpoint") && stderr.contains("deployed"), "{stderr}");
    // moto does not support DescribeEvents: that is reported once, and DescribeStackEvents is used.
    assert_eq!(stderr.matches("DescribeEvents is not available").count(), 1, "{stderr}");
    // moto reports no outputs for a stack that a change set created, and generates the name of the endpoint.
    let endpoints = moto.ask("sagemaker.list_endpoints()['Endpoints']");
    assert_eq!(endpoints.as_array().unwrap().len(), 1);
    assert_eq!(endpoints[0]["EndpointStatus"], "InService");
    let configs = "[sagemaker.describe_endpoint_config(EndpointConfigName=config['EndpointConfigName']) \
                   for config in sagemaker.list_endpoint_configs()['EndpointConfigs']]";
    let variant = moto.ask(configs)[0]["ProductionVariants"][0].clone();
    assert_eq!(variant["ServerlessConfig"]["MemorySizeInMB"], 6144);
    let model = moto
        .ask(&format!("sagemaker.describe_model(ModelName='{}')", variant["ModelName"].as_str().unwrap()));
    let data = model["PrimaryContainer"]["ModelDataUrl"].as_str().unwrap();
    let (bucket, key) = data.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let size = moto.ask(&format!("s3.head_object(Bucket='{bucket}', Key='{key}')['ContentLength']"));
    assert!(size.as_u64().unwrap() > 0, "the model's archive is there");
    let closed = moto.ask(&format!("s3.get_public_access_block(Bucket='{bucket}')"));
    assert_eq!(closed["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"], true);
    let encrypted = moto.ask(&format!("s3.get_bucket_encryption(Bucket='{bucket}')"));
    assert!(encrypted.to_string().contains("AES256"), "{encrypted}");
    let tags = moto.ask("cloudformation.describe_stacks(StackName='arr-coc-DevTest')['Stacks'][0]['Tags']");
    assert!(tags.to_string().contains("arr-coc"), "{tags}");

    // A deployment without changes succeeds, and its change set is deleted.
    let (_, stderr) = succeeded(moto.run(&arr_coc::app(), &["deploy", "DevTest", "--yes"]));
    assert!(stderr.contains("nothing changed"), "{stderr}");
    let left = moto.ask("cloudformation.list_change_sets(StackName='arr-coc-DevTest')['Summaries']");
    assert!(!left.to_string().contains("FAILED"), "{left}");

    let (_, stderr) = succeeded(
        moto.run(&arr_coc::app(), &["deploy", "DevTest", "--yes", "--parameter", "MemorySize=4096"]),
    );
    assert!(stderr.contains("deployed"), "{stderr}");
    let after = moto.ask(configs);
    let sizes: Vec<_> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|config| &config["ProductionVariants"][0]["ServerlessConfig"]["MemorySizeInMB"])
        .collect();
    assert!(sizes.contains(&&Json::from(4096)), "{sizes:?}");
}

#[test]
fn the_error_explains_why_a_stack_cannot_be_deployed() {
    snapshots::needs!("python/bin/moto_server", "python/bin/python");
    let moto = Endpoint::moto();
    let output = moto.run(&arr_coc::app(), &["deploy", "--parameter", "Memory=1"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("has a parameter `Memory`"), "{stderr}");
    assert_eq!(moto.ask("s3.list_buckets()['Buckets']"), serde_json::json!([]), "nothing was touched");
}

#[test]
fn the_cdk_cli_deploys_the_assembly_too() {
    snapshots::needs!("node/node_modules/.bin/cdk", "python/bin/moto_server", "python/bin/python");
    let moto = Endpoint::moto();
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    stackwright::testing::synth(&arr_coc::app()).write(&out).unwrap();
    moto.cdk_deploy(&out, "DevTest");
    let endpoints = moto.ask("sagemaker.list_endpoints()['Endpoints']");
    assert_eq!(endpoints[0]["EndpointStatus"], "InService");
    assert_eq!(
        moto.ask("len(s3.list_objects_v2(Bucket='stackwright-assets-123456789012-us-east-1')['Contents'])"),
        1
    );
}

/// Two stacks; the second one creates a bucket whose name refers to the bucket of the first one.
fn two_stacks(bucket: &str) -> App {
    let app = App::new("two");
    let second = app.stack("Second").region("us-east-1");
    let first = app.stack("First").region("us-east-1");
    let models = first.add("Models", Bucket::new().bucket_name(bucket));
    second.add("Copy", Bucket::new().bucket_name(sub!("{}-copy", models.reference())));
    app
}

#[test]
fn a_value_of_another_stack_can_change_and_go_without_a_deadlock() {
    snapshots::needs!("python/bin/moto_server", "python/bin/python");
    let moto = Endpoint::moto();
    let buckets = "sorted(bucket['Name'] for bucket in s3.list_buckets()['Buckets'])";

    let (_, stderr) = succeeded(moto.run(&two_stacks("models-one"), &["deploy"]));
    let at = |text: &str| stderr.find(text).unwrap();
    assert!(at("two-First: deployed") < at("two-Second: account"), "{stderr}");
    assert_eq!(moto.ask(buckets), serde_json::json!(["models-one", "models-one-copy"]));

    // The first stack is deployed first: CloudFormation would refuse to change an export in use. (moto does not
    // propagate the new name: it updates only resources whose own text changed, and that of the SSM parameter did not.)
    succeeded(moto.run(&two_stacks("models-two"), &["deploy"]));
    assert_eq!(moto.ask(buckets), serde_json::json!(["models-one-copy", "models-two"]));

    // The reference is removed, and its SSM parameter is deleted before the second stack is updated.
    let app = App::new("two");
    app.stack("First").region("us-east-1").add("Models", Bucket::new().bucket_name("models-two"));
    app.stack("Second").region("us-east-1").add("Copy", Bucket::new().bucket_name("on-its-own"));
    succeeded(moto.run(&app, &["deploy"]));
    assert_eq!(moto.ask(buckets), serde_json::json!(["models-two", "on-its-own"]));
}

#[test]
fn a_deployment_that_fails_prints_the_reason_from_aws() {
    snapshots::needs!("python/bin/moto_server", "python/bin/python");
    let moto = Endpoint::moto();
    let app = App::new("failing");
    let stack = app.stack("Main").region("us-east-1");
    moto.ask("s3.create_bucket(Bucket='taken')");
    stack.add("Models", Bucket::new().bucket_name("taken"));
    let output = moto.run(&app, &["deploy"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error: ExecuteChangeSet: The requested bucket name is not available"),
        "{stderr}"
    );

    let mut nobody_there = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    nobody_there.envs(environment(&moto.url));
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/arr-coc");
    // No program listens on port 1 of loopback.
    nobody_there.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").arg("deploy").current_dir(program);
    let stderr = String::from_utf8(nobody_there.output().unwrap().stderr).unwrap();
    assert!(stderr.contains("GetCallerIdentity: dispatch failure"), "{stderr}");
    assert!(stderr.contains("Connection refused") && !stderr.contains("DispatchFailure("), "{stderr}");
}

#[test]
fn the_program_of_the_directory_is_run_where_nothing_else_is_named() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/arr-coc");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let (stdout, _) = succeeded(command.arg("list").current_dir(program).output().unwrap());
    assert_eq!(stdout, "DevTest\nTraining\nProduction\n");

    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let output = command.arg("list").current_dir(empty.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hint: "));
}

#[test]
fn a_template_of_another_tool_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queues.yaml");
    std::fs::write(&path, "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: !Sub '${AWS::StackName}-x'}\n").unwrap();
    let synth = |path: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.env("NO_COLOR", "1").args(["synth", "--stdout", "--app"]).arg(path).output().unwrap()
    };
    let (stdout, _) = succeeded(synth(&path));
    assert!(stdout.contains(r#""Fn::Sub": "${AWS::StackName}-x""#), "{stdout}");

    std::fs::write(&path, "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {QueueNam: x}\n")
        .unwrap();
    let stderr = String::from_utf8(synth(&path).stderr).unwrap();
    assert!(stderr.contains("there is no property `QueueNam`") && stderr.contains("`QueueName`"), "{stderr}");

    std::fs::write(&path, "Resources:\n  Jobs: !Reff x\n").unwrap();
    let stderr = String::from_utf8(synth(&path).stderr).unwrap();
    assert!(stderr.contains("queues.yaml:2:9: `!Reff` is not an intrinsic function"), "{stderr}");
}
