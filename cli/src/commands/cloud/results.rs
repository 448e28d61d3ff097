//! The summary of a command that worked on several stacks, and its exit code.

use std::collections::BTreeMap;

use stackwright_deploy::{DeployError, FinishedStack, StackResult, StackSelection};
use stackwright_synth::{StackArtifact, with_causes};

use crate::deployment::{View, explain};
use crate::failure::{ExitCode, Failure};

/// Prints that the work on a stack has failed, while the command works on others. The summary has the details; of a single stack
/// it follows at once.
pub(super) fn report_failure(
    view: &View,
    selection: &StackSelection<'_>,
    stack: &StackArtifact,
    error: &DeployError,
) {
    if selection.stacks.len() > 1 {
        view.message(&stack.name, &format!("failed: {}", with_causes(error)));
    }
}

/// Prints failed stacks and stacks that were not started, the failures last, and returns the failure of the command.
///
/// `verb` describes the operation, for example `deployed`.
pub(super) fn summarize<T>(view: &View, results: &[FinishedStack<'_, T>], verb: &str) -> Result<(), Failure> {
    let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut succeeded = 0;
    for FinishedStack { stack, result, .. } in results {
        match result {
            StackResult::Succeeded(_) => succeeded += 1,
            StackResult::Skipped { because_of } => skipped.entry(because_of).or_default().push(&stack.name),
            StackResult::Failed(error) => failures.push((stack, explain(error, stack))),
            _ => {}
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    for (cause, stacks) in &skipped {
        let text = match stacks.as_slice() {
            [stack] => format!("{stack} was not {verb}, because {cause} was not {verb}"),
            _ => format!("{} stacks were not {verb}, because {cause} was not {verb}", stacks.len()),
        };
        view.note(&text);
    }
    if results.len() > 1 {
        let not_started: usize = skipped.values().map(Vec::len).sum();
        let counts = format!("{succeeded} {verb}, {} failed, {not_started} not started", failures.len());
        view.note(&format!("summary: {counts}"));
    }
    for (stack, failure) in &failures {
        let text = failure.text();
        view.message(&stack.name, &text);
    }
    let code = failures.iter().map(|(_, failure)| failure.code).min().unwrap_or(ExitCode::Failure);
    Err(Failure::reported().with_code(code))
}
