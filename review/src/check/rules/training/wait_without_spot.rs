//! `wait-without-spot`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// `MaxWaitTimeInSeconds` is set for a job that is not a managed Spot job.
    ///
    /// # Why it matters
    ///
    /// The API refuses it.
    ///
    /// # How to fix
    ///
    /// Remove the property, or enable managed Spot training.
    Error "wait-without-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json StoppingCondition.MaxWaitTimeInSeconds",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let spot = &job.arguments["EnableManagedSpotTraining"];
        let wait = &job.stopping()["MaxWaitTimeInSeconds"];
        if is_set(wait) && (!is_set(spot) || boolean(spot) == Some(false)) {
            findings.add(
                job.resource,
                wait,
                "`MaxWaitTimeInSeconds` applies to managed spot training only",
                "remove it, or set `EnableManagedSpotTraining` to true",
            );
        }
    }
}
