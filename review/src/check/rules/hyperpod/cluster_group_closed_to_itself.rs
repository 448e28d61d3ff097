//! `cluster-group-closed-to-itself`

use crate::check::findings::Findings;
use crate::check::rules::distribution::{first_closed, lets_itself_in};
use crate::check::rules::hyperpod::{CLUSTER, security_groups_with_efa};
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// The security group of HyperPod instances with EFA does not allow all traffic from itself. An instance group has the
    /// security groups of its `OverrideVpcConfig`, or else those of the cluster.
    ///
    /// # Why it matters
    ///
    /// The instances cannot communicate, and jobs time out.
    ///
    /// # How to fix
    ///
    /// Add an ingress rule for all protocols with the group itself as source.
    ///
    /// # Limitations
    ///
    /// One open security group is enough for an instance group with several. Security groups outside of the template
    /// are not checked.
    Error "cluster-group-closed-to-itself",
    source: "awsome-distributed-training@7217859f security-group-stack.yaml; Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for references in security_groups_with_efa(cluster) {
            let closed = first_closed(view, references, |group| lets_itself_in(view, group));
            if let Some((reference, group)) = closed {
                findings.add(
                    cluster,
                    reference,
                    format!("`{}` does not allow all inbound traffic from itself, which EFA needs", group.id),
                    "add an ingress rule with protocol -1 whose source is the security group itself",
                );
            }
        }
    }
}
