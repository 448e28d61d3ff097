//! `eks-authentication-mode`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// The EKS cluster of a HyperPod cluster has the authentication mode `CONFIG_MAP`.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the cluster, because it needs access entries.
    ///
    /// # How to fix
    ///
    /// Set `AuthenticationMode` to `API` or `API_AND_CONFIG_MAP`.
    Error "eks-authentication-mode",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-eks-prerequisites.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let orchestrator = &cluster.properties["Orchestrator"]["Eks"]["ClusterArn"];
        let Some(eks) = view.target(orchestrator).filter(|target| target.type_name == "AWS::EKS::Cluster")
        else {
            continue;
        };
        let mode = &eks.properties["AccessConfig"]["AuthenticationMode"];
        if string(mode) == Some("CONFIG_MAP") {
            findings.add(
                eks,
                mode,
                "HyperPod needs access entries, which this mode does not support",
                "use API or API_AND_CONFIG_MAP",
            );
        }
    }
}
