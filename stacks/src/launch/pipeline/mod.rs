//! SageMaker Pipelines. The order of the steps is derived from the values that they use from other steps.

mod callback;
mod checks;
mod condition;
mod deployment;
mod model;
mod processing;
mod processing_data;
mod register;
mod repack;
mod step;
mod training;
mod transform;
mod tuning;

pub use callback::{CallbackStep, LambdaStep, OutputType, OutputsHandle};
pub use checks::{CheckHandle, CheckStep, CheckType};
pub use condition::{Comparison, ConditionStep, FailStep, Measure};
pub use deployment::{EndpointConfigHandle, EndpointConfigStep, EndpointStep};
pub use model::{CreateModelStep, ModelHandle};
pub use processing::{ProcessingHandle, ProcessingJob, ProcessingStep, PropertyFile};
pub use processing_data::{ProcessingInput, ProcessingOutput};
pub use register::{ModelMetric, RegisterModelStep};
pub use repack::{RepackHandle, RepackStep};
pub use step::{RetryOn, RetryPolicy, Step, StepOptions};
pub use training::{TrainingHandle, TrainingStep};
pub use transform::{SplitType, TransformData, TransformHandle, TransformRecords, TransformStep};
pub use tuning::{
    Objective, ParameterRange, RangeScaling, TuningHandle, TuningJob, TuningStep, TuningStrategy, WarmStart,
};

use serde_json::{Value as JsonValue, json};
use stackwright_resources::sagemaker;
use stackwright_resources::sagemaker::pipeline::{ParallelismConfiguration, PipelineDefinition};
use stackwright_synth::intrinsic::{json_text, region};
use stackwright_synth::{
    CallerLocation, Construct, Expression, IntoValue, Json, Literal, Properties, Property, ResourceOptions,
    Scope, Value, sub,
};

use crate::document::{list, object, tags};
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings, arn};
use crate::training::RunVariable;
use step::Lowering;

/// The version of the schema of pipeline definitions.
const VERSION: &str = "2020-12-01";

