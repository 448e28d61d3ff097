//! The containers of a model: image, model data and environment.

mod large_model;
mod text_generation;
mod triton;

pub use large_model::{
    DataType, LargeModel, RollingBatch, TensorRtLlm, TensorRtLlmQuantization, Vllm, VllmQuantization, Weights,
};
pub use text_generation::TextGeneration;
pub use triton::{
    DynamicBatching, Ensemble, EnsembleStep, ModelRepository, SequenceBatching, SequenceControl, Tensor,
    TensorRtOptions, Triton, TritonBackend, TritonInstanceGroup, TritonModel, TritonType, VersionPolicy,
    WarmUp,
};

use stackwright_resources::sagemaker::model::{
    CompressionType, ContainerDefinition, HubAccessConfig, ImageConfig, Mode, ModelAccessConfig,
    ModelCacheSetting, ModelDataSource, MultiModelConfig, RepositoryAccessMode, RepositoryAuthConfig,
    S3DataSource, S3DataType,
};
use stackwright_synth::{Asset, AssetHandle, CallerLocation, IntoValue, Map, Scope, Value};

use crate::deferred_error::DeferredError;
use crate::iam::{self, Statement};
use crate::image::ContainerImage;
use crate::s3::S3Location;
use crate::secret::SecretReference;

/// A container that serves a model: an image, model data and environment variables.
///
/// ```
/// use stackwright_stacks::container::Container;
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"))
///     .environment("SAGEMAKER_PROGRAM", "inference.py");
/// // A version of a model package: its ARN, the image that it names, and the location of its artifacts.
/// Container::package(
///     "arn:aws:sagemaker:us-east-1:123456789012:model-package/relevance/3",
///     ContainerImage::pytorch_inference("2.6.0", Processor::Cpu),
///     S3Location::new("my-models", "packages/"),
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Container {
    image: ContainerImage,
    /// The ARN of a model package, which determines the image too.
    package: Option<Value<String>>,
    model: Option<ModelData>,
    /// Further locations that the role may read.
    reads: Vec<S3Location>,
    environment: Map<String>,
    /// The secrets that the role may read.
    secrets: Vec<SecretReference>,
    hostname: Option<Value<String>>,
    needs: Vec<Need>,
    /// The statement about the memory of the model, for its `Metadata`.
    pub(crate) memory: Option<serde_json::Value>,
    problems: Vec<DeferredError>,
}

/// The model data of a container: an archive or a prefix in S3, or an asset.
#[derive(Clone, Debug)]
#[must_use]
pub struct ModelData {
    data: Data,
    access: Option<Access>,
}

/// The access that SageMaker needs to model data of JumpStart or a private hub.
#[derive(Clone, Debug)]
enum Access {
    /// The end-user license agreement is accepted (`ModelAccessConfig`).
    Eula(Value<bool>),
    /// The ARN of a hub content (`HubAccessConfig`).
    Hub(Value<String>),
}

#[derive(Clone, Debug)]
enum Data {
    Archive(S3Location),
    Prefix(S3Location),
    ArchiveWithin { uri: Value<String>, within: S3Location },
    Asset(Asset),
    MultiModel { models: S3Location, cached: Option<Value<bool>> },
}

impl ModelData {
    fn of(data: Data) -> Self {
        Self { data, access: None }
    }

    /// Uses an archive (`.tar.gz`) in S3, given by a location or by a URI such as `s3://my-models/relevance/model.tar.gz`.
    /// The role of the model may read the object.
    ///
    /// ```
    /// use stackwright_stacks::container::ModelData;
    ///
    /// ModelData::archive("s3://my-models/relevance/3/model.tar.gz");
    /// ```
    pub fn archive(location: impl Into<S3Location>) -> Self {
        Self::of(Data::Archive(location.into()))
    }

