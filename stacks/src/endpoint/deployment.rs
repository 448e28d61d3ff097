//! Deployment guardrails: how an update shifts traffic to the new fleet, and what triggers a rollback.

use stackwright_resources::sagemaker::endpoint::{
    self, Alarm, AutoRollbackConfig, BlueGreenUpdatePolicy, CapacitySizeType, DeploymentConfig,
    RollingUpdatePolicy, TrafficRoutingConfig, Type,
};
use stackwright_synth::{IntoValue, Value};

use crate::duration::Seconds;

/// The default time in seconds for which the old instances are kept after all traffic has been shifted. Alarms need
/// time to enter `ALARM`, and a rollback is fast as long as the old instances exist.
const TERMINATION_WAIT: i64 = 600;

/// A part of an endpoint's instances, as a percentage or as a number (`CapacitySize`).
///
/// ```
/// use stackwright_stacks::endpoint::CapacitySize;
///
/// CapacitySize::percent(10);
/// CapacitySize::instances(1);
/// ```
#[derive(Clone, Debug)]
pub struct CapacitySize {
    kind: CapacitySizeType,
    value: Value<i64>,
}

impl CapacitySize {
    /// Returns a size in percent of the instances: up to 50 for a canary, 10 to 50 for a linear step, 5 to 50 for a
    /// batch.
    #[track_caller]
    pub fn percent(value: impl IntoValue<i64>) -> Self {
        Self { kind: CapacitySizeType::CapacityPercent, value: value.into().with_caller_location() }
    }

    /// Returns a number of instances, at least 1. The limits in percent apply to it too.
    #[track_caller]
    pub fn instances(value: impl IntoValue<i64>) -> Self {
        Self { kind: CapacitySizeType::InstanceCount, value: value.into().with_caller_location() }
    }

    fn lower(self) -> endpoint::CapacitySize {
        endpoint::CapacitySize::new().type_(self.kind).value(self.value)
    }
}

/// A blue/green update of an endpoint (`BlueGreenUpdatePolicy`): SageMaker starts a complete new fleet beside the old one and
/// then shifts the traffic. During the update, the endpoint needs twice the instances.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::endpoint::{BlueGreen, CapacitySize};
///
/// BlueGreen::canary(CapacitySize::percent(10)).wait(Duration::from_mins(10));
/// BlueGreen::linear(CapacitySize::percent(25)).wait(Duration::from_mins(5)).termination_wait(Duration::from_mins(30));
/// BlueGreen::all_at_once().termination_wait(Duration::from_mins(10));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BlueGreen {
    traffic: Traffic,
    wait: Value<i64>,
    termination_wait: Value<i64>,
    timeout: Option<Value<i64>>,
}

#[derive(Clone, Debug)]
enum Traffic {
    AllAtOnce,
    Canary(CapacitySize),
    Linear(CapacitySize),
}

impl Default for BlueGreen {
    fn default() -> Self {
        Self::all_at_once()
    }
}

impl BlueGreen {
    fn of(traffic: Traffic) -> Self {
        // Steps need a wait, because alarms evaluate minutes. SageMaker requires the property even without a wait.
        let wait = match traffic {
            Traffic::AllAtOnce => 0,
            Traffic::Canary(_) | Traffic::Linear(_) => 300,
        };
        Self { traffic, wait: wait.into(), termination_wait: TERMINATION_WAIT.into(), timeout: None }
    }

    /// Creates an update that shifts all traffic at once when the new fleet is in service (`ALL_AT_ONCE`).
    pub fn all_at_once() -> Self {
        Self::of(Traffic::AllAtOnce)
    }

    /// Creates an update that shifts a part of the traffic first, and the rest after a wait of five minutes (`CANARY`).
    pub fn canary(size: CapacitySize) -> Self {
        Self::of(Traffic::Canary(size))
    }

    /// Creates an update that shifts the traffic in equal steps, with a wait of five minutes after each step (`LINEAR`).
    pub fn linear(step: CapacitySize) -> Self {
        Self::of(Traffic::Linear(step))
    }

    /// Sets the wait between steps, at most one hour (`WaitIntervalInSeconds`). The default is five minutes for
    /// [`canary`](Self::canary) and [`linear`](Self::linear), and none for [`all_at_once`](Self::all_at_once).
    #[track_caller]
    pub fn wait(mut self, time: impl Into<Seconds>) -> Self {
        self.wait = time.into().0.with_caller_location();
        self
    }

