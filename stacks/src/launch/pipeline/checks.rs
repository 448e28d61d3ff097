//! The pipeline steps of SageMaker Model Monitor and SageMaker Clarify. They compute a baseline and compare it with
//! an earlier one.

use stackwright_synth::{IntoValue, Json, Properties, Scope, Value, sub};

use super::get;
use super::model::ModelHandle;
use super::processing::{Definition, ProcessingJob};
use super::step::{Kind, Lowering, Options, Started, Step, StepOptions, id};
use crate::iam::{RoleOptions, Statement, arn};

/// The type of a [`CheckStep`] of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckType {
    /// Data quality (statistics and constraints of a data set), with the image of Model Monitor.
    DataQuality,
    /// Model quality (the accuracy of the model's predictions), with the image of Model Monitor.
    ModelQuality,
    /// Data bias, with the image of Clarify.
    DataBias,
    /// Model bias (the bias of the predictions), with the image of Clarify.
    ModelBias,
    /// Model explainability (the contribution of each feature to the predictions), with the image of Clarify.
    ModelExplainability,
}

impl CheckType {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::DataQuality => ("QualityCheck", "DATA_QUALITY"),
            Self::ModelQuality => ("QualityCheck", "MODEL_QUALITY"),
            Self::DataBias => ("ClarifyCheck", "DATA_BIAS"),
            Self::ModelBias => ("ClarifyCheck", "MODEL_BIAS"),
            Self::ModelExplainability => ("ClarifyCheck", "MODEL_EXPLAINABILITY"),
        }
    }
}

/// A pipeline step that runs a quality check of SageMaker Model Monitor, or a check of SageMaker Clarify
/// (`QualityCheck`, `ClarifyCheck`).
///
/// The job runs the image of Model Monitor (`sagemaker-model-monitor-analyzer`) or of Clarify
/// (`sagemaker-clarify-processing`), with the inputs, outputs and environment that these images document. The types of
/// Clarify read `analysis_config.json` from an input.
///
/// ```
/// use stackwright_stacks::launch::{CheckStep, CheckType, Pipeline, ProcessingInput, ProcessingJob, ProcessingOutput};
/// use stackwright_stacks::{ContainerImage, S3Location};
///
/// let analyzer = ContainerImage::ecr(
///     "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer",
///     "arn:aws:ecr:us-east-1:156813124566:repository/sagemaker-model-monitor-analyzer",
/// );
/// let input = "/opt/ml/processing/input/baseline_dataset_input";
/// let job = ProcessingJob::new(analyzer, "ml.m5.xlarge")
///     .input("baseline_dataset_input", ProcessingInput::new(S3Location::new("my-data", "train.csv")).local_path(input))
///     .output(
///         "quality_check_output",
///         ProcessingOutput::new(S3Location::new("my-runs", "quality/").per_run()).local_path("/opt/ml/processing/output"),
///     )
///     .environment("output_path", "/opt/ml/processing/output")
///     .environment("dataset_source", input)
///     .environment("dataset_format", r#"{"csv": {"header": true}}"#);
/// let mut pipeline = Pipeline::new();
/// let check = pipeline.step("Quality", CheckStep::new(CheckType::DataQuality, job, "scorers").fail_on_violation(true));
/// let statistics = check.calculated_statistics();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CheckStep {
    check: CheckType,
    job: ProcessingJob,
    group: Value<String>,
    model: Option<Value<String>>,
    skip: Value<bool>,
    fail: Value<bool>,
    register: Value<bool>,
    constraints: Option<Value<String>>,
    statistics: Option<Value<String>>,
    options: Options,
}

impl CheckStep {
    /// Creates a check that a processing job runs, with the name of the model package group whose latest approved version has
    /// the earlier baseline.
    #[track_caller]
    pub fn new(check: CheckType, job: ProcessingJob, model_package_group: impl IntoValue<String>) -> Self {
        Self {
            check,
            job,
            group: model_package_group.into().with_caller_location(),
            model: None,
            skip: false.into(),
            fail: true.into(),
            register: false.into(),
            constraints: None,
            statistics: None,
            options: Options::default(),
        }
    }

    /// Sets whether the step only computes the baseline and does not compare it (`SkipCheck`). The default is `false`.
    #[track_caller]
    pub fn skip_check(mut self, skip: impl IntoValue<bool>) -> Self {
        self.skip = skip.into().with_caller_location();
        self
    }

    /// Sets whether a violation of the constraints fails the step (`FailOnViolation`). The default is `true`.
    #[track_caller]
    pub fn fail_on_violation(mut self, fail: impl IntoValue<bool>) -> Self {
        self.fail = fail.into().with_caller_location();
        self
    }

