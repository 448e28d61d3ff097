//! Serverless endpoints: capacity for each request, without cost while there are no requests.

use stackwright_resources::sagemaker::EndpointConfig;
use stackwright_resources::sagemaker::endpoint_config::{ProductionVariant, ServerlessConfig};
use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, Expression, IntoValue, Literal, Scope, Value};

use super::deployment::{BlueGreen, Update};
use super::options::{AutoscalingOptions, BlueGreenOptions, EndpointOptions};
use super::settings::Settings;
use super::{EndpointHandle, ONE_VARIANT, Plan, add_model, add_scaling, log_group, name};
use crate::autoscaling::{CapacityRange, ProvisionedConcurrency, Scaling};
use crate::container::Container;
use crate::iam::{RoleOptions, RoleSettings};
use crate::image::Processor;
use crate::security::SecuritySettings;

/// The memory of a serverless endpoint (`MemorySizeInMB`). The number of virtual CPUs is proportional to the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MemorySize {
    /// 1,024 MB.
    Gb1,
    /// 2,048 MB.
    Gb2,
    /// 3,072 MB.
    Gb3,
    /// 4,096 MB.
    Gb4,
    /// 5,120 MB.
    Gb5,
    /// 6,144 MB.
    Gb6,
}

impl Literal for MemorySize {
    fn into_expression(self) -> Expression {
        Expression::Literal((1024 * (self as i64 + 1)).into())
    }
}

impl From<Value<i64>> for MemorySizeValue {
    fn from(megabytes: Value<i64>) -> Self {
        Self(megabytes)
    }
}

impl From<MemorySize> for MemorySizeValue {
    fn from(size: MemorySize) -> Self {
        Self(Value::<MemorySize>::from(size).cast())
    }
}

/// The argument of [`ServerlessEndpoint::memory`]: a [`MemorySize`], or a parameter in MB.
#[derive(Clone, Debug)]
pub struct MemorySizeValue(Value<i64>);

/// A serverless endpoint with its configuration, model and role.
///
/// The endpoint keeps its name. The model and the configuration have no fixed names, so that a new model, image or size
/// creates a new configuration and updates the endpoint in place. Features that serverless endpoints do not support
/// (instances, a second variant, a VPC, network isolation, data capture, a rolling update, several containers) have no
/// setters.
///
/// It becomes `AWS::SageMaker::Endpoint`, `AWS::SageMaker::EndpointConfig`, `AWS::SageMaker::Model`, `AWS::IAM::Role` and
/// `AWS::CloudWatch::Alarm`.
///
/// ```
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::endpoint::{MemorySize, ServerlessEndpoint};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
/// use stackwright_synth::App;
///
/// let app = App::new("shop");
/// let stack = app.stack("DevTest").region("us-east-1");
/// let container = Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
/// let scorer = stack.add("Scorer", ServerlessEndpoint::new(container).memory(MemorySize::Gb6).max_concurrency(5));
/// stack.output("EndpointName", scorer.name());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerlessEndpoint {
    container: Container,
    memory: Value<i64>,
    max_concurrency: Value<i64>,
    provisioned_concurrency: Option<Value<i64>>,
    scaling: Option<(CapacityRange, Scaling<ProvisionedConcurrency>)>,
    update: Update,
    settings: Settings,
}

impl EndpointOptions for ServerlessEndpoint {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl RoleOptions for ServerlessEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl AutoscalingOptions for ServerlessEndpoint {
    type Scales = ProvisionedConcurrency;

    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<ProvisionedConcurrency>)> {
        &mut self.scaling
    }
}

impl BlueGreenOptions for ServerlessEndpoint {
    fn update(&mut self) -> &mut Update {
        &mut self.update
    }
}

impl ServerlessEndpoint {
    /// Creates an endpoint for a container, with 2 GB of memory and a maximum concurrency of 5 requests.
    pub fn new(container: impl Into<Container>) -> Self {
        Self {
            container: container.into(),
            memory: MemorySizeValue::from(MemorySize::Gb2).0,
            max_concurrency: 5.into(),
            provisioned_concurrency: None,
            scaling: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            settings: Settings::default(),
        }
    }

    /// Sets the memory. The default is [`MemorySize::Gb2`].
    #[track_caller]
    pub fn memory(mut self, size: impl Into<MemorySizeValue>) -> Self {
        self.memory = size.into().0.with_caller_location();
        self
    }

    /// Sets the maximum number of concurrent requests, 1 to 200 (`MaxConcurrency`). The default is 5. Further requests
    /// are throttled.
    #[track_caller]
    pub fn max_concurrency(mut self, requests: impl IntoValue<i64>) -> Self {
        self.max_concurrency = requests.into().with_caller_location();
        self
    }

    /// Sets the number of concurrent requests that are always served without a cold start (`ProvisionedConcurrency`).
    /// It must not exceed the maximum concurrency, and is billed even if there are no requests. By default, there is none; with
    /// [`scale`](AutoscalingOptions::scale), the default is the minimum capacity.
    #[track_caller]
    pub fn provisioned_concurrency(mut self, requests: impl IntoValue<i64>) -> Self {
        self.provisioned_concurrency = Some(requests.into().with_caller_location());
        self
    }
}

impl Construct for ServerlessEndpoint {
    type Handle = EndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> EndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let security = SecuritySettings::default();
        let permissions = (self.settings.role.clone(), Vec::new());
        let log_group = log_group(&name);
        let container = self.container.on(Some(Processor::Cpu)).into();
        let served = add_model(container, "", &log_group, &security, permissions, scope);
        let mut serverless =
            ServerlessConfig::new().max_concurrency(self.max_concurrency).memory_size_in_mb(self.memory);
        let least = self.scaling.as_ref().map(|(capacity, _)| capacity.least.clone());
        if let Some(provisioned) = self.provisioned_concurrency.or(least) {
            serverless = serverless.provisioned_concurrency(provisioned);
        }
        let variant = Value::from(ONE_VARIANT);
        let lowered = ProductionVariant::new(&variant)
            .model_name(served.model.model_name())
            .serverless_config(serverless);
        let plan = Plan {
            name,
            config: EndpointConfig::new([lowered]),
            variants: vec![(String::new(), variant.clone())],
            settings: &self.settings,
            update: Some(self.update),
            // The SageMaker documentation does not state which part of the concurrency an update keeps.
            is_scaled: false,
            longest_request: hosting().serverless_request,
            models: vec![served],
        };
        let endpoint = plan.add(scope);
        if let Some(scaling) = self.scaling {
            add_scaling(&endpoint, &variant, "", scaling, scope);
        }
        endpoint
    }
}
