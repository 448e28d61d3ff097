//! `event-topic-policy-with-condition`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, one_or_many, string};
use crate::check::view::View;

rule! {
    /// The policy of an SNS topic lets EventBridge publish under a condition.
    ///
    /// # Why it matters
    ///
    /// EventBridge publishes without the context that a condition compares, so the statement never allows anything: the
    /// rule matches events, but nobody is notified. Only the metric `FailedInvocations` of the rule shows the failure.
    ///
    /// # How to fix
    ///
    /// Remove the condition from the statement for `events.amazonaws.com`.
    Warning "event-topic-policy-with-condition",
    source: "Amazon EventBridge User Guide, \"Using resource-based policies for Amazon EventBridge\": condition blocks in SNS topic policies are not supported",
    applies_to: ["AWS::SNS::TopicPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for policy in view.of_type("AWS::SNS::TopicPolicy") {
        for statement in one_or_many(&policy.properties["PolicyDocument"]["Statement"]) {
            let services: Vec<&str> = one_or_many(&statement["Principal"]["Service"])
                .filter_map(|service| string(service))
                .collect();
            let is_allowed = string(&statement["Effect"]) == Some("Allow");
            if is_allowed && services == ["events.amazonaws.com"] && is_set(&statement["Condition"]) {
                findings.add(
                    policy,
                    &statement["Condition"],
                    "EventBridge publishes to SNS topics without the context of a condition, so the statement never applies",
                    "remove the condition",
                );
            }
        }
    }
}
