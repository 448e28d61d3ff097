//! The pipeline step that registers a model.

use stackwright_resources::sagemaker::model_package::ModelApprovalStatus;
use stackwright_synth::{IntoValue, Properties, Scope, Value};

use super::model::put_model_data;
use super::step::{Kind, Lowering, Options, Step, StepOptions};
use crate::document::list;
use crate::iam::{Statement, group_and_packages};
use crate::image::ContainerImage;
use crate::training::RunLocation;

/// The kind of a report about a registered model, which the console shows with the version (`ModelMetrics`). A
/// [`CheckStep`](super::CheckStep) computes such reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelMetric {
    /// The quality of the model's predictions, such as the report of an evaluation.
    ModelQualityStatistics,
    /// The constraints of the quality of the model's predictions.
    ModelQualityConstraints,
    /// The statistics of the training data.
    DataQualityStatistics,
    /// The constraints of the training data.
    DataQualityConstraints,
    /// A report about bias.
    Bias,
    /// A report about bias of the data before training.
    BiasBeforeTraining,
    /// A report about bias of the predictions.
    BiasAfterTraining,
    /// A report about the contribution of each feature to the predictions.
    Explainability,
}

impl ModelMetric {
    /// The members of `ModelMetrics`.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::ModelQualityStatistics => ["ModelQuality", "Statistics"],
            Self::ModelQualityConstraints => ["ModelQuality", "Constraints"],
            Self::DataQualityStatistics => ["ModelDataQuality", "Statistics"],
            Self::DataQualityConstraints => ["ModelDataQuality", "Constraints"],
            Self::Bias => ["Bias", "Report"],
            Self::BiasBeforeTraining => ["Bias", "PreTrainingReport"],
            Self::BiasAfterTraining => ["Bias", "PostTrainingReport"],
            Self::Explainability => ["Explainability", "Report"],
        }
    }
}

/// A pipeline step that registers a model: it creates a version in a model package group, with the status
/// `PendingManualApproval` unless [`approved`](Self::approved) or [`status`](Self::status) is called.
///
/// ```
/// use stackwright_stacks::launch::{Pipeline, RegisterModelStep};
/// use stackwright_stacks::{ContainerImage, Processor, S3Location};
///
/// let image = ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
/// let mut pipeline = Pipeline::new();
/// pipeline.step(
///     "Register",
///     RegisterModelStep::new("scorers", S3Location::new("my-models", "scorer.tar.gz"), image)
///         .instance_types(["ml.m5.xlarge"]),
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RegisterModelStep {
    group: Value<String>,
    image: ContainerImage,
    model: RunLocation,
    content_types: Vec<Value<String>>,
    response_types: Vec<Value<String>>,
    instance_types: Vec<Value<String>>,
    transform_types: Vec<Value<String>>,
    next: Vec<(ContainerImage, RunLocation)>,
    metrics: Vec<(ModelMetric, RunLocation, Value<String>)>,
    status: Value<ModelApprovalStatus>,
    options: Options,
}

impl RegisterModelStep {
    /// Creates a step that registers model data with the image that serves the model in a model package group. The group is
    /// given by its name, or by a reference to an `AWS::SageMaker::ModelPackageGroup`, which returns its ARN. The role of the
    /// pipeline may create versions in the group, and read the model data.
    #[track_caller]
    pub fn new(group: impl IntoValue<String>, model: impl Into<RunLocation>, image: ContainerImage) -> Self {
        let json = || vec![Value::from("application/json")];
        Self {
            group: group.into().with_caller_location(),
            image,
            model: model.into(),
            content_types: json(),
            response_types: json(),
            instance_types: Vec::new(),
            transform_types: Vec::new(),
            next: Vec::new(),
            metrics: Vec::new(),
            status: ModelApprovalStatus::PendingManualApproval.into(),
            options: Options::default(),
        }
    }

    /// Sets the MIME types of requests (`SupportedContentTypes`). The default is `application/json`.
    pub fn content_types<T: IntoValue<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.content_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the MIME types of responses (`SupportedResponseMIMETypes`). The default is `application/json`.
    pub fn response_types<T: IntoValue<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.response_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a further container of a serial inference pipeline, with its model data and its image: its requests are the
    /// responses of the previous container.
    pub fn next_container(mut self, model: impl Into<RunLocation>, image: ContainerImage) -> Self {
        self.next.push((image, model.into()));
        self
    }

