//! `wait-without-spot`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// `MaxWaitTimeInSeconds` is given for a job that is no managed spot job. The API refuses it.
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
                "only a spot job has `MaxWaitTimeInSeconds`",
                "leave it out, or turn `EnableManagedSpotTraining` on",
            );
        }
    }
}
