//! `wildcard-resource`

use stackwright_schemas::iam;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::security::allowing;
use crate::check::value::{is_set, one_or_many, string};
use crate::check::view::View;

rule! {
    /// A policy allows an action on every resource, where an ARN can narrow the action down.
    ///
    /// # Why it matters
    ///
    /// An attacker who gets the credentials of the role can read and change data that the program never uses.
    ///
    /// # How to fix
    ///
    /// Name the ARNs in `Resource`.
    ///
    /// # Limitations
    ///
    /// The rule leaves out statements with a condition, and actions that take no resource, write logs, describe or
    /// list.
    Info "wildcard-resource",
    source: "AWS IAM User Guide, security best practices",
    applies_to: ["AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy", "AWS::IAM::User", "AWS::IAM::Group"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, statement) in allowing(view) {
        let everywhere = one_or_many(&statement["Resource"]).find(|one| string(one) == Some("*"));
        let Some(location) = everywhere.filter(|_| !is_set(&statement["Condition"])) else { continue };
        let names = one_or_many(&statement["Action"]).filter_map(|action| string(action));
        let narrow: Vec<&str> = names.filter(|name| takes_an_arn(name)).collect();
        if !narrow.is_empty() {
            findings.add(
                resource,
                location,
                format!("the policy allows {} on every resource", narrow.join(", ")),
                "list the ARNs that are needed",
            );
        }
    }
}

/// Returns whether an action is about resources of this field that an ARN can name. What only writes logs or reads lists is not.
fn takes_an_arn(action: &str) -> bool {
    const SERVICES: [&str; 12] = [
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
        "ecr",
    ];
    let Some((service, name)) = action.split_once(':') else { return false };
    let only_reads_lists = ["Describe", "List", "Search"].iter().any(|verb| name.starts_with(verb));
    SERVICES.contains(&service)
        && name != "*"
        && !only_reads_lists
        && iam::action(action) == iam::Action::OfResource
}
