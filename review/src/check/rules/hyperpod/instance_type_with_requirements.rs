//! `instance-type-with-requirements`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A HyperPod instance group has both `InstanceType` and `InstanceRequirements`, or neither.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts exactly one of them.
    ///
    /// # How to fix
    ///
    /// Set one of the two.
    Error "instance-type-with-requirements",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterInstanceGroupSpecification",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let (one, many) = (&group["InstanceType"], &group["InstanceRequirements"]);
            findings.add_if_both(cluster, group, ["InstanceType", "InstanceRequirements"]);
            if !is_set(one) && !is_set(many) && group.is_object() && !is_unresolved(group) {
                findings.add(
                    cluster,
                    group,
                    "the group has no instance type",
                    "set `InstanceType` or `InstanceRequirements`",
                );
            }
        }
    }
}
