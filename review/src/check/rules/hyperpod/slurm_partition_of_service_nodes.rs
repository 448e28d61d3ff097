//! `slurm-partition-of-service-nodes`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// A group of controller or login nodes of a HyperPod cluster is in a Slurm partition.
    ///
    /// # Why it matters
    ///
    /// The service answers "Partitions can only be assigned to Compute node types".
    ///
    /// # How to fix
    ///
    /// Remove `PartitionNames` from the group.
    Error "slurm-partition-of-service-nodes",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-slurm-api-config-migration.md",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for config in groups(cluster).map(|group| &group["SlurmConfig"]) {
            let kind = string(&config["NodeType"]).filter(|kind| *kind != "Compute");
            let partitions = &config["PartitionNames"];
            if let Some(kind) = kind.filter(|_| items(partitions).next().is_some()) {
                findings.add(
                    cluster,
                    partitions,
                    format!("nodes of type {kind} cannot be in a partition"),
                    "remove `PartitionNames`",
                );
            }
        }
    }
}
