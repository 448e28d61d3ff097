//! When and how the number of instances changes, and how instances are replaced.

use std::ops::RangeInclusive;
use std::time::Duration;

use stackwright_resources::autoscaling::auto_scaling_group::LifecycleHookSpecification;
use stackwright_resources::autoscaling::scaling_policy::{
    AdjustmentType, CustomizedMetricSpecification, MetricDimension, PolicyType, Statistic,
    TargetTrackingConfiguration,
};
use stackwright_resources::autoscaling::warm_pool::{InstanceReusePolicy, PoolState};
use stackwright_resources::autoscaling::{AutoScalingGroupHandle, ScalingPolicy, ScheduledAction, WarmPool};
use stackwright_resources::cloudwatch::Alarm;
use stackwright_resources::cloudwatch::alarm::{self, ComparisonOperator, Dimension, TreatMissingData};
use stackwright_synth::{InstanceRefreshStrategy, IntoValue, Json, Property, Scope, UpdatePolicy, Value};

use crate::duration::Seconds;

/// The namespace of the metrics that the CloudWatch agent publishes on the instances.
pub(super) const METRICS: &str = "GpuFleet";

/// The metric of the GPU utilization in percent, averaged over all instances of a fleet.
const GPU_UTILIZATION: &str = "nvidia_smi_utilization_gpu";

/// A scheduled action that sets the minimum, the maximum and the current number of instances of a fleet
/// (`AWS::AutoScaling::ScheduledAction`).
///
/// ```
/// use stackwright_stacks::fleet::ScheduledSize;
///
/// ScheduledSize::new("Night", "0 20 * * MON-FRI", 0..=0).time_zone("Europe/Berlin");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ScheduledSize {
    id: String,
    recurrence: Value<String>,
    minimum: i64,
    maximum: i64,
    time_zone: Option<Value<String>>,
}

/// The same cron expression, or an invalid value where it is known not to have the five fields of EC2 Auto Scaling.
#[track_caller]
fn checked_recurrence(value: impl IntoValue<String>) -> Value<String> {
    let value = value.into().with_caller_location();
    let has_five_fields = |text: &&str| text.split_whitespace().count() == 5 && !text.contains('(');
    let Some(text) = crate::arn::known(&value).filter(|text| !has_five_fields(text)) else { return value };
    let message = format!("`{text}` is not a cron expression of EC2 Auto Scaling, which has five fields");
    Value::invalid(
        "invalid-schedule",
        message,
        "use minute, hour, day, month and weekday, such as `0 20 * * MON-FRI`",
    )
}

impl ScheduledSize {
    /// Creates an action that sets the minimum and the maximum number of instances at the times of a cron expression
    /// with five fields (minute, hour, day of month, month, day of week), such as `0 20 * * MON-FRI`. The number of instances
    /// becomes the minimum. `id` is part of the logical ID; a second action with it in the fleet is an error.
    #[track_caller]
    pub fn new(id: &str, recurrence: impl IntoValue<String>, instances: RangeInclusive<u32>) -> Self {
        Self {
            id: id.to_owned(),
            recurrence: checked_recurrence(recurrence),
            minimum: (*instances.start()).into(),
            maximum: (*instances.end()).into(),
            time_zone: None,
        }
    }

    /// Sets the time zone of the cron expression, such as `Europe/Berlin`. The default is UTC.
    #[track_caller]
    pub fn time_zone(mut self, name: impl IntoValue<String>) -> Self {
        self.time_zone = Some(name.into().with_caller_location());
        self
    }

    pub(super) fn add(&self, group: &AutoScalingGroupHandle, scope: &mut Scope<'_>) {
        let mut action = ScheduledAction::new(group.reference())
            .recurrence(&self.recurrence)
            .min_size(self.minimum)
            .max_size(self.maximum)
            .desired_capacity(self.minimum);
        if let Some(zone) = &self.time_zone {
            action = action.time_zone(zone);
        }
        scope.add(&self.id, action);
    }
}

/// A lifecycle hook of a fleet: it pauses an instance after its launch or before its termination, until the API operation
/// `CompleteLifecycleAction` is called or a timeout ends.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::fleet::LifecycleHook;
///
/// LifecycleHook::terminating("save-checkpoint", Duration::from_mins(10));
/// LifecycleHook::launching("mount", Duration::from_mins(5));
/// ```
#[derive(Clone, Debug)]
pub struct LifecycleHook {
    name: String,
    transition: &'static str,
    timeout: Value<i64>,
    on_timeout: &'static str,
}

