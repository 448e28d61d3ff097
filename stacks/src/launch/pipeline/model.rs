//! The pipeline step that creates a model for a batch transform job or an endpoint of the same pipeline.

use stackwright_synth::{Construct, IntoValue, Map, Properties, Scope, Value};

use super::get;
use super::step::{Kind, Lowering, Options, Started, Step, StepOptions, id};
use crate::document::{list, tags, within};
use crate::iam::{self, RoleNeeded, RoleOptions, RoleSettings, Statement};
use crate::image::ContainerImage;
use crate::s3::S3Location;
use crate::training::{Request, RunLocation};
use crate::vpc::VpcConfig;

/// A pipeline step that creates a SageMaker model from an image and model data, such as the output of a training step.
///
/// ```
/// use stackwright_stacks::launch::{CreateModelStep, Pipeline, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// let mut pipeline = Pipeline::new();
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("my-runs", "models"));
/// let trained = pipeline.step("Train", TrainingStep::new(job));
/// pipeline.step(
///     "Model",
///     CreateModelStep::new(ContainerImage::pytorch_inference("2.6.0", Processor::Gpu))
///         .model(trained.model())
///         .environment("SAGEMAKER_PROGRAM", "inference.py"),
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CreateModelStep {
    containers: Vec<StepContainer>,
    reads: Vec<S3Location>,
    writes: Vec<S3Location>,
    vpc: Option<VpcConfig>,
    is_isolated: bool,
    tags: Vec<(String, Value<String>)>,
    role: RoleSettings,
    options: Options,
}

/// A container of the model.
#[derive(Clone, Debug)]
struct StepContainer {
    image: ContainerImage,
    model: Option<RunLocation>,
    environment: Map<String>,
}

impl StepContainer {
    fn new(image: ContainerImage) -> Self {
        Self { image, model: None, environment: Map::default() }
    }
}

impl CreateModelStep {
    /// Creates a step that creates a model with one container that runs an image, without model data.
    pub fn new(image: ContainerImage) -> Self {
        Self {
            containers: vec![StepContainer::new(image)],
            reads: Vec::new(),
            writes: Vec::new(),
            vpc: None,
            is_isolated: false,
            tags: Vec::new(),
            role: RoleSettings::default(),
            options: Options::default(),
        }
    }

    /// Adds a further container of a serial inference pipeline: its requests are the responses of the previous
    /// container. Later calls of [`model`](Self::model) and [`environment`](Self::environment) apply to the new
    /// container.
    ///
    /// ```
    /// use stackwright_stacks::launch::CreateModelStep;
    /// use stackwright_stacks::{ContainerImage, S3Location};
    ///
    /// CreateModelStep::new(ContainerImage::sklearn("1.2-1"))
    ///     .model(S3Location::new("my-models", "featurizer/model.tar.gz"))
    ///     .next_container(ContainerImage::xgboost("1.7-1"))
    ///     .model(S3Location::new("my-models", "regressor/model.tar.gz"));
    /// ```
    pub fn next_container(mut self, image: ContainerImage) -> Self {
        self.containers.push(StepContainer::new(image));
        self
    }

    /// Sets the model data of the last container (`ModelDataUrl`): an archive in S3, or the output of a training step.
    /// The role of the model may read it. By default, there is none.
    pub fn model(mut self, location: impl Into<RunLocation>) -> Self {
        if let Some(container) = self.containers.last_mut() {
            container.model = Some(location.into());
        }
        self
    }

