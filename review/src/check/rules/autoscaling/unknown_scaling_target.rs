//! `unknown-scaling-target`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, INFERENCE_COMPONENT, Named, Scaled, config_of, scaled};
use crate::check::value::{items, string};
use crate::check::view::View;

rule! {
    /// A scalable target names a variant that the configuration of the endpoint does not have, or a resource that is
    /// not an endpoint.
    ///
    /// # Why it matters
    ///
    /// Application Auto Scaling refuses the target.
    ///
    /// # How to fix
    ///
    /// Use the name of a variant of the endpoint in `ResourceId`.
    Error "unknown-scaling-target",
    source: "Application Auto Scaling API Reference, RegisterScalableTarget",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let id = &target.properties["ResourceId"];
        let (endpoint, name) = match scaled(view, id) {
            Some(Scaled::Variant(Named::Resource(endpoint), name)) => (endpoint, name),
            Some(Scaled::Component(Named::Resource(other))) if other.type_name != INFERENCE_COMPONENT => {
                findings.add(target, id, format!("`{}` is not an inference component", other.id), "");
                continue;
            }
            _ => continue,
        };
        if endpoint.type_name != ENDPOINT {
            findings.add(
                target,
                id,
                format!("`{}` is not an endpoint: its type is `{}`", endpoint.id, endpoint.type_name),
                "use the name of the endpoint",
            );
            continue;
        }
        let (Some(name), Some(config)) = (name, config_of(view, endpoint)) else { continue };
        let list = &config.properties["ProductionVariants"];
        let names: Vec<&str> = items(list).filter_map(|variant| string(&variant["VariantName"])).collect();
        let all_known = list.is_array() && names.len() == items(list).count();
        if all_known && !names.contains(&name.as_str()) {
            let message = format!("`{}` has no variant {name}", config.id);
            findings.add(target, id, message, format!("its variants are {}", names.join(", ")));
        }
    }
}
