//! `file-system-without-vpc`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{is_set, items};
use crate::check::view::View;

rule! {
    /// A channel reads from a file system (FSx for Lustre, EFS), and the job has no `VpcConfig`.
    ///
    /// # Why it matters
    ///
    /// The file system is in a VPC, so the job cannot reach it.
    ///
    /// # How to fix
    ///
    /// Set `VpcConfig`.
    Error "file-system-without-vpc",
    source: "Amazon SageMaker Developer Guide, model-access-training-data.md (file systems need a VPC connection)",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view).into_iter().filter(|job| !is_set(&job.arguments["VpcConfig"])) {
        for channel in items(&job.arguments["InputDataConfig"]) {
            let system = &channel["DataSource"]["FileSystemDataSource"];
            if is_set(system) {
                findings.add(
                    job.resource,
                    system,
                    "the job reads a file system and has no `VpcConfig`",
                    "set `VpcConfig` to subnets and security groups from which the file system can be reached",
                );
            }
        }
    }
}
