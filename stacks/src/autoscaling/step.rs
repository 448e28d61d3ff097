//! Step scaling policies: the capacity changes by a larger amount if a metric is further beyond a threshold.

use stackwright_resources::applicationautoscaling::scaling_policy::{
    AdjustmentType, MetricAggregationType, PolicyType, StepAdjustment, StepScalingPolicyConfiguration,
};
use stackwright_resources::applicationautoscaling::{ScalableTargetHandle, ScalingPolicy};
use stackwright_resources::cloudwatch::alarm::ComparisonOperator;
use stackwright_synth::{IntoValue, Scope, Value};

use crate::alarm::{Alarm, Missing};
use crate::duration::Seconds;
use crate::metric::{Metric, Subject};

/// A step scaling policy, with the CloudWatch alarm that starts it. The capacity changes in steps while a metric breaches a
/// threshold.
///
/// Steps are given by their distance from the threshold, so that intervals neither overlap nor leave a gap. A policy
/// without a step ([`change`](Self::change) or [`change_beyond`](Self::change_beyond)) is an error. The changes are
/// numbers of instances, copies or units of provisioned concurrency, unless [`in_percent`](Self::in_percent) or
/// [`to_exact_capacity`](Self::to_exact_capacity) is called.
///
/// ```
/// use stackwright_stacks::Metric;
/// use stackwright_stacks::autoscaling::StepScaling;
///
/// // One more from 70 % on, three more from 90 % on.
/// StepScaling::at_least(Metric::gpu_utilization(), 70.0).change(1).change_beyond(20.0, 3);
/// // One less at 20 % and below.
/// StepScaling::at_most(Metric::gpu_utilization(), 20.0).change(-1);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StepScaling {
    metric: Metric,
    threshold: Value<f64>,
    upwards: bool,
    steps: Vec<(f64, i64)>,
    adjustment: AdjustmentType,
    cooldown: Option<Value<i64>>,
    periods: Value<i64>,
    period: Value<i64>,
    purpose: &'static str,
}

impl StepScaling {
    /// Creates a policy whose alarm starts when a metric is greater than or equal to a threshold, in the unit of the
    /// metric.
    #[track_caller]
    pub fn at_least(metric: Metric, value: impl IntoValue<f64>) -> Self {
        Self::of(metric, value.into().with_caller_location(), true)
    }

    /// Creates a policy whose alarm starts when a metric is less than or equal to a threshold, in the unit of the
    /// metric.
    #[track_caller]
    pub fn at_most(metric: Metric, value: impl IntoValue<f64>) -> Self {
        Self::of(metric, value.into().with_caller_location(), false)
    }

    fn of(metric: Metric, threshold: Value<f64>, upwards: bool) -> Self {
        Self {
            metric,
            threshold,
            upwards,
            steps: Vec::new(),
            adjustment: AdjustmentType::ChangeInCapacity,
            cooldown: None,
            periods: 1.into(),
            period: 60.into(),
            purpose: "Starts a step scaling policy",
        }
    }

    /// Adds the step that applies from the threshold on (`StepAdjustments`): the same as
    /// [`change_beyond`](Self::change_beyond) with the distance 0. A negative number scales in.
    pub fn change(self, by: i64) -> Self {
        self.change_beyond(0.0, by)
    }

    /// Adds the step that applies when the metric is at least this distance beyond the threshold, up to the next step
    /// (`StepAdjustments`). The distance is in the unit of the metric, and its sign is ignored. A negative change
    /// scales in.
    pub fn change_beyond(mut self, distance: f64, by: i64) -> Self {
        self.steps.push((distance.abs(), by));
        self.steps.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        self
    }

    /// Interprets the changes as percentages of the current capacity (`PercentChangeInCapacity`). By default, they are
    /// added to the capacity (`ChangeInCapacity`).
    pub fn in_percent(mut self) -> Self {
        self.adjustment = AdjustmentType::PercentChangeInCapacity;
        self
    }

    /// Interprets the changes as the new capacity (`ExactCapacity`). By default, they are added to the capacity
    /// (`ChangeInCapacity`).
    pub fn to_exact_capacity(mut self) -> Self {
        self.adjustment = AdjustmentType::ExactCapacity;
        self
    }

