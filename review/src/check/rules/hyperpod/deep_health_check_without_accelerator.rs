//! `deep-health-check-without-accelerator`

use stackwright_schemas::instances::instance;

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_set, items, string};
use crate::check::view::View;

rule! {
    /// Deep health checks are set for a HyperPod instance group without GPU or Trainium, or for one with taints that
    /// the checks do not tolerate.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the group, or the checks never run.
    ///
    /// # How to fix
    ///
    /// Remove the health checks or the taints.
    Error "deep-health-check-without-accelerator",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json DeepHealthCheckType; Amazon SageMaker Developer Guide, sagemaker-hyperpod-eks-prerequisites.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            let checks = &group["OnStartDeepHealthChecks"];
            let facts = string(&group["InstanceType"]).and_then(instance);
            if is_set(checks) && facts.is_some_and(|facts| facts.accelerator_count == Some(0)) {
                findings.add(
                    cluster,
                    checks,
                    "deep health checks need GPU or Trainium instances",
                    "remove them from this group",
                );
            }
            let taints = &group["KubernetesConfig"]["Taints"];
            if is_set(checks) && items(taints).next().is_some() {
                findings.add(
                    cluster,
                    taints,
                    "a group with deep health checks cannot have taints",
                    "remove the taints",
                );
            }
        }
    }
}
