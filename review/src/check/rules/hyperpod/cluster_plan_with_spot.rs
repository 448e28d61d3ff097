//! `cluster-plan-with-spot`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// A HyperPod instance group has a training plan and requests Spot capacity.
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
    Warning "cluster-plan-with-spot",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterCapacityRequirements; unconfirmed",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let capacity = &group["CapacityRequirements"];
            if is_set(&group["TrainingPlanArn"]) && is_set(&capacity["Spot"]) {
                findings.add(
                    cluster,
                    capacity,
                    "a training plan has reserved the capacity, so that spot requirements have no effect",
                    "remove one of the two",
                );
            }
        }
    }
}
