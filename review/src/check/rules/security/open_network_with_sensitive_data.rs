//! `open-network-with-sensitive-data`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// A job with a KMS key for its storage has neither network isolation nor a VPC.
    ///
    /// # Why it matters
    ///
    /// The key shows that the data is sensitive, and the container can send it to the internet.
    ///
    /// # How to fix
    ///
    /// Set `EnableNetworkIsolation`, or `VpcConfig`.
    Warning "open-network-with-sensitive-data",
    source: "Amazon SageMaker Developer Guide, mkt-algo-model-internet-free.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let isolated = &job.arguments["EnableNetworkIsolation"];
        let key = &job.resources()["VolumeKmsKeyId"];
        let closed =
            is_set(&job.arguments["VpcConfig"]) || is_set(isolated) && boolean(isolated) != Some(false);
        if is_set(key) && !closed {
            findings.add(
                job.resource,
                key,
                "the storage is encrypted with a KMS key, and the container can access the internet",
                "set `EnableNetworkIsolation: true`, or run the job in a VPC",
            );
        }
    }
}