    /// Sets the time for which the old fleet is kept after all traffic has been shifted, at most one hour
    /// (`TerminationWaitInSeconds`). Until then, an alarm rolls the update back. The default is ten minutes.
    #[track_caller]
    pub fn termination_wait(mut self, time: impl Into<Seconds>) -> Self {
        self.termination_wait = time.into().0.with_caller_location();
        self
    }

    /// Sets the maximum time of the whole update, ten minutes to eight hours (`MaximumExecutionTimeoutInSeconds`). It
    /// has to include all waits. Without this call, the property is not set.
    #[track_caller]
    pub fn timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    fn lower(self) -> BlueGreenUpdatePolicy {
        let routing = match self.traffic {
            Traffic::AllAtOnce => TrafficRoutingConfig::new(Type::AllAtOnce),
            Traffic::Canary(size) => TrafficRoutingConfig::new(Type::Canary).canary_size(size.lower()),
            Traffic::Linear(step) => TrafficRoutingConfig::new(Type::Linear).linear_step_size(step.lower()),
        };
        let routing = routing.wait_interval_in_seconds(self.wait);
        let policy = BlueGreenUpdatePolicy::new(routing).termination_wait_in_seconds(self.termination_wait);
        match self.timeout {
            Some(timeout) => policy.maximum_execution_timeout_in_seconds(timeout),
            None => policy,
        }
    }
}

/// A rolling update of an endpoint (`RollingUpdatePolicy`): SageMaker replaces instances in batches, and needs capacity for
/// one additional batch only. It suits endpoints whose capacity is too large or too scarce to double, and requires an
/// endpoint with one variant.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::endpoint::{CapacitySize, Rolling};
///
/// Rolling::new(CapacitySize::percent(20), Duration::from_mins(5));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Rolling {
    batch: CapacitySize,
    wait: Value<i64>,
    rollback_batch: Option<CapacitySize>,
    timeout: Option<Value<i64>>,
}

impl Rolling {
    /// Creates a rolling update with the size of a batch, 5 to 50 percent of the instances, and the wait after each batch, at
    /// most one hour.
    #[track_caller]
    pub fn new(batch: CapacitySize, wait: impl Into<Seconds>) -> Self {
        Self { batch, wait: wait.into().0.with_caller_location(), rollback_batch: None, timeout: None }
    }

    /// Sets the size of a batch of a rollback (`RollbackMaximumBatchSize`). By default, a rollback replaces all
    /// instances at once.
    pub fn rollback_batch(mut self, size: CapacitySize) -> Self {
        self.rollback_batch = Some(size);
        self
    }

    /// Sets the maximum time of the whole update, ten minutes to eight hours (`MaximumExecutionTimeoutInSeconds`). It
    /// has to include all waits. Without this call, the property is not set.
    #[track_caller]
    pub fn timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    fn lower(self) -> RollingUpdatePolicy {
        let mut policy = RollingUpdatePolicy::new()
            .maximum_batch_size(self.batch.lower())
            .wait_interval_in_seconds(self.wait);
        if let Some(size) = self.rollback_batch {
            policy = policy.rollback_maximum_batch_size(size.lower());
        }
        if let Some(timeout) = self.timeout {
            policy = policy.maximum_execution_timeout_in_seconds(timeout);
        }
        policy
    }
}

/// How an endpoint is updated.
#[derive(Clone, Debug)]
pub enum Update {
    BlueGreen(BlueGreen),
    Rolling(Rolling),
}

impl Update {
    /// The deployment configuration of the endpoint, with the names of the alarms that roll an update back.
    pub(super) fn lower(self, alarms: Vec<Value<String>>) -> DeploymentConfig {
        let config = match self {
            Self::BlueGreen(policy) => DeploymentConfig::new().blue_green_update_policy(policy.lower()),
            Self::Rolling(policy) => DeploymentConfig::new().rolling_update_policy(policy.lower()),
        };
        if alarms.is_empty() {
            return config;
        }
        let alarms: Vec<Alarm> = alarms.into_iter().map(Alarm::new).collect();
        config.auto_rollback_configuration(AutoRollbackConfig::new(alarms))
    }
}
