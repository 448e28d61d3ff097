//! The messages about failures: what CloudFormation reports, the line of the program, and what to do next.

use serde_json::{Value as Json, json};
use stackwright_deploy::{DeployError, Diagnosis, ValidationFailure};
use stackwright_synth::{StackArtifact, with_causes};

use super::command_line::command;
use super::render::annotation;
use super::source::{excerpt, of_failure, of_resource};
use super::view::event_line;
use crate::failure::{ExitCode, Failure};
use crate::safe_text;

/// Returns the failure of a command.
pub(crate) fn failure(error: &DeployError) -> Failure {
    let mut failure = Failure::new(with_causes(error));
    if let (DeployError::Credentials { .. }, Ok(profile)) = (error, std::env::var("AWS_PROFILE")) {
        failure
            .hints
            .push(format!("`AWS_PROFILE` is `{profile}`: `aws configure list-profiles` lists the profiles"));
    }
    failure.hints.extend(error.hint_with(command));
    failure.with_code(exit_code(error))
}

fn exit_code(error: &DeployError) -> ExitCode {
    match error {
        DeployError::Changed { .. } | DeployError::Plan { .. } | DeployError::NotApproved { .. } => {
            ExitCode::Refused
        }
        DeployError::LostContact { .. } | DeployError::Timeout { .. } => ExitCode::Incomplete,
        _ => ExitCode::Failure,
    }
}

/// Returns the failure of a command for a stack, with the lines of the program.
pub(crate) fn explain(error: &DeployError, stack: &StackArtifact) -> Failure {
    let mut failure = failure(error);
    let mut add = |text: &str| {
        failure.message.push('\n');
        failure.message.push_str(text.trim_end());
    };
    match error {
        DeployError::Failed { diagnosis: Some(found), .. } => add(&diagnosis(found, stack)),
        DeployError::ChangeSet { failures, .. } => {
            for one in failures {
                add(&validation_failure(one, stack));
            }
        }
        DeployError::NotApproved { missing, .. } => {
            for one in missing {
                add(&format!("  {one}"));
            }
        }
        DeployError::Import { resource, .. } => {
            if let Some(location) = of_resource(stack, resource) {
                add(&excerpt(location));
            }
        }
        _ => {}
    }
    failure
}

/// Returns a finding of CloudFormation's validation or of a hook as text.
fn validation_failure(failure: &ValidationFailure, stack: &StackArtifact) -> String {
    let ValidationFailure { logical_id, path, check, reason, .. } = failure;
    // The path usually begins with the logical ID.
    let location = if path.is_empty() { logical_id.clone() } else { format!("{logical_id} at {path}") };
    let mut text = format!("  {}", safe_text::line(&format!("{location}: {reason} ({check})")));
    for one in &failure.annotations {
        text.push_str(&format!("\n    {}", annotation(one)));
    }
    if let Some(location) = of_failure(stack, failure) {
        text.push('\n');
        text.push_str(&excerpt(location));
    }
    text
}

/// Returns a diagnosis as text.
pub(crate) fn diagnosis(found: &Diagnosis, stack: &StackArtifact) -> String {
    let path: String = found.path.iter().map(|one| format!("{one}/")).collect();
    let outermost = found.path.first().unwrap_or(&found.cause.logical_id);
    let mut text = format!("  first failure: {path}{}\n", event_line(&found.cause));
    if let Some(location) = of_resource(stack, outermost) {
        text.push_str(&format!("{}\n", excerpt(location)));
    }
    for one in &found.annotations {
        text.push_str(&format!("    {}\n", annotation(one)));
    }
    for other in &found.others {
        text.push_str(&format!("  later failure: {}\n", event_line(other)));
    }
    for hint in &found.hints {
        text.push_str(&format!("  hint: {}\n", safe_text::line(hint)));
    }
    for command in &found.commands {
        text.push_str(&format!("  for details: {command}\n"));
    }
    text
}

/// Returns a diagnosis as JSON, with the line of the program that the failed resource comes from.
pub(crate) fn diagnosis_json(found: &Diagnosis, stack: &StackArtifact) -> Json {
    let outermost = found.path.first().unwrap_or(&found.cause.logical_id);
    let location = of_resource(stack, outermost);
    json!({ "diagnosis": found, "source": location.map(|location| location.to_string()) })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::path::PathBuf;

    use stackwright_deploy::Backend;

    use super::*;

    #[test]
    fn a_cause_is_printed_once() {
        let missing = || DeployError::Asset {
            path: PathBuf::from("code.zip"),
            source: io::Error::other("the disk is gone"),
        };
        let lost = DeployError::LostContact {
            stack: "shop-Work".into(),
            backend: Backend::Aws,
            source: Box::new(missing()),
        };
        let cause = lost.source().and_then(|error| error.source()).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("the disk is gone"));
        assert_eq!(failure(&missing()).message, "the asset code.zip cannot be read: the disk is gone");
        assert_eq!(
            failure(&lost).message,
            format!("{lost}: the asset code.zip cannot be read: the disk is gone")
        );
        assert!(!lost.to_string().contains("code.zip"), "{lost}");
    }
}
