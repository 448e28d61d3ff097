//! `foreign-scaling-target`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, INFERENCE_COMPONENT, Named, Scaled, scaled};
use crate::check::view::View;

rule! {
    /// A scalable target names an endpoint or inference component that the template does not have, although the
    /// template has others.
    ///
    /// # Why it matters
    ///
    /// If the resource of the template is intended, the target may be registered before it exists.
    ///
    /// # How to fix
    ///
    /// Refer to the resource of the template. If the resource is created elsewhere, acknowledge this finding.
    Warning "foreign-scaling-target",
    source: "Application Auto Scaling API Reference, RegisterScalableTarget",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let id = &target.properties["ResourceId"];
        let (name, type_name, what) = match scaled(view, id) {
            Some(Scaled::Variant(Named::NotInTemplate(name), _)) => (name, ENDPOINT, "endpoint"),
            Some(Scaled::Component(Named::NotInTemplate(name))) => {
                (name, INFERENCE_COMPONENT, "inference component")
            }
            _ => continue,
        };
        if let Some(first) = view.of_type(type_name).next() {
            let message = format!("this template has no {what} with the name {name}");
            findings.add(
                target,
                id,
                message,
                format!("refer to `{}` if this is the intended resource", first.id),
            );
        }
    }
}
