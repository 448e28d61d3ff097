//! What GPU instances need.

use super::scaling::METRICS;
use crate::iam::{Statement, arn};

/// What lets people log in through Session Manager. The managed policy `AmazonSSMManagedInstanceCore` allows also to read all
/// parameters, and documents of anyone.
pub(super) fn of_instances(publishes_metrics: bool) -> Vec<Statement> {
    // AWS gives these actions no resources.
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
        // AWS gives these no resources. The agent reads the name of the Auto Scaling group from the instance's tags.
        statements.push(Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
            "StringEquals",
            "cloudwatch:namespace",
            METRICS,
        ));
        statements.push(Statement::allow(["ec2:DescribeTags"]).on("*"));
    }
    statements
}
