//! `warm-pool-with-spot`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{boolean, number};
use crate::check::view::View;

rule! {
    /// `KeepAlivePeriodInSeconds` is set for a managed Spot job.
    ///
    /// # Why it matters
    ///
    /// Spot capacity cannot be kept, and the API refuses the combination.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "warm-pool-with-spot",
    source: "Amazon SageMaker Developer Guide, train-warm-pools.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let keep = &job.resources()["KeepAlivePeriodInSeconds"];
        let keeps = number(keep).is_some_and(|seconds| seconds > 0.0);
        if keeps && boolean(&job.arguments["EnableManagedSpotTraining"]) == Some(true) {
            findings.add(
                job.resource,
                keep,
                "spot instances cannot be kept in a warm pool",
                "remove `KeepAlivePeriodInSeconds`, or set `EnableManagedSpotTraining` to false",
            );
        }
    }
}
