//! Target tracking policies: a metric is kept near a target value.

use std::marker::PhantomData;

use stackwright_resources::applicationautoscaling::scaling_policy::{
    CustomizedMetricSpecification, MetricDimension, PolicyType, PredefinedMetricSpecification,
    PredefinedMetricType, TargetTrackingMetric, TargetTrackingMetricDataQuery, TargetTrackingMetricDimension,
    TargetTrackingMetricStat, TargetTrackingScalingPolicyConfiguration,
};
use stackwright_resources::applicationautoscaling::{ScalableTargetHandle, ScalingPolicy};
use stackwright_synth::{IntoValue, Scope, Value};

use super::{
    AsynchronousInstanceCount, CopyCount, InstanceCount, InstanceTarget, ProvisionedConcurrency, Target,
};
use crate::duration::Seconds;
use crate::metric::{Metric, Subject};

/// A target tracking policy, which keeps a metric near a target value. The type parameter decides which metrics are
/// available:
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::MetricNamespace;
/// use stackwright_stacks::autoscaling::{
///     AsynchronousInstanceCount, CopyCount, InstanceCount, ProvisionedConcurrency, TargetTracking,
/// };
///
/// let policy: TargetTracking<InstanceCount> =
///     TargetTracking::invocations_per_instance(200.0).scale_in_cooldown(Duration::from_mins(10));
/// let of_queue: TargetTracking<AsynchronousInstanceCount> = TargetTracking::backlog_per_instance(5.0);
/// let of_cpu: TargetTracking<InstanceCount> = TargetTracking::cpu_utilization(60.0);
/// let of_gpu: TargetTracking<InstanceCount> = TargetTracking::gpu_utilization(70.0);
/// let of_requests: TargetTracking<InstanceCount> = TargetTracking::concurrent_requests_per_model(8.0);
/// let of_copies: TargetTracking<CopyCount> = TargetTracking::invocations_per_copy(100.0);
/// let provisioned: TargetTracking<ProvisionedConcurrency> = TargetTracking::utilization(0.7);
/// let waiting = MetricNamespace::new("Shop").metric("RequestsWaiting");
/// let of_metric: TargetTracking<InstanceCount> = TargetTracking::metric(waiting, 10.0);
/// ```
///
/// ```compile_fail
/// use stackwright_stacks::autoscaling::{InstanceCount, TargetTracking};
///
/// // A real-time endpoint has no queue.
/// let policy: TargetTracking<InstanceCount> = TargetTracking::backlog_per_instance(5.0);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TargetTracking<T> {
    metric: Tracked,
    value: Value<f64>,
    scale_in_cooldown: Option<Value<i64>>,
    scale_out_cooldown: Option<Value<i64>>,
    scales_in: bool,
    target: PhantomData<fn() -> T>,
}

#[derive(Clone, Debug)]
enum Tracked {
    Predefined(PredefinedMetricType, &'static str),
    Metric(Metric),
    Math(MetricMath),
}

impl TargetTracking<InstanceCount> {
    /// Tracks the average number of invocations per minute for each instance
    /// (`SageMakerVariantInvocationsPerInstance`).
    #[track_caller]
    pub fn invocations_per_instance(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerVariantInvocationsPerInstance;
        Self::of(Tracked::Predefined(metric, "InvocationsPerInstance"), value.into().with_caller_location())
    }

