//! Metrics of CloudWatch, as scaling policies, alarms and dashboards name them.

use stackwright_synth::{IntoValue, Json, Properties, Value};

use crate::document::list;

/// What a metric is measured of.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A variant of an endpoint, by their names.
    Variant { endpoint: Value<String>, variant: Value<String> },
    /// An inference component, by its name.
    Component { name: Value<String> },
}

/// A metric of CloudWatch: one that SageMaker publishes of what is scaled, or any other.
///
/// ```
/// use stackwright_stacks::Metric;
///
/// Metric::gpu_utilization();
/// Metric::new("Shop", "RequestsWaiting").dimension("Model", "relevance").statistic("Maximum");
/// ```
#[derive(Clone, Debug)]
pub struct Metric {
    namespace: Namespace,
    name: Value<String>,
    dimensions: Dimensions,
    statistic: Value<String>,
}

#[derive(Clone, Debug)]
enum Namespace {
    Given(Value<String>),
    /// Where SageMaker publishes how busy instances and copies are.
    Utilization,
    /// Where SageMaker publishes what becomes of requests.
    Invocations,
}

#[derive(Clone, Debug)]
enum Dimensions {
    Given(Vec<(Value<String>, Value<String>)>),
    OfSubject,
    /// Of the whole endpoint, whatever its variants: what is published of its queue.
    OfEndpoint,
}

impl Metric {
    /// A metric by its namespace and name, without dimensions, averaged.
    #[track_caller]
    pub fn new(namespace: impl IntoValue<String>, name: impl IntoValue<String>) -> Self {
        Self {
            namespace: Namespace::Given(namespace.into().with_caller_location()),
            name: name.into().with_caller_location(),
            dimensions: Dimensions::Given(Vec::new()),
            statistic: "Average".into(),
        }
    }

    fn published(namespace: Namespace, name: &str, dimensions: Dimensions) -> Self {
        Self { namespace, name: name.into(), dimensions, statistic: "Average".into() }
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

    /// How busy the GPUs of what is scaled are, in percent, added up over the GPUs of an instance: 0 to 400 on
    /// four.
    pub fn gpu_utilization() -> Self {
        Self::utilization("GPUUtilization")
    }

    /// How much of the GPUs' memory is taken, in percent, added up over the GPUs of an instance.
    pub fn gpu_memory_utilization() -> Self {
        Self::utilization("GPUMemoryUtilization")
    }

    /// How busy the processors are, in percent, added up over the cores.
    pub fn cpu_utilization() -> Self {
        Self::utilization("CPUUtilization")
    }

    /// How much of the host's memory is taken, in percent.
    pub fn memory_utilization() -> Self {
        Self::utilization("MemoryUtilization")
    }

    /// How full the disk is, in percent.
    pub fn disk_utilization() -> Self {
        Self::utilization("DiskUtilization")
    }

    /// How many requests there were.
    pub fn invocations() -> Self {
        Self::invocations_named("Invocations").statistic("Sum")
    }

    /// The time in the container, in microseconds.
    pub fn model_latency() -> Self {
        Self::invocations_named("ModelLatency")
    }

    /// The time that SageMaker adds, in microseconds.
    pub fn overhead_latency() -> Self {
        Self::invocations_named("OverheadLatency")
    }

    /// A dimension by its name and value. On a metric that SageMaker publishes of what is scaled it takes the
    /// place of the dimensions that name that.
    #[track_caller]
    pub fn dimension(mut self, name: impl IntoValue<String>, value: impl IntoValue<String>) -> Self {
        let dimension = (name.into().with_caller_location(), value.into().with_caller_location());
        match &mut self.dimensions {
            Dimensions::Given(dimensions) => dimensions.push(dimension),
            others => *others = Dimensions::Given(vec![dimension]),
        }
        self
    }

    /// How the values of a period make one: `Average` unless set, `Sum`, `Maximum`, `SampleCount`, `p99`.
    #[track_caller]
    pub fn statistic(mut self, name: impl IntoValue<String>) -> Self {
        self.statistic = name.into().with_caller_location();
        self
    }

    pub(crate) fn name(&self) -> &Value<String> {
        &self.name
    }

    /// The name as an id can have it.
    pub(crate) fn id(&self) -> String {
        let name = self.name.as_literal().and_then(|name| name.as_str()).unwrap_or("Metric");
        name.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    pub(crate) fn stat(&self) -> &Value<String> {
        &self.statistic
    }

    /// The namespace, for a metric of something.
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

    /// The dimensions, for a metric of something.
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

    /// The metric as a widget of a dashboard has it: one list, with what is special at its end.
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

/// Widgets or their metrics as a list.
pub(crate) fn json_list(items: impl IntoIterator<Item = Properties>) -> Value<Json> {
    list(items).cast()
}
