//! `volume-key-on-local-storage`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// `VolumeKmsKeyId` is set for an instance type with local NVMe storage.
    ///
    /// # Why it matters
    ///
    /// The instance encrypts these disks itself, and the API refuses the key.
    ///
    /// # How to fix
    ///
    /// Remove `VolumeKmsKeyId`.
    Error "volume-key-on-local-storage",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json ResourceConfig.VolumeKmsKeyId; hardware of instance types, moto 5.2.5",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let key = &job.resources()["VolumeKmsKeyId"];
        for (_, name, facts) in job.instances() {
            if is_set(key) && facts.and_then(|facts| facts.local_nvme_gb).is_some_and(|size| size > 0) {
                findings.add(
                    job.resource,
                    key,
                    format!("{name} has local NVMe storage, for which no key can be set"),
                    "remove `VolumeKmsKeyId`: the instance encrypts its storage",
                );
            }
        }
    }
}
