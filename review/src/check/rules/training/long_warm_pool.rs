//! `long-warm-pool`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::number;
use crate::check::view::View;

rule! {
    /// A warm pool is kept for more than an hour.
    ///
    /// # Why it matters
    ///
    /// The Developer Guide states one hour as the maximum. A warm pool costs money as long as it is kept.
    ///
    /// # How to fix
    ///
    /// Set `KeepAlivePeriodInSeconds` to 3600 or less.
    ///
    /// # Limitations
    ///
    /// The API model allows six hours, so this is a warning.
    Warning "long-warm-pool",
    source: "Amazon SageMaker Developer Guide, train-warm-pools.md (3600); botocore 1.44.5 sagemaker/2017-07-24/service-2.json KeepAlivePeriodInSeconds (21600)",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let keep = &job.resources()["KeepAlivePeriodInSeconds"];
        if let Some(given) =
            number(keep).filter(|seconds| (3600.0..=21_600.0).contains(seconds) && *seconds > 3600.0)
        {
            findings.add(
                job.resource,
                keep,
                format!("{given} s is longer than one hour, the maximum of the developer guide"),
                "use at most 3600",
            );
        }
    }
}
