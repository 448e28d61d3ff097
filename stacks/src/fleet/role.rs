//! The permissions that GPU instances need.

use super::scaling::METRICS;
use crate::iam::{Statement, arn};

/// The permissions with which people can log in through Session Manager. The managed policy
/// `AmazonSSMManagedInstanceCore` also allows instances to read all parameters and all documents.
pub(super) fn of_instances(publishes_metrics: bool) -> Vec<Statement> {
    // These actions do not support resource-level permissions.
    let sessions = Statement::allow([
        "ec2messages:AcknowledgeMessage",
        "ec2messages:DeleteMessage",
        "ec2messages:FailMessage",
        "ec2messages:GetEndpoint",
        "ec2messages:GetMessages",
        "ec2messages:SendReply",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ])
    .on("*");
    let mut statements =
        vec![sessions, Statement::allow(["ssm:UpdateInstanceInformation"]).on(arn("ec2", "instance/*"))];
    if publishes_metrics {
        // These actions do not support resource-level permissions. The agent reads the name of the Auto Scaling group
        // from the instance's tags.
        statements.push(Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
            "StringEquals",
            "cloudwatch:namespace",
            METRICS,
        ));
        statements.push(Statement::allow(["ec2:DescribeTags"]).on("*"));
    }
    statements
}
