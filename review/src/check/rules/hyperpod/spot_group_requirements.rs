//! `spot-group-requirements`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups, is_continuous};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A HyperPod instance group requests Spot capacity in a cluster without Amazon EKS or without continuous provisioning.
    ///
    /// # Why it matters
    ///
    /// Spot capacity is documented for clusters with Amazon EKS and continuous provisioning only.
    ///
    /// # How to fix
    ///
    /// Set `Orchestrator.Eks` and `NodeProvisioningMode: Continuous`, or request on-demand capacity.
    ///
    /// # Limitations
    ///
    /// It is not confirmed that the API refuses other clusters, so this is a warning.
    Warning "spot-group-requirements",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-spot.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let orchestrator = &cluster.properties["Orchestrator"];
        let mut missing = Vec::new();
        if !is_set(&orchestrator["Eks"]) && !is_unresolved(orchestrator) {
            missing.push("`Orchestrator.Eks`");
        }
        if !is_continuous(cluster) {
            missing.push("`NodeProvisioningMode: Continuous`");
        }
        for group in groups(cluster).filter(|_| !missing.is_empty()) {
            let spot = &group["CapacityRequirements"]["Spot"];
            if is_set(spot) {
                findings.add(
                    cluster,
                    spot,
                    format!("Spot capacity is documented for clusters with {} only", missing.join(" and ")),
                    "set them, or use on-demand capacity",
                );
            }
        }
    }
}
