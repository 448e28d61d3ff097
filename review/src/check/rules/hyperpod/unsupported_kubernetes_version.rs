//! `unsupported-kubernetes-version`

use super::{CLUSTER, minor};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;
use stackwright_schemas::lifecycle::kubernetes_versions;

rule! {
    /// A HyperPod cluster uses an EKS cluster with a version of Kubernetes that the documentation of HyperPod does not
    /// list.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the cluster, or its agents do not run.
    ///
    /// # How to fix
    ///
    /// Use a version that HyperPod supports.
    ///
    /// # Limitations
    ///
    /// For versions that are newer than the data of stackwright, this is not confirmed: HyperPod may support them by
    /// now.
    Warning "unsupported-kubernetes-version",
    source: "Amazon SageMaker AI Developer Guide, sagemaker-hyperpod-eks-prerequisites",
    applies_to: [CLUSTER],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let Some(eks) = view.target(&cluster.properties["Orchestrator"]["Eks"]["ClusterArn"]) else {
            continue;
        };
        let value = &eks.properties["Version"];
        let supported = || kubernetes_versions().iter().filter(|version| version.hyperpod);
        let Some(name) = string(value).filter(|name| minor(name).is_some()) else { continue };
        if supported().all(|version| version.name != name) {
            let names: Vec<&str> = supported().map(|version| version.name.as_str()).collect();
            let message = format!("the documentation of HyperPod does not list Kubernetes {name}");
            findings.add(eks, value, message, format!("use one of {}", names.join(", ")));
        }
    }
}
