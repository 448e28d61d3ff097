//! The role of GPU instances.

use stackwright_resources::iam::Role;

use crate::cluster::role::trusted_by;
use crate::iam::{Statement, arn};

/// A role that lets people log in through Session Manager, and what was allowed beside that. The managed policy
/// `AmazonSSMManagedInstanceCore` allows also to read all parameters, and documents of anyone.
pub(super) fn of_instances(statements: &[Statement]) -> Role {
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
    let registration = Statement::allow(["ssm:UpdateInstanceInformation"]).on(arn("ec2", "instance/*"));
    trusted_by("ec2", "Instance", [sessions, registration].into_iter().chain(statements.iter().cloned()))
}
