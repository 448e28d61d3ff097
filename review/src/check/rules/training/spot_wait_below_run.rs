//! `spot-wait-below-run`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set, is_unresolved, number};
use crate::check::view::View;

rule! {
    /// `MaxWaitTimeInSeconds` of a managed Spot job is missing or below `MaxRuntimeInSeconds`.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the job: the time includes the wait for capacity and the run.
    ///
    /// # How to fix
    ///
    /// Set it to at least `MaxRuntimeInSeconds`.
    Error "spot-wait-below-run",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json StoppingCondition",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if boolean(&job.arguments["EnableManagedSpotTraining"]) != Some(true) {
            continue;
        }
        let (run, wait) = (&job.stopping()["MaxRuntimeInSeconds"], &job.stopping()["MaxWaitTimeInSeconds"]);
        let help =
            "set it to at least `MaxRuntimeInSeconds`, plus the time that the job may wait for capacity";
        // Without a value of its own a job may run for a day.
        let longest = if is_set(run) { number(run) } else { Some(86_400.0) };
        match (longest, number(wait)) {
            (Some(longest), Some(given)) if given < longest => {
                findings.add(
                    job.resource,
                    wait,
                    format!("`MaxWaitTimeInSeconds` is {given} s, and the job may run {longest} s"),
                    help,
                );
            }
            _ if !is_set(wait) && !is_unresolved(job.stopping()) => {
                findings.add(
                    job.resource,
                    &job.arguments["EnableManagedSpotTraining"],
                    "managed spot training needs `MaxWaitTimeInSeconds`",
                    help,
                );
            }
            _ => {}
        }
    }
}
