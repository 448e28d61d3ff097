//! Adapters on a component.

use stackwright_resources::sagemaker;
use stackwright_resources::sagemaker::inference_component::{
    InferenceComponentContainerSpecification, InferenceComponentSpecification,
};
use stackwright_synth::{Construct, IntoValue, ResourceOptions, Scope, Value};

use super::{InferenceComponentHandle, allow};
use crate::endpoint::name;
use crate::s3::S3Location;

/// An inference component for a LoRA adapter: it uses the copies and accelerators of its base component. The base component
/// has to support adapters (see [`LargeModel::adapters`](crate::container::LargeModel::adapters)).
///
/// It becomes `AWS::SageMaker::InferenceComponent`.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{AdapterComponent, ComponentEndpoint, InferenceComponent};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// # let host = stack.add("Host", ComponentEndpoint::new("ml.g5.12xlarge", 1..=2));
/// let weights = Weights::prefix(S3Location::new("my-models", "qwen3-8b/"));
/// let base = stack.add(
///     "Chat",
///     InferenceComponent::new(&host, LargeModel::vllm("0.36.0", weights).adapters(4).max_adapter_rank(16), 16_384).accelerators(1),
/// );
/// let adapter = S3Location::new("my-models", "support/adapter.tar.gz");
/// stack.add("Support", AdapterComponent::new(&base, adapter));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AdapterComponent {
    base: InferenceComponentHandle,
    adapter: S3Location,
    name: Option<Value<String>>,
}

impl AdapterComponent {
    /// Creates a component for an adapter, which is a `.tar.gz` archive in S3, on a base component. The role of the endpoint
    /// may read the archive.
    pub fn new(base: &InferenceComponentHandle, adapter: impl Into<S3Location>) -> Self {
        Self { base: base.clone(), adapter: adapter.into(), name: None }
    }

    /// Sets the name of the component (`InferenceComponentName`). The default is `STACK-ID`, the stack's name and the
    /// construct's ID; a default with more than 63 characters is an error. If the name is changed, CloudFormation
    /// replaces the component.
    #[track_caller]
    pub fn name(mut self, name: impl IntoValue<String>) -> Self {
        self.name = Some(name.into().with_caller_location());
        self
    }
}

impl Construct for AdapterComponent {
    type Handle = InferenceComponentHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> InferenceComponentHandle {
        let name = name(scope, self.name.as_ref(), "component");
        let policy = allow(&self.base.host, self.adapter.read_object(), scope);
        let container = InferenceComponentContainerSpecification::new().artifact_url(self.adapter.uri());
        let specification = InferenceComponentSpecification::new()
            .base_inference_component_name(self.base.name())
            .container(container);
        let component = sagemaker::InferenceComponent::new(&self.base.host.endpoint_name)
            .inference_component_name(&name)
            .specification(specification)
            .depends_on(&self.base.component);
        let component = policy.iter().fold(component, |component, policy| component.depends_on(policy));
        let component = scope.add_default(component);
        InferenceComponentHandle { component, name, host: self.base.host }
    }
}