    /// Tracks the number of concurrent requests per model, measured every ten seconds
    /// (`SageMakerVariantConcurrentRequestsPerModelHighResolution`). The policy reacts faster than one for invocations,
    /// and suits requests that take long.
    #[track_caller]
    pub fn concurrent_requests_per_model(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerVariantConcurrentRequestsPerModelHighResolution;
        Self::of(
            Tracked::Predefined(metric, "ConcurrentRequestsPerModel"),
            value.into().with_caller_location(),
        )
    }
}

impl TargetTracking<AsynchronousInstanceCount> {
    /// Tracks the number of requests in the queue per instance (`ApproximateBacklogSizePerInstance`).
    #[track_caller]
    pub fn backlog_per_instance(value: impl IntoValue<f64>) -> Self {
        let metric = Metric::of_queue("ApproximateBacklogSizePerInstance");
        Self::of(Tracked::Metric(metric), value.into().with_caller_location())
    }
}

impl TargetTracking<ProvisionedConcurrency> {
    /// Tracks the utilization of the provisioned concurrency as a fraction between 0 and 1, such as `0.7`
    /// (`SageMakerVariantProvisionedConcurrencyUtilization`).
    #[track_caller]
    pub fn utilization(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerVariantProvisionedConcurrencyUtilization;
        Self::of(Tracked::Predefined(metric, "Utilization"), value.into().with_caller_location())
    }
}

impl TargetTracking<CopyCount> {
    /// Tracks the average number of invocations per minute for each copy of an inference component
    /// (`SageMakerInferenceComponentInvocationsPerCopy`).
    #[track_caller]
    pub fn invocations_per_copy(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerInferenceComponentInvocationsPerCopy;
        Self::of(Tracked::Predefined(metric, "InvocationsPerCopy"), value.into().with_caller_location())
    }

    /// Tracks the number of concurrent requests per copy of an inference component, measured every ten seconds
    /// (`SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution`). The policy reacts faster than one for
    /// invocations, and suits requests that take long.
    #[track_caller]
    pub fn concurrent_requests_per_copy(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution;
        Self::of(
            Tracked::Predefined(metric, "ConcurrentRequestsPerCopy"),
            value.into().with_caller_location(),
        )
    }
}

impl<T: InstanceTarget> TargetTracking<T> {
    /// Tracks the utilization of the GPUs in percent, summed over the GPUs of an instance: 0 to 400 for four GPUs. The
    /// metric is [`Metric::gpu_utilization`].
    #[track_caller]
    pub fn gpu_utilization(percent: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Metric(Metric::gpu_utilization()), percent.into().with_caller_location())
    }

    /// Tracks the utilization of the CPUs in percent, summed over the cores of an instance: 0 to 400 for four cores. The
    /// metric is [`Metric::cpu_utilization`].
    #[track_caller]
    pub fn cpu_utilization(percent: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Metric(Metric::cpu_utilization()), percent.into().with_caller_location())
    }
}

impl<T: Target> TargetTracking<T> {
    fn of(metric: Tracked, value: Value<f64>) -> Self {
        Self {
            metric,
            value,
            scale_in_cooldown: None,
            scale_out_cooldown: None,
            scales_in: true,
            target: PhantomData,
        }
    }

