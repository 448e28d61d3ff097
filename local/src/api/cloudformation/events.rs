//! Events of stacks and of operations.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::api::cloudformation::change_sets::change_set;
use crate::api::cloudformation::{Answer, Request, non_empty};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::change_set::BUCKET_EMPTINESS;
use crate::state::{Event, OperationType, ResourceStatus, Stack, StackStatus, iso_time};

/// The number of events in a page.
const PAGE: usize = 100;

pub(crate) fn describe_stack_events(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let name = request.required("StackName")?;
    let position = engine
        .position(request.region, name)
        .ok_or_else(|| ServiceError::validation(format!("Stack [{name}] does not exist")))?;
    let stack = &engine.state.stacks[position];
    // Newest first.
    let events = stack
        .events
        .iter()
        .rev()
        // Only `DescribeEvents` reports validations.
        .filter(|event| event.status.is_some())
        .map(|event| {
            let mut shown = common(stack, event);
            shown["StackName"] = stack.name.as_str().into();
            shown["HookInvocationId"] = json!(event.hook.as_ref().map(|hook| &hook.id));
            shown
        })
        .collect();
    let (events, next) = request.page_newest_first(events, PAGE)?;
    Ok(json!({ "StackEvents": events, "NextToken": next }))
}

pub(crate) fn describe_events(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let missing =
        |what: &str, name: &str| ServiceError::validation(format!("{what} [{name}] does not exist"));
    let stack = match request.text("StackName") {
        Some(name) => Some(engine.position(request.region, name).ok_or_else(|| missing("Stack", name))?),
        None => None,
    };
    let operation = match (request.text("OperationId"), request.text("ChangeSetName")) {
        (Some(id), _) => {
            let mut all = engine.state.stacks.iter().flat_map(|stack| &stack.last_operations);
            if !all.any(|(_, known)| known == id) {
                return Err(ServiceError::validation("Operation ID does not exist"));
            }
            Some(id.to_owned())
        }
        (None, Some(_)) => {
            let (position, number) = change_set(engine, request)?;
            Some(engine.state.stacks[position].change_sets[number].operation.clone())
        }
        (None, None) if stack.is_none() => {
            return Err(ServiceError::validation(
                "Either StackName, ChangeSetName or OperationId must be specified",
            ));
        }
        (None, None) => None,
    };
    let fails_only = request.form.get("Filters").is_some_and(|filters| filters["FailedEvents"] == "true");
    let stacks = engine.state.stacks.iter().enumerate();
    let events = stacks
        .filter(|(position, _)| stack.is_none_or(|named| named == *position))
        .flat_map(|(_, stack)| stack.events.iter().rev().map(move |event| (stack, event)))
        // An event outside of all operations is not reported.
        .filter(|(_, event)| !event.operation.is_empty())
        .filter(|(_, event)| operation.as_ref().is_none_or(|id| event.operation == *id))
        .filter(|(stack, event)| !fails_only || event_type(stack, event).is_error())
        .map(|(stack, event)| event_json(stack, event))
        .collect();
    let (events, next) = request.page_newest_first(events, PAGE)?;
    Ok(json!({ "OperationEvents": events, "NextToken": next }))
}

/// The kind of an event (`EventType` in the CloudFormation API).
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EventType {
    ValidationError,
    HookInvocationError,
    ProvisioningError,
    StackEvent,
    ProgressEvent,
}

impl EventType {
    fn is_error(self) -> bool {
        matches!(self, Self::ValidationError | Self::HookInvocationError | Self::ProvisioningError)
    }
}

fn event_type(stack: &Stack, event: &Event) -> EventType {
    let failed = event.status.as_ref().is_some_and(ResourceStatus::is_failed);
    match (&event.validation, failed, event.physical_id == stack.id) {
        (Some(_), ..) => EventType::ValidationError,
        _ if event.hook.is_some() => EventType::HookInvocationError,
        (None, true, _) => EventType::ProvisioningError,
        (None, false, true) => EventType::StackEvent,
        (None, false, false) => EventType::ProgressEvent,
    }
}

fn event_json(stack: &Stack, event: &Event) -> Json {
    let mut shown = common(stack, event);
    shown["OperationType"] = json!(event.operation_type);
    shown["OperationStatus"] = operation_status(stack, event);
    shown["EventType"] = json!(event_type(stack, event));
    shown["StartTime"] = shown["Timestamp"].clone();
    if let Some((name, path)) = &event.validation {
        // A validation is not a status of the resource.
        shown["ValidationStatusReason"] = shown["ResourceStatusReason"].take();
        shown["ValidationFailureMode"] = if name == BUCKET_EMPTINESS { "WARN" } else { "FAIL" }.into();
        shown["ValidationStatus"] = "FAILED".into();
        shown["ValidationName"] = name.as_str().into();
        shown["ValidationPath"] = path.as_str().into();
    }
    shown
}

/// Returns the members of an event that both calls return.
fn common(stack: &Stack, event: &Event) -> Json {
    let mut shown = json!({
        "EventId": event.id,
        "StackId": stack.id,
        "OperationId": non_empty(&event.operation),
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": non_empty(&event.physical_id),
        "ResourceType": event.type_name,
        "Timestamp": iso_time(event.time),
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    });
    if let Some(hook) = &event.hook {
        shown["HookType"] = hook.hook.as_str().into();
        shown["HookStatus"] = json!(ResourceStatus::HookCompleteFailed);
        shown["HookStatusReason"] = hook.reason.as_str().into();
        shown["HookInvocationPoint"] = "PRE_PROVISION".into();
        shown["HookFailureMode"] = json!(hook.mode);
    }
    shown
}

/// Returns the status of an operation, as the stack's own events report it.
fn operation_status(stack: &Stack, event: &Event) -> Json {
    if event.physical_id != stack.id {
        return Json::Null;
    }
    let Some(status) = &event.status else { return Json::Null };
    let is_of_rollback = event.operation_type.as_ref().is_some_and(OperationType::is_rollback);
    let status = match StackStatus::from(status.as_str()) {
        StackStatus::ReviewInProgress => "IN_PROGRESS",
        status if status.is_in_progress() => "IN_PROGRESS",
        status if status.is_failed() || status.is_rollback() && !is_of_rollback => "FAILED",
        _ => "SUCCEEDED",
    };
    status.into()
}
