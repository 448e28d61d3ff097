//! `deployment-timeout-below-waits`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::ENDPOINT;
use crate::check::value::{number, string};
use crate::check::view::View;

rule! {
    /// `MaximumExecutionTimeoutInSeconds` is shorter than the sum of the waiting times of the update.
    ///
    /// # Why it matters
    ///
    /// Every update ends in a rollback.
    ///
    /// # How to fix
    ///
    /// Raise the timeout, or shorten the waiting times.
    Error "deployment-timeout-below-waits",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json BlueGreenUpdatePolicy.MaximumExecutionTimeoutInSeconds",
    applies_to: ["AWS::SageMaker::Endpoint"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for endpoint in view.of_type(ENDPOINT) {
        let policy = &endpoint.properties["DeploymentConfig"]["BlueGreenUpdatePolicy"];
        let routing = &policy["TrafficRoutingConfiguration"];
        let seconds = |value: &JsonValue| number(value).unwrap_or(0.0);
        let steps = match string(&routing["Type"]) {
            Some("CANARY") => 1.0,
            Some("LINEAR") => {
                match (
                    string(&routing["LinearStepSize"]["Type"]),
                    number(&routing["LinearStepSize"]["Value"]),
                ) {
                    // After the last step it waits too.
                    (Some("CAPACITY_PERCENT"), Some(share)) if share > 0.0 => (100.0 / share).ceil(),
                    _ => 1.0,
                }
            }
            _ => 0.0,
        };
        let waits =
            steps * seconds(&routing["WaitIntervalInSeconds"]) + seconds(&policy["TerminationWaitInSeconds"]);
        let limit = &policy["MaximumExecutionTimeoutInSeconds"];
        if let Some(given) = number(limit).filter(|given| *given < waits) {
            findings.add(
                endpoint,
                limit,
                format!("{given} s is shorter than the waits of the update, {waits} s"),
                format!("use more than {waits}, because the instances need time to start as well"),
            );
        }
    }
}