impl LifecycleHook {
    /// Creates a hook with a name that pauses an instance when it is launched, at most for the timeout. If the timeout ends
    /// first, the instance is terminated (`ABANDON`).
    #[track_caller]
    pub fn launching(name: impl Into<String>, timeout: impl Into<Seconds>) -> Self {
        Self {
            name: name.into(),
            transition: "autoscaling:EC2_INSTANCE_LAUNCHING",
            timeout: timeout.into().0.with_caller_location(),
            on_timeout: "ABANDON",
        }
    }

    /// Creates a hook with a name that pauses an instance before it is terminated, at most for the timeout, for example until
    /// a checkpoint is saved. If the timeout ends first, the termination continues (`CONTINUE`).
    #[track_caller]
    pub fn terminating(name: impl Into<String>, timeout: impl Into<Seconds>) -> Self {
        Self {
            name: name.into(),
            transition: "autoscaling:EC2_INSTANCE_TERMINATING",
            timeout: timeout.into().0.with_caller_location(),
            on_timeout: "CONTINUE",
        }
    }

    pub(super) fn specification(&self) -> LifecycleHookSpecification {
        LifecycleHookSpecification::new()
            .lifecycle_hook_name(self.name.as_str())
            .lifecycle_transition(self.transition)
            .heartbeat_timeout(&self.timeout)
            .default_result(self.on_timeout)
    }
}

/// An instance refresh of a fleet, which replaces the instances when their launch template has changed. CloudFormation starts
/// the refresh and waits for its end.
///
/// It becomes the `AutoScalingInstanceRefresh` of the group's update policy.
///
/// ```
/// use stackwright_stacks::fleet::InstanceRefresh;
///
/// InstanceRefresh::keeping_healthy(90);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct InstanceRefresh {
    minimum: Value<i64>,
    maximum: Option<Value<i64>>,
    checkpoints: Vec<i64>,
    delay: Option<Value<i64>>,
    warm_up: Option<Value<i64>>,
    bake: Option<Value<i64>>,
    alarms: Vec<Value<String>>,
}

impl InstanceRefresh {
    /// Creates a refresh that keeps at least this share of the instances healthy, 0 to 100 percent (`MinHealthyPercentage`).
    /// With 100, new instances are launched before old ones are terminated, which needs free capacity; use a lower share if
    /// all reserved capacity is in use.
    #[track_caller]
    pub fn keeping_healthy(minimum_percent: impl IntoValue<i64>) -> Self {
        Self {
            minimum: minimum_percent.into().with_caller_location(),
            maximum: None,
            checkpoints: Vec::new(),
            delay: None,
            warm_up: None,
            bake: None,
            alarms: Vec::new(),
        }
    }

    /// Sets the maximum number of instances during the refresh in percent of the desired number, 100 to 200
    /// (`MaxHealthyPercentage`). The default is that of EC2 Auto Scaling.
    #[track_caller]
    pub fn up_to(mut self, maximum_percent: impl IntoValue<i64>) -> Self {
        self.maximum = Some(maximum_percent.into().with_caller_location());
        self
    }

    /// Pauses the refresh for a time whenever one of these shares of the instances is replaced. The shares are ascending, in
    /// percent, and end in 100; otherwise the remaining instances are not replaced. By default, there is no pause.
    #[track_caller]
    pub fn checkpoints(
        mut self,
        percentages: impl IntoIterator<Item = u8>,
        wait: impl Into<Seconds>,
    ) -> Self {
        self.checkpoints = percentages.into_iter().map(i64::from).collect();
        self.delay = Some(wait.into().0.with_caller_location());
        self
    }

