//! `unsupported-optimization-instance`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// An optimization job names an instance type on which the SageMaker Python SDK does not run the optimization
    /// toolkit.
    ///
    /// # Why it matters
    ///
    /// The job may fail.
    ///
    /// # How to fix
    ///
    /// Use a type that the SDK supports.
    ///
    /// # Limitations
    ///
    /// The API accepts more instance types than the SDK, so this is a warning.
    Warning "unsupported-optimization-instance",
    source: "sagemaker 2.257.7 serve/validations/optimization.py",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (resource, request) in view.requests("CreateOptimizationJob") {
        let arguments = &request.arguments;
        let location = &arguments["DeploymentInstanceType"];
        let Some(given) = string(location) else { continue };
        let families = ["p4d", "p4de", "p5", "g5", "g6", "inf2", "trn1", "trn1n"];
        let family = given.split('.').nth(1).unwrap_or_default();
        if !families.contains(&family) {
            findings.add(
                resource,
                location,
                format!("the SageMaker Python SDK does not optimize for {given}"),
                format!("use one of {}", families.join(", ")),
            );
        }
    }
}
