//! Launchers: pipelines, state machines and schedules that send requests to SageMaker when they run.
//!
//! CloudFormation deploys the launchers; the jobs that they start are not resources. For CloudFormation a definition
//! is a string. It is built here as a document with references, and it is also written beside the template.

mod approval;
mod expression;
mod optimization;
pub mod pipeline;
mod schedule;
mod state_machine;
mod states_format;

pub use approval::{ApprovedModel, ApprovedModelHandle};
pub use expression::ScheduleExpression;
pub use optimization::{
    CompiledQuantization, OptimizationJob, Optimizations, Quantization, SpeculativeDecoding,
};
pub use pipeline::{
    CallbackStep, CheckStep, CheckType, ConditionStep, CreateModelStep, EndpointConfigStep, EndpointStep,
    FailStep, LambdaStep, ModelMetric, Objective, OutputType, ParameterRange, Pipeline, PipelineHandle,
    ProcessingInput, ProcessingJob, ProcessingOutput, ProcessingStep, PropertyFile, RegisterModelStep,
    RepackStep, RetryOn, RetryPolicy, SplitType, StepOptions, TrainingStep, TransformData, TransformRecords,
    TransformStep, TuningJob, TuningStep,
};
pub use schedule::{Schedule, ScheduleHandle, ScheduleTarget};
pub use state_machine::{StateMachine, StateMachineHandle};

use stackwright_estimate::memory::STATEMENT_MEMBER;
use stackwright_synth::intrinsic::region;
use stackwright_synth::{CallerLocation, Output, Scope, Value, sub};

/// Derives a name that SageMaker accepts from an ID: at most `characters` letters, digits and hyphens.
fn name_prefix(id: &str, characters: usize) -> String {
    let name: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    name[..name.len().min(characters)].trim_end_matches('-').to_owned()
}

/// The entry of a resource's `Metadata` that states the memory of jobs, by their names; `None` without statements.
fn memory_statement(
    statements: Vec<(String, serde_json::Value)>,
) -> Option<(&'static str, serde_json::Value)> {
    if statements.is_empty() {
        return None;
    }
    Some((STATEMENT_MEMBER, statements.into_iter().collect()))
}

/// Adds outputs with the command that starts a run and the URL of the console page that shows runs.
fn put_outputs(scope: &mut Scope<'_>, command: Value<String>, console: &Value<String>) {
    scope.add("StartCommand", Output::new(command).description("The command that starts a run"));
    put_console(scope, console);
}

/// Adds an output with the URL of the console page that shows runs.
fn put_console(scope: &mut Scope<'_>, page: &Value<String>) {
    let link = sub!("https://{}.console.aws.amazon.com/{}", region(), page);
    scope.add("Console", Output::new(link).description("The console page that shows the runs"));
}

/// Reports names that are used twice, and a launcher without any name.
fn check_names<'n>(
    scope: &Scope<'_>,
    what: &str,
    names: impl IntoIterator<Item = (&'n str, CallerLocation)>,
) {
    let mut known: Vec<(&str, CallerLocation)> = Vec::new();
    for (name, source) in names {
        if known.iter().any(|(other, _)| *other == name) {
            scope.error(
                "duplicate-step",
                format!("two {what}s have the name {name:?}"),
                "give one of them another name".into(),
                Some(source),
            );
        }
        known.push((name, source));
    }
    if known.is_empty() {
        scope.error("no-steps", format!("there are no {what}s"), format!("add a {what}"), None);
    }
}
