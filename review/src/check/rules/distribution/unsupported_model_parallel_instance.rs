//! `unsupported-model-parallel-instance`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::is_version_1;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// SageMaker model parallel (SMP v2) is used on an instance type that it does not support.
    ///
    /// # Why it matters
    ///
    /// The job fails when it starts.
    ///
    /// # How to fix
    ///
    /// Use a supported instance type.
    Error "unsupported-model-parallel-instance",
    source: "Amazon SageMaker Developer Guide, distributed-model-parallel-support-v2.md",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if job.model_parallel().is_none_or(|parameters| is_version_1(&parameters)) {
            continue;
        }
        for (location, name, facts) in job.training_instances() {
            let support = facts.and_then(|facts| facts.accelerators()).and_then(|facts| facts.smp_v2);
            if support == Some(false) || facts.is_some_and(|facts| facts.accelerator_count == Some(0)) {
                findings.add(
                    job.resource,
                    location,
                    format!("SageMaker model parallel does not support {name}"),
                    "use p4d, p4de, p5 or p5e",
                );
            }
        }
    }
}
