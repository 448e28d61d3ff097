//! `model-without-policy`

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::MODEL;
use crate::check::value::{is_set, items};
use crate::check::view::{Resource, View};

rule! {
    /// The policy of a model's role is a separate resource, and the model does not depend on it.
    ///
    /// # Why it matters
    ///
    /// CloudFormation creates the model as soon as the role exists, before the policy. SageMaker then reads the model data
    /// with the role, and the creation fails with "Could not access model data".
    ///
    /// # How to fix
    ///
    /// Add the policy to `DependsOn` of the model, or write it into `Policies` of the role.
    ///
    /// # Limitations
    ///
    /// Roles that have policies of their own or managed policies are left out.
    Error "model-without-policy",
    source: "Amazon SageMaker API Reference, CreateModel; AWS CloudFormation Template Reference, \"DependsOn attribute\"",
    applies_to: ["AWS::SageMaker::Model"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for model in view.of_type(MODEL) {
        let value = &model.properties["ExecutionRoleArn"];
        let Some(role) = view.target(value).filter(|role| role.type_name == "AWS::IAM::Role") else {
            continue;
        };
        if is_set(&role.properties["Policies"]) || is_set(&role.properties["ManagedPolicyArns"]) {
            continue;
        }
        let attached: Vec<&Resource<'_>> =
            ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
                .into_iter()
                .flat_map(|name| view.of_type(name))
                .filter(|policy| {
                    roles(policy).any(|one| view.target(one).is_some_and(|target| target.id == role.id))
                })
                .collect();
        let waits = attached.iter().any(|policy| view.written().waits(model.id, policy.id));
        if let Some(policy) = attached.first().filter(|_| !waits) {
            let message = format!("the model does not depend on `{}`, the policy of its role", policy.id);
            findings.add(model, value, message, format!("add `DependsOn: {}`", policy.id));
            findings.fix_last_by_dependency(model, policy);
        }
    }
}

fn roles<'v, 'a>(policy: &'v Resource<'a>) -> impl Iterator<Item = &'v Cursor<'a>> {
    let one = &policy.properties["RoleName"];
    items(&policy.properties["Roles"]).chain(Some(one).filter(|one| is_set(one)))
}