    /// Tracks any metric that decreases as the capacity grows, near a value in the unit of the metric.
    #[track_caller]
    pub fn metric(metric: Metric, value: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Metric(metric), value.into().with_caller_location())
    }

    /// Tracks the result of a metric math expression, such as the length of a queue divided by the number of
    /// instances. The result has to decrease as the capacity grows.
    ///
    /// ```
    /// use stackwright_stacks::{Metric, MetricNamespace, Statistic};
    /// use stackwright_stacks::autoscaling::{InstanceCount, MetricMath, TargetTracking};
    ///
    /// let queue = MetricNamespace::new("AWS/SQS").metric("ApproximateNumberOfMessagesVisible");
    /// let queue = queue.dimension("QueueName", "jobs");
    /// let instances = Metric::cpu_utilization().statistic(Statistic::SampleCount);
    /// let math = MetricMath::new("queue / instances").metric("queue", queue).metric("instances", instances);
    /// let policy: TargetTracking<InstanceCount> = TargetTracking::math(math, 10.0);
    /// ```
    #[track_caller]
    pub fn math(math: MetricMath, value: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Math(math), value.into().with_caller_location())
    }

    /// Sets the time that must pass after scaling in before the policy scales in again (`ScaleInCooldown`). The default
    /// is five minutes.
    #[track_caller]
    pub fn scale_in_cooldown(mut self, time: impl Into<Seconds>) -> Self {
        self.scale_in_cooldown = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the time that must pass after scaling out before the policy scales out again (`ScaleOutCooldown`). The
    /// default is five minutes.
    #[track_caller]
    pub fn scale_out_cooldown(mut self, time: impl Into<Seconds>) -> Self {
        self.scale_out_cooldown = Some(time.into().0.with_caller_location());
        self
    }

    /// Disables scaling in by this policy (`DisableScaleIn`). By default, the policy also scales in.
    pub fn never_scale_in(mut self) -> Self {
        self.scales_in = false;
        self
    }

    pub(super) fn add_to(self, scope: &mut Scope<'_>, target: &ScalableTargetHandle, subject: &Subject) {
        let mut configuration = TargetTrackingScalingPolicyConfiguration::new(self.value);
        let name;
        match self.metric {
            Tracked::Predefined(metric, id) => {
                name = id.to_owned();
                configuration =
                    configuration.predefined_metric_specification(PredefinedMetricSpecification::new(metric));
            }
            Tracked::Metric(metric) => {
                name = metric.id();
                let dimensions: Vec<_> = metric
                    .dimensions(subject)
                    .into_iter()
                    .map(|(name, value)| MetricDimension::new().value(value).name(name))
                    .collect();
                let mut specification = CustomizedMetricSpecification::new()
                    .metric_name(metric.name())
                    .namespace(metric.namespace(subject))
                    .statistic(metric.stat().clone());
                if !dimensions.is_empty() {
                    specification = specification.dimensions(dimensions);
                }
                configuration = configuration.customized_metric_specification(specification);
            }
            Tracked::Math(math) => {
                name = "Expression".to_owned();
                let specification = CustomizedMetricSpecification::new().metrics(math.queries(subject));
                configuration = configuration.customized_metric_specification(specification);
            }
        }
        if let Some(cooldown) = self.scale_in_cooldown {
            configuration = configuration.scale_in_cooldown(cooldown);
        }
        if let Some(cooldown) = self.scale_out_cooldown {
            configuration = configuration.scale_out_cooldown(cooldown);
        }
        if !self.scales_in {
            configuration = configuration.disable_scale_in(true);
        }
        let policy = ScalingPolicy::new()
            .policy_name(name.as_str())
            .policy_type(PolicyType::TargetTrackingScaling)
            .scaling_target_id(target.reference())
            .target_tracking_scaling_policy_configuration(configuration);
        scope.add(&name, policy);
    }
}

/// An expression of CloudWatch metric math with its metrics, for [`TargetTracking::math`].
///
/// ```
/// use stackwright_stacks::{Metric, MetricNamespace, Statistic};
/// use stackwright_stacks::autoscaling::MetricMath;
///
/// let queue = MetricNamespace::new("AWS/SQS").metric("ApproximateNumberOfMessagesVisible");
/// let queue = queue.dimension("QueueName", "jobs");
/// // Each instance publishes one value a minute, so that the number of values is that of the instances.
/// let instances = Metric::cpu_utilization().statistic(Statistic::SampleCount);
/// MetricMath::new("queue / instances").metric("queue", queue).metric("instances", instances);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MetricMath {
    expression: Value<String>,
    metrics: Vec<(String, Metric)>,
}

impl MetricMath {
    /// Creates an expression over metric IDs, such as `queue / instances`. Each ID needs a call of
    /// [`metric`](Self::metric).
    #[track_caller]
    pub fn new(expression: impl IntoValue<String>) -> Self {
        Self { expression: expression.into().with_caller_location(), metrics: Vec::new() }
    }

    /// Adds a metric with the ID by which the expression refers to it (`Metrics`). The ID starts with a lowercase
    /// letter, followed by letters, digits and underscores.
    pub fn metric(mut self, id: impl Into<String>, metric: Metric) -> Self {
        self.metrics.push((id.into(), metric));
        self
    }

    fn queries(self, subject: &Subject) -> Vec<TargetTrackingMetricDataQuery> {
        let expression =
            TargetTrackingMetricDataQuery::new().id("value").expression(self.expression).return_data(true);
        let metrics = self.metrics.into_iter().map(|(id, metric)| {
            let dimensions: Vec<_> = metric
                .dimensions(subject)
                .into_iter()
                .map(|(name, value)| TargetTrackingMetricDimension::new().name(name).value(value))
                .collect();
            let named = TargetTrackingMetric::new()
                .metric_name(metric.name())
                .namespace(metric.namespace(subject))
                .dimensions(dimensions);
            TargetTrackingMetricDataQuery::new()
                .id(id)
                .metric_stat(TargetTrackingMetricStat::new().metric(named).stat(metric.stat()))
                .return_data(false)
        });
        metrics.chain([expression]).collect()
    }
}
