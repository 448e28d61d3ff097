//! `warm-pool-with-instance-groups`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{is_set, number};
use crate::check::view::View;

rule! {
    /// `KeepAlivePeriodInSeconds` is set for a job with instance groups.
    ///
    /// # Why it matters
    ///
    /// A warm pool holds one type of instance, and the API refuses the combination.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "warm-pool-with-instance-groups",
    source: "Amazon SageMaker Developer Guide, train-warm-pools.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let keep = &job.resources()["KeepAlivePeriodInSeconds"];
        let keeps = number(keep).is_some_and(|seconds| seconds > 0.0);
        if keeps && is_set(&job.resources()["InstanceGroups"]) {
            findings.add(
                job.resource,
                keep,
                "warm pools do not support instance groups",
                "remove `KeepAlivePeriodInSeconds`, or use one instance type",
            );
        }
    }
}