    /// Sets the instance types that batch transform jobs may run the model on, such as `ml.m5.xlarge`. By default, the version
    /// states none.
    #[track_caller]
    pub fn transform_instance_types<T: IntoValue<String>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        self.transform_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the instance types that endpoints may run the model on, such as `ml.m5.xlarge`
    /// (`SupportedRealtimeInferenceInstanceTypes`). By default, the version states none.
    #[track_caller]
    pub fn instance_types<T: IntoValue<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.instance_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a report about the model: a file in S3, such as one in the output of a processing step, with its MIME type, such as
    /// `application/json`. The role of the pipeline may read the file. By default, there are none.
    ///
    /// ```
    /// use stackwright_stacks::launch::pipeline::ModelMetric;
    /// use stackwright_stacks::launch::{Pipeline, ProcessingJob, ProcessingStep, RegisterModelStep};
    /// use stackwright_stacks::{ContainerImage, Processor, S3Location};
    ///
    /// let mut pipeline = Pipeline::new();
    /// let job = ProcessingJob::pytorch("2.6.0", "ml.m5.xlarge")
    ///     .output("report", S3Location::new("my-runs", "reports").per_run());
    /// let evaluated = pipeline.step("Evaluate", ProcessingStep::new(job));
    /// let image = ContainerImage::pytorch_inference("2.6.0", Processor::Cpu);
    /// let register = RegisterModelStep::new("scorers", S3Location::new("my-models", "scorer.tar.gz"), image);
    /// let report = evaluated.output("report").join("report.json");
    /// pipeline.step("Register", register.metric(ModelMetric::ModelQualityStatistics, report, "application/json"));
    /// ```
    #[track_caller]
    pub fn metric(
        mut self,
        metric: ModelMetric,
        file: impl Into<RunLocation>,
        content_type: impl IntoValue<String>,
    ) -> Self {
        self.metrics.push((metric, file.into(), content_type.into().with_caller_location()));
        self
    }

    /// Registers the version with the status `Approved`. The default is `PendingManualApproval`.
    pub fn approved(mut self) -> Self {
        self.status = ModelApprovalStatus::Approved.into();
        self
    }

    /// Registers the version with a status, which can be a parameter of the pipeline: `Approved`,
    /// `PendingManualApproval` (the default) or `Rejected`.
    #[track_caller]
    pub fn status(mut self, status: impl IntoValue<ModelApprovalStatus>) -> Self {
        self.status = status.into().with_caller_location();
        self
    }

    pub(super) fn lower(self, scope: &mut Scope<'_>, step: &mut Properties, lowering: &mut Lowering) {
        let models: Vec<(ContainerImage, RunLocation)> =
            [(self.image, self.model)].into_iter().chain(self.next).collect();
        let containers = models.iter().map(|(image, model)| {
            let mut container = Properties::default();
            container.put("Image", &image.clone().resolve(scope).uri);
            put_model_data(&mut container, model);
            container
        });
        let mut inference = Properties::default();
        inference.put("Containers", list(containers.collect::<Vec<_>>()));
        inference.put("SupportedContentTypes", Value::<Vec<String>>::from(self.content_types));
        inference.put("SupportedResponseMIMETypes", Value::<Vec<String>>::from(self.response_types));
        if !self.instance_types.is_empty() {
            inference.put(
                "SupportedRealtimeInferenceInstanceTypes",
                Value::<Vec<String>>::from(self.instance_types),
            );
        }
        if !self.transform_types.is_empty() {
            inference
                .put("SupportedTransformInstanceTypes", Value::<Vec<String>>::from(self.transform_types));
        }
        let mut arguments = Properties::default();
        arguments.put("ModelPackageGroupName", &self.group);
        arguments.put("ModelApprovalStatus", &self.status);
        arguments.put("InferenceSpecification", inference);
        for (metric, file, content_type) in &self.metrics {
            let [group, report] = metric.names();
            arguments.put_at(&format!("/ModelMetrics/{group}/{report}/ContentType"), content_type);
            arguments.put_at(&format!("/ModelMetrics/{group}/{report}/S3Uri"), file.uri());
            lowering.others.extend(file.read());
        }
        step.put("Type", "RegisterModel");
        self.options.put_order_and_retries(step);
        step.put("Arguments", arguments);
        let (group, packages) = group_and_packages(&self.group);
        lowering.others.push(
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
            ])
            .on(group)
            .on(packages),
        );
        // The role that registers a model must be able to read it.
        lowering.others.extend(models.iter().flat_map(|(_, model)| model.read()));
    }
}

impl StepOptions for RegisterModelStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for RegisterModelStep {
    type Handle = ();

    fn handle(&self, _: &str) {}

    fn into_kind(self) -> Kind {
        Kind::Register(Box::new(self))
    }
}