    /// Sets the time for which the refresh waits after a new instance is in service (`InstanceWarmup`). The default is that
    /// of [`GpuFleet::instance_warm_up`](super::GpuFleet::instance_warm_up).
    #[track_caller]
    pub fn warm_up(mut self, time: impl Into<Seconds>) -> Self {
        self.warm_up = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the time for which the alarms of [`rollback_on`](Self::rollback_on) are monitored after the last instance is
    /// replaced (`BakeTime`). By default, there is none.
    #[track_caller]
    pub fn bake(mut self, time: impl Into<Seconds>) -> Self {
        self.bake = Some(time.into().0.with_caller_location());
        self
    }

    /// Adds a CloudWatch alarm, given by its name, that makes the update fail when it enters `ALARM`; CloudFormation then rolls
    /// the update back. There are at most ten alarms; by default, there are none.
    #[track_caller]
    pub fn rollback_on(mut self, alarm_name: impl IntoValue<String>) -> Self {
        self.alarms.push(alarm_name.into().with_caller_location());
        self
    }

    pub(super) fn policy(&self) -> UpdatePolicy {
        let mut preferences =
            vec![Property::new("MinHealthyPercentage", &self.minimum), Property::new("SkipMatching", true)];
        let numbers = [
            ("MaxHealthyPercentage", &self.maximum),
            ("CheckpointDelay", &self.delay),
            ("InstanceWarmup", &self.warm_up),
            ("BakeTime", &self.bake),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                preferences.push(Property::new(name, value));
            }
        }
        if !self.checkpoints.is_empty() {
            let checkpoints: Value<Vec<i64>> = self.checkpoints.clone().into();
            preferences.push(Property::new("CheckpointPercentages", checkpoints));
        }
        if !self.alarms.is_empty() {
            let alarms: Value<Vec<String>> = self.alarms.clone().into();
            let alarms: Value<Json> = Json::object([Property::new("Alarms", alarms)]).into();
            preferences.push(Property::new("AlarmSpecification", alarms));
        }
        UpdatePolicy::new()
            .instance_refresh_strategy(InstanceRefreshStrategy::Rolling)
            .instance_refresh_preferences(Json::object(preferences))
            .ignore_unmodified_group_size_properties(true)
    }
}

/// Instances that are prepared and stopped, so that the fleet grows faster.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub minimum: Value<i64>,
}

impl Prepared {
    pub(super) fn add(&self, group: &AutoScalingGroupHandle, scope: &mut Scope<'_>) {
        let pool = WarmPool::new(group.reference())
            .min_size(&self.minimum)
            .pool_state(PoolState::Stopped)
            .instance_reuse_policy(InstanceReusePolicy::new().reuse_on_scale_in(true));
        scope.add("WarmPool", pool);
    }
}

/// Keeps the average GPU utilization near a target, by starting and terminating instances.
#[derive(Clone, Debug)]
pub(super) struct GpuTracking {
    pub percent: Value<f64>,
}

impl GpuTracking {
    pub(super) fn add(&self, group: &AutoScalingGroupHandle, scope: &mut Scope<'_>) {
        let metric = CustomizedMetricSpecification::new()
            .namespace(METRICS)
            .metric_name(GPU_UTILIZATION)
            .statistic(Statistic::Average)
            .dimensions([MetricDimension::new().value(group.reference()).name("AutoScalingGroupName")]);
        let tracking =
            TargetTrackingConfiguration::new(&self.percent).customized_metric_specification(metric);
        let policy = ScalingPolicy::new(group.reference())
            .policy_type(PolicyType::TargetTrackingScaling)
            .target_tracking_configuration(tracking);
        scope.add("GpuTracking", policy);
    }
}

/// Scales an idle fleet to 0 instances.
#[derive(Clone, Debug)]
pub(super) struct IdleSwitchOff {
    /// The GPU utilization in percent below which a fleet is idle.
    pub below: Value<f64>,
    pub time: Duration,
}

impl IdleSwitchOff {
    /// The length of a period of the alarm in seconds.
    const PERIOD: u64 = 300;

    /// Adds an alarm on the GPU utilization that sets the number of instances to 0.
    pub(super) fn add(&self, group: &AutoScalingGroupHandle, scope: &mut Scope<'_>) {
        let policy = ScalingPolicy::new(group.reference())
            .policy_type(PolicyType::SimpleScaling)
            .adjustment_type(AdjustmentType::ExactCapacity)
            .scaling_adjustment(0);
        let policy = scope.add("SwitchOff", policy);
        let periods = self.time.as_secs().div_ceil(Self::PERIOD).max(1);
        let alarm = Alarm::new()
            .alarm_description("The GPUs of the fleet are idle; it is scaled to no instances")
            .namespace(METRICS)
            .metric_name(GPU_UTILIZATION)
            .dimensions([Dimension::new().value(group.reference()).name("AutoScalingGroupName")])
            .statistic(alarm::Statistic::Maximum)
            .period(i64::try_from(Self::PERIOD).unwrap_or(i64::MAX))
            .evaluation_periods(i64::try_from(periods).unwrap_or(i64::MAX))
            .comparison_operator(ComparisonOperator::LessThanThreshold)
            .threshold(&self.below)
            // Without instances the metric has no values, and the alarm must not start an action.
            .treat_missing_data(TreatMissingData::NotBreaching)
            .alarm_actions([policy.reference()]);
        scope.add("Idle", alarm);
    }
}
