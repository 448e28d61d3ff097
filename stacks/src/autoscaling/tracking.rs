//! Target tracking: a metric is kept near a value.

use std::marker::PhantomData;

use stackwright_resources::applicationautoscaling::scaling_policy::{
    CustomizedMetricSpecification, MetricDimension, PolicyType, PredefinedMetricSpecification,
    PredefinedMetricType, TargetTrackingMetric, TargetTrackingMetricDataQuery, TargetTrackingMetricDimension,
    TargetTrackingMetricStat, TargetTrackingScalingPolicyConfiguration,
};
use stackwright_resources::applicationautoscaling::{ScalableTargetHandle, ScalingPolicy};
use stackwright_synth::{IntoValue, Scope, Value};

use super::{AsynchronousInstanceCount, CopyCount, InstanceCount, Instances, ProvisionedConcurrency, Target};
use crate::duration::Seconds;
use crate::metric::{Metric, Subject};

/// A policy that keeps a metric near a value. Which metrics there are depends on what is scaled:
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::autoscaling::{AsynchronousInstanceCount, InstanceCount, TargetTracking};
///
/// let policy: TargetTracking<InstanceCount> =
///     TargetTracking::invocations_per_instance(200.0).scale_in_cooldown(Duration::from_mins(10));
/// let of_queue: TargetTracking<AsynchronousInstanceCount> = TargetTracking::backlog_per_instance(5.0);
/// ```
///
/// ```compile_fail
/// use stackwright_stacks::autoscaling::{InstanceCount, TargetTracking};
///
/// // A real-time endpoint has no queue.
/// let policy: TargetTracking<InstanceCount> = TargetTracking::backlog_per_instance(5.0);
/// ```
#[derive(Clone, Debug)]
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
    /// Requests in a minute for each instance.
    #[track_caller]
    pub fn invocations_per_instance(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerVariantInvocationsPerInstance;
        Self::of(Tracked::Predefined(metric, "InvocationsPerInstance"), value.into().with_caller_location())
    }

    /// Requests at a time for each model, measured every ten seconds: it reacts faster, and suits requests that
    /// take long.
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
    /// Requests in the queue for each instance.
    #[track_caller]
    pub fn backlog_per_instance(value: impl IntoValue<f64>) -> Self {
        let metric = Metric::of_queue("ApproximateBacklogSizePerInstance");
        Self::of(Tracked::Metric(metric), value.into().with_caller_location())
    }
}

impl TargetTracking<ProvisionedConcurrency> {
    /// The share of the provisioned concurrency that is in use, 0 to 1.
    #[track_caller]
    pub fn utilization(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerVariantProvisionedConcurrencyUtilization;
        Self::of(Tracked::Predefined(metric, "Utilization"), value.into().with_caller_location())
    }
}

impl TargetTracking<CopyCount> {
    /// Requests in a minute for each copy.
    #[track_caller]
    pub fn invocations_per_copy(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerInferenceComponentInvocationsPerCopy;
        Self::of(Tracked::Predefined(metric, "InvocationsPerCopy"), value.into().with_caller_location())
    }

    /// Requests at a time for each copy, measured every ten seconds: it reacts faster, and suits requests that
    /// take long.
    #[track_caller]
    pub fn concurrent_requests_per_copy(value: impl IntoValue<f64>) -> Self {
        let metric = PredefinedMetricType::SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution;
        Self::of(
            Tracked::Predefined(metric, "ConcurrentRequestsPerCopy"),
            value.into().with_caller_location(),
        )
    }
}

impl<T: Instances> TargetTracking<T> {
    /// How busy the GPUs are, as [`Metric::gpu_utilization`] counts.
    #[track_caller]
    pub fn gpu_utilization(percent: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Metric(Metric::gpu_utilization()), percent.into().with_caller_location())
    }

    /// How busy the processors are, as [`Metric::cpu_utilization`] counts.
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

    /// Any metric that falls as the capacity grows.
    #[track_caller]
    pub fn metric(metric: Metric, value: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Metric(metric), value.into().with_caller_location())
    }

    /// What an expression makes of metrics, such as the length of a queue for each instance.
    #[track_caller]
    pub fn math(math: MetricMath, value: impl IntoValue<f64>) -> Self {
        Self::of(Tracked::Math(math), value.into().with_caller_location())
    }

    /// How long after scaling in the next scaling in waits; five minutes unless set.
    #[track_caller]
    pub fn scale_in_cooldown(mut self, time: impl Into<Seconds>) -> Self {
        self.scale_in_cooldown = Some(time.into().0.with_caller_location());
        self
    }

    /// How long after scaling out the next scaling out waits; five minutes unless set.
    #[track_caller]
    pub fn scale_out_cooldown(mut self, time: impl Into<Seconds>) -> Self {
        self.scale_out_cooldown = Some(time.into().0.with_caller_location());
        self
    }

    /// Lets the policy scale out only.
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

/// An expression over metrics, in CloudWatch's metric math.
///
/// ```
/// use stackwright_stacks::Metric;
/// use stackwright_stacks::autoscaling::MetricMath;
///
/// let queue = Metric::new("AWS/SQS", "ApproximateNumberOfMessagesVisible").dimension("QueueName", "jobs");
/// // Each instance publishes one value a minute, so that the number of values is that of the instances.
/// let instances = Metric::cpu_utilization().statistic("SampleCount");
/// MetricMath::new("queue / instances").metric("queue", queue).metric("instances", instances);
/// ```
#[derive(Clone, Debug)]
pub struct MetricMath {
    expression: Value<String>,
    metrics: Vec<(String, Metric)>,
}

impl MetricMath {
    /// An expression over ids of metrics.
    #[track_caller]
    pub fn new(expression: impl IntoValue<String>) -> Self {
        Self { expression: expression.into().with_caller_location(), metrics: Vec::new() }
    }

    /// A metric under an id, which starts with a small letter.
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
