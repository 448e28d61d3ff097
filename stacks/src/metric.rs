//! CloudWatch metrics, for scaling policies, alarms and dashboards.

use std::borrow::Cow;

use stackwright_synth::{IntoValue, Json, Properties, Value};

use crate::document::list;

/// The resource that a metric describes.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A variant of an endpoint, by the names of the endpoint and the variant.
    Variant { endpoint: Value<String>, variant: Value<String> },
    /// An inference component, by its name.
    Component { name: Value<String> },
}

/// A CloudWatch metric for a scaling policy: one that SageMaker publishes for the resource that is scaled, or any other
/// metric. Metrics of SageMaker get the dimensions of the resource, such as `EndpointName` and `VariantName`.
///
/// ```
/// use stackwright_stacks::{Metric, MetricNamespace, Statistic};
///
/// Metric::gpu_utilization();
/// MetricNamespace::new("Shop").metric("RequestsWaiting").dimension("Model", "relevance").statistic(Statistic::Maximum);
/// Metric::gpu_memory_utilization();
/// Metric::memory_utilization();
/// Metric::disk_utilization();
/// Metric::invocations();
/// Metric::model_latency();
/// Metric::overhead_latency();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Metric {
    namespace: Namespace,
    name: Value<String>,
    dimensions: Dimensions,
    statistic: Value<String>,
    /// Whether alarms set the statistic with `ExtendedStatistic`.
    is_extended: bool,
}

/// The namespace of CloudWatch metrics, such as `AWS/SQS` or one of your own, from which metrics are selected by name.
///
/// ```
/// use stackwright_stacks::{MetricNamespace, Statistic};
///
/// MetricNamespace::new("AWS/SQS").metric("ApproximateNumberOfMessagesVisible").dimension("QueueName", "jobs");
/// ```
#[derive(Clone, Debug)]
pub struct MetricNamespace(Value<String>);

impl MetricNamespace {
    /// Refers to a namespace by its name, such as `AWS/SQS`.
    #[track_caller]
    pub fn new(name: impl IntoValue<String>) -> Self {
        Self(name.into().with_caller_location())
    }

    /// Returns a metric of the namespace by its name, without dimensions, with the statistic `Average`.
    #[track_caller]
    pub fn metric(&self, name: impl IntoValue<String>) -> Metric {
        Metric {
            namespace: Namespace::Given(self.0.clone()),
            name: name.into().with_caller_location(),
            dimensions: Dimensions::Given(Vec::new()),
            statistic: Statistic::Average.value(),
            is_extended: false,
        }
    }
}

/// A statistic of CloudWatch over a period.
///
/// ```
/// use stackwright_stacks::{Metric, Statistic};
///
/// Metric::model_latency().statistic(Statistic::Percentile(99.9));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statistic {
    /// The mean of the values.
    Average,
    /// The largest value.
    Maximum,
    /// The smallest value.
    Minimum,
    /// The number of values.
    SampleCount,
    /// The sum of the values.
    Sum,
    /// A percentile from 0 to 100: `Percentile(99.9)` is `p99.9`.
    Percentile(f64),
    /// Another extended statistic, such as `tm90` or `IQM` (Amazon CloudWatch User Guide, "CloudWatch statistics definitions").
    Extended(String),
}

impl Statistic {
    /// Returns the name in CloudWatch, such as `Average` or `p99`.
    pub fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Average => "Average",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::SampleCount => "SampleCount",
            Self::Sum => "Sum",
            Self::Percentile(percent) => return Cow::Owned(format!("p{percent}")),
            Self::Extended(name) => name,
        })
    }

    fn value(&self) -> Value<String> {
        Value::from(&*self.name())
    }

    fn is_extended(&self) -> bool {
        matches!(self, Self::Percentile(_) | Self::Extended(_))
    }
}

#[derive(Clone, Debug)]
enum Namespace {
    Given(Value<String>),
    /// The namespace of SageMaker's metrics about the utilization of instances and copies.
    Utilization,
    /// The namespace of SageMaker's metrics about invocations.
    Invocations,
}

#[derive(Clone, Debug)]
enum Dimensions {
    Given(Vec<(Value<String>, Value<String>)>),
    OfSubject,
    /// The dimension `EndpointName` alone, for metrics about the queue of an asynchronous endpoint.
    OfEndpoint,
}

impl Metric {
    fn published(namespace: Namespace, name: &str, dimensions: Dimensions) -> Self {
        let statistic = Statistic::Average.value();
        Self { namespace, name: name.into(), dimensions, statistic, is_extended: false }
    }

    fn utilization(name: &str) -> Self {
        Self::published(Namespace::Utilization, name, Dimensions::OfSubject)
    }

    pub(crate) fn invocations_named(name: &str) -> Self {
        Self::published(Namespace::Invocations, name, Dimensions::OfSubject)
    }

    pub(crate) fn of_queue(name: &str) -> Self {
        Self::published(Namespace::Invocations, name, Dimensions::OfEndpoint)
    }

    /// Returns the utilization of the GPUs in percent, summed over the GPUs of an instance: 0 to 400 for four GPUs
    /// (`GPUUtilization`).
    pub fn gpu_utilization() -> Self {
        Self::utilization("GPUUtilization")
    }

