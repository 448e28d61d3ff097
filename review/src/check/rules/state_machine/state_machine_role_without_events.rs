//! `state-machine-role-without-events`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items, one_or_many, string};
use crate::check::view::View;

rule! {
    /// A state machine waits for a job (`.sync`), and its role does not allow the EventBridge rule that it needs.
    ///
    /// # Why it matters
    ///
    /// The execution fails when it starts the job.
    ///
    /// # How to fix
    ///
    /// Allow `events:PutTargets`, `events:PutRule` and `events:DescribeRule` on the rule of Step Functions.
    Error "state-machine-role-without-events",
    source: "AWS Step Functions Developer Guide, connect-sagemaker.md",
    applies_to: ["AWS::StepFunctions::StateMachine"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let kinds = [
        ("CreateTrainingJob", "createTrainingJob"),
        ("CreateProcessingJob", "createProcessingJob"),
        ("CreateTransformJob", "createTransformJob"),
        ("CreateHyperParameterTuningJob", "createHyperParameterTuningJob"),
    ];
    for machine in view.of_type("AWS::StepFunctions::StateMachine") {
        let waits = machine.documents.iter().any(|document| {
            let text = document.value.as_ref().map(|value| value.to_string()).unwrap_or_default();
            kinds.iter().any(|(_, name)| text.contains(&format!(":sagemaker:{name}.sync")))
        });
        let role = &machine.properties["RoleArn"];
        let Some(target) = view.target(role).filter(|target| waits && target.type_name == "AWS::IAM::Role")
        else {
            continue;
        };
        // Managed policies and separate policy resources may contain the statement.
        let elsewhere = is_set(&target.properties["ManagedPolicyArns"])
            || ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
                .iter()
                .any(|kind| view.of_type(kind).next().is_some());
        let statements = items(&target.properties["Policies"])
            .flat_map(|policy| one_or_many(&policy["PolicyDocument"]["Statement"]));
        let may = statements.flat_map(|statement| one_or_many(&statement["Action"])).any(|action| {
            is_unresolved(action)
                || string(action)
                    .is_some_and(|name| matches!(name, "*" | "events:*" | "events:Put*" | "events:PutRule"))
        });
        if !may && !elsewhere && !is_unresolved(&target.properties["Policies"]) {
            let message = format!(
                "`{}` does not allow Step Functions to create the EventBridge rule that reports the end of the job",
                target.id
            );
            findings.add(machine, role, message, "allow events:PutTargets, PutRule and DescribeRule on rule/StepFunctionsGetEventsForSageMaker…Rule");
        }
    }
}
