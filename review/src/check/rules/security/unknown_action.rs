//! `unknown-action`

use stackwright_schemas::{iam, nearest};

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{one_or_many, string};
use crate::check::view::View;

rule! {
    /// A policy names an action that its service does not have.
    ///
    /// # Why it matters
    ///
    /// IAM accepts any name. The action that is needed is then not allowed, and the program fails when it runs.
    ///
    /// # How to fix
    ///
    /// Correct the name of the action.
    ///
    /// # Limitations
    ///
    /// Only services with known actions are checked. An action that AWS added after the date of the data is reported
    /// too, so this is a warning.
    Warning "unknown-action",
    source: "Service Authorization Reference (cfn-lint 1.58.0)",
    applies_to: ["AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy", "AWS::IAM::User", "AWS::IAM::Group", "AWS::Lambda::Permission"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let of_permissions = view
        .of_type("AWS::Lambda::Permission")
        .map(|permission| (permission, &permission.properties["Action"]));
    let of_policies = super::allowing(view).flat_map(|(resource, statement)| {
        one_or_many(&statement["Action"]).map(move |action| (resource, action))
    });
    for (resource, action) in of_policies.chain(of_permissions) {
        let Some(name) = string(action).filter(|name| iam::action(name) == iam::Action::Unknown) else {
            continue;
        };
        let (service, operation) = name.split_once(':').unwrap_or_default();
        let near = nearest(&operation.to_ascii_lowercase(), iam::actions(&service.to_ascii_lowercase()));
        let help =
            near.map_or_else(String::new, |near| format!("the most similar name is `{service}:{near}`"));
        findings.add(resource, action, format!("the service `{service}` has no action `{operation}`"), help);
    }
}
