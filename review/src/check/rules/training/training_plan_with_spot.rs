//! `training-plan-with-spot`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// A managed Spot job has a training plan.
    ///
    /// # Why it matters
    ///
    /// The plan has already reserved and paid for the capacity.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the API refuses the combination, so this is a warning.
    Warning "training-plan-with-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig.TrainingPlanArn; unconfirmed",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let plan = &job.resources()["TrainingPlanArn"];
        if is_set(plan) && boolean(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                plan,
                "a training plan has reserved the capacity, so that managed spot training has no effect",
                "set `EnableManagedSpotTraining` to false",
            );
        }
    }
}
