//! `sleeping-without-wake-up`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::scaled_variant;
use crate::check::value::{is_set, is_unresolved, number, string};
use crate::check::view::View;

rule! {
    /// An asynchronous endpoint may scale to 0 instances, and no alarm on `HasBacklogWithoutCapacity` starts an
    /// instance again.
    ///
    /// # Why it matters
    ///
    /// The first requests wait until the backlog reaches the target of the tracking policy.
    ///
    /// # How to fix
    ///
    /// Add a step scaling policy and an alarm on `HasBacklogWithoutCapacity`.
    Warning "sleeping-without-wake-up",
    source: "Amazon SageMaker Developer Guide, async-inference-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let wakes = view.of_type("AWS::CloudWatch::Alarm").any(|alarm| {
        let metric = &alarm.properties["MetricName"];
        string(metric) == Some("HasBacklogWithoutCapacity") || is_unresolved(metric)
    });
    for target in view.of_type(TARGET).filter(|_| !wakes) {
        let least = &target.properties["MinCapacity"];
        let asynchronous = scaled_variant(view, target)
            .is_some_and(|variant| is_set(&variant.config.properties["AsyncInferenceConfig"]));
        if number(least) == Some(0.0) && asynchronous {
            findings.add(
                target,
                least,
                "at 0 instances, requests wait until the backlog reaches the target",
                "add a step scaling policy with an alarm on `HasBacklogWithoutCapacity`",
            );
        }
    }
}