    /// Sets the time that must pass after a change of the capacity before the policy changes it again (`Cooldown`). The
    /// default is five minutes.
    #[track_caller]
    pub fn cooldown(mut self, time: impl Into<Seconds>) -> Self {
        self.cooldown = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the number of consecutive periods in which the metric must breach the threshold (`EvaluationPeriods`). The
    /// default is 1.
    #[track_caller]
    pub fn periods(mut self, number: impl IntoValue<i64>) -> Self {
        self.periods = number.into().with_caller_location();
        self
    }

    /// Sets the length of a period of the alarm (`Period`): 10, 20 or 30 seconds, or a multiple of 60 seconds. The
    /// default is one minute. Periods below a minute require a metric that is published at least that often.
    #[track_caller]
    pub fn period(mut self, time: impl Into<Seconds>) -> Self {
        self.period = time.into().0.with_caller_location();
        self
    }

    /// A policy that scales out from zero when a metric reports requests while there is no capacity.
    pub(super) fn wake_up(metric: Metric) -> Self {
        Self {
            purpose: "Requests fail because there is no capacity",
            ..Self::of(metric, 1.0.into(), true).change(1)
        }
    }

    fn adjustments(&self) -> Vec<StepAdjustment> {
        let ends = self.steps.iter().skip(1).map(|(distance, _)| Some(*distance)).chain([None]);
        self.steps
            .iter()
            .zip(ends)
            .map(|((from, by), to)| {
                let step = StepAdjustment::new(*by);
                if self.upwards {
                    let step = step.metric_interval_lower_bound(*from);
                    match to {
                        Some(to) => step.metric_interval_upper_bound(to),
                        None => step,
                    }
                } else {
                    // Without this, a distance of 0 is rendered as -0.
                    let step = step.metric_interval_upper_bound(0.0 - *from);
                    match to {
                        Some(to) => step.metric_interval_lower_bound(-to),
                        None => step,
                    }
                }
            })
            .collect()
    }

    pub(super) fn add_to(self, scope: &mut Scope<'_>, target: &ScalableTargetHandle, subject: &Subject) {
        let direction = if self.upwards { "AtLeast" } else { "AtMost" };
        let name = format!("{}{direction}", self.metric.id());
        if self.steps.is_empty() {
            scope.error(
                "no-scaling-step",
                format!("the policy on {} has no step adjustments", self.metric.id()),
                "add a step adjustment, for example with `.change(1)`".into(),
                self.threshold.location(),
            );
        }
        let mut configuration = StepScalingPolicyConfiguration::new()
            .adjustment_type(self.adjustment.clone())
            .metric_aggregation_type(MetricAggregationType::Average)
            .step_adjustments(self.adjustments());
        if let Some(cooldown) = &self.cooldown {
            configuration = configuration.cooldown(cooldown);
        }
        let policy = ScalingPolicy::new()
            .policy_name(name.as_str())
            .policy_type(PolicyType::StepScaling)
            .scaling_target_id(target.reference())
            .step_scaling_policy_configuration(configuration);
        let policy = scope.add(&name, policy);
        let comparison = if self.upwards {
            ComparisonOperator::GreaterThanOrEqualToThreshold
        } else {
            ComparisonOperator::LessThanOrEqualToThreshold
        };
        let alarm = Alarm {
            metric: self.metric,
            subject: subject.clone(),
            comparison,
            threshold: self.threshold,
            period: self.period,
            periods: self.periods.clone(),
            breaching: self.periods,
            missing: Missing::Ignored,
            description: self.purpose.into(),
            actions: vec![policy.arn()],
        };
        scope.add(&format!("{name}Alarm"), alarm);
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::{App, Construct, Literal, Output};

    use super::*;

    fn intervals(policy: &StepScaling) -> String {
        let app = App::new("app");
        let steps: Vec<_> = policy.adjustments().into_iter().map(Literal::into_expression).collect();
        let stack = app.stack("Main");
        for (number, step) in steps.into_iter().enumerate() {
            let value: Value<stackwright_synth::Json> = Value::from_expression(step);
            let resource = stackwright_synth::Resource::of("AWS::SNS::Topic").set("Step", value);
            stack.add(&format!("Step{number}"), resource.acknowledge("rule", "a test"));
        }
        stack.add("Out", Output::new("x"));
        let assembly = app.synth().unwrap();
        let sections = assembly.stacks[0].template.sections();
        let resources = sections["Resources"].as_object().unwrap();
        resources.values().map(|one| one["Properties"]["Step"].to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_follow_each_other_without_gaps() {
        let up = StepScaling::at_least(Metric::gpu_utilization(), 70.0).change_beyond(20.0, 3).change(1);
        assert_eq!(
            intervals(&up),
            r#"{"ScalingAdjustment":1,"MetricIntervalLowerBound":0.0,"MetricIntervalUpperBound":20.0} "#
                .to_owned()
                + r#"{"ScalingAdjustment":3,"MetricIntervalLowerBound":20.0}"#
        );
        let down = StepScaling::at_most(Metric::gpu_utilization(), 20.0).change(-1).change_beyond(10.0, -2);
        assert_eq!(
            intervals(&down),
            r#"{"ScalingAdjustment":-1,"MetricIntervalUpperBound":0.0,"MetricIntervalLowerBound":-10.0} "#
                .to_owned()
                + r#"{"ScalingAdjustment":-2,"MetricIntervalUpperBound":-10.0}"#
        );
    }
}
