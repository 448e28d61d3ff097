//! Drift: changes made outside of CloudFormation.

use serde_json::{Map, Value as Json, json};
use stackwright_schemas::registry;

use crate::api::cloudformation::inspect::stack_resource;
use crate::api::cloudformation::{Answer, Request};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::plan::same;
use crate::state::{Drift, DriftStatus, Resource, Stack, StackDriftStatus, iso_time, unique_id};
use crate::template::scalar_text;

/// The number of resources in a page.
const PAGE: usize = 100;

/// Returns the properties of a resource that differ from those that were deployed.
fn differences(resource: &Resource) -> Vec<Json> {
    let kind = registry::resource_type(&resource.type_name);
    let names: std::collections::BTreeSet<&String> =
        resource.properties.keys().chain(resource.live.keys()).collect();
    names
        .into_iter()
        // A property that the service never returns cannot be compared.
        .filter(|name| kind.is_none_or(|kind| !kind.is_write_only(name)))
        .filter_map(|name| {
            let (expected, actual) = (resource.properties.get(name), resource.live.get(name));
            let (one, other) = (expected.unwrap_or(&Json::Null), actual.unwrap_or(&Json::Null));
            // The value of a dynamic reference is not compared.
            if same(one, other) || one.to_string().contains("{{resolve:") {
                return None;
            }
            Some(json!({
                "PropertyPath": format!("/{name}"),
                "ExpectedValue": scalar_text(one),
                "ActualValue": scalar_text(other),
                "DifferenceType": match (expected, actual) {
                    (None, _) => "ADD",
                    (_, None) => "REMOVE",
                    _ => "NOT_EQUAL",
                },
            }))
        })
        .collect()
}

/// Returns whether CloudFormation can read the properties of resources of a type: the type has to have a handler for it.
fn can_be_checked(type_name: &str) -> bool {
    let kind = registry::resource_type(type_name);
    kind.is_some_and(|kind| kind.document()["handlers"].get("read").is_some())
}

pub(crate) fn status(resource: &Resource) -> DriftStatus {
    match () {
        () if !can_be_checked(&resource.type_name) => DriftStatus::NotChecked,
        () if resource.live.is_empty() && !resource.properties.is_empty() => DriftStatus::Deleted,
        () if differences(resource).is_empty() => DriftStatus::InSync,
        () => DriftStatus::Modified,
    }
}

/// Returns an error if an operation on the stack is running, because the stack cannot be compared then.
fn check_status(stack: &Stack) -> Result<(), ServiceError> {
    if stack.can_be_updated() {
        return Ok(());
    }
    Err(ServiceError::validation(format!(
        "Drift detection cannot be performed on stack [{}] while it is in {}",
        stack.id, stack.status
    )))
}

pub(crate) fn detect_stack_drift(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &mut engine.state.stacks[position];
    check_status(stack)?;
    let mut drifted = 0;
    let wanted = request.texts("LogicalResourceIds");
    if let Some(missing) = wanted.iter().find(|id| !stack.resources.contains_key(*id)) {
        let message = format!("Resource {missing} does not exist for stack {}", stack.name);
        return Err(ServiceError::validation(message));
    }
    for resource in stack.resources.values_mut() {
        if !wanted.is_empty() && !wanted.contains(&resource.logical_id) {
            continue;
        }
        let status = status(resource);
        drifted += usize::from(matches!(status, DriftStatus::Modified | DriftStatus::Deleted));
        resource.drift = Some(status);
    }
    let id = unique_id();
    stack.drift = Some(Drift {
        id: id.clone(),
        started: request.time,
        ready: request.time + engine.settings.change_set_time,
        status: if drifted > 0 { StackDriftStatus::Drifted } else { StackDriftStatus::InSync },
        drifted,
    });
    Ok(json!({ "StackDriftDetectionId": id }))
}

pub(crate) fn describe_drift_detection(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let id = request.required("StackDriftDetectionId")?;
    let found = engine
        .state
        .stacks
        .iter()
        .find_map(|stack| Some((stack, stack.drift.as_ref().filter(|drift| drift.id == id)?)));
    let (stack, drift) =
        found.ok_or_else(|| ServiceError::validation(format!("Drift detection {id} does not exist")))?;
    let is_ready = drift.ready <= request.time;
    Ok(json!({
        "StackId": stack.id,
        "StackDriftDetectionId": drift.id,
        "StackDriftStatus": if is_ready { json!(drift.status) } else { Json::Null },
        "DetectionStatus": if is_ready { "DETECTION_COMPLETE" } else { "DETECTION_IN_PROGRESS" },
        "DriftedStackResourceCount": drift.drifted,
        "Timestamp": iso_time(drift.started),
    }))
}

pub(crate) fn describe_resource_drifts(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    let wanted = request.texts("StackResourceDriftStatusFilters");
    let drifts: Vec<Json> = stack
        .resources
        .values()
        .filter_map(|resource| Some((resource, resource.drift.as_ref()?)))
        .filter(|(_, status)| wanted.is_empty() || wanted.iter().any(|one| one == status.as_str()))
        .map(|(resource, status)| drift_json(stack, resource, status))
        .collect();
    let (drifts, next) = request.page(drifts, PAGE)?;
    Ok(json!({ "StackResourceDrifts": drifts, "NextToken": next }))
}

pub(crate) fn detect_stack_resource_drift(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (position, id) = stack_resource(engine, request)?;
    let stack = &mut engine.state.stacks[position];
    check_status(stack)?;
    if let Some(resource) = stack.resources.get_mut(&id) {
        resource.drift = Some(status(resource));
    }
    let resource = &engine.state.stacks[position].resources[&id];
    Ok(
        json!({ "StackResourceDrift": drift_json(&engine.state.stacks[position], resource, &status(resource)) }),
    )
}

fn drift_json(stack: &Stack, resource: &Resource, status: &DriftStatus) -> Json {
    let text = |map: &Map<String, Json>| Json::Object(map.clone()).to_string();
    json!({
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type_name,
        "ExpectedProperties": text(&resource.properties),
        "ActualProperties": text(&resource.live),
        "PropertyDifferences": differences(resource),
        "StackResourceDriftStatus": status,
        "Timestamp": iso_time(resource.time),
    })
}
