//! `continuous-provisioning-without-eks`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// `NodeProvisioningMode: Continuous` is set for a cluster that EKS does not orchestrate.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the cluster.
    ///
    /// # How to fix
    ///
    /// Remove the mode, or use EKS.
    Error "continuous-provisioning-without-eks",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateClusterRequest.NodeProvisioningMode",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let mode = &cluster.properties["NodeProvisioningMode"];
        let orchestrator = &cluster.properties["Orchestrator"];
        if string(mode) == Some("Continuous") && !is_set(&orchestrator["Eks"]) && !is_unresolved(orchestrator)
        {
            findings.add(
                cluster,
                mode,
                "continuous provisioning needs the EKS orchestrator",
                "leave it out, or use `Orchestrator.Eks`",
            );
        }
    }
}
