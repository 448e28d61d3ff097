//! `root-volume-settings`

use crate::check::findings::Findings;
use crate::check::rules::hyperpod::{CLUSTER, groups};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set, is_unresolved, items};
use crate::check::view::View;

rule! {
    /// The root volume of a HyperPod instance group has a size, or has no key, or an additional volume has no size.
    ///
    /// # Why it matters
    ///
    /// `RootVolume: true` only encrypts the root volume with a key. SageMaker refuses other settings.
    ///
    /// # How to fix
    ///
    /// Set `VolumeKmsKeyId`, and remove the size.
    Error "root-volume-settings",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ClusterEbsVolumeConfig",
    applies_to: ["AWS::SageMaker::Cluster"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for cluster in view.of_type(CLUSTER) {
        for group in groups(cluster) {
            for volume in items(&group["InstanceStorageConfigs"]).map(|storage| &storage["EbsVolumeConfig"]) {
                let root = &volume["RootVolume"];
                if boolean(root) == Some(false) || !is_set(root) {
                    if is_set(volume) && !is_unresolved(volume) && !is_set(&volume["VolumeSizeInGB"]) {
                        findings.add(
                            cluster,
                            volume,
                            "an additional volume needs `VolumeSizeInGB`",
                            "set the size, or `RootVolume: true` to encrypt the root volume",
                        );
                    }
                    continue;
                }
                if boolean(root) != Some(true) {
                    continue;
                }
                if is_set(&volume["VolumeSizeInGB"]) {
                    findings.add(
                        cluster,
                        &volume["VolumeSizeInGB"],
                        "the size of the root volume cannot be set",
                        "remove it, or add another volume",
                    );
                }
                if !is_set(&volume["VolumeKmsKeyId"]) {
                    findings.add(
                        cluster,
                        volume,
                        "`RootVolume` needs `VolumeKmsKeyId`",
                        "set the key that encrypts it",
                    );
                }
            }
        }
    }
}