    /// Accepts or declines the end-user license agreement of a JumpStart model (`ModelAccessConfig.AcceptEula`). By default,
    /// nothing is stated, and SageMaker rejects a gated model. It replaces [`hub_content`](Self::hub_content).
    ///
    /// ```
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::container::ModelData;
    ///
    /// let weights = S3Location::new("jumpstart-private-cache-prod-us-east-1", "meta-textgeneration/llama-3-8b/");
    /// ModelData::prefix(weights).accept_eula(true);
    /// ```
    #[track_caller]
    pub fn accept_eula(mut self, accepted: impl IntoValue<bool>) -> Self {
        self.access = Some(Access::Eula(accepted.into().with_caller_location()));
        self
    }

    /// Reads the model data with the access of a content of a private SageMaker hub, by its ARN (`HubAccessConfig`). An ARN
    /// of another service is an error at the caller's line. It replaces [`accept_eula`](Self::accept_eula).
    #[track_caller]
    pub fn hub_content(mut self, arn: impl IntoValue<String>) -> Self {
        let example = "arn:aws:sagemaker:us-east-1:123456789012:hub-content/my-hub/Model/llama/1.0.0";
        self.access = Some(Access::Hub(crate::arn::checked(arn, "sagemaker", example)));
        self
    }

    /// Uses uncompressed model data: all objects below a location in S3, which SageMaker copies to each instance. The role of
    /// the model may read the location. Serverless and multi-model endpoints accept archives only.
    ///
    /// ```
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::container::ModelData;
    ///
    /// ModelData::prefix(S3Location::new("my-models", "qwen3-8b/"));
    /// ```
    pub fn prefix(location: impl Into<S3Location>) -> Self {
        Self::of(Data::Prefix(location.into()))
    }

    /// Uses an archive whose URI is resolved during deployment, such as the output of a training job in a parameter,
    /// below a location that is known during synthesis. The role may read this location only.
    ///
    /// ```
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::container::ModelData;
    /// use stackwright_synth::{App, Parameter};
    ///
    /// let stack = App::new("serving").stack("Serving");
    /// let trained = stack.add("Model", Parameter::string());
    /// ModelData::archive_within(S3Location::new("my-runs", "relevance/"), trained);
    /// ```
    #[track_caller]
    pub fn archive_within(location: S3Location, uri: impl IntoValue<String>) -> Self {
        Self::of(Data::ArchiveWithin { uri: uri.into().with_caller_location(), within: location })
    }

    pub(crate) fn multi_model(models: S3Location, cached: Option<Value<bool>>) -> Self {
        Self::of(Data::MultiModel { models, cached })
    }
}

impl From<S3Location> for ModelData {
    fn from(archive: S3Location) -> Self {
        Self::of(Data::Archive(archive))
    }
}

impl From<AssetHandle> for ModelData {
    fn from(archive: AssetHandle) -> Self {
        Self::of(Data::Archive(archive.into()))
    }
}

impl From<&AssetHandle> for ModelData {
    fn from(archive: &AssetHandle) -> Self {
        Self::of(Data::Archive(archive.into()))
    }
}

impl From<Asset> for ModelData {
    fn from(asset: Asset) -> Self {
        Self::of(Data::Asset(asset))
    }
}

/// The hardware that a container requires. A TensorRT plan, for example, runs only on GPUs of the compute capability
/// that it was built on.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub what: String,
    pub built_on: String,
    pub source: CallerLocation,
}

impl Container {
    /// Creates a container that runs an image, without model data and with an empty environment.
    pub fn new(image: ContainerImage) -> Self {
        Self {
            image,
            package: None,
            model: None,
            reads: Vec::new(),
            environment: Map::default(),
            secrets: Vec::new(),
            hostname: None,
            needs: Vec::new(),
            memory: None,
            problems: Vec::new(),
        }
    }

    /// Creates a container of a registered model package, by its ARN (`ModelPackageName`). The image and the location of its
    /// artifacts are needed for the permissions of the role, because CloudFormation does not resolve the package.
    #[track_caller]
    pub fn package(arn: impl IntoValue<String>, image: ContainerImage, artifacts: S3Location) -> Self {
        Self { package: Some(arn.into().with_caller_location()), ..Self::new(image) }.reads(artifacts)
    }

