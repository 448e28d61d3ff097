//! Asynchronous endpoints: requests wait in a queue, and responses are written to S3.

use stackwright_resources::sagemaker::endpoint_config::{
    AsyncInferenceClientConfig, AsyncInferenceConfig, AsyncInferenceNotificationConfig,
    AsyncInferenceOutputConfig, IncludeInferenceResponseIn,
};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, IntoValue, Scope, Value};

use super::deployment::{BlueGreen, Update};
use super::hosting::Hosting;
use super::options::{
    AutoscalingOptions, BlueGreenOptions, EndpointOptions, HostingOptions, InstanceCountOptions,
    MetricsOptions, RollingOptions,
};
use super::settings::Settings;
use super::{EndpointHandle, OnInstances, name};
use crate::autoscaling::{AsynchronousInstanceCount, CapacityRange, Scaling};
use crate::container::Containers;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::s3::S3Location;
use crate::security::{SecurityOptions, SecuritySettings};
use crate::topic::TopicReference;

/// An SNS topic that an asynchronous endpoint notifies of responses or of failed requests (`NotificationConfig`).
///
/// ```
/// use stackwright_stacks::endpoint::NotificationTopic;
///
/// NotificationTopic::new("arn:aws:sns:us-east-1:123456789012:answers").with_answer();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NotificationTopic {
    topic: TopicReference,
    with_answer: bool,
}

impl NotificationTopic {
    /// Creates notifications to an SNS topic, given by its handle or ARN, without the response. The role of the endpoint may
    /// publish to the topic.
    #[track_caller]
    pub fn new(topic: impl Into<TopicReference>) -> Self {
        Self { topic: topic.into(), with_answer: false }
    }

    /// Adds the response to the notification, if it has at most 128 KB (`IncludeInferenceResponseIn`). By default, a
    /// notification contains only the location of the response.
    pub fn with_answer(mut self) -> Self {
        self.with_answer = true;
        self
    }
}

/// Converts a topic to notifications without the response.
impl<T: Into<TopicReference>> From<T> for NotificationTopic {
    #[track_caller]
    fn from(topic: T) -> Self {
        Self::new(topic)
    }
}

/// An endpoint that reads requests of up to 1 GB from S3, processes each for up to an hour, and writes the response
/// to S3. It can be scaled to zero instances; the first request then starts one.
///
/// ```
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{AsynchronousEndpoint, AutoscalingOptions};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
/// # use stackwright_synth::App;
///
/// # let app = App::new("shop");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu))
///     .model(S3Location::new("my-models", "segments/3/model.tar.gz"));
/// stack.add(
///     "Segments",
///     AsynchronousEndpoint::new(container, "ml.g5.2xlarge", S3Location::new("my-answers", "segments/"))
///         .requests(S3Location::new("my-requests", "segments/"))
///         .failures(S3Location::new("my-answers", "failed/"))
///         .scale(0..=5, TargetTracking::backlog_per_instance(5.0)),
/// );
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AsynchronousEndpoint {
    containers: Containers,
    requests: Vec<S3Location>,
    output: S3Location,
    failures: Option<S3Location>,
    success_topic: Option<NotificationTopic>,
    error_topic: Option<NotificationTopic>,
    at_a_time: Option<Value<i64>>,
    hosting: Hosting,
    scaling: Option<(CapacityRange, Scaling<AsynchronousInstanceCount>)>,
    update: Update,
    settings: Settings,
    security: SecuritySettings,
}

impl EndpointOptions for AsynchronousEndpoint {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl RoleOptions for AsynchronousEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl SecurityOptions for AsynchronousEndpoint {
    fn security_settings(&mut self) -> &mut SecuritySettings {
        &mut self.security
    }
}

impl HostingOptions for AsynchronousEndpoint {
    fn hosting(&mut self) -> &mut Hosting {
        &mut self.hosting
    }
}

impl InstanceCountOptions for AsynchronousEndpoint {}

impl MetricsOptions for AsynchronousEndpoint {}

impl AutoscalingOptions for AsynchronousEndpoint {
    type Scales = AsynchronousInstanceCount;

    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<AsynchronousInstanceCount>)> {
        &mut self.scaling
    }
}

impl BlueGreenOptions for AsynchronousEndpoint {
    fn update(&mut self) -> &mut Update {
        &mut self.update
    }
}

impl RollingOptions for AsynchronousEndpoint {}

