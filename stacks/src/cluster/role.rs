//! The roles of a cluster.
//!
//! The managed policies `AmazonSageMakerClusterInstanceRolePolicy` and `AmazonEKS_CNI_Policy` allow logs of all clusters, all
//! buckets that start with `sagemaker-`, and network interfaces anywhere. These roles allow the same actions, on the cluster's
//! own logs, on the scripts' location, and on network interfaces of the account and region.

use stackwright_synth::intrinsic::{partition, url_suffix};
use stackwright_synth::{Json, Value, sub};

use super::plan::Plan;
use crate::iam::{PolicyDocument, Statement, arn};
use crate::key::EncryptionKey;
use crate::s3::S3Location;

/// The trust policy of a role that a service assumes. Those that AWS documents for nodes of HyperPod, for its autoscaling and
/// for EC2 instances have no condition on the account, and it is not known that these services send one.
pub(crate) fn trusted_by(service: &str) -> PolicyDocument {
    PolicyDocument::new([Statement::allow(["sts:AssumeRole"]).to_service(service)])
}

/// The permissions that nodes need.
pub(super) fn of_nodes(name: &Value<String>, plan: &Plan, scripts: Option<&S3Location>) -> Vec<Statement> {
    let mut statements = Vec::from(logs(name));
    statements.push(sessions());
    statements.extend(interfaces(plan.is_eks));
    if plan.is_eks {
        statements.extend(pods());
    }
    if let Some(scripts) = scripts {
        statements.extend(scripts.read());
    }
    if !plan.secrets.is_empty() {
        let read = Statement::allow(["secretsmanager:GetSecretValue"]);
        statements.push(plan.secrets.iter().fold(read, |read, secret| read.on(secret)));
    }
    statements.extend(keys(plan).map(|key| use_through_services(&key)));
    if plan.groups.iter().any(|group| {
        group
            .update
            .as_ref()
            .and_then(super::update::SoftwareUpdate::batches)
            .is_some_and(|batches| batches.has_alarms())
    }) {
        // The permission for the action that lists alarms can be limited to an account and a region, but not to
        // single alarms.
        statements.push(Statement::allow(["cloudwatch:DescribeAlarms"]).on(arn("cloudwatch", "alarm:*")));
    }
    statements
}

/// The permissions that Karpenter needs to add and delete nodes.
pub(super) fn of_karpenter(plan: &Plan) -> Vec<Statement> {
    // The ARN ends in an ID that is not known before the cluster exists.
    let clusters = arn("sagemaker", "cluster/*");
    let account: Value<Json> = "${aws:PrincipalAccount}".into();
    let mut statements = vec![
        Statement::allow(["sagemaker:BatchAddClusterNodes", "sagemaker:BatchDeleteClusterNodes"])
            .on(clusters)
            .when("StringEquals", "aws:ResourceAccount", account),
    ];
    statements.extend(keys(plan).map(|key| use_through_sagemaker(&key)));
    statements
}

/// Logs and metrics of this cluster.
fn logs(name: &Value<String>) -> [Statement; 3] {
    let group = arn("logs", sub!("log-group:/aws/sagemaker/Clusters/{}/*", name));
    [
        Statement::allow(["logs:CreateLogGroup"]).on(&group),
        Statement::allow(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"])
            .on(sub!("{}:log-stream:*", &group)),
        // The action does not support resource-level permissions.
        Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
            "StringEquals",
            "cloudwatch:namespace",
            "/aws/sagemaker/Clusters",
        ),
    ]
}

/// The permissions for Session Manager, with which people log in to nodes. The actions do not support resource-level
/// permissions.
fn sessions() -> Statement {
    Statement::allow([
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ])
    .on("*")
}

/// The permissions for the network interfaces that HyperPod creates in the subnets.
fn interfaces(is_eks: bool) -> [Statement; 3] {
    let mut change = vec![
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DetachNetworkInterface",
    ];
    let mut read = vec![
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ];
    if is_eks {
        change.extend([
            "ec2:AssignPrivateIpAddresses",
            "ec2:AttachNetworkInterface",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:UnassignPrivateIpAddresses",
        ]);
        read.extend(["ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeTags"]);
    }
    let mut change = Statement::allow(change)
        .on(arn("ec2", "network-interface/*"))
        .on(arn("ec2", "subnet/*"))
        .on(arn("ec2", "security-group/*"));
    if is_eks {
        // An interface is attached to an instance, which is in an account of AWS.
        change = change.on(sub!("arn:{}:ec2:*:*:instance/*", partition()));
    }
    [
        change,
        Statement::allow(["ec2:CreateTags"]).on(arn("ec2", "network-interface/*")),
        // The actions that describe networks do not support resource-level permissions.
        Statement::allow(read).on("*"),
    ]
}

/// The permissions that the kubelet and the agents on a node of EKS need: to pull images of the account and of AWS,
/// and to get credentials for pods.
fn pods() -> [Statement; 3] {
    [
        // The action does not support resource-level permissions.
        Statement::allow(["ecr:GetAuthorizationToken"]).on("*"),
        // The images of EKS, of HyperPod and of AWS's deep learning containers are in registries of other accounts.
        Statement::allow([
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ])
        .on(sub!("arn:{}:ecr:*:*:repository/*", partition())),
        Statement::allow(["eks-auth:AssumeRoleForPodIdentity"]).on(arn("eks", "cluster/*")),
    ]
}

/// The keys of the groups' volumes, without duplicates.
fn keys(plan: &Plan) -> impl Iterator<Item = EncryptionKey> {
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for key in plan.groups.iter().filter_map(|group| group.volumes.key.as_ref()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys.into_iter()
}

/// The permission to encrypt volumes with a key, through services of AWS only.
fn use_through_services(key: &EncryptionKey) -> Statement {
    key.allow(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"])
        .when("StringLike", "kms:ViaService", sub!("*.{}", url_suffix()))
}

/// The permission that SageMaker needs to encrypt volumes of new nodes with a key.
fn use_through_sagemaker(key: &EncryptionKey) -> Statement {
    key.allow(["kms:CreateGrant", "kms:DescribeKey"]).when(
        "StringLike",
        "kms:ViaService",
        sub!("sagemaker.*.{}", url_suffix()),
    )
}
