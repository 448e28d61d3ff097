//! SageMaker Pipelines: steps in an order that follows from what they take from each other.

mod condition;
mod processing;
mod register;
mod step;
mod training;
mod tuning;

pub use condition::{Comparison, ConditionStep, FailStep, Measure};
pub use processing::{ProcessingHandle, ProcessingJob, ProcessingStep};
pub use register::RegisterModelStep;
pub use step::{RetryOn, RetryPolicy, Step};
pub use training::{TrainingHandle, TrainingStep};
pub use tuning::{Objective, Range, TuningHandle, TuningJob, TuningStep};

use serde_json::{Value as JsonValue, json};
use stackwright_resources::sagemaker;
use stackwright_resources::sagemaker::pipeline::PipelineDefinition;
use stackwright_synth::intrinsic::{json_text, region};
use stackwright_synth::{
    CallerLocation, Construct, Expression, Json, Literal, Properties, Property, Scope, Value, sub,
};

use crate::document::list;
use crate::iam::{PolicyDocument, ServiceRole, Statement, arn, pass_to_sagemaker};
use crate::training::RunVariable;
use step::Lowering;

/// The version of the definition's language.
const VERSION: &str = "2020-12-01";

/// A pipeline. Deploying it starts nothing: a run is started by the command in the output `…StartCommand`, or by a
/// [`Schedule`](super::Schedule).
///
/// A step that takes something from another runs after it; [`TrainingStep::after`] and its like say the rest.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    parameters: Vec<(String, &'static str, JsonValue, CallerLocation)>,
    steps: Vec<(String, step::Kind, CallerLocation)>,
    description: Option<String>,
}

/// A type that a pipeline's parameter can have, by its default.
pub trait ParameterDefault: Into<JsonValue> {
    /// What the parameter yields.
    type Yields;
    /// SageMaker's name of the type.
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
    /// A pipeline without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what it is for.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// A parameter that every run can set, with its default. It is known to SageMaker, not to CloudFormation: use
    /// it in this pipeline's steps only.
    #[track_caller]
    pub fn parameter<D: ParameterDefault>(&mut self, name: &str, default: D) -> Value<D::Yields> {
        let source = std::panic::Location::caller();
        self.parameters.push((name.to_owned(), D::NAME, default.into(), source));
        get(&format!("Parameters.{name}")).cast()
    }

    /// Adds a step under a name, and gives what later steps take from it.
    #[track_caller]
    pub fn step<S: Step>(&mut self, name: &str, step: S) -> S::Handle {
        let handle = step.handle(name);
        self.steps.push((name.to_owned(), step.into_kind(), std::panic::Location::caller()));
        handle
    }
}

/// What a run knows under a name: `{"Get": "Steps.Train.…"}`.
pub(super) fn get(path: &str) -> Value<String> {
    Value::from_expression(Expression::Object(vec![Property::new("Get", path)]))
}

/// Replaces the variables of the run by those of pipelines.
fn with_execution_variables(expression: Expression) -> Expression {
    RunVariable::replace(expression, &|variable| {
        let path = match variable {
            RunVariable::Id => "Execution.PipelineExecutionId",
            RunVariable::StartTime => "Execution.StartDateTime",
        };
        Expression::Object(vec![Property::new("Get", path)])
    })
}

/// Strings with values of the run in them: SageMaker joins what CloudFormation cannot.
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
}

impl PipelineHandle {
    /// The pipeline's name.
    pub fn name(&self) -> Value<String> {
        self.resource.reference()
    }

    /// The pipeline's ARN.
    pub fn arn(&self) -> Value<String> {
        arn("sagemaker", sub!("pipeline/{}", &self.name))
    }
}

impl Construct for Pipeline {
    type Handle = PipelineHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> PipelineHandle {
        // SageMaker writes the ARN in small letters, and CloudFormation cannot: so the name has none but small.
        let name = super::name_prefix(&format!("{}-{}", scope.stack_name(), scope.id()), 256).to_lowercase();
        super::check_names(scope, "step", step::names(&self.steps));
        let mut lowering = Lowering::default();
        let steps: Vec<Properties> = self
            .steps
            .into_iter()
            .map(|(name, kind, source)| step::lower(&name, kind, source, scope, &mut lowering))
            .collect();
        let mut statements = lowering.statements();
        statements.extend(lowering.roles.iter().map(|role| pass_to_sagemaker(role.arn())));
        let role = scope.add(
            "Role",
            ServiceRole { service: "sagemaker", name: "Steps", policy: PolicyDocument::new(statements) },
        );
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
        definition.put(
            "PipelineExperimentConfig",
            json!({
                "ExperimentName": { "Get": "Execution.PipelineName" },
                "TrialName": { "Get": "Execution.PipelineExecutionId" },
            }),
        );
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
        let resource = scope.add_default(pipeline);
        super::put_outputs(
            scope,
            sub!("aws sagemaker start-pipeline-execution --region {} --pipeline-name {}", region(), &name),
            &sub!("sagemaker/home?region={}#/jobs", region()),
        );
        PipelineHandle { resource, name }
    }
}

/// What a pipeline's role needs for jobs of a kind. SageMaker names jobs of a pipeline after it.
fn jobs(kind: &str, create: &str, describe: &str, stop: &str) -> Statement {
    Statement::allow([create, describe, stop, "sagemaker:AddTags", "sagemaker:ListTags"])
        .on(arn("sagemaker", sub!("{}/pipelines-*", kind)))
}
