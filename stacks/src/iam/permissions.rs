//! The permissions that the roles of constructs need for logs, metrics, images, networks and keys.

use stackwright_synth::intrinsic::{account_id, partition, region, select, split};
use stackwright_synth::{IntoValue, Value, sub};

use super::Statement;
use crate::arn::known;
use crate::image::Resolved;
use crate::key::EncryptionKey;

/// The ARN of a resource of a service in the stack's account and region.
pub(crate) fn arn(service: &str, resource: impl IntoValue<String>) -> Value<String> {
    sub!("arn:{}:{}:{}:{}:{}", partition(), service, region(), account_id(), resource.into())
}

/// The ARN of a model package group, and that of all of its packages, by the name or the ARN of the group. A reference to a group
/// returns its ARN, of which the name is the part after the slash.
pub(crate) fn group_and_packages(group: &Value<String>) -> (Value<String>, Value<String>) {
    let packages = |name: Value<String>| arn("sagemaker", sub!("model-package/{}/*", name));
    match known(group).map(|text| text.split_once('/')) {
        None => (group.clone(), packages(select::<String>(1, split("/", group.clone())))),
        Some(Some((_, name))) => (group.clone(), packages(name.into())),
        Some(None) => (arn("sagemaker", sub!("model-package-group/{}", group)), packages(group.clone())),
    }
}

/// The permissions that every container in SageMaker needs: to pull its image, to write to its log group (given with
/// or without a `*` at its end), and to publish metrics.
pub(crate) fn container(log_group: &Value<String>, image: &Resolved) -> Vec<Statement> {
    let log_group = arn("logs", sub!("log-group:{}", log_group));
    let mut statements = vec![
        Statement::allow([
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ])
        .on(log_group.clone())
        .on(sub!("{}:log-stream:*", log_group)),
        metrics(),
    ];
    if let Some(repository) = &image.repository_arn {
        statements.extend([
            // The action does not support resource-level permissions.
            Statement::allow(["ecr:GetAuthorizationToken"]).on("*"),
            Statement::allow([
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ])
            .on(repository),
        ]);
    }
    if let Some(Some(function)) = &image.private {
        statements.push(Statement::allow(["lambda:InvokeFunction"]).on(function));
    }
    statements
}

/// The permission to publish metrics of SageMaker. The action does not support resource-level permissions.
pub(crate) fn metrics() -> Statement {
    Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
        "StringLike",
        "cloudwatch:namespace",
        "/aws/sagemaker/*",
    )
}

/// The permissions that SageMaker needs to create a job's network interfaces in a VPC.
pub(crate) fn network_interfaces() -> [Statement; 2] {
    [
        Statement::allow([
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ])
        .on(arn("ec2", "network-interface/*"))
        .on(arn("ec2", "subnet/*"))
        .on(arn("ec2", "security-group/*")),
        // The actions that describe networks do not support resource-level permissions.
        Statement::allow([
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ])
        .on("*"),
    ]
}

/// Permission to encrypt and decrypt with a key, and to allow volumes to use the key.
pub(crate) fn use_key(key: impl Into<EncryptionKey>) -> Statement {
    key.into().allow(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"])
}

/// The permission to pass a role to SageMaker and to no other service.
pub(crate) fn pass_to_sagemaker(role: impl IntoValue<String>) -> Statement {
    Statement::allow(["iam:PassRole"]).on(role).when(
        "StringEquals",
        "iam:PassedToService",
        "sagemaker.amazonaws.com",
    )
}
