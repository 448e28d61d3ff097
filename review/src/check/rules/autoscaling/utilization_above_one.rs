//! `utilization-above-one`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::POLICY;
use crate::check::rules::rule;
use crate::check::value::{number, string};
use crate::check::view::View;

rule! {
    /// The target of a policy on `SageMakerVariantProvisionedConcurrencyUtilization` is above 1.
    ///
    /// # Why it matters
    ///
    /// The metric is a fraction: 0.7 is 70 %. A target above 1 never scales out.
    ///
    /// # How to fix
    ///
    /// Set `TargetValue` between 0 and 1.
    Warning "utilization-above-one",
    source: "Amazon SageMaker Developer Guide, serverless-endpoints-autoscale.md",
    applies_to: ["AWS::ApplicationAutoScaling::ScalingPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for policy in view.of_type(POLICY) {
        let tracking = &policy.properties["TargetTrackingScalingPolicyConfiguration"];
        let metric = string(&tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]);
        let value = number(&tracking["TargetValue"]).filter(|value| *value > 1.0);
        if let (Some("SageMakerVariantProvisionedConcurrencyUtilization"), Some(value)) = (metric, value) {
            let message = format!("a utilization of {value} is never reached: the metric ranges from 0 to 1");
            findings.add(policy, &tracking["TargetValue"], message, "use a value such as 0.7 for 70 %");
        }
    }
}
