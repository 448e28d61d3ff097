//! What runs behind an endpoint: an image, a model, an environment.

use stackwright_resources::sagemaker::model::ContainerDefinition;
use stackwright_synth::intrinsic::{account_id, partition, region};
use stackwright_synth::{Map, Scope, Value, sub};

use crate::iam::{ExecutionRole, Statement};
use crate::image::Image;
use crate::model_data::ModelData;

/// A container that serves a model.
///
/// ```
/// use stackwright_stacks::{Container, Image, ModelData, Processor};
///
/// Container::new(Image::pytorch_inference("2.6.0", Processor::Cpu))
///     .model(ModelData::s3("my-models", "relevance/3/model.tar.gz"))
///     .environment("SAGEMAKER_PROGRAM", "inference.py");
/// ```
#[derive(Clone, Debug)]
pub struct Container {
    image: Image,
    model: Option<ModelData>,
    environment: Map<String>,
}

impl Container {
    /// A container of an image, without a model and with an empty environment.
    pub fn new(image: Image) -> Self {
        Self { image, model: None, environment: Map::default() }
    }

    /// The model that is put into `/opt/ml/model`: an archive in S3, or an asset.
    pub fn model(mut self, model: impl Into<ModelData>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets an environment variable. It can be read by everybody who can describe the model: a secret has no
    /// place here.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<Value<String>>) -> Self {
        self.environment = self.environment.set(name, value);
        self
    }

    /// The definition for a model, and the role that it runs with under the endpoint of a name.
    pub(crate) fn define(
        self,
        endpoint_name: &Value<String>,
        scope: &mut Scope<'_>,
    ) -> (ContainerDefinition, ExecutionRole) {
        let image = self.image.resolve(scope);
        let mut definition = ContainerDefinition::new().image(image.uri);
        let log_group = sub!(
            "arn:{}:logs:{}:{}:log-group:/aws/sagemaker/Endpoints/{}",
            partition(),
            region(),
            account_id(),
            endpoint_name
        );
        let mut role = ExecutionRole::new([
            Statement::allow([
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ])
            .on(log_group.clone())
            .on(sub!("{}:log-stream:*", log_group)),
            // No resource can be named for these two: AWS gives them none.
            Statement::allow(["cloudwatch:PutMetricData"]).on("*").when(
                "StringLike",
                "cloudwatch:namespace",
                "/aws/sagemaker/*",
            ),
            Statement::allow(["ecr:GetAuthorizationToken"]).on("*"),
            Statement::allow([
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ])
            .on(image.repository_arn),
        ]);
        if let Some(model) = self.model {
            definition = definition.model_data_url(model.uri());
            role = role
                .allow(Statement::allow(["s3:GetObject"]).on(model.object_arn()))
                // Without it a missing archive is answered with "access denied".
                .allow(Statement::allow(["s3:ListBucket"]).on(model.bucket_arn()).when(
                    "StringEquals",
                    "s3:prefix",
                    model.key(),
                ));
        }
        if !self.environment.is_empty() {
            definition = definition.environment(self.environment);
        }
        (definition, role)
    }
}
