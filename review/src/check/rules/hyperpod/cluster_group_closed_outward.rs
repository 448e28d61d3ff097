//! `cluster-group-closed-outward`

use crate::check::findings::Findings;
use crate::check::rules::distribution::lets_itself_out;
use crate::check::rules::hyperpod::{CLUSTER, communicates_by_efa, groups};
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// The security group of a HyperPod cluster with EFA has no egress rule for all traffic to itself.
    ///
    /// # Why it matters
    ///
    /// The EFA health check of HyperPod fails, and the cluster is not created. The rule that security groups have by default, to
    /// `0.0.0.0/0`, is not enough.
    ///
    /// # How to fix
    ///
    /// Add an egress rule for all protocols with the group itself as destination.
    ///
    /// # Limitations
    ///
    /// Security groups outside of the template are not known.
    Error "cluster-group-closed-outward",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md; AWS's sample awsome-distributed-training@7217859f, modules/security_group",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER).filter(|cluster| communicates_by_efa(cluster)) {
        let of_groups =
            groups(cluster).flat_map(|group| items(&group["OverrideVpcConfig"]["SecurityGroupIds"]));
        for location in items(&cluster.properties["VpcConfig"]["SecurityGroupIds"]).chain(of_groups) {
            if let Some(group) = view.target(location).filter(|group| !lets_itself_out(view, group)) {
                findings.add(
                    cluster,
                    location,
                    format!("`{}` does not allow all outbound traffic to itself, which EFA needs", group.id),
                    "add an egress rule with protocol -1 whose destination is the security group itself",
                );
            }
        }
    }
}
