//! `autoscaled-burstable-instance`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::TARGET;
use crate::check::rules::rule;
use crate::check::serving::scaled_variant;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A variant on burstable instances (`ml.t2`) is a scalable target.
    ///
    /// # Why it matters
    ///
    /// SageMaker does not scale burstable instances.
    ///
    /// # How to fix
    ///
    /// Use another instance type, or remove the scalable target.
    Error "autoscaled-burstable-instance",
    source: "Amazon SageMaker Developer Guide, endpoint-auto-scaling-add-console.md (names T2)",
    applies_to: ["AWS::ApplicationAutoScaling::ScalableTarget"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for target in view.of_type(TARGET) {
        let variant = scaled_variant(view, target);
        let burstable = variant.and_then(|variant| {
            string(&variant.value["InstanceType"]).filter(|name| name.starts_with("ml.t2."))
        });
        if let Some(name) = burstable {
            findings.add(
                target,
                &target.properties["ResourceId"],
                format!("{name} is burstable, and SageMaker does not support autoscaling for it"),
                "use another family, such as ml.m5",
            );
        }
    }
}
