//! `wrong-scaling-metric`

use crate::check::findings::Findings;
use crate::check::rules::autoscaling::{COPIES, POLICY, TARGET};
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A target tracking policy uses a predefined metric that the scalable dimension does not have.
    ///
    /// # Why it matters
    ///
    /// Application Auto Scaling refuses the policy.
    ///
    /// # How to fix
    ///
    /// Use a metric of the dimension, such as `SageMakerVariantInvocationsPerInstance` for instances of a variant.
    Error "wrong-scaling-metric",
    source: "Application Auto Scaling API Reference, PredefinedMetricSpecification",
    applies_to: ["AWS::ApplicationAutoScaling::ScalingPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for policy in view.of_type(POLICY) {
        let target = view.target(&policy.properties["ScalingTargetId"]).filter(|one| one.type_name == TARGET);
        let dimension = match target {
            Some(target) => &target.properties["ScalableDimension"],
            None => &policy.properties["ScalableDimension"],
        };
        let location = &policy.properties["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
            ["PredefinedMetricType"];
        let (Some(dimension), Some(metric)) = (string(dimension), string(location)) else { continue };
        let fitting: &[&str] = match dimension {
            "sagemaker:variant:DesiredInstanceCount" => &[
                "SageMakerVariantInvocationsPerInstance",
                "SageMakerVariantConcurrentRequestsPerModelHighResolution",
            ],
            "sagemaker:variant:DesiredProvisionedConcurrency" => {
                &["SageMakerVariantProvisionedConcurrencyUtilization"]
            }
            COPIES => &[
                "SageMakerInferenceComponentInvocationsPerCopy",
                "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
            ],
            _ => continue,
        };
        if !fitting.contains(&metric) {
            findings.add(
                policy,
                location,
                format!("{metric} is not a metric of {dimension}"),
                format!("use {}", fitting.join(" or ")),
            );
        }
    }
}
