//! `component-without-memory`

use crate::check::findings::Findings;
use crate::check::rules::inference_component::specifications;
use crate::check::rules::rule;
use crate::check::serving::INFERENCE_COMPONENT;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// The compute resources of an inference component have no `MinMemoryRequiredInMb`.
    ///
    /// # Why it matters
    ///
    /// SageMaker requires the value, at least 128.
    ///
    /// # How to fix
    ///
    /// Set `MinMemoryRequiredInMb`.
    Error "component-without-memory",
    source: "botocore 1.44.5 sagemaker/2017-07-24/service-2.json InferenceComponentComputeResourceRequirements",
    applies_to: ["AWS::SageMaker::InferenceComponent"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for component in view.of_type(INFERENCE_COMPONENT) {
        for specification in specifications(component) {
            let needs = &specification["ComputeResourceRequirements"];
            if needs.is_object() && !is_unresolved(needs) && !is_set(&needs["MinMemoryRequiredInMb"]) {
                findings.add(
                    component,
                    needs,
                    "`MinMemoryRequiredInMb` is missing",
                    "set `MinMemoryRequiredInMb` to the memory that a copy needs, at least 128",
                );
            }
        }
    }
}
