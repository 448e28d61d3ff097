//! `incomplete-scale-to-zero`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::{ENDPOINT, Named, Scaled, config_of, scaled, variants_of};
use crate::check::value::{is_unresolved, number, string};
use crate::check::view::View;

rule! {
    /// An inference component may scale to 0 copies, but the instances do not scale in, or no alarm and step scaling
    /// policy create a copy again.
    ///
    /// # Why it matters
    ///
    /// Without `MinInstanceCount: 0` the instances stay. Without a step policy on `NoCapacityInvocationFailures`
    /// requests keep failing.
    ///
    /// # How to fix
    ///
    /// Set `MinInstanceCount: 0` in the managed instance scaling of the variant, and add a step policy with an alarm.
    Warning "incomplete-scale-to-zero",
    source: "Amazon SageMaker Developer Guide, endpoint-auto-scaling-zero-instances.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let least = &target.properties["MinCapacity"];
        let Some(Scaled::Component(named)) = scaled(view, &target.properties["ResourceId"]) else { continue };
        if number(least) != Some(0.0) {
            continue;
        }
        let mut missing = Vec::new();
        let wakes = view.of_type("AWS::CloudWatch::Alarm").any(|alarm| {
            let metric = &alarm.properties["MetricName"];
            string(metric) == Some("NoCapacityInvocationFailures") || is_unresolved(metric)
        });
        if !wakes {
            missing.push("a step policy with an alarm on NoCapacityInvocationFailures");
        }
        if let Named::Resource(component) = named {
            let endpoint =
                view.named_or_referred(ENDPOINT, "EndpointName", &component.properties["EndpointName"]);
            let config = endpoint.and_then(|endpoint| config_of(view, endpoint));
            let instances_stay = config.is_some_and(|config| {
                variants_of(view, config).all(|variant| {
                    let scaling = &variant.value["ManagedInstanceScaling"];
                    !is_unresolved(scaling)
                        && !is_unresolved(&scaling["MinInstanceCount"])
                        && number(&scaling["MinInstanceCount"]) != Some(0.0)
                })
            });
            if instances_stay {
                missing.push("`ManagedInstanceScaling.MinInstanceCount` 0 of the variant");
            }
        }
        if !missing.is_empty() {
            findings.add(
                target,
                least,
                format!("to scale to zero, the component also needs {}", missing.join(" and ")),
                "",
            );
        }
    }
}
