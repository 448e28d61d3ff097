//! `container-without-smdistributed`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::distribution::DATA_PARALLEL;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A job uses a distribution library of SageMaker with the image `2.0.1-gpu-py310-cu121`, which does not contain
    /// it.
    ///
    /// # Why it matters
    ///
    /// The job fails when it imports the library.
    ///
    /// # How to fix
    ///
    /// Use another version of the image.
    Error "container-without-smdistributed",
    source: "sagemaker 2.257.7 fw_utils.py validate_smdistributed",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let image = &job.arguments["AlgorithmSpecification"]["TrainingImage"];
        let without = string(image).is_some_and(|uri| uri.contains("2.0.1-gpu-py310-cu121"));
        if without && (job.is_on(DATA_PARALLEL) || job.model_parallel().is_some()) {
            findings.add(
                job.resource,
                image,
                "this image does not contain smdistributed",
                "use the tag 2.0.1-gpu-py310-cu118, or a newer version",
            );
        }
    }
}
