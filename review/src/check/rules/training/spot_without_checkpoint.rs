//! `spot-without-checkpoint`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set};
use crate::check::view::View;

rule! {
    /// Managed Spot training is enabled, but `CheckpointConfig` is not set.
    ///
    /// # Why it matters
    ///
    /// An interruption loses all work. Built-in algorithms without checkpoints may run for an hour at most.
    ///
    /// # How to fix
    ///
    /// Set `CheckpointConfig.S3Uri`, so that an interrupted job can resume.
    Warning "spot-without-checkpoint",
    source: "Amazon SageMaker Developer Guide, model-managed-spot-training.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let spot = &job.arguments["EnableManagedSpotTraining"];
        if boolean(spot) == Some(true) && !is_set(&job.arguments["CheckpointConfig"]) {
            findings.add(
                job.resource,
                spot,
                "managed spot training is enabled, but `CheckpointConfig` is not set",
                "set `CheckpointConfig.S3Uri`, so that an interrupted job can resume",
            );
        }
    }
}