    /// Sets the model data, which SageMaker copies to `/opt/ml/model`: an archive in S3, an asset, or [`ModelData`]. The role
    /// of the model may read it. By default, the container has no model data.
    pub fn model(mut self, model: impl Into<ModelData>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Allows the role of the model to read a further location in S3. Each call adds a location.
    pub fn reads(mut self, location: impl Into<S3Location>) -> Self {
        self.reads.push(location.into());
        self
    }

    /// Sets an environment variable of the container (`Environment`). Everybody who may describe the model can read the
    /// value: do not set it to a secret; use [`secret`](Self::secret). A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment = self.environment.set(name, value.into().with_caller_location());
        self
    }

    /// Sets an environment variable to the ARN of a secret of AWS Secrets Manager, and allows the role to read its
    /// value. The container gets the value with `secretsmanager.get_secret_value(SecretId=os.environ[NAME])`.
    #[track_caller]
    pub fn secret(mut self, variable: impl Into<String>, secret: impl Into<SecretReference>) -> Self {
        let secret = secret.into();
        self.environment = self.environment.set(variable, secret.arn());
        self.secrets.push(secret);
        self
    }

    /// Replaces the image.
    pub(crate) fn image(mut self, image: ContainerImage) -> Self {
        self.image = image;
        self
    }

    /// Returns the same container with the image for this processor, unless the program chose the processor of the
    /// image.
    pub(crate) fn on(mut self, processor: Option<crate::Processor>) -> Self {
        self.image = self.image.on(processor);
        self
    }

