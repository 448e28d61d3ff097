//! Application Auto Scaling: how many instances, copies or provisioned requests there are at a time.
//!
//! What is scaled has a type of its own, so that a policy can only track what its target publishes: requests for
//! each instance, the queue of an asynchronous endpoint, requests for each copy of an inference component, or the
//! provisioned concurrency of a serverless endpoint.

mod schedule;
mod step;
mod tracking;

pub use schedule::ScheduledCapacity;
pub use step::StepScaling;
pub use tracking::{MetricMath, TargetTracking};

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use stackwright_resources::applicationautoscaling::scalable_target::{
    ScalableDimension, ServiceNamespace, SuspendedState,
};
use stackwright_resources::applicationautoscaling::{ScalableTarget, ScalableTargetHandle};
use stackwright_synth::{Construct, Handle, IntoValue, ResourceOptions, Scope, Value};

use crate::metric::{Metric, Subject};

/// What can be scaled.
pub trait Target {
    #[doc(hidden)]
    const DIMENSION: ScalableDimension;

    /// The metric that tells of requests while there is no capacity at all, for what may scale to zero.
    #[doc(hidden)]
    fn wakes_up() -> Option<Metric> {
        None
    }
}

/// A target that consists of instances.
pub trait Instances: Target {}

/// The instances of a real-time or multi-model endpoint's variant.
#[derive(Clone, Copy, Debug)]
pub enum InstanceCount {}

/// The instances of an asynchronous endpoint: none, while its queue is empty.
#[derive(Clone, Copy, Debug)]
pub enum AsynchronousInstanceCount {}

/// The requests that a serverless endpoint always serves without a cold start.
#[derive(Clone, Copy, Debug)]
pub enum ProvisionedConcurrency {}

/// The copies of an inference component: none, while nobody asks.
#[derive(Clone, Copy, Debug)]
pub enum CopyCount {}

impl Target for InstanceCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredInstanceCount;
}

impl Instances for InstanceCount {}

impl Target for AsynchronousInstanceCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredInstanceCount;

    fn wakes_up() -> Option<Metric> {
        Some(Metric::of_queue("HasBacklogWithoutCapacity"))
    }
}

impl Instances for AsynchronousInstanceCount {}

impl Target for ProvisionedConcurrency {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredProvisionedConcurrency;
}

impl Target for CopyCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerInferenceComponentDesiredCopyCount;

    fn wakes_up() -> Option<Metric> {
        Some(Metric::invocations_named("NoCapacityInvocationFailures").statistic("Sum"))
    }
}

/// The least and the most there may be: `1..=4`, or two parameters.
#[derive(Clone, Debug)]
pub struct CapacityRange {
    pub(crate) least: Value<i64>,
    pub(crate) most: Value<i64>,
}

impl CapacityRange {
    /// Between two numbers, both included.
    #[track_caller]
    pub fn between(least: impl IntoValue<i64>, most: impl IntoValue<i64>) -> Self {
        Self { least: least.into().with_caller_location(), most: most.into().with_caller_location() }
    }

    /// Whether it is known that there is always some.
    fn is_above_zero(&self) -> bool {
        self.least.as_literal().and_then(serde_json::Value::as_i64).is_some_and(|least| least > 0)
    }
}

impl From<RangeInclusive<i64>> for CapacityRange {
    #[track_caller]
    fn from(range: RangeInclusive<i64>) -> Self {
        Self::between(*range.start(), *range.end())
    }
}

