//! Multi-model endpoints: many models behind one container, loaded when they are asked for.

use stackwright_schemas::hosting::hosting;
use stackwright_synth::{Construct, IntoValue, Scope, Value};

use super::deployment::{BlueGreen, Update, blue_green, rolling};
use super::settings::{InstanceSettings, Settings, instance_settings, scale, settings};
use super::variant::{Hosting, hosting, instance_count};
use super::{EndpointHandle, OnInstances, name};
use crate::autoscaling::{Capacity, InstanceCount, Scaling};
use crate::container::{Container, ModelData};
use crate::iam::{RoleOptions, RoleSettings};
use crate::image::{Image, Processor};
use crate::s3::S3Location;

/// Many models on the same instances. Each is a `.tar.gz` below one place in S3, and is added by putting it there: nothing
/// has to be deployed. A request names its model, which is fetched and loaded if it is not there, and the one that was
/// not asked for longest makes room.
///
/// On GPUs it takes Triton and a type with one GPU, such as ml.g5.2xlarge. What multi-model endpoints cannot do (several
/// variants, shadows, data capture) has no setter here.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::autoscaling::TargetTracking;
/// use stackwright_stacks::endpoint::MultiModelEndpoint;
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
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiModelEndpoint {
    container: Container,
    models: S3Location,
    cached: Option<Value<bool>>,
    hosting: Hosting,
    scaling: Option<(Capacity, Scaling<InstanceCount>)>,
    update: Update,
    settings: Settings,
    instances: InstanceSettings,
}

settings!(MultiModelEndpoint);

impl RoleOptions for MultiModelEndpoint {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

instance_settings!(MultiModelEndpoint);
hosting!(MultiModelEndpoint);
instance_count!(MultiModelEndpoint);
scale! {
    /// Lets Application Auto Scaling move the number of instances, one at least.
    MultiModelEndpoint, InstanceCount
}
blue_green!(MultiModelEndpoint);
rolling!(MultiModelEndpoint);

impl MultiModelEndpoint {
    #[track_caller]
    fn of(image: Image, models: S3Location, instance_type: impl IntoValue<String>) -> Self {
        Self {
            container: Container::new(image),
            models,
            cached: None,
            hosting: Hosting::on(instance_type),
            scaling: None,
            update: Update::BlueGreen(BlueGreen::all_at_once()),
            settings: Settings::default(),
            instances: InstanceSettings::default(),
        }
    }

    /// Triton on instances with one GPU, with the place of the models' archives.
    #[track_caller]
    pub fn triton(
        version: impl Into<String>,
        models: S3Location,
        instance_type: impl IntoValue<String>,
    ) -> Self {
        Self::of(Image::triton(version, Processor::Gpu), models, instance_type)
    }

    /// An image for processors, with the place of the models' archives. It has to know how to load and unload models.
    #[track_caller]
    pub fn cpu(image: Image, models: S3Location, instance_type: impl IntoValue<String>) -> Self {
        Self::of(image, models, instance_type)
    }

    /// Sets an environment variable of the container. Everybody who can describe the model can read it.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.container = self.container.environment(name, value.into().with_caller_location());
        self
    }

    /// Whether models stay in memory after a request; they do unless this says no. Without it a model is loaded for each
    /// request: for a large number of models, each of which is seldom asked for.
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
            instances: self.instances,
        };
        endpoint.add(name, hosting().real_time_request_seconds, Vec::new(), |config| config, scope)
    }
}
