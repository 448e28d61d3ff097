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
        let help = "as long as the run may take, and the time that it may wait for capacity";
        // Without a value of its own a job may run for a day.
        let longest = if is_set(run) { number(run) } else { Some(86_400.0) };
        match (longest, number(wait)) {
            (Some(longest), Some(given)) if given < longest => {
                findings.add(
                    job.resource,
                    wait,
                    format!("a spot job waits {given} s at most, and may run {longest} s"),
                    help,
                );
            }
            _ if !is_set(wait) && !is_unresolved(job.stopping()) => {
                findings.add(
                    job.resource,
                    &job.arguments["EnableManagedSpotTraining"],
                    "a spot job needs `MaxWaitTimeInSeconds`",
                    help,
                );
            }
            _ => {}
        }
    }
}
