//! `real-time-variant-to-zero`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::{components, scaled_variant};
use crate::check::value::{is_set, number};
use crate::check::view::View;

rule! {
    /// A real-time or serverless variant is a scalable target with `MinCapacity` 0.
    ///
    /// # Why it matters
    ///
    /// Application Auto Scaling refuses the target: such a variant needs at least 1.
    ///
    /// # How to fix
    ///
    /// Set `MinCapacity` to 1. Asynchronous endpoints and inference components can scale to 0.
    Error "real-time-variant-to-zero",
    source: "Amazon SageMaker Developer Guide, endpoint-auto-scaling-prerequisites.md and serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let least = &target.properties["MinCapacity"];
        let Some(variant) = scaled_variant(view, target).filter(|_| number(least) == Some(0.0)) else {
            continue;
        };
        let asynchronous = is_set(&variant.config.properties["AsyncInferenceConfig"]);
        let has_components = variant.endpoints().any(|endpoint| components(view, endpoint).next().is_some());
        if !asynchronous && !has_components {
            findings.add(
                target,
                least,
                "set the minimum of a real-time variant to at least 1",
                "asynchronous endpoints and inference components can scale to 0",
            );
        }
    }
}
