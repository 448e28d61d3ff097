//! What to say when something fails: CloudFormation's words, the line of the program, and where to look next.

use serde_json::{Value as Json, json};
use stackwright_deploy::{DeployError, Diagnosis};
use stackwright_synth::StackArtifact;

use super::show::advice;
use super::view::line;
use crate::failure::{ExitCode, Failure};

/// The failure of a command, whatever the stack.
pub(crate) fn failure(error: &DeployError) -> Failure {
    let mut failure = Failure::new(error);
    failure.hints.extend(error.hint());
    failure.code = match error {
        DeployError::Changed { .. } | DeployError::Plan { .. } => ExitCode::Refused,
        DeployError::OutOfSight { .. } | DeployError::Deadline { .. } => ExitCode::Incomplete,
        _ => ExitCode::Failure,
    };
    failure
}

/// The failure of a command over a stack.
pub(crate) fn explain(error: &DeployError, stack: &StackArtifact) -> Failure {
    let mut failure = failure(error);
    match error {
        DeployError::Failed { diagnosis: Some(found), .. } => {
            failure.message = format!("{}\n{}", failure.message, diagnosis(found, stack).trim_end());
        }
        DeployError::ChangeSet { problems, .. } => {
            for problem in problems {
                let text =
                    format!("{}{}: {} ({})", problem.logical_id, problem.path, problem.reason, problem.check);
                let advice: String =
                    problem.annotations.iter().map(|one| format!("\n    {}", advice(one))).collect();
                failure.message =
                    format!("{}\n  {text}{advice}{}", failure.message, place(stack, &problem.logical_id));
            }
        }
        _ => {}
    }
    failure
}

/// A diagnosis in words.
pub(crate) fn diagnosis(found: &Diagnosis, stack: &StackArtifact) -> String {
    let inside: String = found.path.iter().map(|one| format!("{one}/")).collect();
    let at = found.path.first().unwrap_or(&found.cause.logical_id);
    let mut text = format!("  first failure: {inside}{}{}\n", line(&found.cause), place(stack, at));
    for annotation in &found.annotations {
        text.push_str(&format!("    {}\n", advice(annotation)));
    }
    for other in &found.others {
        text.push_str(&format!("  then: {}\n", line(other)));
    }
    for command in &found.look {
        text.push_str(&format!("  look: {command}\n"));
    }
    text
}

/// A diagnosis for programs: with the line of the program that made what failed.
pub(crate) fn diagnosis_json(found: &Diagnosis, stack: &StackArtifact) -> Json {
    let at = found.path.first().unwrap_or(&found.cause.logical_id);
    let place = stack.provenance.find(&format!("/Resources/{at}"));
    json!({ "diagnosis": found, "source": place.map(|place| place.to_string()) })
}

fn place(stack: &StackArtifact, logical_id: &str) -> String {
    let found = stack.provenance.find(&format!("/Resources/{logical_id}"));
    found.map(|place| format!("\n  --> {place}")).unwrap_or_default()
}