    /// Returns the utilization of the GPUs' memory in percent, summed over the GPUs of an instance: 0 to 400 for four GPUs
    /// (`GPUMemoryUtilization`).
    pub fn gpu_memory_utilization() -> Self {
        Self::utilization("GPUMemoryUtilization")
    }

    /// Returns the utilization of the CPUs in percent, summed over the cores: 0 to 400 for four cores (`CPUUtilization`).
    pub fn cpu_utilization() -> Self {
        Self::utilization("CPUUtilization")
    }

    /// Returns the utilization of the host's memory, 0 to 100 percent (`MemoryUtilization`).
    pub fn memory_utilization() -> Self {
        Self::utilization("MemoryUtilization")
    }

    /// Returns the utilization of the disk, 0 to 100 percent (`DiskUtilization`).
    pub fn disk_utilization() -> Self {
        Self::utilization("DiskUtilization")
    }

    /// Returns the number of requests to the variant or the component, with the statistic `Sum` (`Invocations`).
    pub fn invocations() -> Self {
        Self::invocations_named("Invocations").statistic(Statistic::Sum)
    }

    /// Returns the time that the container needs for a request, in microseconds, with the statistic `Average`
    /// (`ModelLatency`).
    pub fn model_latency() -> Self {
        Self::invocations_named("ModelLatency")
    }

    /// Returns the time that SageMaker adds to a request, in microseconds, with the statistic `Average` (`OverheadLatency`).
    pub fn overhead_latency() -> Self {
        Self::invocations_named("OverheadLatency")
    }

    /// Adds a dimension with its name and its value. For a metric that SageMaker publishes, the first call removes the
    /// dimensions of the resource, such as `EndpointName` and `VariantName`.
    #[track_caller]
    pub fn dimension(mut self, name: impl IntoValue<String>, value: impl IntoValue<String>) -> Self {
        let dimension = (name.into().with_caller_location(), value.into().with_caller_location());
        match &mut self.dimensions {
            Dimensions::Given(dimensions) => dimensions.push(dimension),
            others => *others = Dimensions::Given(vec![dimension]),
        }
        self
    }

    /// Sets the statistic over a period. The default is [`Statistic::Average`], except for [`invocations`](Self::invocations).
    #[track_caller]
    pub fn statistic(mut self, statistic: Statistic) -> Self {
        self.is_extended = statistic.is_extended();
        self.statistic = statistic.value().with_caller_location();
        self
    }

    pub(crate) fn name(&self) -> &Value<String> {
        &self.name
    }

    /// Returns the metric's name as a part of a logical ID.
    pub(crate) fn id(&self) -> String {
        let name = self.name.as_literal().and_then(|name| name.as_str()).unwrap_or("Metric");
        name.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// Returns whether alarms set the statistic with `ExtendedStatistic`.
    pub(crate) fn has_extended_statistic(&self) -> bool {
        self.is_extended
    }

    pub(crate) fn stat(&self) -> &Value<String> {
        &self.statistic
    }

    /// Returns the namespace of the metric for a resource.
    pub(crate) fn namespace(&self, subject: &Subject) -> Value<String> {
        match (&self.namespace, subject) {
            (Namespace::Given(namespace), _) => namespace.clone(),
            (Namespace::Invocations, _) => "AWS/SageMaker".into(),
            (Namespace::Utilization, Subject::Variant { .. }) => "/aws/sagemaker/Endpoints".into(),
            (Namespace::Utilization, Subject::Component { .. }) => {
                "/aws/sagemaker/InferenceComponents".into()
            }
        }
    }

    /// Returns the dimensions of the metric for a resource.
    pub(crate) fn dimensions(&self, subject: &Subject) -> Vec<(Value<String>, Value<String>)> {
        match (&self.dimensions, subject) {
            (Dimensions::Given(dimensions), _) => dimensions.clone(),
            (Dimensions::OfEndpoint, Subject::Variant { endpoint, .. }) => {
                vec![("EndpointName".into(), endpoint.clone())]
            }
            (Dimensions::OfSubject, Subject::Variant { endpoint, variant }) => {
                vec![("EndpointName".into(), endpoint.clone()), ("VariantName".into(), variant.clone())]
            }
            (_, Subject::Component { name }) => vec![("InferenceComponentName".into(), name.clone())],
        }
    }

    /// Returns the metric as an entry of a dashboard widget: an array that ends with an object of options.
    pub(crate) fn in_widget(&self, subject: &Subject, statistic: &str, label: &str) -> Value<Json> {
        let mut parts: Vec<Value<Json>> = vec![self.namespace(subject).into(), self.name.clone().into()];
        for (name, value) in self.dimensions(subject) {
            parts.extend([name.into(), value.into()]);
        }
        let mut options = Properties::default();
        options.put("stat", statistic);
        options.put("label", label);
        parts.push(Value::from(options).cast());
        Value::<Vec<Json>>::from(parts).cast()
    }
}

/// Converts widgets or their metrics to a JSON array.
pub(crate) fn json_list(items: impl IntoIterator<Item = Properties>) -> Value<Json> {
    list(items).cast()
}