    /// Sets whether [`CheckHandle::baseline_constraints`] and [`CheckHandle::baseline_statistics`] return the new baseline
    /// instead of the earlier one (`RegisterNewBaseline`). The default is `false`.
    #[track_caller]
    pub fn register_new_baseline(mut self, register: impl IntoValue<bool>) -> Self {
        self.register = register.into().with_caller_location();
        self
    }

    /// Sets the S3 URI of the constraints file to compare with (`SuppliedBaselineConstraints`). The default is the constraints
    /// of the latest approved version in the group.
    #[track_caller]
    pub fn supplied_constraints(mut self, uri: impl IntoValue<String>) -> Self {
        self.constraints = Some(uri.into().with_caller_location());
        self
    }

    /// Sets the S3 URI of the statistics file to compare with (`SuppliedBaselineStatistics`). The default is the statistics of
    /// the latest approved version in the group. The call has no effect on checks of Clarify.
    #[track_caller]
    pub fn supplied_statistics(mut self, uri: impl IntoValue<String>) -> Self {
        self.statistics = Some(uri.into().with_caller_location());
        self
    }

    /// Sets the model that a check of Clarify invokes, through a temporary endpoint whose name starts with
    /// `sm-clarify-`. The role of the processing job gets the permissions for such endpoints. [`CheckType::ModelBias`] and
    /// [`CheckType::ModelExplainability`] need a model.
    pub fn model(mut self, model: &ModelHandle) -> Self {
        self.model = Some(model.model_name());
        self.job = self.job.allow(
            Statement::allow([
                "sagemaker:AddTags",
                "sagemaker:CreateEndpoint",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpoint",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:InvokeEndpoint",
            ])
            .on(arn("sagemaker", "endpoint/sm-clarify-*"))
            .on(arn("sagemaker", "endpoint-config/sm-clarify-*")),
        );
        self.job = self
            .job
            .allow(Statement::allow(["sagemaker:DescribeModel"]).on(arn("sagemaker", "model/pipelines-*")));
        self
    }

    pub(super) fn lower(
        self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        let (kind, check) = self.check.names();
        let request = scope.add(&id(name), Definition(self.job));
        step.put("Type", kind);
        step.put("Arguments", request.arguments);
        self.options.put_order(step);
        step.put("CheckType", check);
        step.put("ModelPackageGroupName", &self.group);
        if let Some(model) = &self.model {
            step.put("ModelName", model);
        }
        step.put("SkipCheck", &self.skip);
        step.put("FailOnViolation", &self.fail);
        step.put("RegisterNewBaseline", &self.register);
        let missing = || serde_json::Value::Null.into();
        if kind == "QualityCheck" {
            step.put("SuppliedBaselineStatistics", self.statistics.map_or_else(missing, Value::cast::<Json>));
        }
        step.put("SuppliedBaselineConstraints", self.constraints.map_or_else(missing, Value::cast::<Json>));
        lowering.starts(name, Started::Processing, request.role);
        lowering.others.push(
            Statement::allow([
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListModelPackages",
            ])
            .on(arn("sagemaker", sub!("model-package-group/{}", &self.group)))
            .on(arn("sagemaker", sub!("model-package/{}/*", &self.group))),
        );
    }
}

impl StepOptions for CheckStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl Step for CheckStep {
    type Handle = CheckHandle;

    fn handle(&self, name: &str) -> CheckHandle {
        CheckHandle { name: name.to_owned() }
    }

    fn into_kind(self) -> Kind {
        Kind::Check(Box::new(self))
    }
}

/// A [`CheckStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct CheckHandle {
    name: String,
}

impl CheckHandle {
    fn get(&self, property: &str) -> Value<String> {
        get(&format!("Steps.{}.{property}", self.name))
    }

    /// Returns the S3 URI of the constraints that the check computed in the same run.
    pub fn calculated_constraints(&self) -> Value<String> {
        self.get("CalculatedBaselineConstraints")
    }

    /// Returns the S3 URI of the statistics that the check computed in the same run. Checks of Clarify have none.
    pub fn calculated_statistics(&self) -> Value<String> {
        self.get("CalculatedBaselineStatistics")
    }

    /// Returns the S3 URI of the constraints to register with the model (`BaselineUsedForDriftCheckConstraints`): the new ones
    /// with [`CheckStep::register_new_baseline`], and the earlier ones without it.
    pub fn baseline_constraints(&self) -> Value<String> {
        self.get("BaselineUsedForDriftCheckConstraints")
    }

    /// Returns the S3 URI of the statistics to register with the model (`BaselineUsedForDriftCheckStatistics`): the new ones
    /// with [`CheckStep::register_new_baseline`], and the earlier ones without it. Checks of Clarify have none.
    pub fn baseline_statistics(&self) -> Value<String> {
        self.get("BaselineUsedForDriftCheckStatistics")
    }
}
