//! What makes a request to SageMaker when it runs: pipelines, state machines, schedules.
//!
//! CloudFormation deploys these; the jobs they start are no resources. What they are defined by is a text to
//! CloudFormation: it is built here as a document, with references, and is also written beside the template.

mod expression;
mod optimization;
pub mod pipeline;
mod schedule;
mod state_machine;
mod states_format;

pub use expression::ScheduleExpression;
pub use optimization::{
    CompiledQuantization, OptimizationJob, Optimizations, Quantization, SpeculativeDecoding,
};
pub use pipeline::{
    CallbackStep, CheckStep, CheckType, ConditionStep, CreateModelStep, EndpointConfigStep, EndpointStep,
    FailStep, LambdaStep, OutputType, Pipeline, PipelineHandle, ProcessingInput, ProcessingJob,
    ProcessingOutput, ProcessingStep, RegisterModelStep, RetryOn, RetryPolicy, SplitType, StepOptions,
    TrainingStep, TransformStep, TuningJob, TuningStep,
};
pub use schedule::{Schedule, ScheduleTarget};
pub use state_machine::{StateMachine, StateMachineHandle};

use stackwright_synth::intrinsic::region;
use stackwright_synth::{CallerLocation, Output, Scope, Value, sub};

/// A name that SageMaker takes, out of an id: at most so many letters, digits and hyphens.
fn name_prefix(id: &str, characters: usize) -> String {
    let name: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    name[..name.len().min(characters)].trim_end_matches('-').to_owned()
}

/// Tells how a run is started and where it is seen.
fn put_outputs(scope: &mut Scope<'_>, command: Value<String>, console: &Value<String>) {
    scope.add("StartCommand", Output::new(command).description("Starts a run"));
    put_console(scope, console);
}

/// Tells where runs are seen.
fn put_console(scope: &mut Scope<'_>, page: &Value<String>) {
    let link = sub!("https://{}.console.aws.amazon.com/{}", region(), page);
    scope.add("Console", Output::new(link).description("Shows the runs"));
}

/// Notes names that are given twice, and that there is none.
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
                format!("two {what}s are called {name:?}"),
                "give one of them another name".into(),
                Some(source),
            );
        }
        known.push((name, source));
    }
    if known.is_empty() {
        scope.error("no-steps", format!("there is no {what}"), format!("add a {what}"), None);
    }
}
