//! The roles of every construct and of every example allow what their templates name, and nothing on `*` where an ARN can stand.
//! What is needed is derived from the templates (`needs/`).
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use snapshots::encrypted_clusters::KeyOf;
use snapshots::needs::{Outside, assert_sufficient};
use snapshots::template::{Need, Template};
use stackwright::prelude::*;
use stackwright::resources::sagemaker::EndpointConfig;
use stackwright::stacks::container::Container;
use stackwright::stacks::endpoint::ServerlessEndpoint;

/// The app with every kind of endpoint.
fn encrypted() -> App {
    snapshots::encrypted_endpoints::app(1)
}

/// The bucket of requests is not in the template: its location is an argument of the endpoint.
fn outside() -> Outside {
    let key = snapshots::encrypted_endpoints::external_key("us-east-1");
    Outside { buckets: [("company-requests".to_owned(), key)].into(), ..Outside::default() }
}

/// Asserts that each of these actions was derived.
#[track_caller]
fn assert_derived(needed: &[Need], actions: &[&str]) {
    for action in actions {
        assert!(needed.iter().any(|(_, one, _)| one == action), "{action} was not derived");
    }
}

#[test]
fn roles_of_endpoints_allow_what_the_template_names() {
    let app = encrypted();
    let needed = assert_sufficient("endpoints", &app, &outside(), &[]);
    assert!(needed.len() > 120, "only {} permissions were derived", needed.len());
    assert_derived(&needed, &["kms:CreateGrant", "logs:PutLogEvents", "s3:PutObject", "sns:Publish"]);
    let template = Template::of(&app);
    let key = &outside().buckets["company-requests"];
    let reads = [("s3:GetObject", "arn:aws:s3:::company-requests/requests/1.json"), ("kms:Decrypt", key)];
    let reads = reads.map(|(action, resource)| ("AsynchronousRole".into(), action.into(), resource.into()));
    assert_eq!(template.lacking(&reads), Vec::<String>::new());
}

/// The roles of an example of which the template names nothing: the program states what pods and jobs do.
const OF_PROGRAMS: [&str; 1] = ["JobsRole"];

#[test]
fn roles_of_examples_allow_what_their_templates_name() {
    let mut number = 0;
    for (name, app) in snapshots::examples() {
        number += assert_sufficient(name, &app, &Outside::default(), &[]).len();
    }
    assert!(number > 250, "only {number} permissions were derived");
}

#[test]
fn roles_of_jobs_allow_what_the_template_names() {
    let app = snapshots::encrypted_jobs::app();
    let secret = snapshots::arn("us-east-1", "secretsmanager", "secret:hub-AbCdEf");
    let outside = Outside { secrets: [(secret, "<SecretsKey.Arn>".to_owned())].into(), ..Outside::default() };
    let needed = assert_sufficient("jobs", &app, &outside, &[]);
    assert!(needed.len() > 300, "only {} permissions were derived", needed.len());
    assert_derived(
        &needed,
        &[
            "dynamodb:GetRecords",
            "kinesis:GetRecords",
            "sagemaker:CallMlflowAppApi",
            "sagemaker:CreateHyperParameterTuningJob",
            "sagemaker:CreateModelPackage",
            "sagemaker:DescribeHubContent",
            "sagemaker-mlflow:LogBatch",
            "secretsmanager:GetSecretValue",
            "sqs:ReceiveMessage",
            "ssm:PutParameter",
            "ssmmessages:OpenDataChannel",
            "states:StartExecution",
        ],
    );
}

#[test]
fn roles_of_clusters_and_fleets_allow_what_the_template_names() {
    for key_of in [KeyOf::Setters, KeyOf::Stack] {
        let app = snapshots::encrypted_clusters::app(key_of);
        let needed = assert_sufficient("clusters", &app, &Outside::default(), &OF_PROGRAMS);
        assert!(needed.len() > 150, "only {} permissions were derived", needed.len());
        assert_derived(
            &needed,
            &[
                "aps:RemoteWrite",
                "eks-auth:AssumeRoleForPodIdentity",
                "iam:AttachRolePolicy",
                "kms:CreateGrant",
                "logs:PutRetentionPolicy",
                "s3:GetObject",
                "s3:PutObject",
                "sagemaker:BatchAddClusterNodes",
                "sagemaker:DescribeClusterNode",
                "secretsmanager:GetSecretValue",
                "ssm:UpdateInstanceInformation",
            ],
        );
    }
}

#[test]
fn the_key_of_volumes_is_left_out_where_storage_is_local() {
    let template = Template::of(&encrypted());
    let keys: BTreeMap<&str, bool> = template
        .of_type("AWS::SageMaker::EndpointConfig")
        .map(|(id, config)| (id.as_str(), config.get("KmsKeyId").is_some()))
        .collect();
    assert!(keys["RealTimeConfig"] && keys["MultiModelConfig"]);
    assert!(keys["AsynchronousConfig"] && !keys["LocalStorageConfig"] && !keys["HostConfig"]);
}

#[test]
fn a_role_of_the_users_is_used_and_its_missing_permissions_are_reported() {
    let container = || {
        Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
            .model(S3Location::new("my-models", "model.tar.gz"))
    };
    let app = App::new("roles");
    let stack = app.stack("Serving").region("us-east-1");
    let endpoint = ServerlessEndpoint::new(container()).role("arn:aws:iam::123456789012:role/Serving");
    let endpoint = stack.add("Given", endpoint);
    let statement =
        || Statement::allow(["dynamodb:GetItem"]).on("arn:aws:dynamodb:us-east-1:123456789012:table/F");
    stack.add("More", ServerlessEndpoint::new(container()).allow(statement()));
    let needed = endpoint.roles[0].permissions().len();
    let template = Template::of(&app);
    assert!(needed > 4);
    assert!(!template.resources.contains_key("GivenRole"));
    assert_eq!(
        template.resources["GivenModel"]["Properties"]["ExecutionRoleArn"],
        "arn:aws:iam::123456789012:role/Serving"
    );
    assert!(template.allowed()["MoreRole"].iter().any(|(action, _)| action == "dynamodb:GetItem"));

    let app = App::new("roles");
    let stack = app.stack("Serving").region("us-east-1");
    let given = ServerlessEndpoint::new(container()).role("arn:aws:iam::123456789012:role/Serving");
    stack.add("Given", given.allow(statement()));
    assert!(snapshots::findings(&app).contains("role-outside-of-app"));
}

#[test]
fn every_resource_of_an_endpoint_can_be_changed() {
    let app = App::new("custom");
    let stack = app.stack("Serving").region("us-east-1");
    let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu));
    let endpoint = ServerlessEndpoint::new(container.model(S3Location::new("my-models", "model.tar.gz")));
    stack.add(
        "Scorer",
        endpoint.customize(|config: EndpointConfig| {
            config.property_at("/ProductionVariants/0/ServerlessConfig/MaxConcurrency", 7)
        }),
    );
    let template = Template::of(&app);
    let variant = &template.resources["ScorerConfig"]["Properties"]["ProductionVariants"][0];
    assert_eq!(variant["ServerlessConfig"]["MaxConcurrency"], 7);
    assert_eq!(variant["ServerlessConfig"]["MemorySizeInMB"], 2048);
}
