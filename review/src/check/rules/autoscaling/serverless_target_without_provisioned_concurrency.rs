//! `serverless-target-without-provisioned-concurrency`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::scaled_variant;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A serverless variant without `ProvisionedConcurrency` is a scalable target.
    ///
    /// # Why it matters
    ///
    /// Only provisioned concurrency of a serverless variant is scaled.
    ///
    /// # How to fix
    ///
    /// Set `ProvisionedConcurrency` on the variant, or remove the scalable target.
    Error "serverless-target-without-provisioned-concurrency",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let Some(variant) = scaled_variant(view, target) else { continue };
        let serverless = &variant.value["ServerlessConfig"];
        if serverless.is_object()
            && !is_unresolved(serverless)
            && !is_set(&serverless["ProvisionedConcurrency"])
        {
            let message =
                format!("the serverless variant {} has no `ProvisionedConcurrency` to scale", variant.name());
            findings.add(
                target,
                &target.properties["ResourceId"],
                message,
                "set `ProvisionedConcurrency`, or remove the target: on-demand serverless capacity scales automatically",
            );
        }
    }
}
