//! `training-too-long`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// A job may run for more than 28 days.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses more than 2419200 seconds.
    ///
    /// # How to fix
    ///
    /// Set `MaxRuntimeInSeconds` to at most 2419200.
    Error "training-too-long",
    source: "Amazon SageMaker Developer Guide, regions-quotas: longest run time for a training job",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let run = &job.stopping()["MaxRuntimeInSeconds"];
        if let Some(given) = number(run).filter(|seconds| *seconds > 2_419_200.0) {
            findings.add(
                job.resource,
                run,
                format!("{given} s is longer than 28 days"),
                "use at most 2419200",
            );
        }
    }
}
