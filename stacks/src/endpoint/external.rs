//! Endpoints that the app does not create.

use stackwright_synth::intrinsic::{select, split};
use stackwright_synth::{IntoValue, Value, sub};

use super::{ComponentHost, allow_invoke};
use crate::arn::{checked, known};
use crate::iam::{RoleReference, Statement, arn};

/// An existing SageMaker endpoint that the app does not create.
///
/// ```
/// use stackwright_stacks::container::{LargeModel, Weights};
/// use stackwright_stacks::endpoint::{ExternalEndpoint, InferenceComponent};
/// use stackwright_stacks::iam::ExecutionRole;
/// use stackwright_stacks::{S3Location, SsmParameter};
/// # use stackwright_synth::App;
///
/// # let app = App::new("chat");
/// # let stack = app.stack("Serving").region("us-east-1");
/// // The role of a client may invoke it.
/// let shared = ExternalEndpoint::from_name(SsmParameter::new("/ml/endpoints/chat"));
/// stack.add("Client", ExecutionRole::new([shared.allow_invoke()]));
/// // A model of this app on an endpoint for inference components of another team.
/// let model = LargeModel::vllm("0.36.0", Weights::prefix(S3Location::new("my-models", "qwen3-8b/")));
/// let host = shared.host("arn:aws:iam::123456789012:role/Chat");
/// stack.add("Chat", InferenceComponent::new(&host, model.tensor_parallel_degree(1), 16_384).accelerators(1));
/// ExternalEndpoint::from_arn("arn:aws:sagemaker:us-east-1:123456789012:endpoint/chat");
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExternalEndpoint {
    name: Value<String>,
    arn: Value<String>,
}

impl ExternalEndpoint {
    /// Refers to an endpoint of the stack's account and region by its name.
    #[track_caller]
    pub fn from_name(name: impl IntoValue<String>) -> Self {
        let name = name.into().with_caller_location();
        let location = name.location();
        Self { arn: arn("sagemaker", sub!("endpoint/{}", &name)).with_location(location), name }
    }

    /// Refers to an endpoint by its ARN, `arn:aws:sagemaker:REGION:ACCOUNT:endpoint/NAME`. A malformed ARN, or one of another
    /// kind of resource, is an error at the caller's line.
    #[track_caller]
    pub fn from_arn(arn: impl IntoValue<String>) -> Self {
        let arn = checked(arn, "sagemaker", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/scorers");
        let name = match known(&arn).map(|text| text.split_once(":endpoint/")) {
            Some(Some((_, name))) => Value::from(name),
            Some(None) => {
                let message = "the ARN is not that of an endpoint";
                Value::invalid("invalid-arn", message, "the part after the account is `endpoint/NAME`")
            }
            None => select(1, split("/", &arn)),
        };
        Self { name: name.with_location(arn.location()), arn }
    }

    /// Returns the name of the endpoint, which a request (`InvokeEndpoint`) contains.
    pub fn name(&self) -> Value<String> {
        self.name.clone()
    }

    /// Returns the endpoint's ARN.
    pub fn arn(&self) -> Value<String> {
        self.arn.clone()
    }

    /// Returns a statement that allows the role of a client to invoke the endpoint, also asynchronously and with a response
    /// stream.
    pub fn allow_invoke(&self) -> Statement {
        allow_invoke(&self.arn)
    }

    /// Returns the endpoint as the host of inference components, with the role that they run with, by its handle or ARN. If
    /// the app creates the role, each component adds the permissions that it needs; another role has to have them.
    #[track_caller]
    pub fn host(&self, role: impl Into<RoleReference>) -> ComponentHost {
        ComponentHost { endpoint_name: self.name.clone(), role: role.into(), processor: None }
    }
}
