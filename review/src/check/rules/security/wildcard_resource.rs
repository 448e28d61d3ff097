//! `wildcard-resource`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::security::allowing;
use crate::check::value::{is_set, one_or_many, text};
use crate::check::view::View;

rule! {
    /// A policy allows something that changes or reads data on every resource, where the action takes an ARN.
    ///
    /// Actions that take none, such as `ecr:GetAuthorizationToken`, `cloudwatch:PutMetricData` and those that describe or list,
    /// are left alone, and so is a statement with a condition.
    Warning "wildcard-resource",
    source: "AWS IAM User Guide, security best practices",
    applies_to: ["AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy", "AWS::IAM::User", "AWS::IAM::Group"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, statement) in allowing(view) {
        let everywhere = one_or_many(&statement["Resource"]).find(|one| text(one) == Some("*"));
        let Some(place) = everywhere.filter(|_| !is_set(&statement["Condition"])) else { continue };
        let names = one_or_many(&statement["Action"]).filter_map(text);
        let narrow: Vec<&str> = names.filter(|name| takes_an_arn(name)).collect();
        if !narrow.is_empty() {
            findings.add(
                resource,
                place,
                format!("the policy allows {} on every resource", narrow.join(", ")),
                "name the ARNs",
            );
        }
    }
}

/// Whether an action is about one resource that an ARN can name.
fn takes_an_arn(action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    let services = [
        "s3",
        "iam",
        "kms",
        "sagemaker",
        "dynamodb",
        "lambda",
        "secretsmanager",
        "ssm",
        "sns",
        "sqs",
        "states",
        "logs",
        "ecr",
    ];
    let without = [
        "GetAuthorizationToken",
        "PutMetricData",
        "GetRandomPassword",
        "GenerateRandom",
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "PutResourcePolicy",
        "PutSubscriptionFilter",
    ];
    let asks_only = ["Describe", "List", "Search"].iter().any(|verb| name.starts_with(verb));
    services.contains(&service) && !asks_only && !without.contains(&name) && name != "*"
}
