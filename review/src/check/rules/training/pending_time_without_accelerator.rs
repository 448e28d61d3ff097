//! `pending-time-without-accelerator`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// `MaxPendingTimeInSeconds` is set for a job on instances without accelerators.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts it only for accelerated instance types.
    ///
    /// # How to fix
    ///
    /// Remove the property.
    Error "pending-time-without-accelerator",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json StoppingCondition.MaxPendingTimeInSeconds",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let pending = &job.stopping()["MaxPendingTimeInSeconds"];
        for (_, name, facts) in job.instances() {
            if is_set(pending) && facts.is_some_and(|facts| facts.accelerator_count == Some(0)) {
                findings.add(
                    job.resource,
                    pending,
                    format!("`MaxPendingTimeInSeconds` applies to accelerator instances, and {name} has no accelerator"),
                    "remove it",
                );
            }
        }
    }
}
