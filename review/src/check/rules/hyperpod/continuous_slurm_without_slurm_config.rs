//! `continuous-slurm-without-slurm-config`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, is_continuous};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved, items};
use crate::check::view::View;

rule! {
    /// A HyperPod cluster with Slurm and continuous provisioning has a group without `SlurmConfig`.
    ///
    /// # Why it matters
    ///
    /// Continuous provisioning configures Slurm by the API only: every group needs its node type, and lifecycle scripts with
    /// `provisioning_parameters.json` are not supported.
    ///
    /// # How to fix
    ///
    /// Set `SlurmConfig.NodeType` of each group.
    Error "continuous-slurm-without-slurm-config",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-scaling-slurm.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let orchestrator = &cluster.properties["Orchestrator"];
        let is_slurm = !is_set(&orchestrator["Eks"]) && !is_unresolved(orchestrator);
        if !is_slurm || !is_continuous(cluster) {
            continue;
        }
        for group in items(&cluster.properties["InstanceGroups"]) {
            if !is_unresolved(group) && !is_set(&group["SlurmConfig"]) {
                findings.add(
                    cluster,
                    group,
                    "with Slurm, continuous provisioning needs the `SlurmConfig` of every group",
                    "set `SlurmConfig.NodeType` to `Controller`, `Login` or `Compute`",
                );
            }
        }
    }
}
