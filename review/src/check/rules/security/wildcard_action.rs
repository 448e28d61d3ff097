//! `wildcard-action`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::rules::security::allowing;
use crate::check::value::{is_set, one_or_many, string};
use crate::check::view::View;

rule! {
    /// A policy allows every action of a service, or of all services.
    ///
    /// # Why it matters
    ///
    /// An attacker who gets the credentials of the role can do more than the program needs.
    ///
    /// # How to fix
    ///
    /// Name the actions that are used.
    Warning "wildcard-action",
    source: "AWS IAM User Guide, security best practices",
    applies_to: ["AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy", "AWS::IAM::User", "AWS::IAM::Group"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, statement) in allowing(view) {
        for action in one_or_many(&statement["Action"]) {
            if let Some(name) = string(action).filter(|name| is_everything(name)) {
                findings.add(
                    resource,
                    action,
                    format!("the policy allows {name}"),
                    "list the actions that are needed",
                );
            }
        }
        if is_set(&statement["NotAction"]) {
            findings.add(
                resource,
                &statement["NotAction"],
                "the policy allows every action except some",
                "list the actions that are needed",
            );
        }
    }
}

/// Returns whether a name matches every action of a service. The channels of service agents are used as a whole.
fn is_everything(name: &str) -> bool {
    const CHANNELS: [&str; 4] = ["ssmmessages", "ec2messages", "logs", "xray"];
    let service = name.strip_suffix(":*");
    name == "*" || service.is_some_and(|service| !CHANNELS.contains(&service))
}
