//! `strategy-with-continuous-provisioning`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::CLUSTER;
use crate::check::rules::rule;
use crate::check::value::{is_set, string};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster with Slurm and continuous provisioning sets `SlurmConfigStrategy`.
    ///
    /// # Why it matters
    ///
    /// The API rejects every value: such a cluster always merges its configuration with manual changes of `slurm.conf`.
    ///
    /// # How to fix
    ///
    /// Remove `SlurmConfigStrategy`.
    Error "strategy-with-continuous-provisioning",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-scaling-slurm.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let strategy = &cluster.properties["Orchestrator"]["Slurm"]["SlurmConfigStrategy"];
        if is_set(strategy) && string(&cluster.properties["NodeProvisioningMode"]) == Some("Continuous") {
            findings.add(
                cluster,
                strategy,
                "`SlurmConfigStrategy` is not supported with continuous provisioning",
                "remove `SlurmConfigStrategy`",
            );
        }
    }
}