/// How a target is scaled: by policies and at times. Several policies add up: the one that wants most decides.
///
/// ```
/// use stackwright_stacks::Metric;
/// use stackwright_stacks::autoscaling::{InstanceCount, Scaling, ScheduledCapacity, StepScaling, TargetTracking};
///
/// Scaling::<InstanceCount>::new()
///     .track(TargetTracking::invocations_per_instance(200.0))
///     .step(StepScaling::at_least(Metric::gpu_utilization(), 90.0).change(1).change_beyond(5.0, 3))
///     .schedule(ScheduledCapacity::new("Morning", "cron(0 7 ? * MON-FRI *)", 2..=8).time_zone("Europe/Berlin"));
/// ```
#[derive(Clone, Debug)]
pub struct Scaling<T> {
    tracking: Vec<TargetTracking<T>>,
    steps: Vec<StepScaling>,
    scheduled: Vec<ScheduledCapacity>,
    suspended: Vec<Suspended>,
    target: PhantomData<fn() -> T>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Suspended {
    ScaleIn,
    ScaleOut,
    Schedule,
}

impl<T> Default for Scaling<T> {
    fn default() -> Self {
        Self {
            tracking: Vec::new(),
            steps: Vec::new(),
            scheduled: Vec::new(),
            suspended: Vec::new(),
            target: PhantomData,
        }
    }
}

impl<T: Target> Scaling<T> {
    /// Without policies: the bounds alone, for somebody else to move within.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a metric near a value.
    pub fn track(mut self, policy: TargetTracking<T>) -> Self {
        self.tracking.push(policy);
        self
    }

    /// Changes the capacity by steps when a metric passes a value.
    pub fn step(mut self, policy: StepScaling) -> Self {
        self.steps.push(policy);
        self
    }

    /// Changes the bounds at a time.
    pub fn schedule(mut self, action: ScheduledCapacity) -> Self {
        self.scheduled.push(action);
        self
    }

    /// Switches scaling in off until this is taken away again.
    pub fn suspend_scale_in(self) -> Self {
        self.suspend(Suspended::ScaleIn)
    }

    /// Switches scaling out off until this is taken away again.
    pub fn suspend_scale_out(self) -> Self {
        self.suspend(Suspended::ScaleOut)
    }

    /// Switches the schedule off until this is taken away again.
    pub fn suspend_schedule(self) -> Self {
        self.suspend(Suspended::Schedule)
    }

    fn suspend(mut self, what: Suspended) -> Self {
        self.suspended.push(what);
        self
    }
}

impl<T: Target> From<TargetTracking<T>> for Scaling<T> {
    fn from(policy: TargetTracking<T>) -> Self {
        Self::new().track(policy)
    }
}

/// A target with its bounds and policies, as the construct that it scales adds it.
pub(crate) struct Scaled<T> {
    pub capacity: CapacityRange,
    pub scaling: Scaling<T>,
    /// `endpoint/NAME/variant/NAME` or `inference-component/NAME`.
    pub resource_id: Value<String>,
    pub subject: Subject,
    /// What has to be there first, where the id does not say so.
    pub after: Option<Handle>,
}

impl<T: Target> Construct for Scaled<T> {
    type Handle = ();
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) {
        let Self { capacity, scaling, resource_id, subject, after } = self;
        let mut target = ScalableTarget::new()
            .resource_id(resource_id)
            .service_namespace(ServiceNamespace::Sagemaker)
            .scalable_dimension(T::DIMENSION)
            .min_capacity(&capacity.least)
            .max_capacity(&capacity.most);
        if !scaling.scheduled.is_empty() {
            let actions: Vec<_> = scaling.scheduled.into_iter().map(ScheduledCapacity::lower).collect();
            target = target.scheduled_actions(actions);
        }
        if !scaling.suspended.is_empty() {
            let mut state = SuspendedState::new();
            for what in scaling.suspended {
                state = match what {
                    Suspended::ScaleIn => state.dynamic_scaling_in_suspended(true),
                    Suspended::ScaleOut => state.dynamic_scaling_out_suspended(true),
                    Suspended::Schedule => state.scheduled_scaling_suspended(true),
                };
            }
            target = target.suspended_state(state);
        }
        if let Some(after) = after {
            target = target.depends_on(&after);
        }
        let target: ScalableTargetHandle = scope.add_default(target);
        for policy in scaling.tracking {
            policy.add_to(scope, &target, &subject);
        }
        for policy in scaling.steps {
            policy.add_to(scope, &target, &subject);
        }
        // No policy that tracks a metric of what is there can leave zero: nothing is there to measure.
        if let Some(metric) = T::wakes_up().filter(|_| !capacity.is_above_zero()) {
            StepScaling::wake_up(metric).add_to(scope, &target, &subject);
        }
    }
}
