//! `cluster-addon-version`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

/// The oldest VPC CNI with which nodes of HyperPod join.
const VPC_CNI: [u32; 3] = [1, 18, 3];

/// The oldest Kubernetes on which task governance runs.
const GOVERNANCE: [u32; 2] = [1, 30];

rule! {
    /// HyperPod does not support the version of an add-on of its EKS cluster, or the add-on on this version of
    /// Kubernetes.
    ///
    /// # Why it matters
    ///
    /// Nodes do not join with a VPC CNI before 1.18.3, and task governance needs Kubernetes 1.30.
    ///
    /// # How to fix
    ///
    /// Use a newer version of the add-on or of Kubernetes.
    Error "cluster-addon-version",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-eks-prerequisites.md and sagemaker-hyperpod-eks-operate-console-ui-governance-setup-task-governance.md",
    applies_to: ["AWS::EKS::Addon", "AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let Some(eks) = view.target(&cluster.properties["Orchestrator"]["Eks"]["ClusterArn"]) else {
            continue;
        };
        for addon in view.of_type("AWS::EKS::Addon") {
            if view.target(&addon.properties["ClusterName"]).is_none_or(|target| target.id != eks.id) {
                continue;
            }
            let version = &addon.properties["AddonVersion"];
            let kubernetes = string(&eks.properties["Version"]).and_then(numbers);
            match string(&addon.properties["AddonName"]) {
                Some("vpc-cni")
                    if string(version).and_then(numbers).is_some_and(|it| it < VPC_CNI.to_vec()) =>
                {
                    findings.add(
                        addon,
                        version,
                        "nodes of HyperPod do not join with a VPC CNI before 1.18.3",
                        "use a newer version, or leave it out for the default one",
                    );
                }
                Some("amazon-sagemaker-hyperpod-taskgovernance")
                    if kubernetes.is_some_and(|it| it < GOVERNANCE.to_vec()) =>
                {
                    findings.add(
                        addon,
                        &addon.properties["AddonName"],
                        "task governance needs Kubernetes 1.30 or later",
                        "update the EKS cluster",
                    );
                }
                _ => {}
            }
        }
    }
}

/// Returns the numbers of a version such as `v1.18.3-eksbuild.1` or `1.30`; `None` if it is no version.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let release = version.trim_start_matches('v').split(['-', '+']).next()?;
    release.split('.').map(|part| part.parse().ok()).collect()
}
