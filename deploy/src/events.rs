//! Events: those of operations, by `DescribeEvents`, and where that is not to be had those of stacks, by
//! `DescribeStackEvents`.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_cloudformation::operation::describe_events::DescribeEventsOutput;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{
    BeaconStackOperationStatus, EventFilter, HookFailureMode, OperationEvent, OperationType, StackEvent,
};
use serde::Serialize;

use crate::Progress;
use crate::connection::Connection;
use crate::error::DeployError;

/// Something that happened to a resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceEvent {
    /// The logical id; the stack's name for the stack itself.
    pub logical_id: String,
    /// The physical id, where there is one.
    pub physical_id: Option<String>,
    /// The type.
    pub resource_type: String,
    /// Such as `CREATE_IN_PROGRESS`; that of the validation or of the hook where it is about one.
    pub status: String,
    /// CloudFormation's words.
    pub reason: Option<String>,
    /// The operation that it belongs to, as `DescribeEvents` takes it.
    pub operation: Option<String>,
}

impl ResourceEvent {
    fn of(
        [logical_id, physical_id, resource_type]: [Option<&str>; 3],
        operation: Option<&str>,
        (status, reason): (String, Option<String>),
    ) -> Self {
        Self {
            logical_id: logical_id.unwrap_or_default().to_owned(),
            physical_id: filled(physical_id),
            resource_type: resource_type.unwrap_or_default().to_owned(),
            status,
            reason,
            operation: filled(operation),
        }
    }

    /// Whether it is a failure of its own: what was cancelled because something else failed is no cause.
    pub(crate) fn is_failure(&self) -> bool {
        let cancelled = self.reason.as_deref().is_some_and(|reason| reason.contains("cancelled"));
        self.status.ends_with("_FAILED") && !cancelled
    }
}

/// A text that is there and says something.
pub(crate) fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An event, whichever call told it.
pub(crate) struct Told {
    id: String,
    time: Option<DateTime>,
    /// Whether it is about the stack itself, and no hook's word on it.
    pub of_stack: bool,
    /// Whether the operation has come to its end with it.
    pub is_end: bool,
    /// Whether it only warns.
    pub is_warning: bool,
    /// Whether its operation takes another one back.
    pub takes_back: bool,
    /// Where more stands about what a hook said.
    pub hook_result: Option<String>,
    pub event: ResourceEvent,
}

fn is_of(physical_id: Option<&str>, stack: Option<&str>) -> bool {
    physical_id.is_some() && physical_id == stack
}

/// What was said, and what said it.
fn words(what: Option<&str>, said: Option<&str>) -> Option<String> {
    match (filled(what), filled(said)) {
        (Some(what), Some(said)) => Some(format!("{said} ({what})")),
        (what, said) => said.or(what),
    }
}

impl From<&StackEvent> for Told {
    fn from(event: &StackEvent) -> Self {
        let said = match event.hook_status() {
            Some(status) => (status.to_string(), words(event.hook_type(), event.hook_status_reason())),
            None => (
                event.resource_status().map(|status| status.to_string()).unwrap_or_default(),
                filled(event.resource_status_reason()),
            ),
        };
        Self {
            id: event.event_id().unwrap_or_default().to_owned(),
            time: event.timestamp().copied(),
            of_stack: event.hook_status().is_none() && is_of(event.physical_resource_id(), event.stack_id()),
            is_end: false,
            is_warning: event.hook_failure_mode() == Some(&HookFailureMode::Warn),
            takes_back: false,
            hook_result: filled(event.hook_invocation_id()),
            event: ResourceEvent::of(
                [event.logical_resource_id(), event.physical_resource_id(), event.resource_type()],
                event.operation_id(),
                said,
            ),
        }
    }
}

