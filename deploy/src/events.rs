//! Events of stacks: those of operations (`DescribeEvents`), or those of stacks (`DescribeStackEvents`) if the endpoint or
//! the policy of the caller does not allow the former.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_cloudformation::operation::describe_events::DescribeEventsOutput;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{
    BeaconStackOperationStatus, EventFilter, HookFailureMode, OperationEvent, OperationType, StackEvent,
};
use serde::Serialize;
use stackwright_synth::with_causes;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::messages;
use crate::status::ResourceStatus;
use crate::{Progress, Report};

/// An event of a stack or of one of its resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceEvent {
    /// The logical ID of the resource; the name of the stack for the stack itself.
    pub logical_id: String,
    /// The physical ID, if the resource has one.
    pub physical_id: Option<String>,
    /// The type of the resource.
    pub resource_type: String,
    /// The status of the resource, or that of a validation or a hook.
    pub status: ResourceStatus,
    /// The reason that CloudFormation reports; `None` if it reports none.
    pub reason: Option<String>,
    /// The ID of the operation, as `DescribeEvents` accepts it; `None` if `DescribeEvents` is not available.
    pub operation: Option<String>,
}

impl ResourceEvent {
    /// Returns whether the event reports a failure with a cause of its own. If CloudFormation cancelled the resource
    /// because another one failed, it is not.
    pub(crate) fn is_failure(&self) -> bool {
        self.status.is_failed() && !self.reason.as_deref().is_some_and(messages::reports_cancellation)
    }
}

