//! `training-plan-instance`

use stackwright_schemas::instances::InstanceUse;

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A training plan is set for an instance type that training plans do not offer.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the job.
    ///
    /// # How to fix
    ///
    /// Use an instance type of the plan.
    Error "training-plan-instance",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ReservedCapacityInstanceType",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        for (location, name, facts) in job.instances() {
            let offered = facts.is_none_or(|facts| facts.is_for(InstanceUse::TrainingPlan));
            if is_set(&job.resources()["TrainingPlanArn"]) && !offered {
                findings.add(
                    job.resource,
                    location,
                    format!("training plans do not support {name}"),
                    "use a p4d, p4de, p5, p6 or Trainium instance type",
                );
            }
        }
    }
}