impl From<&OperationEvent> for Told {
    fn from(event: &OperationEvent) -> Self {
        let resource = event.resource_status().map(|status| status.to_string());
        let is_progress = event.validation_status().is_none() && event.hook_status().is_none();
        let validation = event.validation_status().map(|status| format!("VALIDATION_{status}"));
        let hook = event.hook_status().map(|status| status.to_string());
        let said = match (validation, hook) {
            (Some(status), _) => (status, words(event.validation_name(), event.validation_status_reason())),
            (None, Some(status)) => (status, words(event.hook_type(), event.hook_status_reason())),
            (None, None) => (resource.unwrap_or_default(), filled(event.resource_status_reason())),
        };
        let mode = event.validation_failure_mode().or(event.hook_failure_mode());
        Self {
            id: event.event_id().unwrap_or_default().to_owned(),
            time: event.timestamp().copied(),
            of_stack: is_progress && is_of(event.physical_resource_id(), event.stack_id()),
            is_end: matches!(
                event.operation_status(),
                Some(BeaconStackOperationStatus::Succeeded | BeaconStackOperationStatus::Failed)
            ),
            is_warning: mode == Some(&HookFailureMode::Warn),
            takes_back: matches!(
                event.operation_type(),
                Some(OperationType::Rollback | OperationType::ContinueRollback)
            ),
            // Only the stack's events name it.
            hook_result: None,
            event: ResourceEvent::of(
                [event.logical_resource_id(), event.physical_resource_id(), event.resource_type()],
                event.operation_id(),
                said,
            ),
        }
    }
}

