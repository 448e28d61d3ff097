//! Asynchronous endpoints: requests wait in a queue, answers come to S3.

use stackwright_resources::sagemaker::endpoint_config::{
    AsyncInferenceClientConfig, AsyncInferenceConfig, AsyncInferenceNotificationConfig,
    AsyncInferenceOutputConfig, IncludeInferenceResponseIn,
};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, IntoValue, Scope, Value};

use super::deployment::{BlueGreen, Update, blue_green, rolling};
use super::settings::{InstanceSettings, Settings, instance_settings, scale, settings};
use super::variant::{Hosting, hosting, instance_count};
use super::{EndpointHandle, OnInstances, name};
use crate::autoscaling::{AsynchronousInstanceCount, Capacity, Scaling};
use crate::container::Containers;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::s3::S3Location;

/// A topic that hears of answers or of failures.
#[derive(Clone, Debug)]
pub struct Topic {
    arn: Value<String>,
    with_answer: bool,
}

impl Topic {
    /// By its ARN.
    #[track_caller]
    pub fn new(arn: impl IntoValue<String>) -> Self {
        Self { arn: arn.into().with_caller_location(), with_answer: false }
    }

    /// Puts the answer into the message, where it is small enough.
    pub fn with_answer(mut self) -> Self {
        self.with_answer = true;
        self
    }
}

/// An endpoint for requests of up to 1 GB and an hour. It may have no instance at all while nobody asks; the first
/// request brings one back.
///
/// ```
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::AsynchronousEndpoint;
/// use stackwright_stacks::{Image, Processor, S3Location};
/// # use stackwright_synth::App;
///
/// # let app = App::new("shop");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let container = Container::new(Image::pytorch_inference("2.6.0", Processor::Gpu))
///     .model(S3Location::new("my-models", "segments/3/model.tar.gz"));
/// stack.add(
///     "Segments",
///     AsynchronousEndpoint::new(container, "ml.g5.2xlarge", S3Location::new("my-answers", "segments/"))
///         .failures(S3Location::new("my-answers", "failed/"))
///         .scale(0..=5, TargetTracking::backlog_per_instance(5.0)),
/// );
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct AsynchronousEndpoint {
    containers: Containers,
    output: S3Location,
    failures: Option<S3Location>,
    success_topic: Option<Topic>,
    error_topic: Option<Topic>,
    at_a_time: Option<Value<i64>>,
    hosting: Hosting,
    scaling: Option<(Capacity, Scaling<AsynchronousInstanceCount>)>,
    update: Update,
    settings: Settings,
    instances: InstanceSettings,
}

settings!(AsynchronousEndpoint);

impl RoleOptions for AsynchronousEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

instance_settings!(AsynchronousEndpoint);
hosting!(AsynchronousEndpoint);
instance_count!(AsynchronousEndpoint);
scale! {
    /// Lets Application Auto Scaling move the number of instances, down to none. Where it may be none, an alarm on
    /// requests without an instance brings the first one back.
    AsynchronousEndpoint, AsynchronousInstanceCount
}
blue_green!(AsynchronousEndpoint);
rolling!(AsynchronousEndpoint);

impl AsynchronousEndpoint {
    /// An endpoint on one instance of a type, with the place that answers are put into.
    #[track_caller]
    pub fn new(
        containers: impl Into<Containers>,
        instance_type: impl IntoValue<String>,
        output: S3Location,
    ) -> Self {
        Self {
            containers: containers.into(),
            output,
            failures: None,
            success_topic: None,
            error_topic: None,
            at_a_time: None,
            hosting: Hosting::on(instance_type),
            scaling: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            settings: Settings::default(),
            instances: InstanceSettings::default(),
        }
    }

    /// Where it is put why a request failed.
    pub fn failures(mut self, location: S3Location) -> Self {
        self.failures = Some(location);
        self
    }

    /// Tells a topic of each answer.
    pub fn on_success(mut self, topic: Topic) -> Self {
        self.success_topic = Some(topic);
        self
    }

    /// Tells a topic of each failure.
    pub fn on_failure(mut self, topic: Topic) -> Self {
        self.error_topic = Some(topic);
        self
    }

    /// How many requests an instance gets at a time, 1 to 1,000; what SageMaker thinks best unless set.
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
        if let Some(key) = self.instances.key.as_ref().or(self.output.encryption_key()) {
            output = output.kms_key_id(key.id());
        }
        let mut notification = AsyncInferenceNotificationConfig::new();
        let mut with_answer = Vec::new();
        if let Some(topic) = &self.success_topic {
            notification = notification.success_topic(&topic.arn);
            with_answer
                .extend(topic.with_answer.then_some(IncludeInferenceResponseIn::SuccessNotificationTopic));
        }
        if let Some(topic) = &self.error_topic {
            notification = notification.error_topic(&topic.arn);
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
        for topic in [&self.success_topic, &self.error_topic].into_iter().flatten() {
            let publish = Statement::allow(["sns:Publish"]).on(&topic.arn);
            if !statements.contains(&publish) {
                statements.push(publish);
            }
        }
        statements
    }
}

impl Construct for AsynchronousEndpoint {
    type Handle = EndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> EndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let inference = self.inference_config();
        let more = self.statements();
        let endpoint = OnInstances {
            containers: self.containers,
            hosting: self.hosting,
            scaling: self.scaling,
            update: self.update,
            settings: self.settings,
            instances: self.instances,
        };
        endpoint.add(
            name,
            hosting().asynchronous_request_seconds,
            more,
            |config| config.async_inference_config(inference),
            scope,
        )
    }
}
