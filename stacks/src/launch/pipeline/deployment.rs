//! The pipeline steps that create or update an endpoint for a model of the same pipeline.

use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Properties, Value, sub};

use super::get;
use super::model::ModelHandle;
use super::step::{Kind, Lowering, Options, Step, StepOptions};
use crate::document::list;
use crate::iam::{Statement, arn};
use crate::key::EncryptionKey;

/// A pipeline step that creates an endpoint configuration with one variant.
///
/// An endpoint that a pipeline creates is not a CloudFormation resource. To have the endpoint in a stack, register the
/// model and let the stack deploy the approved version ([`ApprovedModel`](crate::launch::ApprovedModel)).
///
/// ```
/// use stackwright_stacks::launch::{CreateModelStep, EndpointConfigStep, EndpointStep, Pipeline};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// let mut pipeline = Pipeline::new();
/// let model = pipeline.step(
///     "Model",
///     CreateModelStep::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
///         .model(S3Location::new("my-models", "scorer/model.tar.gz")),
/// );
/// let config = pipeline.step("Config", EndpointConfigStep::new(&model, "ml.m5.xlarge").instances(2));
/// pipeline.step("Endpoint", EndpointStep::new("scorer", &config));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EndpointConfigStep {
    variant: Properties,
    key: Option<EncryptionKey>,
    options: Options,
}

impl EndpointConfigStep {
    /// Creates a step that creates an endpoint configuration with a model of the same pipeline on one instance of a type, such
    /// as `ml.m5.xlarge`.
    #[track_caller]
    pub fn new(model: &ModelHandle, instance_type: impl IntoValue<String>) -> Self {
        let mut variant = Properties::default();
        variant.put("VariantName", "AllTraffic");
        variant.put("ModelName", model.model_name());
        variant.put("InstanceType", crate::instance_type::checked(instance_type));
        variant.put("InitialInstanceCount", 1);
        variant.put("InitialVariantWeight", 1);
        Self { variant, key: None, options: Options::default() }
    }

    /// Sets the number of instances (`InitialInstanceCount`). The default is 1.
    #[track_caller]
    pub fn instances(mut self, count: impl IntoValue<i64>) -> Self {
        self.variant.put("InitialInstanceCount", unquoted(count).with_caller_location());
        self
    }

    /// Encrypts the volumes of the instances with a KMS key (`KmsKeyId`). By default, SageMaker encrypts them with a
    /// key of its own; the default key of the stack is not used. SageMaker rejects a key for instance types with NVMe
    /// storage.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(super) fn lower(self, step: &mut Properties, lowering: &mut Lowering) {
        let mut arguments = Properties::default();
        arguments.put("ProductionVariants", list([self.variant]));
        if let Some(key) = &self.key {
            arguments.put("KmsKeyId", key.id());
        }
        step.put("Type", "EndpointConfig");
        step.put("Arguments", arguments);
        self.options.put(step);
        lowering.others.push(
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
            ])
            .on(arn("sagemaker", "endpoint-config/pipelines-*")),
        );
        if let Some(key) = &self.key {
            lowering.others.push(key.allow(["kms:CreateGrant", "kms:DescribeKey"]));
        }
    }
}

impl StepOptions for EndpointConfigStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for EndpointConfigStep {
    type Handle = EndpointConfigHandle;

    fn handle(&self, name: &str) -> EndpointConfigHandle {
        EndpointConfigHandle { name: name.to_owned() }
    }

    fn into_kind(self) -> Kind {
        Kind::EndpointConfig(Box::new(self))
    }
}

/// An [`EndpointConfigStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct EndpointConfigHandle {
    name: String,
}

impl EndpointConfigHandle {
    /// Returns the name of the endpoint configuration.
    pub fn name(&self) -> Value<String> {
        get(&format!("Steps.{}.EndpointConfigName", self.name))
    }
}

/// A pipeline step that creates an endpoint, or updates the endpoint if it exists.
///
/// See [`EndpointConfigStep`] for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct EndpointStep {
    endpoint: Value<String>,
    config: Value<String>,
    options: Options,
}

impl EndpointStep {
    /// Creates a step that creates or updates the endpoint with a name, with an endpoint configuration of the same pipeline.
    /// The role of the pipeline may create and update this endpoint only.
    #[track_caller]
    pub fn new(endpoint: impl IntoValue<String>, config: &EndpointConfigHandle) -> Self {
        let endpoint = endpoint.into().with_caller_location();
        Self { endpoint, config: config.name(), options: Options::default() }
    }

    pub(super) fn lower(self, step: &mut Properties, lowering: &mut Lowering) {
        let mut arguments = Properties::default();
        arguments.put("EndpointName", &self.endpoint);
        arguments.put("EndpointConfigName", &self.config);
        step.put("Type", "Endpoint");
        step.put("Arguments", arguments);
        self.options.put_order(step);
        // SageMaker writes the names in ARNs in lower case; a name with upper case letters needs both forms.
        let name = match self.endpoint.as_literal().and_then(serde_json::Value::as_str) {
            Some(name) => Value::from(name.to_lowercase()),
            None => self.endpoint.clone(),
        };
        lowering.others.push(
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateEndpoint",
                "sagemaker:DescribeEndpoint",
                "sagemaker:UpdateEndpoint",
            ])
            .on(arn("sagemaker", sub!("endpoint/{}", name)))
            .on(arn("sagemaker", "endpoint-config/pipelines-*")),
        );
    }
}

impl StepOptions for EndpointStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for EndpointStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Endpoint(Box::new(self))
    }
}
