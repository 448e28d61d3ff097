//! `cluster-group-closed-outward`

use crate::check::findings::Findings;
use crate::check::rules::distribution::{first_closed, lets_itself_out};
use crate::check::rules::hyperpod::{CLUSTER, security_groups_with_efa};
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The security group of HyperPod instances with EFA has no egress rule for all traffic to itself. An instance group has the
    /// security groups of its `OverrideVpcConfig`, or else those of the cluster.
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
    /// One open security group is enough for an instance group with several. Security groups outside of the template
    /// are not checked.
    Error "cluster-group-closed-outward",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md; AWS's sample awsome-distributed-training@7217859f, modules/security_group",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for references in security_groups_with_efa(cluster) {
            let closed = first_closed(view, references, |group| lets_itself_out(view, group));
            if let Some((reference, group)) = closed {
                findings.add(
                    cluster,
                    reference,
                    format!("`{}` does not allow all outbound traffic to itself, which EFA needs", group.id),
                    "add an egress rule with protocol -1 whose destination is the security group itself",
                );
            }
        }
    }
}
