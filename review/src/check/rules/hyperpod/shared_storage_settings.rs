//! `shared-storage-settings`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, MOUNTS, groups, is_mount};
use crate::check::rules::rule;
use crate::check::value::{is_set, items};
use crate::check::view::View;

rule! {
    /// A HyperPod instance group mounts two FSx file systems of one kind, or a cluster without Slurm mounts one.
    ///
    /// # Why it matters
    ///
    /// A group has at most one `FsxLustreConfig` and one `FsxOpenZfsConfig`, and SageMaker mounts them on Slurm clusters only:
    /// pods of Amazon EKS use the CSI driver of FSx.
    ///
    /// # How to fix
    ///
    /// Mount one file system of each kind. On Amazon EKS, use a persistent volume.
    Error "shared-storage-settings",
    source: "Amazon SageMaker Developer Guide, sagemaker-hyperpod-ref-slurm.md (SlurmConfig rules)",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        let is_eks = is_set(&cluster.properties["Orchestrator"]["Eks"]);
        for group in groups(cluster) {
            let storage = &group["InstanceStorageConfigs"];
            for kind in MOUNTS {
                if let Some(second) = items(storage).filter(|one| is_set(&one[kind])).nth(1) {
                    findings.add(
                        cluster,
                        second,
                        format!("an instance group has at most one `{kind}`"),
                        "mount the other file system by a lifecycle script",
                    );
                }
            }
            if let Some(mount) = items(storage).find(|one| is_eks && is_mount(one)) {
                findings.add(
                    cluster,
                    mount,
                    "SageMaker mounts file systems on Slurm clusters only, and this cluster uses Amazon EKS",
                    "remove it, and use a persistent volume with the CSI driver of FSx",
                );
            }
        }
    }
}
