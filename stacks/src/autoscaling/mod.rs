//! Application Auto Scaling of instances, inference component copies and provisioned concurrency.
//!
//! Each scalable dimension has its own type, so that a policy can only track a metric that its target publishes:
//! invocations per instance, the backlog of an asynchronous endpoint, invocations per copy of an inference component,
//! or the utilization of the provisioned concurrency of a serverless endpoint.

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

use crate::metric::{Metric, Statistic, Subject};

/// A scalable dimension of a SageMaker resource: what Application Auto Scaling counts and changes, such as instances or
/// copies.
///
/// It is implemented by the marker types of this module, and is the type parameter of [`Scaling`] and [`TargetTracking`].
pub trait Target {
    #[doc(hidden)]
    const DIMENSION: ScalableDimension;

    /// Returns the metric that reports requests while the capacity is zero, for targets that can scale to zero.
    #[doc(hidden)]
    fn wakes_up() -> Option<Metric> {
        None
    }
}

/// A scalable dimension that is a number of instances: [`InstanceCount`] or [`AsynchronousInstanceCount`].
pub trait InstanceTarget: Target {}

/// The number of instances of a variant of a real-time or multi-model endpoint
/// (`sagemaker:variant:DesiredInstanceCount`).
#[derive(Clone, Copy, Debug)]
pub enum InstanceCount {}

/// The number of instances of an asynchronous endpoint (`sagemaker:variant:DesiredInstanceCount`). The number can be
/// zero while the queue is empty.
#[derive(Clone, Copy, Debug)]
pub enum AsynchronousInstanceCount {}

/// The provisioned concurrency of a serverless endpoint (`sagemaker:variant:DesiredProvisionedConcurrency`): the number
/// of requests that it serves at a time without a cold start.
#[derive(Clone, Copy, Debug)]
pub enum ProvisionedConcurrency {}

/// The number of copies of an inference component (`sagemaker:inference-component:DesiredCopyCount`). The number can be
/// zero while there are no requests.
#[derive(Clone, Copy, Debug)]
pub enum CopyCount {}

impl Target for InstanceCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredInstanceCount;
}

impl InstanceTarget for InstanceCount {}

impl Target for AsynchronousInstanceCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredInstanceCount;

    fn wakes_up() -> Option<Metric> {
        Some(Metric::of_queue("HasBacklogWithoutCapacity"))
    }
}

impl InstanceTarget for AsynchronousInstanceCount {}

impl Target for ProvisionedConcurrency {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerVariantDesiredProvisionedConcurrency;
}

impl Target for CopyCount {
    const DIMENSION: ScalableDimension = ScalableDimension::SagemakerInferenceComponentDesiredCopyCount;

    fn wakes_up() -> Option<Metric> {
        Some(Metric::invocations_named("NoCapacityInvocationFailures").statistic(Statistic::Sum))
    }
}

/// The minimum and maximum capacity of a scalable target, given as a range such as `1..=4` or as two parameters.
///
/// ```
/// use stackwright_stacks::autoscaling::CapacityRange;
///
/// CapacityRange::from(1..=4);
/// CapacityRange::between(1, 4);
/// ```
#[derive(Clone, Debug)]
pub struct CapacityRange {
    pub(crate) least: Value<i64>,
    pub(crate) most: Value<i64>,
}

impl CapacityRange {
    /// Creates a range from two values, both included: the minimum capacity (`MinCapacity`) and the maximum capacity
    /// (`MaxCapacity`). Use it for parameters of a template; a range of literals, such as `1..=4`, converts itself.
    #[track_caller]
    pub fn between(least: impl IntoValue<i64>, most: impl IntoValue<i64>) -> Self {
        Self { least: least.into().with_caller_location(), most: most.into().with_caller_location() }
    }

    /// Returns whether the minimum is a literal above zero.
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

/// The scaling policies and scheduled actions of a target. If several policies apply, the one that requests the
/// largest capacity decides.
///
/// If the minimum capacity of an asynchronous endpoint or of an inference component is not a literal above zero, a step
/// scaling policy that scales out from zero is added: target tracking has no metric while there is no capacity.
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
#[must_use]
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
    /// Creates settings without policies and scheduled actions. Without further calls, only the minimum and maximum
    /// capacity apply, and Application Auto Scaling does not change the capacity between them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a target tracking policy, which keeps a metric near a value (`AWS::ApplicationAutoScaling::ScalingPolicy`).
    pub fn track(mut self, policy: TargetTracking<T>) -> Self {
        self.tracking.push(policy);
        self
    }

    /// Adds a step scaling policy and its CloudWatch alarm. The policy changes the capacity in steps while a metric
    /// breaches a threshold.
    pub fn step(mut self, policy: StepScaling) -> Self {
        self.steps.push(policy);
        self
    }

    /// Adds a scheduled action, which changes the minimum and maximum capacity at the times of its schedule
    /// (`ScheduledActions`).
    pub fn schedule(mut self, action: ScheduledCapacity) -> Self {
        self.scheduled.push(action);
        self
    }

    /// Suspends scaling in by policies (`DynamicScalingInSuspended`) until this call is removed from the program. By
    /// default, nothing is suspended.
    pub fn suspend_scale_in(self) -> Self {
        self.suspend(Suspended::ScaleIn)
    }

    /// Suspends scaling out by policies (`DynamicScalingOutSuspended`) until this call is removed from the program. By
    /// default, nothing is suspended.
    pub fn suspend_scale_out(self) -> Self {
        self.suspend(Suspended::ScaleOut)
    }

    /// Suspends scheduled actions (`ScheduledScalingSuspended`) until this call is removed from the program. By default,
    /// nothing is suspended.
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

/// A scalable target with its capacity range and policies, which the scaled construct adds to the stack.
pub(crate) struct Scaled<T> {
    pub capacity: CapacityRange,
    pub scaling: Scaling<T>,
    /// The resource ID: `endpoint/NAME/variant/NAME` or `inference-component/NAME`.
    pub resource_id: Value<String>,
    pub subject: Subject,
    /// The resource that must exist first, if the resource ID does not refer to it.
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
        // At a capacity of zero, no metric of the instances or copies is published, so that no tracking policy can
        // scale out.
        if let Some(metric) = T::wakes_up().filter(|_| !capacity.is_above_zero()) {
            StepScaling::wake_up(metric).add_to(scope, &target, &subject);
        }
    }
}
