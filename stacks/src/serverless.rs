//! Serverless endpoints: capacity by the request, nothing while nobody asks.

use stackwright_resources::iam::RoleHandle;
use stackwright_resources::sagemaker::endpoint_config::{ProductionVariant, ServerlessConfig};
use stackwright_resources::sagemaker::{
    Endpoint, EndpointConfig, EndpointConfigHandle, EndpointHandle, Model, ModelHandle,
};
use stackwright_synth::intrinsic::stack_name;
use stackwright_synth::{Construct, Expression, Literal, Scope, Value, sub};

use crate::container::Container;

/// The one variant of a serverless endpoint: AWS takes no second.
const VARIANT: &str = "AllTraffic";

/// SageMaker's limit for the name of an endpoint.
const NAME_CHARACTERS: usize = 63;

/// The memory of a serverless endpoint. Processors come with it: the more memory, the more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MemorySize {
    /// 1024 MB
    Gb1,
    /// 2048 MB
    Gb2,
    /// 3072 MB
    Gb3,
    /// 4096 MB
    Gb4,
    /// 5120 MB
    Gb5,
    /// 6144 MB
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

/// What [`ServerlessEndpoint::memory`] takes: a [`MemorySize`], or a parameter in MB.
#[derive(Clone, Debug)]
pub struct MemorySizeValue(Value<i64>);

/// A serverless endpoint with its configuration, model and role.
///
/// The endpoint keeps its name; model and configuration have none, so that a new model, image or size becomes a
/// new configuration and an update in place. What serverless endpoints cannot do (instances, a second variant,
/// a VPC, network isolation, data capture) has no setter here.
///
/// ```
/// use stackwright_stacks::{Container, Image, MemorySize, S3Location, Processor, ServerlessEndpoint};
/// use stackwright_synth::App;
///
/// let app = App::new("shop");
/// let stack = app.stack("DevTest").region("us-east-1");
/// let container = Container::new(Image::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"));
/// let scorer = stack.add("Scorer", ServerlessEndpoint::new(container).memory(MemorySize::Gb6).max_concurrency(5));
/// stack.output("EndpointName", scorer.endpoint_name());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerlessEndpoint {
    container: Container,
    memory: Value<i64>,
    max_concurrency: Value<i64>,
    provisioned_concurrency: Option<Value<i64>>,
    name: Option<Value<String>>,
}

impl ServerlessEndpoint {
    /// An endpoint for a container, with 2 GB and up to 5 requests at a time.
    pub fn new(container: Container) -> Self {
        Self {
            container,
            memory: MemorySizeValue::from(MemorySize::Gb2).0,
            max_concurrency: 5.into(),
            provisioned_concurrency: None,
            name: None,
        }
    }

    /// The memory, 2 GB unless set.
    #[track_caller]
    pub fn memory(mut self, size: impl Into<MemorySizeValue>) -> Self {
        self.memory = size.into().0.here();
        self
    }

    /// How many requests are served at a time, 1 to 200; 5 unless set. More are throttled.
    #[track_caller]
    pub fn max_concurrency(mut self, requests: impl Into<Value<i64>>) -> Self {
        self.max_concurrency = requests.into().here();
        self
    }

    /// How many requests are always served without a cold start. It costs while nobody asks.
    #[track_caller]
    pub fn provisioned_concurrency(mut self, requests: impl Into<Value<i64>>) -> Self {
        self.provisioned_concurrency = Some(requests.into().here());
        self
    }

    /// Names the endpoint; without it the stack's name and the construct's id make the name. Changing it
    /// replaces the endpoint.
    #[track_caller]
    pub fn name(mut self, name: impl Into<Value<String>>) -> Self {
        self.name = Some(name.into().here());
        self
    }
}

impl Construct for ServerlessEndpoint {
    type Handle = ServerlessEndpointHandle;
    const OPAQUE: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> ServerlessEndpointHandle {
        let name = self.name.unwrap_or_else(|| {
            let name = format!("{}-{}", scope.stack_name(), scope.id());
            if name.len() > NAME_CHARACTERS {
                scope.error(
                    "endpoint-name",
                    format!("`{name}` is longer than the {NAME_CHARACTERS} characters of an endpoint's name"),
                    "give the endpoint a shorter one with `.name(…)`".into(),
                    None,
                );
            }
            sub!("{}-{}", stack_name(), scope.id())
        });
        let (definition, role) = self.container.define(&name, scope);
        let role = scope.add("Role", role);
        let model =
            scope.add("Model", Model::new().execution_role_arn(role.arn()).primary_container(definition));
        let mut serverless = ServerlessConfig::new(self.max_concurrency, self.memory);
        if let Some(provisioned) = self.provisioned_concurrency {
            serverless = serverless.provisioned_concurrency(provisioned);
        }
        let variant =
            ProductionVariant::new(VARIANT).model_name(model.model_name()).serverless_config(serverless);
        let config = scope.add("Config", EndpointConfig::new([variant]));
        let endpoint = scope.add_default(Endpoint::new(config.endpoint_config_name()).endpoint_name(name));
        ServerlessEndpointHandle { endpoint, config, model, role }
    }
}

/// A [`ServerlessEndpoint`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct ServerlessEndpointHandle {
    /// The endpoint.
    pub endpoint: EndpointHandle,
    /// Its configuration.
    pub config: EndpointConfigHandle,
    /// The model behind it.
    pub model: ModelHandle,
    /// The role that the model runs with.
    pub role: RoleHandle,
}

impl ServerlessEndpointHandle {
    /// The name to invoke the endpoint by.
    pub fn endpoint_name(&self) -> Value<String> {
        self.endpoint.endpoint_name()
    }

    /// The endpoint's ARN, as policies that allow `sagemaker:InvokeEndpoint` want it.
    pub fn endpoint_arn(&self) -> Value<String> {
        self.endpoint.endpoint_arn()
    }
}
