//! `adapter-with-compute`

use crate::check::findings::Findings;
use crate::check::rules::inference_component::specifications;
use crate::check::rules::rule;
use crate::check::serving::INFERENCE_COMPONENT;
use crate::check::value::is_set;
use crate::check::view::View;

rule! {
    /// An adapter, an inference component with `BaseInferenceComponentName`, requests compute resources.
    ///
    /// # Why it matters
    ///
    /// SageMaker refuses the component: an adapter runs on the resources of its base.
    ///
    /// # How to fix
    ///
    /// Remove `ComputeResourceRequirements`.
    Error "adapter-with-compute",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json InferenceComponentSpecification",
    applies_to: ["AWS::SageMaker::InferenceComponent"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for component in view.of_type(INFERENCE_COMPONENT) {
        for specification in specifications(component) {
            let needs = &specification["ComputeResourceRequirements"];
            if is_set(&specification["BaseInferenceComponentName"]) && is_set(needs) {
                findings.add(
                    component,
                    needs,
                    "an adapter uses the compute resources of its base component",
                    "remove `ComputeResourceRequirements`",
                );
            }
        }
    }
}
