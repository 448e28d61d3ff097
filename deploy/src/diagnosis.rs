//! Finds out why an operation failed: the first cause by time, followed into nested stacks.

use std::collections::BTreeSet;

use aws_sdk_cloudformation::primitives::DateTime;
use serde::Serialize;
use stackwright_synth::with_causes;

use crate::advice::{Advice, plain};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::{EventRecord, EventScope, ResourceEvent, events_page, operation_events, stack_events};
use crate::lookup::find_stack;
use crate::messages;
use crate::status::{Phase, ResourceStatus, StackStatus};
use crate::validation::{Annotation, annotations};
use crate::{Progress, Report};

/// The cause of the failure of an operation on a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The name or ARN of the stack, or of the nested stack, with the first failure.
    pub stack: String,
    /// The logical IDs of the nested stacks that lead to the stack with the first failure, outermost first.
    pub path: Vec<String>,
    /// The first failure.
    pub cause: ResourceEvent,
    /// Later failures that are not consequences of the first one, as far as CloudFormation reports it.
    pub others: Vec<ResourceEvent>,
    /// The findings of a hook, if a hook stopped the operation.
    pub annotations: Vec<Annotation>,
    /// The meaning of the reason and where to find the cause, if the text of the reason is known
    /// ([`stackwright_schemas::failures`]).
    pub hints: Vec<String>,
    /// Commands that show more about the failure.
    pub commands: Vec<String>,
}

/// The reason for the end of an operation.
pub(crate) enum Failure {
    /// A user cancelled the operation.
    Cancelled,
    /// A resource or the stack failed.
    Cause(Box<Diagnosis>),
}

/// The maximum number of levels of nested stacks that are searched.
const MAX_NESTING: usize = 8;

const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// Returns the cause of the failure of the last failed operation on a stack; `None` if none has failed.
///
/// # Errors
/// Returns an error if the stack does not exist or a request fails.
pub async fn diagnose(
    connection: &Connection,
    stack: &str,
    report: Report<'_>,
) -> Result<Option<Diagnosis>, DeployError> {
    Ok(match find_failure(connection, stack, None, report).await? {
        Some(Failure::Cause(diagnosis)) => Some(*diagnosis),
        Some(Failure::Cancelled) | None => None,
    })
}

/// Finds out why an operation failed. If `operations` is given, only these operations are considered.
pub(crate) async fn find_failure(
    connection: &Connection,
    stack: &str,
    operations: Option<&BTreeSet<String>>,
    report: Report<'_>,
) -> Result<Option<Failure>, DeployError> {
    let mut at = stack.to_owned();
    let mut path = Vec::new();
    let mut known = operations;
    let mut found = None;
    for _ in 0..MAX_NESTING {
        let failures = last_failures(connection, &at, report).await?;
        let is_of_operation = |failure: &EventRecord| match (known, &failure.operation) {
            (Some(known), Some(operation)) => known.contains(operation),
            _ => true,
        };
        let mut failures: Vec<EventRecord> = failures.into_iter().filter(is_of_operation).collect();
        // A failure of the stack itself, such as an export in use, has no failed resource. For known operations it is read
        // only if no resource has failed; otherwise the later failure counts.
        let may_be_own = failures.is_empty() || known.is_none();
        let own = if may_be_own { stack_failure(connection, &at, known, report).await? } else { None };
        let is_newer = |start: DateTime| failures.iter().all(|one| one.time.is_some_and(|time| time < start));
        match own.filter(|own| failures.is_empty() || own.started.is_some_and(is_newer)) {
            Some(StackFailure { record: Some(record), .. }) => failures = vec![record],
            Some(_) if found.is_none() => return Ok(Some(Failure::Cancelled)),
            Some(_) => failures.clear(),
            None => {}
        }
        known = None;
        // A failure of the stack itself leads to no nested stack.
        let is_own = failures.first().is_some_and(|record| record.is_of_stack);
        let mut failures = failures.into_iter().filter_map(|record| Some((record.event?, record.properties)));
        let Some((cause, properties)) = failures.next() else { break };
        let advice = Advice::on(&cause, properties.as_deref(), connection.region());
        let nested = cause.physical_id.clone().filter(|id| {
            cause.resource_type == NESTED_STACK && id.starts_with("arn:") && !is_own && *id != at
        });
        let annotations = match cause.status.is_of_hook() {
            true => annotations_of(connection, &at, &cause, report).await,
            false => Vec::new(),
        };
        found = Some(Diagnosis {
            annotations,
            stack: at.clone(),
            path: path.clone(),
            cause: cause.clone(),
            others: failures.map(|(event, _)| event).collect(),
            hints: advice.hints,
            // Clients that run later would reach AWS, where the stack does not exist.
            commands: if connection.is_own_endpoint {
                Vec::new()
            } else {
                with_profile(advice.commands, connection)
            },
        });
        let Some(nested) = nested else { break };
        path.push(cause.logical_id);
        at = nested;
    }
    Ok(found.map(|diagnosis| Failure::Cause(Box::new(diagnosis))))
}

