//! Findings before a deployment: those of CloudFormation's validation, and those of hooks.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    AnnotationStatus, HookStatus, ListHookResultsTargetType, OperationEvent,
};
use serde::{Deserialize, Serialize};
use stackwright_synth::with_causes;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::{EventScope, non_empty, operation_events};
use crate::status::AnnotationSeverity;
use crate::{Progress, Report, change_set, messages};

/// A finding of CloudFormation's validation or of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValidationFailure {
    /// The logical ID of the resource. For a resource of a nested stack, the name of the stack and a slash precede it.
    pub logical_id: String,
    /// The location in the template, as a JSON pointer; empty if it is not known.
    pub path: String,
    /// The name of the validation or of the hook.
    pub check: String,
    /// The reason that CloudFormation gives.
    pub reason: String,
    /// The findings of a hook.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

/// A detail that a hook found, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Annotation {
    /// The name of the rule or control.
    pub name: String,
    /// The severity of the finding, if the hook reports it.
    pub severity: Option<AnnotationSeverity>,
    /// The message, which states the problem; `None` if the hook reports none.
    pub message: Option<String>,
    /// A text that explains how to fix the problem; `None` if the hook reports none.
    pub remediation: Option<String>,
    /// The URL of the documentation; `None` if the hook reports none.
    pub link: Option<String>,
}

/// Returns the findings about a change set. `path` precedes the logical IDs.
pub(crate) async fn failures_in(
    connection: &Connection,
    change_set: &str,
    path: &str,
    report: Report<'_>,
) -> Result<Vec<ValidationFailure>, DeployError> {
    let (mut failures, mut has_hooks) = (Vec::new(), false);
    let mut page = None;
    loop {
        let scope = EventScope::ChangeSet(change_set);
        let Some(answer) = operation_events(connection, scope, page, report).await? else { break };
        has_hooks |= answer.operation_events().iter().any(|event| event.hook_type().is_some());
        failures.extend(answer.operation_events().iter().filter_map(|event| read_failure(event, path)));
        page = answer.next_token;
        if page.is_none() {
            break;
        }
    }
    if has_hooks {
        match hook_annotations(connection, change_set).await {
            Ok(found) => {
                for (hook, annotations) in found {
                    let is_about =
                        |one: &&mut ValidationFailure| one.check == hook && one.annotations.is_empty();
                    if let Some(failure) = failures.iter_mut().find(is_about) {
                        failure.annotations = annotations;
                    }
                }
            }
            Err(error) => report(Progress::OperationUnavailable {
                operation: "GetHookResult",
                reason: with_causes(&error),
            }),
        }
    }
    Ok(failures)
}

/// Returns the findings about a failed change set and about the nested change sets that its reason names.
pub(crate) async fn failures_in_all(
    connection: &Connection,
    change_set: &DescribeChangeSetOutput,
    report: Report<'_>,
) -> Result<Vec<ValidationFailure>, DeployError> {
    let id = change_set.change_set_id().unwrap_or_default();
    let mut failures = failures_in(connection, id, "", report).await?;
    // The reason of the root change set repeats those of the nested ones.
    for id in messages::nested_change_sets(change_set.status_reason().unwrap_or_default()) {
        let nested = change_set::describe(connection, None, id, None).await?;
        let path = format!("{}/", nested.stack_name().unwrap_or_default());
        failures.extend(failures_in(connection, id, &path, report).await?);
    }
    Ok(failures)
}

/// Returns the names of the hooks that object to a change set, each with its annotations.
async fn hook_annotations(
    connection: &Connection,
    change_set: &str,
) -> Result<Vec<(String, Vec<Annotation>)>, DeployError> {
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let request = connection
            .cloudformation
            .list_hook_results()
            .target_type(ListHookResultsTargetType::ChangeSet)
            .target_id(change_set)
            .set_next_token(page);
        let answer = request.send().await.map_err(DeployError::call("ListHookResults"))?;
        for result in answer.hook_results() {
            let objects =
                matches!(result.status(), Some(HookStatus::HookCompleteFailed | HookStatus::HookFailed));
            let known = result.type_name().zip(result.hook_result_id()).filter(|_| objects);
            if let Some((name, id)) = known {
                found.push((name.to_owned(), annotations(connection, id).await?));
            }
        }
        page = answer.next_token;
        if page.is_none() {
            return Ok(found);
        }
    }
}

/// Returns the failed annotations of a result of a hook.
pub(crate) async fn annotations(
    connection: &Connection,
    hook_result: &str,
) -> Result<Vec<Annotation>, DeployError> {
    let request = connection.cloudformation.get_hook_result().hook_result_id(hook_result);
    let answer = request.send().await.map_err(DeployError::call("GetHookResult"))?;
    let failed = answer.annotations().iter().filter(|one| one.status() == Some(&AnnotationStatus::Failed));
    Ok(failed
        .map(|one| Annotation {
            name: non_empty(one.annotation_name()).unwrap_or_default(),
            severity: one.severity_level().map(|level| level.as_str().into()),
            message: non_empty(one.status_message()),
            remediation: non_empty(one.remediation_message()),
            link: non_empty(one.remediation_link()),
        })
        .collect())
}

fn read_failure(event: &OperationEvent, path: &str) -> Option<ValidationFailure> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Some(ValidationFailure {
        logical_id: format!("{path}{}", text(event.logical_resource_id())),
        path: text(event.validation_path()),
        check: text(event.validation_name().or(event.hook_type())),
        reason: event.validation_status_reason().or(event.hook_status_reason())?.to_owned(),
        annotations: Vec::new(),
    })
}
