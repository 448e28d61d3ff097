//! `cluster-group-closed-to-itself`

use crate::check::findings::Findings;
use crate::check::rules::distribution::lets_itself_in;
use crate::check::rules::hyperpod::{CLUSTER, communicates_by_efa};
use crate::check::rules::rule;
use crate::check::value::items;
use crate::check::view::View;

rule! {
    /// The security group of a HyperPod cluster with EFA does not allow all traffic from itself.
    ///
    /// # Why it matters
    ///
    /// The instances cannot communicate, and jobs time out.
    ///
    /// # How to fix
    ///
    /// Add an ingress rule for all protocols with the group itself as source.
    Error "cluster-group-closed-to-itself",
    source: "awsome-distributed-training@7217859f security-group-stack.yaml; Amazon SageMaker Developer Guide, sagemaker-hyperpod-prerequisites.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER).filter(|cluster| communicates_by_efa(cluster)) {
        for location in items(&cluster.properties["VpcConfig"]["SecurityGroupIds"]) {
            if let Some(group) = view.target(location).filter(|group| !lets_itself_in(view, group)) {
                let message =
                    format!("`{}` does not allow all inbound traffic from itself, which EFA needs", group.id);
                findings.add(
                    cluster,
                    location,
                    message,
                    "add an ingress rule with protocol -1 whose source is the security group itself",
                );
            }
        }
    }
}