/// Adds the profile that the user chose to commands of the AWS CLI.
fn with_profile(commands: Vec<String>, connection: &Connection) -> Vec<String> {
    let profile = connection.profile.as_deref().map(plain).filter(|name| !name.is_empty());
    let Some(profile) = profile else { return commands };
    commands.into_iter().map(|command| format!("{command} --profile {profile}")).collect()
}

/// A failure that CloudFormation reports for the stack itself.
struct StackFailure {
    /// When the operation started.
    started: Option<DateTime>,
    /// The event with the reason; `None` if a user cancelled the operation.
    record: Option<EventRecord>,
}

/// Finds the last operation that failed or was rolled back, by the events of the stack itself.
async fn stack_failure(
    connection: &Connection,
    stack: &str,
    operations: Option<&BTreeSet<String>>,
    report: Report<'_>,
) -> Result<Option<StackFailure>, DeployError> {
    let mut first: Option<EventRecord> = None;
    // CloudFormation refuses a deletion with an event that has the status from before, and the reason.
    let mut undeleted: Option<EventRecord> = None;
    let mut page = None;
    loop {
        let (records, next) = events_page(connection, stack, page, report).await?;
        for record in records.into_iter().filter(|record| record.is_of_stack) {
            let is_other = match (operations, &record.operation) {
                (Some(known), Some(operation)) => !known.contains(operation),
                _ => false,
            };
            if is_other {
                return Ok(first.map(|record| stack_failure_of(record, None)));
            }
            if starts_operation(&record) {
                if has_status(&record, &ResourceStatus::DeleteInProgress) {
                    first = first.or(undeleted.take());
                }
                if let Some(first) = first {
                    return Ok(Some(stack_failure_of(first, record.time)));
                }
                // An operation that succeeded: for `diagnose`, an earlier one may have failed.
                if operations.is_some() {
                    return Ok(None);
                }
            }
            let fails = record.event.as_ref().is_some_and(|event| {
                let status = StackStatus::from(event.status.as_str());
                event.reason.is_some() && (status.is_failed() || status.is_rollback())
            });
            if fails {
                // The records come newest first, so that the last one is the first in time.
                first = Some(record);
            } else if is_complete_with_reason(&record) {
                undeleted = Some(record);
            }
        }
        page = next;
        if page.is_none() {
            return Ok(first.map(|record| stack_failure_of(record, None)));
        }
    }
}

fn stack_failure_of(record: EventRecord, started: Option<DateTime>) -> StackFailure {
    let reason = record.event.as_ref().and_then(|event| event.reason.as_deref());
    let is_cancelled = reason.is_some_and(messages::reports_user_initiation);
    StackFailure { started, record: (!is_cancelled).then_some(record) }
}

/// Returns the failures of resources in the last operation that had any, and in its rollback, oldest first.
async fn last_failures(
    connection: &Connection,
    stack: &str,
    report: Report<'_>,
) -> Result<Vec<EventRecord>, DeployError> {
    match failures_by_operation(connection, stack, report).await? {
        Some(failures) => Ok(failures),
        None => failures_by_stack(connection, stack).await,
    }
}