/// A pipeline of SageMaker Pipelines. A deployment starts no run: use the command in the output `…StartCommand` of the stack,
/// or a [`Schedule`](super::Schedule).
///
/// A step that uses a value of another step runs after that step; [`StepOptions::after`] adds a further dependency. The
/// name of the pipeline is `STACK-ID` in lowercase. A pipeline without steps, or two steps with the same name, are errors.
/// [`RoleOptions::role`] sets the role of the pipeline, which starts the jobs.
///
/// It becomes `AWS::SageMaker::Pipeline`, and an `AWS::IAM::Role` for the pipeline and for each job.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::{Pipeline, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
/// # use stackwright_synth::App;
///
/// # let app = App::new("vision");
/// # let stack = app.stack("Training").region("us-east-1");
/// let mut pipeline = Pipeline::new().description("Trains the scorers").max_parallel_steps(2);
/// let rate = pipeline.parameter("LearningRate", 0.001);
/// let runs = S3Location::new("my-runs", "models").per_run();
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), runs).hyperparameter("rate", rate);
/// pipeline.step("Train", TrainingStep::new(job));
/// stack.add("Pipeline", pipeline);
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Pipeline {
    parameters: Vec<(String, &'static str, JsonValue, CallerLocation)>,
    steps: Vec<(String, step::Kind, CallerLocation)>,
    description: Option<String>,
    max_parallel_steps: Option<Value<i64>>,
    experiment: Option<Value<String>>,
    trial: Option<Value<String>>,
    without_experiment: bool,
    tags: Vec<(String, Value<String>)>,
    role: RoleSettings,
}

/// The types of the default values of pipeline parameters: `&str`, `i64`, `f64` and `bool`.
pub trait ParameterDefault: Into<JsonValue> {
    /// The type of the parameter's value.
    type Yields;
    /// The name of the type in a pipeline definition: `String`, `Integer`, `Float` or `Boolean`.
    const NAME: &'static str;
}

macro_rules! parameters {
    ($($default:ty: $yields:ty = $name:literal),*) => {$(
        impl ParameterDefault for $default {
            type Yields = $yields;
            const NAME: &'static str = $name;
        }
    )*};
}
parameters!(&str: String = "String", i64: i64 = "Integer", f64: f64 = "Float", bool: bool = "Boolean");

impl Pipeline {
    /// Creates a pipeline without steps. Add steps with [`step`](Self::step) before you add the pipeline to a stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the description of the pipeline (`PipelineDescription`). By default, there is none.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets the maximum number of steps that run at the same time (`MaxParallelExecutionSteps`). By default, SageMaker runs up
    /// to 50 steps.
    #[track_caller]
    pub fn max_parallel_steps(mut self, steps: impl IntoValue<i64>) -> Self {
        self.max_parallel_steps = Some(steps.into().with_caller_location());
        self
    }

    /// Sets the name of the experiment of SageMaker Experiments in which runs are recorded (`PipelineExperimentConfig`). The
    /// default is the pipeline's name. It has no effect after [`without_experiment`](Self::without_experiment).
    #[track_caller]
    pub fn experiment(mut self, name: impl IntoValue<String>) -> Self {
        self.experiment = Some(name.into().with_caller_location());
        self
    }

    /// Sets the name of the trial of the experiment in which runs are recorded (`TrialName`). The default is the ID of the
    /// run. It has no effect after [`without_experiment`](Self::without_experiment).
    #[track_caller]
    pub fn trial(mut self, name: impl IntoValue<String>) -> Self {
        self.trial = Some(name.into().with_caller_location());
        self
    }

    /// Does not record runs in SageMaker Experiments. By default, each run is a trial of an experiment with the pipeline's
    /// name.
    pub fn without_experiment(mut self) -> Self {
        self.without_experiment = true;
        self
    }

    /// Adds a tag to the pipeline (`Tags`). SageMaker also adds it to the jobs that the pipeline starts. The keys
    /// of the tags have to be different.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    /// Adds a parameter that every run can set, with a name and a default value, and returns a reference to the parameter. It
    /// is a parameter of SageMaker Pipelines and not of CloudFormation: use the reference in steps of the same pipeline only.
    #[track_caller]
    pub fn parameter<D: ParameterDefault>(&mut self, name: &str, default: D) -> Value<D::Yields> {
        let source = std::panic::Location::caller();
        self.parameters.push((name.to_owned(), D::NAME, default.into(), source));
        get(&format!("Parameters.{name}")).cast()
    }

    /// Adds a step, by its name, and returns a handle with the values of the step that later steps can use. A second step
    /// of the same name in the pipeline is an error at the caller's line.
    #[track_caller]
    pub fn step<S: Step>(&mut self, name: &str, step: S) -> S::Handle {
        let handle = step.handle(name);
        self.steps.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        handle
    }
}

/// A reference to a value of the run: `{"Get": "Steps.Train.…"}`.
pub(super) fn get(path: &str) -> Value<String> {
    Value::from_expression(Expression::Object(vec![Property::new("Get", path)]))
}

/// Replaces the variables of the run by those of SageMaker Pipelines.
fn with_execution_variables(expression: Expression) -> Expression {
    RunVariable::replace(expression, &|variable| {
        let path = match variable {
            RunVariable::Id => "Execution.PipelineExecutionId",
            RunVariable::StartTime => "Execution.StartDateTime",
        };
        Expression::Object(vec![Property::new("Get", path)])
    })
}

/// Replaces strings that contain values of the run: SageMaker joins the parts that CloudFormation cannot resolve.
fn joined(expression: Expression) -> Expression {
    match expression {
        Expression::Text(parts) if parts.iter().any(|part| matches!(part, Expression::Object(_))) => {
            let values = Expression::List(parts);
            let join = Json::object([
                Property::new("On", ""),
                Property::new("Values", Value::<Vec<String>>::from_expression(values)),
            ]);
            Expression::Object(vec![Property::new("Std:Join", join)])
        }
        Expression::Object(properties) => {
            Expression::Object(properties.into_iter().map(|property| property.map(joined)).collect())
        }
        Expression::List(items) => Expression::List(items.into_iter().map(joined).collect()),
        other => other,
    }
}

/// A pipeline that was added to a stack.
#[derive(Clone, Debug)]
pub struct PipelineHandle {
    resource: sagemaker::PipelineHandle,
    name: String,
    role: RoleReference,
    job_roles: Vec<(String, RoleReference)>,
}

impl PipelineHandle {
    /// Returns the pipeline's name.
    pub fn name(&self) -> Value<String> {
        self.resource.reference()
    }

    /// Returns the role of the pipeline, which starts the jobs.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the execution role of the job or of the model of a step, by the name of the step, or `None` if the step has no
    /// such role.
    pub fn job_role(&self, step: &str) -> Option<&RoleReference> {
        self.job_roles.iter().find(|(name, _)| name == step).map(|(_, role)| role)
    }

    /// Returns the pipeline's ARN.
    pub fn arn(&self) -> Value<String> {
        arn("sagemaker", sub!("pipeline/{}", &self.name))
    }
}

impl RoleOptions for Pipeline {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for Pipeline {
    type Handle = PipelineHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> PipelineHandle {
        // SageMaker converts the name in the ARN to lower case, which CloudFormation cannot do: the name therefore
        // contains lower case letters only.
        let name = super::name_prefix(&format!("{}-{}", scope.stack_name(), scope.id()), 256).to_lowercase();
        super::check_names(scope, "step", step::names(&self.steps));
        let mut lowering = Lowering::default();
        let steps: Vec<Properties> = self
            .steps
            .into_iter()
            .map(|(name, kind, source)| step::lower(&name, kind, source, scope, &mut lowering))
            .collect();
        let statements = lowering.statements();
        let needed = RoleNeeded { id: "Role".into(), service: "sagemaker", policy: "Steps", statements };
        let BuiltRole { role, policy } = self.role.build(needed, scope);
        let parameters = self.parameters.into_iter().map(|(name, kind, default, source)| {
            let mut parameter = Properties::default();
            parameter.put("Name", Value::from(name).with_location(Some(source)));
            parameter.put("Type", kind);
            parameter.put("DefaultValue", Value::<Json>::from(default).with_location(Some(source)));
            parameter
        });
        let mut definition = Properties::default();
        definition.put("Version", VERSION);
        definition.put("Metadata", json!({}));
        definition.put("Parameters", list(parameters));
        if !self.without_experiment {
            let experiment = self.experiment.unwrap_or_else(|| get("Execution.PipelineName"));
            let trial = self.trial.unwrap_or_else(|| get("Execution.PipelineExecutionId"));
            let config = object([("ExperimentName", &experiment), ("TrialName", &trial)]);
            definition.put("PipelineExperimentConfig", config);
        }
        definition.put("Steps", list(steps));
        let definition: Value<Json> =
            Value::from_expression(joined(with_execution_variables(definition.into_expression())));
        let definition = PipelineDefinition::new().pipeline_definition_body(json_text(definition));
        let mut pipeline = sagemaker::Pipeline::new()
            .pipeline_name(name.as_str())
            .pipeline_definition(definition)
            .role_arn(role.arn());
        if let Some(description) = self.description {
            pipeline = pipeline.pipeline_description(description);
        }
        if let Some(steps) = self.max_parallel_steps {
            let parallelism = ParallelismConfiguration::new(steps);
            pipeline = pipeline.parallelism_configuration(parallelism);
        }
        if !self.tags.is_empty() {
            pipeline = pipeline.property("Tags", tags(&self.tags));
        }
        for policy in lowering.policies.iter().chain(&policy) {
            pipeline = pipeline.depends_on(policy);
        }
        if let Some((name, statement)) = super::memory_statement(lowering.memory) {
            pipeline = pipeline.metadata(name, statement);
        }
        let resource = scope.add_default(pipeline);
        super::put_outputs(
            scope,
            sub!("aws sagemaker start-pipeline-execution --region {} --pipeline-name {}", region(), &name),
            &sub!("sagemaker/home?region={}#/jobs", region()),
        );
        PipelineHandle { resource, name, role, job_roles: lowering.roles }
    }
}
