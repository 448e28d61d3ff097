//! `compute-group-without-partition`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{is_unresolved, items, string};
use crate::check::view::View;

rule! {
    /// A group of compute nodes of a HyperPod cluster with Slurm has no partition.
    ///
    /// # Why it matters
    ///
    /// The reference of `SlurmConfig` states that a compute group needs a partition. Without one, its nodes are at most
    /// in the partition `dev`, which has all nodes, so that jobs cannot choose the group.
    ///
    /// # How to fix
    ///
    /// Set `PartitionNames` to a list with one name.
    ///
    /// # Limitations
    ///
    /// The schema of the resource leaves `PartitionNames` optional, and whether the service refuses such a group is not
    /// confirmed.
    Warning "compute-group-without-partition",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-ref.md; not confirmed by the API",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for config in groups(cluster).map(|group| &group["SlurmConfig"]) {
            let partitions = &config["PartitionNames"];
            let is_compute = string(&config["NodeType"]) == Some("Compute");
            if is_compute && !is_unresolved(partitions) && items(partitions).next().is_none() {
                findings.add(
                    cluster,
                    &config["NodeType"],
                    "a group of compute nodes has no partition",
                    "set `PartitionNames` to a list with one name",
                );
            }
        }
    }
}
