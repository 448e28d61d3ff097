//! `state-machine-role-without-tags`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, one_or_many, string};
use crate::check::view::View;

rule! {
    /// A state machine waits for a SageMaker job (`.sync`), and its role does not allow `sagemaker:AddTags`.
    ///
    /// # Why it matters
    ///
    /// Step Functions tags the jobs that it waits for. The execution fails with an access error when it starts the job.
    ///
    /// # How to fix
    ///
    /// Allow `sagemaker:AddTags` on the jobs.
    ///
    /// # Limitations
    ///
    /// Roles with managed policies, and templates with policies as resources of their own, are left out.
    Error "state-machine-role-without-tags",
    source: "AWS Step Functions Developer Guide, \"IAM policies for SageMaker\"",
    applies_to: ["AWS::StepFunctions::StateMachine"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let has_policies = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
        .iter()
        .any(|kind| view.of_type(kind).next().is_some());
    for machine in view.of_type("AWS::StepFunctions::StateMachine").filter(|_| !has_policies) {
        let waits = machine.documents.iter().any(|document| {
            let text = document.value.as_ref().map(|value| value.to_string()).unwrap_or_default();
            text.match_indices(":sagemaker:create")
                .any(|(at, _)| text[at..].split('"').next().is_some_and(|name| name.contains(".sync")))
        });
        let value = &machine.properties["RoleArn"];
        let role = view.target(value).filter(|role| waits && role.type_name == "AWS::IAM::Role");
        let Some(role) = role.filter(|role| !is_set(&role.properties["ManagedPolicyArns"])) else { continue };
        let policies = &role.properties["Policies"];
        let statements =
            items(policies).flat_map(|policy| one_or_many(&policy["PolicyDocument"]["Statement"]));
        let mut actions = statements
            .filter(|one| string(&one["Effect"]) != Some("Deny"))
            .flat_map(|one| one_or_many(&one["Action"]));
        let allows =
            |name: &str| matches!(name, "*" | "sagemaker:*" | "sagemaker:Add*" | "sagemaker:AddTags");
        let may = actions.any(|action| is_unresolved(action) || string(action).is_some_and(allows));
        if is_set(policies) && !is_unresolved(policies) && !may {
            let message = format!(
                "`{}` does not allow `sagemaker:AddTags`, with which Step Functions tags the job",
                role.id
            );
            findings.add(machine, value, message, "allow `sagemaker:AddTags` on the jobs");
        }
    }
}
