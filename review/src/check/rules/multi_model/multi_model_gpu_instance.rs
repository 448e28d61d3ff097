//! `multi-model-gpu-instance`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::serving::{is_gpu, is_multi_model, variants};
use crate::check::view::View;

rule! {
    /// A GPU multi-model endpoint uses an instance type that cannot host one.
    ///
    /// # Why it matters
    ///
    /// SageMaker supports only types with a single GPU, of the families g4dn, g5, p2 and p3.
    ///
    /// # How to fix
    ///
    /// Use one of these types.
    Error "multi-model-gpu-instance",
    source: "Amazon SageMaker Developer Guide, multi-model-support.md",
    applies_to: ["AWS::SageMaker::EndpointConfig"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for variant in variants(view) {
        let Some(instance) = variant.instance().filter(|instance| is_gpu(instance)) else { continue };
        let supported = instance.accelerators().and_then(|facts| facts.mme_gpu) == Some(true);
        if supported || !variant.containers().iter().any(|(_, container)| is_multi_model(container)) {
            continue;
        }
        let message = format!("{} cannot host a GPU multi-model endpoint", instance.instance_type);
        let help = "use a type with one GPU of g4dn or g5, ml.p3.2xlarge or ml.p2.xlarge; the one with the most memory is ml.g5.16xlarge";
        findings.add(variant.config, &variant.value["InstanceType"], message, help);
    }
}
