//! `open-traffic-between-containers`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// A job on several instances with a KMS key for its storage does not encrypt the traffic between them.
    ///
    /// # Why it matters
    ///
    /// The key shows that the data is sensitive, and it is sent unencrypted between instances.
    ///
    /// # How to fix
    ///
    /// Set `EnableInterContainerTrafficEncryption: true`.
    Warning "open-traffic-between-containers",
    source: "Amazon SageMaker Developer Guide, train-encrypt.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let given = &job.arguments["EnableInterContainerTrafficEncryption"];
        let key = &job.resources()["VolumeKmsKeyId"];
        let several = job.count().is_some_and(|count| count > 1.0);
        if several && is_set(key) && (boolean(given) == Some(false) || !is_set(given)) {
            let at = if is_set(given) { given } else { key };
            findings.add(
                job.resource,
                at,
                "the storage is encrypted with a KMS key, and traffic between the containers is not encrypted",
                "set `EnableInterContainerTrafficEncryption: true`; training becomes slower",
            );
        }
    }
}