/// Reads the failures with `DescribeEvents`, which returns them in one page however large the stack is; `None` if it
/// returns none.
async fn failures_by_operation(
    connection: &Connection,
    stack: &str,
    report: Report<'_>,
) -> Result<Option<Vec<EventRecord>>, DeployError> {
    // The failures of the last operation with failures, and of the one before.
    let (mut last, mut before): (Vec<EventRecord>, Vec<EventRecord>) = (Vec::new(), Vec::new());
    let mut page = None;
    'pages: loop {
        let scope = EventScope::Failures(stack);
        let Some(answer) = operation_events(connection, scope, page, report).await? else { return Ok(None) };
        let records = answer.operation_events().iter().map(EventRecord::from);
        for record in records.filter(|record| record.cause().is_some()) {
            let is_same =
                |known: &[EventRecord]| known.first().is_none_or(|first| first.operation == record.operation);
            match () {
                () if is_same(&last) => last.push(record),
                () if is_same(&before) => before.push(record),
                () => break 'pages,
            }
        }
        page = answer.next_token;
        if page.is_none() {
            break;
        }
    }
    // If a rollback failed, the operation that was rolled back failed first.
    if last.first().is_some_and(|record| record.is_rollback) && !before.is_empty() {
        let found = find_stack(connection, stack).await?;
        let known = found.as_ref().map(|found| found.last_operations()).unwrap_or_default();
        let is_known =
            |record: &EventRecord| known.iter().any(|one| one.operation_id() == record.operation.as_deref());
        last.extend(before.into_iter().filter(is_known));
    }
    last.reverse();
    Ok((!last.is_empty()).then_some(last))
}

/// Reads the failures with `DescribeStackEvents`.
async fn failures_by_stack(connection: &Connection, stack: &str) -> Result<Vec<EventRecord>, DeployError> {
    let mut failures = Vec::new();
    let mut page = None;
    'pages: loop {
        let (records, next) = stack_events(connection, stack, page).await?;
        for record in records {
            // The events come newest first: all of the operation has been read.
            if starts_operation(&record) && !failures.is_empty() {
                break 'pages;
            }
            if record.cause().is_some() {
                failures.push(record);
            }
        }
        page = next;
        if page.is_none() {
            break;
        }
    }
    failures.reverse();
    Ok(failures)
}

/// Reads what the hook found that stopped a resource.
async fn annotations_of(
    connection: &Connection,
    stack: &str,
    cause: &ResourceEvent,
    report: Report<'_>,
) -> Vec<Annotation> {
    let read = async {
        let mut page = None;
        loop {
            let (records, next) = stack_events(connection, stack, page).await?;
            let is_about = |record: &&EventRecord| {
                record
                    .event
                    .as_ref()
                    .is_some_and(|event| event.status.is_of_hook() && event.logical_id == cause.logical_id)
            };
            let id = records.iter().find(is_about).and_then(|record| record.hook_result.as_ref());
            if let Some(id) = id {
                return annotations(connection, id).await;
            }
            page = next;
            if page.is_none() {
                return Ok(Vec::new());
            }
        }
    };
    read.await.unwrap_or_else(|error: DeployError| {
        report(Progress::OperationUnavailable { operation: "GetHookResult", reason: with_causes(&error) });
        Vec::new()
    })
}

/// Returns whether an event of a stack has a status of success, and a reason all the same.
fn is_complete_with_reason(record: &EventRecord) -> bool {
    record.event.as_ref().is_some_and(|event| {
        let status = StackStatus::from(event.status.as_str());
        event.reason.is_some() && status.phase() == Phase::Complete && status != StackStatus::DeleteComplete
    })
}

fn has_status(record: &EventRecord, status: &ResourceStatus) -> bool {
    record.event.as_ref().is_some_and(|event| event.status == *status)
}

/// Returns whether an operation starts with an event.
fn starts_operation(record: &EventRecord) -> bool {
    record.is_of_stack
        && record.event.as_ref().is_some_and(|event| {
            matches!(
                event.status,
                ResourceStatus::CreateInProgress
                    | ResourceStatus::UpdateInProgress
                    | ResourceStatus::DeleteInProgress
                    | ResourceStatus::ImportInProgress
            )
        })
}