    /// Sets an environment variable of the last container (`Environment`). Everybody who may describe the model can
    /// read the value: do not set it to a secret. A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        let value = value.into().with_caller_location();
        if let Some(container) = self.containers.last_mut() {
            container.environment = std::mem::take(&mut container.environment).set(name, value);
        }
        self
    }

    /// Allows the role of the model to read a location in S3, such as the input of a batch transform job.
    pub fn reads(mut self, location: S3Location) -> Self {
        self.reads.push(location);
        self
    }

    /// Allows the role of the model to write to a location in S3, such as the output of a batch transform job.
    pub fn writes(mut self, location: S3Location) -> Self {
        self.writes.push(location);
        self
    }

    /// Connects the model to subnets and security groups of a VPC. The role of the model gets the permissions for network
    /// interfaces. By default, the model is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.vpc = Some(vpc.into());
        self
    }

    /// Disables the network access of the containers (`EnableNetworkIsolation`). By default, they have network access.
    pub fn network_isolation(mut self) -> Self {
        self.is_isolated = true;
        self
    }

    /// Adds a tag to the model (`Tags`). A second call for the same key replaces the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    pub(super) fn lower(
        mut self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        let options = std::mem::take(&mut self.options);
        let request = scope.add(&id(name), Definition(self));
        step.put("Type", "Model");
        step.put("Arguments", request.arguments);
        options.put(step);
        lowering.starts(name, Started::Model, request.role);
    }
}

/// The member of the container definition for the model data.
pub(super) fn put_model_data(container: &mut Properties, model: &RunLocation) {
    if model.is_directory() {
        let mut source = Properties::default();
        source.put("S3Uri", model.uri());
        source.put("S3DataType", "S3Prefix");
        source.put("CompressionType", "None");
        container.put("ModelDataSource", within("S3DataSource", source));
    } else {
        container.put("ModelDataUrl", model.uri());
    }
}

/// Adds the role of a model and its request to a stack.
struct Definition(CreateModelStep);

impl Construct for Definition {
    type Handle = Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Request {
        let step = self.0;
        let mut statements: Vec<Statement> = Vec::new();
        let mut containers: Vec<Properties> = Vec::new();
        for one in step.containers {
            let image = one.image.resolve(scope);
            // Transform jobs and endpoints use the model; their log groups differ.
            statements.extend(iam::container(&"/aws/sagemaker/*".into(), &image));
            let mut container = Properties::default();
            container.put("Image", &image.uri);
            if let Some(model) = &one.model {
                put_model_data(&mut container, model);
                statements.extend(model.read());
            }
            container.put("Environment", one.environment);
            containers.push(container);
        }
        statements.extend(step.reads.iter().flat_map(S3Location::read));
        statements.extend(step.writes.iter().flat_map(S3Location::write));
        let mut arguments = Properties::default();
        if let Some(vpc) = &step.vpc {
            let mut config = Properties::default();
            config.put("SecurityGroupIds", &vpc.security_groups);
            config.put("Subnets", &vpc.subnets);
            arguments.put("VpcConfig", config);
            statements.extend(iam::network_interfaces());
        }
        if step.is_isolated {
            arguments.put("EnableNetworkIsolation", true);
        }
        if !step.tags.is_empty() {
            arguments.put("Tags", tags(&step.tags));
        }
        if containers.len() > 1 {
            arguments.put("Containers", list(containers));
        } else {
            for container in containers {
                arguments.put("PrimaryContainer", container);
            }
        }
        let needed =
            RoleNeeded { id: "ExecutionRole".into(), service: "sagemaker", policy: "Execution", statements };
        let role = step.role.build(needed, scope);
        arguments.put("ExecutionRoleArn", role.role.arn());
        Request { arguments, role, memory: None }
    }
}

impl RoleOptions for CreateModelStep {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl StepOptions for CreateModelStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for CreateModelStep {
    type Handle = ModelHandle;

    fn handle(&self, name: &str) -> ModelHandle {
        ModelHandle { name: name.to_owned() }
    }

    fn into_kind(self) -> Kind {
        Kind::Model(Box::new(self))
    }
}

/// A [`CreateModelStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct ModelHandle {
    name: String,
}

impl ModelHandle {
    /// Returns the name of the model, which is resolved when the pipeline runs.
    pub fn model_name(&self) -> Value<String> {
        get(&format!("Steps.{}.ModelName", self.name))
    }
}