/// Whose events are asked for.
#[derive(Clone, Copy)]
pub(crate) enum Of<'a> {
    Stack(&'a str),
    ChangeSet(&'a str),
    /// Of a stack, those that tell of a failure.
    Failures(&'a str),
}

impl Connection {
    /// A page of what `DescribeEvents` tells; `None` where it is not to be had. Not every endpoint has it, and not every
    /// policy allows it: the first time it is asked for once, and if in vain, that is told, and it is not asked for again.
    pub(crate) async fn operation_events(
        &self,
        of: Of<'_>,
        page: Option<String>,
        tell: &dyn Fn(Progress),
    ) -> Result<Option<DescribeEventsOutput>, DeployError> {
        let known = self.tells_operations.get().copied();
        if known == Some(false) {
            return Ok(None);
        }
        let request = self.cloudformation.describe_events().set_next_token(page);
        let failures = EventFilter::builder().failed_events(true).build();
        let request = match of {
            Of::Stack(id) => request.stack_name(id),
            Of::ChangeSet(id) => request.change_set_name(id).filters(failures),
            Of::Failures(id) => request.stack_name(id).filters(failures),
        };
        let mut request = request.customize();
        if known.is_none() {
            let once = aws_sdk_cloudformation::config::Builder::new().retry_config(RetryConfig::disabled());
            request = request.config_override(once);
        }
        match request.send().await.map_err(DeployError::call("DescribeEvents")) {
            Ok(answer) => {
                let _ = self.tells_operations.set(true);
                Ok(Some(answer))
            }
            Err(error) if known.is_some() || error.is_expired() => Err(error),
            Err(error) => {
                if self.tells_operations.set(false).is_ok() {
                    tell(Progress::Unavailable { operation: "DescribeEvents", reason: error.to_string() });
                }
                Ok(None)
            }
        }
    }

    /// A page of what `DescribeStackEvents` tells, newest first, and the way to the next.
    pub(crate) async fn stack_events(
        &self,
        stack: &str,
        page: Option<String>,
    ) -> Result<(Vec<Told>, Option<String>), DeployError> {
        let request = self.cloudformation.describe_stack_events().stack_name(stack).set_next_token(page);
        let answer = request.send().await.map_err(DeployError::call("DescribeStackEvents"))?;
        Ok((answer.stack_events().iter().map(Told::from).collect(), answer.next_token))
    }
}

/// How long the last operation took that changed the stack, by its events, newest first.
fn last_took(events: &[Told]) -> Option<Duration> {
    let at = |statuses: [&str; 2]| {
        let of_stack = events.iter().filter(|told| told.of_stack);
        of_stack.filter(|told| statuses.contains(&told.event.status.as_str())).find_map(|told| told.time)
    };
    let end = at(["CREATE_COMPLETE", "UPDATE_COMPLETE"])?;
    let begin = at(["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])?;
    // The one that ended last may not be the one that began last.
    u64::try_from(end.secs() - begin.secs()).ok().map(Duration::from_secs)
}

/// Reads what happens to a stack from some moment on: each event is told once, oldest first.
pub(crate) struct Events {
    stack: String,
    /// Whether operations are asked for their events, or the stack for its own.
    by_operation: bool,
    seen: BTreeSet<String>,
    /// The operations that events belonged to since.
    pub operations: BTreeSet<String>,
    /// How long the operation before took, as far as its events were on the newest page.
    pub last_took: Option<Duration>,
}

impl Events {
    /// Starts after everything that has happened to the stack so far.
    pub async fn from_now(
        connection: &Connection,
        stack: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<Self, DeployError> {
        // The newest page is enough: what is older is not read again.
        let operations = connection.operation_events(Of::Stack(stack), None, tell).await?;
        // A stack that is there has a history: an endpoint that knows none of it will not tell the rest either.
        let operations = operations.filter(|answer| !answer.operation_events().is_empty());
        let newest = match &operations {
            Some(answer) => answer.operation_events().iter().map(Told::from).collect(),
            None => connection.stack_events(stack, None).await?.0,
        };
        Ok(Self {
            stack: stack.to_owned(),
            by_operation: operations.is_some(),
            last_took: last_took(&newest),
            seen: newest.into_iter().map(|told| told.id).collect(),
            operations: BTreeSet::new(),
        })
    }

    async fn page(
        &self,
        connection: &Connection,
        page: Option<String>,
    ) -> Result<(Vec<Told>, Option<String>), DeployError> {
        if self.by_operation
            && let Some(answer) =
                connection.operation_events(Of::Stack(&self.stack), page.clone(), &|_| {}).await?
        {
            return Ok((answer.operation_events().iter().map(Told::from).collect(), answer.next_token));
        }
        connection.stack_events(&self.stack, page).await
    }

    /// What has happened since the last call, oldest first.
    pub async fn news(&mut self, connection: &Connection) -> Result<Vec<Told>, DeployError> {
        let mut found: Vec<Told> = Vec::new();
        let mut next = None;
        // Newest first: reading stops at the first event that is known.
        loop {
            let (page, rest) = self.page(connection, next).await?;
            let many = page.len();
            let news = found.len();
            found.extend(page.into_iter().take_while(|told| !self.seen.contains(&told.id)));
            next = rest.filter(|_| found.len() - news == many);
            if next.is_none() {
                break;
            }
        }
        // Only what was read to its end counts as seen.
        self.seen.extend(found.iter().map(|told| told.id.clone()));
        self.operations.extend(found.iter().filter_map(|told| told.event.operation.clone()));
        found.reverse();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{HookStatus, ResourceStatus, ValidationStatus};

    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/one/1";

    fn of_stack() -> aws_sdk_cloudformation::types::builders::OperationEventBuilder {
        OperationEvent::builder().stack_id(STACK).physical_resource_id(STACK).logical_resource_id("one")
    }

    #[test]
    fn what_a_hook_says_of_a_stack_is_not_its_status() {
        let complete = Told::from(&of_stack().resource_status(ResourceStatus::UpdateComplete).build());
        assert!(complete.of_stack && complete.event.status == "UPDATE_COMPLETE");
        let event = of_stack()
            .resource_status(ResourceStatus::UpdateInProgress)
            .hook_status(HookStatus::HookCompleteFailed)
            .hook_type("Example::Guard::Stacks")
            .hook_status_reason("not now")
            .build();
        let told = Told::from(&event);
        assert!(!told.of_stack && told.event.is_failure() && !told.is_warning);
        assert_eq!(told.event.reason.as_deref(), Some("not now (Example::Guard::Stacks)"));
    }

    #[test]
    fn an_operation_can_end_without_a_word_on_the_stack() {
        let told = Told::from(
            &OperationEvent::builder().operation_status(BeaconStackOperationStatus::Failed).build(),
        );
        assert!(told.is_end && !told.of_stack && told.event.status.is_empty());
    }

    #[test]
    fn what_only_warns_says_so() {
        let event = OperationEvent::builder()
            .validation_status(ValidationStatus::Failed)
            .validation_failure_mode(HookFailureMode::Warn)
            .build();
        assert!(Told::from(&event).is_warning);
    }
}
