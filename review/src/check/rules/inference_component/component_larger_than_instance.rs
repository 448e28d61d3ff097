//! `component-larger-than-instance`

use stackwright_schemas::instances::instance;

use crate::check::findings::Findings;
use crate::check::rules::inference_component::specifications;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, INFERENCE_COMPONENT, config_of, variants_of};
use crate::check::value::{number, string};
use crate::check::view::View;

rule! {
    /// A copy of an inference component needs more accelerators than an instance of its variant has.
    ///
    /// # Why it matters
    ///
    /// The copy is never placed, and the component fails.
    ///
    /// # How to fix
    ///
    /// Use a larger instance type, or fewer accelerators.
    Error "component-larger-than-instance",
    source: "Hardware of instance types, moto 5.2.5; the consequence is derived",
    applies_to: ["AWS::SageMaker::InferenceComponent"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for component in view.of_type(INFERENCE_COMPONENT) {
        let wanted = string(&component.properties["VariantName"]);
        let endpoint =
            view.named_or_referred(ENDPOINT, "EndpointName", &component.properties["EndpointName"]);
        let config = endpoint.and_then(|endpoint| config_of(view, endpoint));
        let variant =
            config.and_then(|config| variants_of(view, config).find(|one| Some(one.name()) == wanted));
        let of_variant = variant.and_then(|variant| variant.instance());
        for specification in specifications(component) {
            let of_its_own = string(&specification["InstanceType"]).and_then(instance);
            let Some(instance) = of_its_own.or(of_variant) else { continue };
            let needed = &specification["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"];
            let (Some(given), Some(has)) = (number(needed), instance.accelerator_count) else { continue };
            if given > f64::from(has) {
                let message =
                    format!("a copy needs {given} accelerators, and {} has {has}", instance.instance_type);
                findings.add(
                    component,
                    needed,
                    message,
                    "use a larger instance type, or reduce the number of accelerators of a copy",
                );
            }
        }
    }
}
