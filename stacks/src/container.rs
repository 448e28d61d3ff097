//! What runs behind an endpoint: an image, a model, an environment.

use stackwright_resources::sagemaker::model::ContainerDefinition;
use stackwright_synth::{Map, Scope, Value, sub};

use crate::iam::{self, ExecutionRole};
use crate::image::Image;
use crate::s3::S3Location;

/// A container that serves a model.
///
/// ```
/// use stackwright_stacks::{Container, Image, S3Location, Processor};
///
/// Container::new(Image::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(S3Location::new("my-models", "relevance/3/model.tar.gz"))
///     .environment("SAGEMAKER_PROGRAM", "inference.py");
/// ```
#[derive(Clone, Debug)]
pub struct Container {
    image: Image,
    model: Option<S3Location>,
    environment: Map<String>,
}

impl Container {
    /// A container of an image, without a model and with an empty environment.
    pub fn new(image: Image) -> Self {
        Self { image, model: None, environment: Map::default() }
    }

    /// The model that is put into `/opt/ml/model`: an archive in S3, or an asset.
    pub fn model(mut self, model: impl Into<S3Location>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets an environment variable. It can be read by everybody who can describe the model: a secret has no
    /// place here.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<Value<String>>) -> Self {
        self.environment = self.environment.set(name, value.into().here());
        self
    }

    /// The definition for a model, and the role that it runs with under the endpoint of a name.
    pub(crate) fn define(
        self,
        endpoint_name: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> (ContainerDefinition, ExecutionRole) {
        let image = self.image.resolve(scope);
        let mut definition = ContainerDefinition::new().image(&image.uri);
        let log_group = sub!("/aws/sagemaker/Endpoints/{}", endpoint_name);
        let mut role = ExecutionRole::new(iam::container(&log_group, &image));
        if let Some(model) = self.model {
            definition = definition.model_data_url(model.uri());
            role = model.read_object().into_iter().fold(role, ExecutionRole::allow);
        }
        if !self.environment.is_empty() {
            definition = definition.environment(self.environment);
        }
        (definition, role)
    }
}