/// Returns a text if it is not empty.
pub(crate) fn non_empty(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An event, independent of the operation that returned it.
pub(crate) struct EventRecord {
    id: String,
    pub time: Option<DateTime>,
    /// The ID of the operation.
    pub operation: Option<String>,
    /// Whether the event is one of the stack itself, and not of a hook for the stack.
    pub is_of_stack: bool,
    /// Whether the operation ends with the event.
    pub ends_operation: bool,
    /// Whether the event is only a warning.
    pub is_warning: bool,
    /// Whether the operation undoes another operation.
    pub is_rollback: bool,
    /// The ID of the result of a hook.
    pub hook_result: Option<String>,
    /// The properties of the resource as JSON.
    pub properties: Option<String>,
    /// The event; `None` if it has no status.
    pub event: Option<ResourceEvent>,
}

impl EventRecord {
    /// Returns the event if it reports the failure of a resource with a cause of its own.
    pub fn cause(&self) -> Option<&ResourceEvent> {
        self.event.as_ref().filter(|event| event.is_failure() && !self.is_of_stack && !self.is_warning)
    }
}

fn is_of_stack(physical_id: Option<&str>, stack: Option<&str>) -> bool {
    physical_id.is_some() && physical_id == stack
}

/// Returns a reason with the name of the validation or the hook that gives it.
fn reason_with_source(source: Option<&str>, reason: Option<&str>) -> Option<String> {
    match (non_empty(source), non_empty(reason)) {
        (Some(source), Some(reason)) => Some(format!("{reason} ({source})")),
        (source, reason) => reason.or(source),
    }
}

fn resource_event(
    [logical_id, physical_id, resource_type]: [Option<&str>; 3],
    operation: Option<&str>,
    status: &str,
    reason: Option<String>,
) -> Option<ResourceEvent> {
    (!status.is_empty()).then(|| ResourceEvent {
        logical_id: logical_id.unwrap_or_default().to_owned(),
        physical_id: non_empty(physical_id),
        resource_type: resource_type.unwrap_or_default().to_owned(),
        status: status.into(),
        reason,
        operation: non_empty(operation),
    })
}

impl From<&StackEvent> for EventRecord {
    fn from(event: &StackEvent) -> Self {
        let (status, reason) = match event.hook_status() {
            Some(status) => {
                (status.as_str(), reason_with_source(event.hook_type(), event.hook_status_reason()))
            }
            None => (
                event.resource_status().map_or("", |status| status.as_str()),
                non_empty(event.resource_status_reason()),
            ),
        };
        Self {
            id: event.event_id().unwrap_or_default().to_owned(),
            time: event.timestamp().copied(),
            operation: non_empty(event.operation_id()),
            is_of_stack: event.hook_status().is_none()
                && is_of_stack(event.physical_resource_id(), event.stack_id()),
            ends_operation: false,
            is_warning: event.hook_failure_mode() == Some(&HookFailureMode::Warn),
            is_rollback: false,
            hook_result: non_empty(event.hook_invocation_id()),
            properties: non_empty(event.resource_properties()),
            event: resource_event(
                [event.logical_resource_id(), event.physical_resource_id(), event.resource_type()],
                event.operation_id(),
                status,
                reason,
            ),
        }
    }
}

impl From<&OperationEvent> for EventRecord {
    fn from(event: &OperationEvent) -> Self {
        let is_of_resource = event.validation_status().is_none() && event.hook_status().is_none();
        let (status, reason) = match (event.validation_status(), event.hook_status()) {
            (Some(status), _) => (
                format!("VALIDATION_{status}"),
                reason_with_source(event.validation_name(), event.validation_status_reason()),
            ),
            (None, Some(status)) => {
                (status.to_string(), reason_with_source(event.hook_type(), event.hook_status_reason()))
            }
            (None, None) => (
                event.resource_status().map(|status| status.to_string()).unwrap_or_default(),
                non_empty(event.resource_status_reason()),
            ),
        };
        let mode = event.validation_failure_mode().or(event.hook_failure_mode());
        Self {
            id: event.event_id().unwrap_or_default().to_owned(),
            time: event.timestamp().copied(),
            operation: non_empty(event.operation_id()),
            is_of_stack: is_of_resource && is_of_stack(event.physical_resource_id(), event.stack_id()),
            ends_operation: matches!(
                event.operation_status(),
                Some(BeaconStackOperationStatus::Succeeded | BeaconStackOperationStatus::Failed)
            ),
            is_warning: mode == Some(&HookFailureMode::Warn),
            is_rollback: matches!(
                event.operation_type(),
                Some(OperationType::Rollback | OperationType::ContinueRollback)
            ),
            // Only `DescribeStackEvents` returns it.
            hook_result: None,
            properties: non_empty(event.resource_properties()),
            event: resource_event(
                [event.logical_resource_id(), event.physical_resource_id(), event.resource_type()],
                event.operation_id(),
                &status,
                reason,
            ),
        }
    }
}

/// The scope of the requested events.
#[derive(Clone, Copy)]
pub(crate) enum EventScope<'a> {
    /// All events of a stack.
    Stack(&'a str),
    /// The failures of a change set.
    ChangeSet(&'a str),
    /// The failures of a stack.
    Failures(&'a str),
}

/// Returns a page of `DescribeEvents`; `None` if the operation is not available.
///
/// An endpoint may not support the operation, and a policy may not allow it. The first request is sent only once; if it
/// fails, that is reported, and the operation is not called again.
pub(crate) async fn operation_events(
    connection: &Connection,
    scope: EventScope<'_>,
    page: Option<String>,
    report: Report<'_>,
) -> Result<Option<DescribeEventsOutput>, DeployError> {
    let known = connection.supports_describe_events.get().copied();
    if known == Some(false) {
        return Ok(None);
    }
    let request = connection.cloudformation.describe_events().set_next_token(page);
    let failures = EventFilter::builder().failed_events(true).build();
    let request = match scope {
        EventScope::Stack(id) => request.stack_name(id),
        EventScope::ChangeSet(id) => request.change_set_name(id).filters(failures),
        EventScope::Failures(id) => request.stack_name(id).filters(failures),
    };
    let mut request = request.customize();
    if known.is_none() {
        let once = aws_sdk_cloudformation::config::Builder::new().retry_config(RetryConfig::disabled());
        request = request.config_override(once);
    }
    match request.send().await.map_err(DeployError::call("DescribeEvents")) {
        Ok(answer) => {
            let _ = connection.supports_describe_events.set(true);
            Ok(Some(answer))
        }
        Err(error) if known.is_some() || error.is_expired() => Err(error),
        Err(error) => {
            if connection.supports_describe_events.set(false).is_ok() {
                report(Progress::OperationUnavailable {
                    operation: "DescribeEvents",
                    reason: with_causes(&error),
                });
            }
            Ok(None)
        }
    }
}

/// Returns a page of `DescribeStackEvents`, newest first, and the token of the next page.
pub(crate) async fn stack_events(
    connection: &Connection,
    stack: &str,
    page: Option<String>,
) -> Result<(Vec<EventRecord>, Option<String>), DeployError> {
    let request = connection.cloudformation.describe_stack_events().stack_name(stack).set_next_token(page);
    let answer = request.send().await.map_err(DeployError::call("DescribeStackEvents"))?;
    Ok((answer.stack_events().iter().map(EventRecord::from).collect(), answer.next_token))
}

/// Returns a page of events of a stack, newest first, from whichever operation is available.
pub(crate) async fn events_page(
    connection: &Connection,
    stack: &str,
    page: Option<String>,
    report: Report<'_>,
) -> Result<(Vec<EventRecord>, Option<String>), DeployError> {
    match operation_events(connection, EventScope::Stack(stack), page.clone(), report).await? {
        Some(answer) => {
            Ok((answer.operation_events().iter().map(EventRecord::from).collect(), answer.next_token))
        }
        None => stack_events(connection, stack, page).await,
    }
}

/// Returns how long the last operation took that changed the stack, from its events, newest first.
fn last_took(events: &[EventRecord]) -> Option<Duration> {
    let time_of = |statuses: [ResourceStatus; 2]| {
        let of_stack = events.iter().filter(|record| record.is_of_stack);
        let has_status = |record: &&EventRecord| {
            record.event.as_ref().is_some_and(|event| statuses.contains(&event.status))
        };
        of_stack.filter(has_status).find_map(|record| record.time)
    };
    let end = time_of([ResourceStatus::CreateComplete, ResourceStatus::UpdateComplete])?;
    let start = time_of([ResourceStatus::CreateInProgress, ResourceStatus::UpdateInProgress])?;
    // Negative if the operation that started last has not ended.
    u64::try_from(end.secs() - start.secs()).ok().map(Duration::from_secs)
}

/// Reads the events of a stack from some moment on: each event once, oldest first.
pub(crate) struct EventReader {
    stack: String,
    /// Whether `DescribeEvents` returns the events of the stack.
    by_operation: bool,
    seen: BTreeSet<String>,
    /// The IDs of the operations that the events since then belong to.
    pub operations: BTreeSet<String>,
    /// The duration of the previous operation, if its events are on the newest page.
    pub last_took: Option<Duration>,
}

impl EventReader {
    /// Returns a reader that skips all events so far.
    pub async fn from_now(
        connection: &Connection,
        stack: &str,
        report: Report<'_>,
    ) -> Result<Self, DeployError> {
        let operations = operation_events(connection, EventScope::Stack(stack), None, report).await?;
        // An existing stack has events. An endpoint that returns none does not return later ones either.
        let operations = operations.filter(|answer| !answer.operation_events().is_empty());
        let newest: Vec<EventRecord> = match &operations {
            Some(answer) => answer.operation_events().iter().map(EventRecord::from).collect(),
            None => stack_events(connection, stack, None).await?.0,
        };
        Ok(Self {
            stack: stack.to_owned(),
            by_operation: operations.is_some(),
            last_took: last_took(&newest),
            seen: newest.into_iter().map(|record| record.id).collect(),
            operations: BTreeSet::new(),
        })
    }

    async fn page(
        &self,
        connection: &Connection,
        page: Option<String>,
    ) -> Result<(Vec<EventRecord>, Option<String>), DeployError> {
        if self.by_operation {
            events_page(connection, &self.stack, page, &|_| {}).await
        } else {
            stack_events(connection, &self.stack, page).await
        }
    }

    /// Returns the events since the last call, oldest first.
    pub async fn new_events(&mut self, connection: &Connection) -> Result<Vec<EventRecord>, DeployError> {
        let mut found: Vec<EventRecord> = Vec::new();
        let mut next = None;
        // The newest events come first, so that reading stops at the first known event.
        loop {
            let (page, rest) = self.page(connection, next).await?;
            let page_size = page.len();
            let count = found.len();
            found.extend(page.into_iter().take_while(|record| !self.seen.contains(&record.id)));
            next = rest.filter(|_| found.len() - count == page_size);
            if next.is_none() {
                break;
            }
        }
        // If a later page could not be read, nothing counts as seen.
        self.seen.extend(found.iter().map(|record| record.id.clone()));
        self.operations.extend(found.iter().filter_map(|record| record.operation.clone()));
        found.reverse();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types as sdk;

    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/one/1";

    fn of_stack() -> sdk::builders::OperationEventBuilder {
        OperationEvent::builder().stack_id(STACK).physical_resource_id(STACK).logical_resource_id("one")
    }

    #[test]
    fn the_status_of_a_hook_is_not_that_of_the_stack() {
        let complete =
            EventRecord::from(&of_stack().resource_status(sdk::ResourceStatus::UpdateComplete).build());
        assert!(complete.is_of_stack && complete.event.unwrap().status == ResourceStatus::UpdateComplete);
        let event = of_stack()
            .resource_status(sdk::ResourceStatus::UpdateInProgress)
            .hook_status(sdk::HookStatus::HookCompleteFailed)
            .hook_type("Example::Guard::Stacks")
            .hook_status_reason("not now")
            .build();
        let record = EventRecord::from(&event);
        let cause = record.cause().unwrap();
        assert_eq!(cause.reason.as_deref(), Some("not now (Example::Guard::Stacks)"));
    }

    #[test]
    fn an_operation_can_end_without_a_status_of_the_stack() {
        let record = EventRecord::from(
            &OperationEvent::builder().operation_status(BeaconStackOperationStatus::Failed).build(),
        );
        assert!(record.ends_operation && !record.is_of_stack && record.event.is_none());
    }

    #[test]
    fn a_warning_is_not_a_cause() {
        let event = OperationEvent::builder()
            .validation_status(sdk::ValidationStatus::Failed)
            .validation_failure_mode(HookFailureMode::Warn)
            .build();
        let record = EventRecord::from(&event);
        assert!(record.is_warning && record.cause().is_none());
    }
}
