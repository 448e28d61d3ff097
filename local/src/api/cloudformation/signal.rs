//! Signals to resources that wait for them.

use serde_json::json;

use super::{Answer, Request};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::Progress;

/// `SignalResource`
pub(super) fn signal_resource(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let id = request.required("LogicalResourceId")?;
    let unique = request.required("UniqueId")?.to_owned();
    let is_success = match request.required("Status")? {
        "SUCCESS" => true,
        "FAILURE" => false,
        other => {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: Value '{other}' at 'status' failed to satisfy constraint: Member must satisfy enum \
                 value set: [SUCCESS, FAILURE]"
            )));
        }
    };
    let stack = &mut engine.state.stacks[position];
    if !stack.resources.contains_key(id) {
        let message = format!("Resource {id} does not exist for stack {}", stack.name);
        return Err(ServiceError::validation(message));
    }
    let (stack_id, status) = (stack.id.clone(), stack.status.clone());
    let waiting =
        stack.operation.iter_mut().flat_map(|operation| &mut operation.tasks).find(|task| task.id == id);
    let Some(Progress::Signals(signals)) = waiting.map(|task| &mut task.progress) else {
        return Err(ServiceError::validation(format!(
            "Stack:{stack_id} is in {status} state and its resource {id} does not wait for a signal."
        )));
    };
    if signals.received.iter().any(|(known, ..)| *known == unique) {
        return Err(ServiceError::validation(format!(
            "Signal with ID {unique} for resource {id} already exists."
        )));
    }
    signals.received.push((unique.clone(), is_success, request.time));
    let status = if is_success { "SUCCESS" } else { "FAILURE" };
    if let Some(resource) = engine.state.stacks[position].resources.get(id).cloned() {
        let reason = format!("Received {status} signal with UniqueId {unique}");
        engine.event(position, request.time, Some(&resource), resource.status.clone(), Some(reason));
    }
    Ok(json!({}))
}