    pub(crate) fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// The container definition of a model, and the statements that its role needs. `part` distinguishes the
    /// containers of one model in logical IDs.
    pub(crate) fn define(
        self,
        part: &str,
        log_group: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> (ContainerDefinition, Vec<Statement>) {
        for problem in self.problems {
            problem.report(scope);
        }
        let image = self.image.resolve(scope);
        let mut statements = iam::container(log_group, &image).to_vec();
        let mut definition = match self.package {
            Some(arn) => ContainerDefinition::new().model_package_name(arn),
            None => ContainerDefinition::new().image(&image.uri),
        };
        if let Some(model) = self.model {
            let needed;
            (definition, needed) = model.define(definition, part, scope);
            statements.extend(needed);
        }
        if let Some(credentials) = &image.private {
            definition = definition.image_config(private_registry(credentials.as_ref()));
        }
        for location in &self.reads {
            statements.extend(location.read());
        }
        for secret in &self.secrets {
            statements.extend(secret.allow_read());
        }
        if !self.environment.is_empty() {
            definition = definition.environment(self.environment);
        }
        if let Some(hostname) = self.hostname {
            definition = definition.container_hostname(hostname);
        }
        (definition, statements)
    }
}

/// The configuration for an image of a private registry that SageMaker accesses through a VPC.
fn private_registry(credentials: Option<&Value<String>>) -> ImageConfig {
    let config = ImageConfig::new(RepositoryAccessMode::Vpc);
    match credentials {
        Some(function) => config.repository_auth_config(RepositoryAuthConfig::new(function)),
        None => config,
    }
}

impl ModelData {
    /// The container definition with the model data, and the statements that the role needs to read it.
    fn define(
        self,
        definition: ContainerDefinition,
        part: &str,
        scope: &mut Scope<'_>,
    ) -> (ContainerDefinition, Vec<Statement>) {
        let access = self.access.as_ref();
        match self.data {
            Data::Archive(archive) => of_archive(definition, &archive, access),
            Data::Asset(asset) => {
                let archive = S3Location::from(scope.add(&format!("{part}Archive"), asset));
                of_archive(definition, &archive, access)
            }
            Data::ArchiveWithin { uri, within } => (with_archive(definition, &uri, access), within.read()),
            Data::Prefix(prefix) => {
                let prefix = prefix.as_prefix();
                let source = data_source(&prefix.uri(), CompressionType::None, S3DataType::S3Prefix, access);
                (definition.model_data_source(source), prefix.read())
            }
            Data::MultiModel { models, cached } => {
                let models = models.as_prefix();
                let mut definition = definition.mode(Mode::MultiModel).model_data_url(models.uri());
                if let Some(cached) = cached {
                    let enabled = cached.as_literal().and_then(serde_json::Value::as_bool);
                    let setting = match enabled {
                        Some(true) | None => ModelCacheSetting::Enabled,
                        Some(false) => ModelCacheSetting::Disabled,
                    };
                    let setting = Value::from(setting).with_location(cached.location());
                    let config = MultiModelConfig::new().model_cache_setting(setting);
                    definition = definition.multi_model_config(config);
                }
                (definition, models.read())
            }
        }
    }
}

/// An archive: by its URL, or as a data source if SageMaker needs an access configuration.
fn of_archive(
    definition: ContainerDefinition,
    archive: &S3Location,
    access: Option<&Access>,
) -> (ContainerDefinition, Vec<Statement>) {
    (with_archive(definition, &archive.uri(), access), archive.read_object())
}

fn with_archive(
    definition: ContainerDefinition,
    uri: &Value<String>,
    access: Option<&Access>,
) -> ContainerDefinition {
    match access {
        None => definition.model_data_url(uri),
        Some(_) => {
            let source = data_source(uri, CompressionType::Gzip, S3DataType::S3Object, access);
            definition.model_data_source(source)
        }
    }
}

fn data_source(
    uri: &Value<String>,
    compression: CompressionType,
    kind: S3DataType,
    access: Option<&Access>,
) -> Value<ModelDataSource> {
    let mut source = S3DataSource::new().compression_type(compression).s3_data_type(kind).s3_uri(uri);
    source = match access {
        None => source,
        Some(Access::Eula(accepted)) => source.model_access_config(ModelAccessConfig::new(accepted)),
        Some(Access::Hub(arn)) => source.hub_access_config(HubAccessConfig::new(arn)),
    };
    Value::from(ModelDataSource::new(source)).with_location(uri.location())
}

/// The containers of a model: one container, a serial inference pipeline, or several containers that are invoked
/// directly.
///
/// ```
/// use stackwright_stacks::container::{Container, Containers};
/// use stackwright_stacks::{ContainerImage, Processor};
///
/// let container = || Container::new(ContainerImage::pytorch_inference("2.6.0", Processor::Cpu));
/// Containers::serial([container(), container()]);
/// Containers::direct([("small", container()), ("large", container())]);
/// ```
#[derive(Clone, Debug)]
pub struct Containers {
    pub(crate) all: Vec<Container>,
    pub(crate) mode: Option<stackwright_resources::sagemaker::model::InferenceExecutionConfigMode>,
}

impl Containers {
    /// Creates a serial inference pipeline of at most 15 containers: each container gets the response of the one
    /// before it.
    pub fn serial(containers: impl IntoIterator<Item = Container>) -> Self {
        let mode = stackwright_resources::sagemaker::model::InferenceExecutionConfigMode::Serial;
        Self { all: containers.into_iter().collect(), mode: Some(mode) }
    }

    /// Creates a model of at most 15 containers with names, which are invoked directly: a request selects one with
    /// `TargetContainerHostname`.
    #[track_caller]
    pub fn direct<N: IntoValue<String>>(containers: impl IntoIterator<Item = (N, Container)>) -> Self {
        let mode = stackwright_resources::sagemaker::model::InferenceExecutionConfigMode::Direct;
        let all = containers
            .into_iter()
            .map(|(name, container)| Container {
                hostname: Some(name.into().with_caller_location()),
                ..container
            })
            .collect();
        Self { all, mode: Some(mode) }
    }
}

impl Containers {
    /// Returns the same containers with their images for a processor.
    pub(crate) fn on(mut self, processor: Option<crate::Processor>) -> Self {
        self.all = self.all.into_iter().map(|container| container.on(processor)).collect();
        self
    }
}

impl<C: Into<Container>> From<C> for Containers {
    fn from(container: C) -> Self {
        Self { all: vec![container.into()], mode: None }
    }
}
