//! `two-smdistributed-strategies`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A job turns on both the data parallel and the model parallel library of SageMaker.
    ///
    /// # Why it matters
    ///
    /// The model parallel library uses the data parallel library by itself. The training toolkit refuses a job with
    /// both strategies.
    ///
    /// # How to fix
    ///
    /// Turn on one of the two.
    Error "two-smdistributed-strategies",
    source: "sagemaker 2.257.7 fw_utils.py validate_smdistributed",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        if job.is_on(DATA_PARALLEL) && job.model_parallel().is_some() {
            let location = &job.arguments["HyperParameters"][DATA_PARALLEL];
            findings.add(
                job.resource,
                location,
                "data parallel and model parallel exclude each other as strategies",
                "remove data parallel",
            );
        }
    }
}