impl AsynchronousEndpoint {
    /// Creates an endpoint on one instance of a type, such as `ml.g5.2xlarge`, with the location in S3 to which the
    /// responses are written. The role of the endpoint may write there.
    ///
    /// The location of the requests has to be set with [`requests`](Self::requests), unless the program sets the role or
    /// adds permissions to it; otherwise it is an error.
    #[track_caller]
    pub fn new(
        containers: impl Into<Containers>,
        instance_type: impl IntoValue<String>,
        output: S3Location,
    ) -> Self {
        Self {
            containers: containers.into(),
            requests: Vec::new(),
            output,
            failures: None,
            success_topic: None,
            error_topic: None,
            at_a_time: None,
            hosting: Hosting::on(instance_type),
            scaling: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            settings: Settings::default(),
            security: SecuritySettings::default(),
        }
    }

    /// Adds a location in S3 to which callers upload the requests that they state in `InvokeEndpointAsync`. The role of the
    /// endpoint may read it.
    pub fn requests(mut self, location: impl Into<S3Location>) -> Self {
        self.requests.push(location.into());
        self
    }

    /// Sets the location in S3 to which SageMaker writes the error messages of failed requests (`S3FailurePath`). The role
    /// of the endpoint may write there. By default, they are not written.
    pub fn failures(mut self, location: impl Into<S3Location>) -> Self {
        self.failures = Some(location.into());
        self
    }

    /// Sets the SNS topic that is notified of each successful response (`SuccessTopic`). By default, there is none.
    #[track_caller]
    pub fn on_success(mut self, topic: impl Into<NotificationTopic>) -> Self {
        self.success_topic = Some(topic.into());
        self
    }

    /// Sets the SNS topic that is notified of each failed request (`ErrorTopic`). By default, there is none.
    #[track_caller]
    pub fn on_failure(mut self, topic: impl Into<NotificationTopic>) -> Self {
        self.error_topic = Some(topic.into());
        self
    }

    /// Sets the maximum number of requests that an instance processes at the same time, 1 to 1,000
    /// (`MaxConcurrentInvocationsPerInstance`). By default, SageMaker chooses the number.
    #[track_caller]
    pub fn max_concurrent_invocations(mut self, requests: impl IntoValue<i64>) -> Self {
        self.at_a_time = Some(requests.into().with_caller_location());
        self
    }

    fn inference_config(&self) -> AsyncInferenceConfig {
        let mut output = AsyncInferenceOutputConfig::new().s3_output_path(self.output.uri());
        if let Some(location) = &self.failures {
            output = output.s3_failure_path(location.uri());
        }
        if let Some(key) = self.security.key.as_ref().or(self.output.encryption_key()) {
            output = output.kms_key_id(key.id());
        }
        let mut notification = AsyncInferenceNotificationConfig::new();
        let mut with_answer = Vec::new();
        if let Some(topic) = &self.success_topic {
            notification = notification.success_topic(topic.topic.arn());
            with_answer
                .extend(topic.with_answer.then_some(IncludeInferenceResponseIn::SuccessNotificationTopic));
        }
        if let Some(topic) = &self.error_topic {
            notification = notification.error_topic(topic.topic.arn());
            with_answer
                .extend(topic.with_answer.then_some(IncludeInferenceResponseIn::ErrorNotificationTopic));
        }
        if !with_answer.is_empty() {
            notification = notification.include_inference_response_in(with_answer);
        }
        if self.success_topic.is_some() || self.error_topic.is_some() {
            output = output.notification_config(notification);
        }
        let config = AsyncInferenceConfig::new(output);
        match &self.at_a_time {
            Some(requests) => config.client_config(
                AsyncInferenceClientConfig::new().max_concurrent_invocations_per_instance(requests),
            ),
            None => config,
        }
    }

    fn statements(&self) -> Vec<Statement> {
        let mut statements: Vec<Statement> = self.output.write();
        statements.extend(self.failures.iter().flat_map(S3Location::write));
        statements.extend(self.requests.iter().flat_map(S3Location::read));
        for topic in [&self.success_topic, &self.error_topic].into_iter().flatten() {
            for publish in topic.topic.allow_publish() {
                if !statements.contains(&publish) {
                    statements.push(publish);
                }
            }
        }
        statements
    }
}

impl Construct for AsynchronousEndpoint {
    type Handle = EndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(mut self, scope: &mut Scope<'_>) -> EndpointHandle {
        if self.requests.is_empty() && !self.settings.role.is_set() {
            scope.error(
                "no-request-location",
                "the endpoint's role cannot read the requests, because their location is not known".into(),
                "set the location to which callers upload requests with `.requests(…)`".into(),
                None,
            );
        }
        self.security = self.security.with_defaults(scope);
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let inference = self.inference_config();
        let more = self.statements();
        let endpoint = OnInstances {
            containers: self.containers,
            hosting: self.hosting,
            scaling: self.scaling,
            update: self.update,
            settings: self.settings,
            security: self.security,
        };
        endpoint.add(
            name,
            hosting().asynchronous_request,
            more,
            |config| config.async_inference_config(inference),
            scope,
        )
    }
}
