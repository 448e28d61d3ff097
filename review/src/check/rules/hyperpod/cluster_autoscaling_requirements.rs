//! `cluster-autoscaling-requirements`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, string};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster uses autoscaling by Karpenter without `ClusterRole`, continuous provisioning, automatic node recovery
    /// or EKS.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the cluster.
    ///
    /// # How to fix
    ///
    /// Set the properties that the message names.
    Error "cluster-autoscaling-requirements",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterRole, ClusterAutoScalingConfig",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let scaling = &cluster.properties["AutoScaling"];
        if string(&scaling["Mode"]) != Some("Enable") {
            continue;
        }
        let orchestrator = &cluster.properties["Orchestrator"];
        let mut missing = Vec::new();
        if !is_set(&cluster.properties["ClusterRole"]) {
            missing.push("a `ClusterRole`");
        }
        if !is_set(&cluster.properties["NodeProvisioningMode"]) {
            missing.push("`NodeProvisioningMode: Continuous`");
        }
        if string(&cluster.properties["NodeRecovery"]) == Some("None") {
            missing.push("`NodeRecovery: Automatic`");
        }
        if !is_set(&orchestrator["Eks"]) && !is_unresolved(orchestrator) {
            missing.push("`Orchestrator.Eks`");
        }
        if !missing.is_empty() {
            findings.add(cluster, scaling, format!("autoscaling needs {}", missing.join(", ")), "the role allows Karpenter to add and delete nodes: sagemaker:BatchAddClusterNodes, sagemaker:BatchDeleteClusterNodes");
        }
    }
}
