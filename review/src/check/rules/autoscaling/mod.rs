//! Scalable targets and policies of SageMaker.

mod alarm_period;
mod autoscaled_burstable_instance;
mod foreign_scaling_target;
mod min_above_max_capacity;
mod real_time_variant_to_zero;
mod scaling_without_dependency;
mod serverless_target_without_provisioned_concurrency;
mod tracking_of_fixed_size;
mod unknown_scaling_target;
mod utilization_above_one;
mod wrong_alarm_dimension;
mod wrong_scalable_dimension;
mod wrong_scaling_metric;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &unknown_scaling_target::RULE,
    &alarm_period::RULE,
    &wrong_alarm_dimension::RULE,
    &foreign_scaling_target::RULE,
    &wrong_scalable_dimension::RULE,
    &wrong_scaling_metric::RULE,
    &autoscaled_burstable_instance::RULE,
    &min_above_max_capacity::RULE,
    &real_time_variant_to_zero::RULE,
    &serverless_target_without_provisioned_concurrency::RULE,
    &utilization_above_one::RULE,
    &tracking_of_fixed_size::RULE,
    &scaling_without_dependency::RULE,
];

pub(in crate::check) const TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
pub(in crate::check) const POLICY: &str = "AWS::ApplicationAutoScaling::ScalingPolicy";
/// The dimension of an inference component.
pub(in crate::check) const COPIES: &str = "sagemaker:inference-component:DesiredCopyCount";
