//! Multi-model endpoints: many models in one container, each loaded when a request names it.

use stackwright_estimate::memory::{PackedModel, models_statement};
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
use crate::autoscaling::{CapacityRange, InstanceCount, Scaling};
use crate::container::{Container, ModelData};
use crate::iam::{RoleOptions, RoleSettings};
use crate::image::{ContainerImage, Processor};
use crate::s3::S3Location;
use crate::security::{SecurityOptions, SecuritySettings};

/// A multi-model endpoint: many models in one container. Each model is a `.tar.gz` archive below one prefix in S3. To add a
/// model, upload it there; no deployment is needed. A request names its model (`TargetModel`), which is downloaded and loaded
/// if it is not in memory. If the memory is full, the least recently used model is unloaded.
///
/// On GPUs, the endpoint requires Triton and an instance type with one GPU, such as `ml.g5.2xlarge`. Features that
/// multi-model endpoints do not support (several variants, shadows, data capture) have no setters.
///
/// It becomes `AWS::SageMaker::Endpoint`, `AWS::SageMaker::EndpointConfig`, `AWS::SageMaker::Model`, `AWS::IAM::Role` and
/// `AWS::CloudWatch::Alarm`.
///
/// ```
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::endpoint::{AutoscalingOptions, MultiModelEndpoint};
/// # use stackwright_synth::App;
///
/// # let app = App::new("shop");
/// # let stack = app.stack("Serving").region("us-east-1");
/// let models = S3Location::new("my-models", "scorers/");
/// stack.add(
///     "Scorers",
///     MultiModelEndpoint::triton("25.09", models, "ml.g5.2xlarge")
///         .scale(1..=4, TargetTracking::invocations_per_instance(200.0)),
/// );
/// // On instances without GPUs, with an image that loads and unloads models.
/// let image = ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
/// stack.add("Small", MultiModelEndpoint::cpu(image, S3Location::new("my-models", "small/"), "ml.c5.xlarge"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MultiModelEndpoint {
    container: Container,
    models: S3Location,
    cached: Option<Value<bool>>,
    hosting: Hosting,
    scaling: Option<(CapacityRange, Scaling<InstanceCount>)>,
    update: Update,
    settings: Settings,
    security: SecuritySettings,
}

impl EndpointOptions for MultiModelEndpoint {
    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl RoleOptions for MultiModelEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

impl SecurityOptions for MultiModelEndpoint {
    fn security_settings(&mut self) -> &mut SecuritySettings {
        &mut self.security
    }
}

impl HostingOptions for MultiModelEndpoint {
    fn hosting(&mut self) -> &mut Hosting {
        &mut self.hosting
    }
}

impl InstanceCountOptions for MultiModelEndpoint {}

impl MetricsOptions for MultiModelEndpoint {}

impl AutoscalingOptions for MultiModelEndpoint {
    type Scales = InstanceCount;

    fn scaling(&mut self) -> &mut Option<(CapacityRange, Scaling<InstanceCount>)> {
        &mut self.scaling
    }
}

impl BlueGreenOptions for MultiModelEndpoint {
    fn update(&mut self) -> &mut Update {
        &mut self.update
    }
}

impl RollingOptions for MultiModelEndpoint {}

impl MultiModelEndpoint {
    #[track_caller]
    fn of(image: ContainerImage, models: S3Location, instance_type: impl IntoValue<String>) -> Self {
        Self {
            container: Container::new(image),
            models,
            cached: None,
            hosting: Hosting::on(instance_type),
            scaling: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            settings: Settings::default(),
            security: SecuritySettings::default(),
        }
    }

    /// Creates an endpoint with Triton, with the version of its image, such as `25.09`, the location of the models' archives,
    /// and an instance type with one GPU, such as `ml.g5.2xlarge`. It has one instance. Its role may read the location.
    #[track_caller]
    pub fn triton(
        version: impl Into<String>,
        models: S3Location,
        instance_type: impl IntoValue<String>,
    ) -> Self {
        Self::of(ContainerImage::triton(version, Processor::Gpu), models, instance_type)
    }

    /// Creates an endpoint on instances without GPUs, with an image for CPUs, the location of the models' archives, and an
    /// instance type, such as `ml.c5.xlarge`. It has one instance. Its role may read the location. The image has to support
    /// loading and unloading of models.
    #[track_caller]
    pub fn cpu(image: ContainerImage, models: S3Location, instance_type: impl IntoValue<String>) -> Self {
        Self::of(image, models, instance_type)
    }

    /// Sets another image, for example one that is based on AWS's image, or a copy of it in the account (`Image`). The
    /// default is the image of the constructor.
    pub fn image(mut self, image: ContainerImage) -> Self {
        self.container = self.container.image(image);
        self
    }

    /// Sets an environment variable of the container (`Environment`). Everybody who may describe the model can read the
    /// value: do not set it to a secret. A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.container = self.container.environment(name, value.into().with_caller_location());
        self
    }

    /// Describes the models of the endpoint, so that `synth`, `plan` and `estimate` show how many fit into the memory
    /// of the GPU at the same time, and `check` reports a model that cannot be loaded. Every model is counted on each GPU,
    /// because Triton loads a model on each GPU by default. The description is written into the `Metadata` of the
    /// `AWS::SageMaker::Model`, and does not change the endpoint.
    ///
    /// ```
    /// use stackwright_estimate::memory::PackedModel;
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::endpoint::MultiModelEndpoint;
    ///
    /// MultiModelEndpoint::triton("25.09", S3Location::new("my-models", "scorers/"), "ml.g5.2xlarge").models([
    ///     PackedModel::new("scorer", 500_000_000).count(40).working_bytes(200_000_000),
    ///     PackedModel::new("ranker", 2_000_000_000),
    /// ]);
    /// ```
    pub fn models(mut self, models: impl IntoIterator<Item = PackedModel>) -> Self {
        let models: Vec<PackedModel> = models.into_iter().collect();
        self.container.memory = Some(models_statement(&models, true));
        self
    }

    /// Sets whether models stay in memory after a request (`ModelCacheSetting`). The default is `true`. With `false`, a model
    /// is loaded for each request, which suits a large number of models with few requests each.
    #[track_caller]
    pub fn cache(mut self, models_stay: bool) -> Self {
        self.cached = Some(Value::from(models_stay).with_caller_location());
        self
    }
}

impl Construct for MultiModelEndpoint {
    type Handle = EndpointHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> EndpointHandle {
        let name = name(scope, self.settings.name.as_ref(), "endpoint");
        let container = self.container.model(ModelData::multi_model(self.models, self.cached));
        let endpoint = OnInstances {
            containers: container.into(),
            hosting: self.hosting,
            scaling: self.scaling,
            update: self.update,
            settings: self.settings,
            security: self.security.with_defaults(scope),
        };
        endpoint.add(name, hosting().real_time_request, Vec::new(), |config| config, scope)
    }
}
