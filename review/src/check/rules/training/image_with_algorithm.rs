//! `image-with-algorithm`

use crate::check::findings::Findings;
use crate::check::job::{LAUNCHERS, jobs};
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A job names both `TrainingImage` and `AlgorithmName`, or neither.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts exactly one of them.
    ///
    /// # How to fix
    ///
    /// Set one of the two.
    Error "image-with-algorithm",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json AlgorithmSpecification",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for job in jobs(view) {
        let specification = &job.arguments["AlgorithmSpecification"];
        let (image, name) = (&specification["TrainingImage"], &specification["AlgorithmName"]);
        findings.add_if_both(job.resource, specification, ["TrainingImage", "AlgorithmName"]);
        if specification.is_object() && !is_unresolved(specification) && !is_set(image) && !is_set(name) {
            findings.add(
                job.resource,
                specification,
                "the job has neither `TrainingImage` nor `AlgorithmName`",
                "",
            );
        }
    }
}
