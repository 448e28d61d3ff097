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

/// The use of GPUs in percent, over all instances of a fleet.
const GPU_UTILIZATION: &str = "nvidia_smi_utilization_gpu";

/// Other bounds of a fleet at a time.
///
/// ```
/// use stackwright_stacks::fleet::ScheduledSize;
///
/// ScheduledSize::new("Night", "0 20 * * MON-FRI", 0..=0).time_zone("Europe/Berlin");
/// ```
#[derive(Clone, Debug)]
pub struct ScheduledSize {
    id: String,
    recurrence: Value<String>,
    minimum: i64,
    maximum: i64,
    time_zone: Option<Value<String>>,
}

impl ScheduledSize {
    /// Sets the bounds at the times of a cron expression with five fields, such as `0 20 * * MON-FRI`. `id` is part of the
    /// logical ID.
    #[track_caller]
    pub fn new(id: &str, recurrence: impl IntoValue<String>, instances: RangeInclusive<u32>) -> Self {
        Self {
            id: id.to_owned(),
            recurrence: recurrence.into().with_caller_location(),
            minimum: (*instances.start()).into(),
            maximum: (*instances.end()).into(),
            time_zone: None,
        }
    }

    /// Sets the time zone of the expression, such as `Europe/Berlin`; UTC unless set.
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

/// A pause of an instance between launch and service, or between service and termination, until `CompleteLifecycleAction` is
/// called.
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
    /// Waits when an instance is launched, at most for the timeout. After it, the instance is terminated.
    #[track_caller]
    pub fn launching(name: impl Into<String>, timeout: impl Into<Seconds>) -> Self {
        Self {
            name: name.into(),
            transition: "autoscaling:EC2_INSTANCE_LAUNCHING",
            timeout: timeout.into().0.with_caller_location(),
            on_timeout: "ABANDON",
        }
    }

    /// Waits when an instance is terminated, at most for the timeout, for example until a checkpoint is saved.
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

/// How instances are replaced when their launch template has changed: by an instance refresh, which CloudFormation starts and
/// watches.
///
/// It becomes the `AutoScalingInstanceRefresh` of the group's update policy.
///
/// ```
/// use stackwright_stacks::fleet::InstanceRefresh;
///
/// InstanceRefresh::keeping_healthy(90);
/// ```
#[derive(Clone, Debug)]
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
    /// Keeps this share of the instances healthy meanwhile, in percent. With 100, new instances are launched first, for which
    /// capacity has to be free; reserved capacity that is in use needs less.
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

    /// Launches up to this share of the instances in percent, 100 to 200, before old ones are terminated.
    #[track_caller]
    pub fn up_to(mut self, maximum_percent: impl IntoValue<i64>) -> Self {
        self.maximum = Some(maximum_percent.into().with_caller_location());
        self
    }

    /// Stops when these shares are replaced, in percent and ascending, and waits each time.
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

    /// Sets how long an instance needs until it counts as in service.
    #[track_caller]
    pub fn warm_up(mut self, time: impl Into<Seconds>) -> Self {
        self.warm_up = Some(time.into().0.with_caller_location());
        self
    }

    /// Watches the alarms for this time after the last instance is replaced.
    #[track_caller]
    pub fn bake(mut self, time: impl Into<Seconds>) -> Self {
        self.bake = Some(time.into().0.with_caller_location());
        self
    }

    /// Fails the update when this alarm, given by its name, enters `ALARM`; CloudFormation then rolls it back. At most ten
    /// alarms.
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

/// Keeps the average use of GPUs near a share, by starting and terminating instances.
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

/// Scales to nothing what does nothing.
#[derive(Clone, Debug)]
pub(super) struct IdleSwitchOff {
    /// Below this use of GPUs, in percent, a fleet counts as idle.
    pub below: Value<f64>,
    pub time: Duration,
}

impl IdleSwitchOff {
    /// The length of a period of the alarm.
    const PERIOD: u64 = 300;

    /// Adds an alarm on the use of GPUs that sets the number of instances to 0.
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
            // Without instances, there are no values, and nothing to switch off.
            .treat_missing_data(TreatMissingData::NotBreaching)
            .alarm_actions([policy.reference()]);
        scope.add("Idle", alarm);
    }
}
