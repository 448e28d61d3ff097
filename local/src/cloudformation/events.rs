//! Events, old and new.

use serde_json::{Value as Json, json};

use super::change_sets::EMPTINESS;
use super::{Answer, Request, page, said};
use crate::cloud::{Cloud, Event, Stack, written};
use crate::error::Refusal;

/// How many events a page has.
const PAGE: usize = 100;

impl Cloud {
    pub(super) fn describe_stack_events(&mut self, request: &Request<'_>) -> Answer {
        let name = request.required("StackName")?;
        let position = self
            .position(request.region, name)
            .ok_or_else(|| Refusal::validation(format!("Stack [{name}] does not exist")))?;
        let stack = &self.state.stacks[position];
        // Newest first.
        let events = stack
            .events
            .iter()
            .rev()
            .filter(|event| event.validation.is_none())
            .map(|event| {
                json!({
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "EventId": event.id,
                    "LogicalResourceId": event.logical_id,
                    "PhysicalResourceId": said(&event.physical_id),
                    "ResourceType": event.type_name,
                    "Timestamp": written(event.time),
                    "ResourceStatus": event.status,
                    "ResourceStatusReason": event.reason,
                    "ResourceProperties": event.properties,
                    "ClientRequestToken": event.token,
                })
            })
            .collect();
        let (events, next) = page(events, request.text("NextToken"), PAGE);
        Ok(json!({ "StackEvents": events, "NextToken": next }))
    }

    pub(super) fn describe_events(&mut self, request: &Request<'_>) -> Answer {
        let named = request.text("StackName").and_then(|name| self.position(request.region, name));
        let operation = match (request.text("OperationId"), request.text("ChangeSetName")) {
            (Some(id), _) => Some(id.to_owned()),
            (None, Some(name)) => {
                let mut sets = self.state.stacks.iter().flat_map(|stack| &stack.change_sets);
                sets.find(|one| one.id == name || one.name == name).map(|one| one.operation.clone())
            }
            (None, None) => None,
        };
        if named.is_none() && operation.is_none() {
            return Err(Refusal::validation(
                "Either StackName, ChangeSetName or OperationId must be specified",
            ));
        }
        let fails_only = request.form.get("Filters").is_some_and(|filters| filters["FailedEvents"] == "true");
        let stacks = self.state.stacks.iter().enumerate();
        let events = stacks
            .filter(|(position, _)| named.is_none_or(|named| named == *position))
            .flat_map(|(_, stack)| stack.events.iter().rev().map(move |event| (stack, event)))
            .filter(|(_, event)| operation.as_ref().is_none_or(|id| event.operation == *id))
            .map(|(stack, event)| event_json(stack, event))
            .filter(|event| {
                !fails_only || event["EventType"].as_str().is_some_and(|kind| kind.ends_with("ERROR"))
            })
            .collect();
        let (events, next) = page(events, request.text("NextToken"), PAGE);
        Ok(json!({ "OperationEvents": events, "NextToken": next }))
    }
}

fn event_json(stack: &Stack, event: &Event) -> Json {
    let failed = event.status.ends_with("_FAILED");
    let kind = match (&event.validation, failed, event.physical_id == stack.id) {
        (Some(_), ..) => "VALIDATION_ERROR",
        (None, true, _) => "PROVISIONING_ERROR",
        (None, false, true) => "STACK_EVENT",
        (None, false, false) => "PROGRESS_EVENT",
    };
    let (validation, path) = event.validation.clone().unzip();
    let operation_type = event.operation_type.split(' ').next().unwrap_or_default();
    json!({
        "EventId": event.id,
        "StackId": stack.id,
        "OperationId": said(&event.operation),
        "OperationType": said(operation_type),
        "EventType": kind,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": said(&event.physical_id),
        "ResourceType": event.type_name,
        "Timestamp": written(event.time),
        "StartTime": written(event.time),
        "ResourceStatus": said(&event.status),
        "ResourceStatusReason": if validation.is_some() { Json::Null } else { json!(event.reason) },
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
        "ValidationFailureMode": validation.as_ref().map(|name| if name == EMPTINESS { "WARN" } else { "FAIL" }),
        "ValidationStatus": validation.as_ref().map(|_| "FAILED"),
        "ValidationStatusReason": if validation.is_some() { json!(event.reason) } else { Json::Null },
        "ValidationName": validation,
        "ValidationPath": path,
    })
}
