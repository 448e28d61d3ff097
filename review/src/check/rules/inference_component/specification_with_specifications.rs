//! `specification-with-specifications`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::INFERENCE_COMPONENT;
use crate::check::view::View;

rule! {
    /// An inference component has both `Specification` and `Specifications`.
    ///
    /// # Why it matters
    ///
    /// SageMaker accepts one of them.
    ///
    /// # How to fix
    ///
    /// Remove one of the two.
    Error "specification-with-specifications",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json CreateInferenceComponentInput",
    applies_to: ["AWS::SageMaker::InferenceComponent"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for component in view.of_type(INFERENCE_COMPONENT) {
        findings.add_if_both(component, &component.properties, ["Specification", "Specifications"]);
    }
}
