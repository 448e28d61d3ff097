//! `sharded-on-one-accelerator`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// PyTorch FSDP is used on one accelerator.
    ///
    /// # Why it matters
    ///
    /// Nothing can be sharded, so model, gradients and optimizer states need the memory of that accelerator.
    ///
    /// # How to fix
    ///
    /// Use more accelerators, or a smaller model.
    Warning "sharded-on-one-accelerator",
    source: "PyTorch, torch.distributed.fsdp: states are sharded across the workers of a process group",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let location = &job.arguments["Environment"]["FSDP_SHARDING_STRATEGY"];
        let Some(strategy) = string(location).filter(|strategy| *strategy != "NO_SHARD") else { continue };
        if job.accelerators() == Some(1.0) {
            findings.add(
                job.resource,
                location,
                format!("{strategy} does not shard anything: the job has one accelerator"),
                "use an instance type with more accelerators, more instances, or NO_SHARD",
            );
        }
    }
}
