//! Results of hooks.

use serde_json::{Value as Json, json};

use crate::api::cloudformation::change_sets::change_set;
use crate::api::cloudformation::{Answer, Request};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::faults::HookTarget;
use crate::state::{HookResult, ResourceStatus, iso_time};

pub(crate) fn describe_change_set_hooks(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (position, number) = change_set(engine, request)?;
    let stack = &engine.state.stacks[position];
    let change_set = &stack.change_sets[number];
    let mut hooks = Vec::new();
    for change in &change_set.changes {
        for hook in engine.settings.faults.hooks_on(HookTarget::Resource, &stack.name, &change.logical_id) {
            hooks.push(json!({
                "InvocationPoint": "PRE_PROVISION",
                "FailureMode": hook.mode,
                "TypeName": hook.hook,
                "TargetDetails": {
                    "TargetType": "RESOURCE",
                    "ResourceTargetDetails": {
                        "LogicalResourceId": change.logical_id,
                        "ResourceType": change.type_name,
                        "ResourceAction": change.action,
                    },
                },
            }));
        }
    }
    Ok(json!({
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "Hooks": hooks,
        "Status": "PLANNED",
        "StackId": stack.id,
        "StackName": stack.name,
    }))
}

pub(crate) fn list_hook_results(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (kind, target) = (request.text("TargetType"), request.text("TargetId"));
    let is_asked = |result: &&HookResult| match (kind, target) {
        (Some("CHANGE_SET"), Some(id)) => result.type_name.is_none() && result.target == id,
        (Some(_), _) => false,
        (None, _) => true,
    };
    let found: Vec<Json> = engine.state.rest.hook_results.iter().filter(is_asked).map(summary).collect();
    if found.is_empty() && kind.is_some() {
        return Err(missing(target.unwrap_or_default()));
    }
    let (results, next) = request.page(found, 100)?;
    Ok(json!({ "TargetType": kind, "TargetId": target, "HookResults": results, "NextToken": next }))
}

pub(crate) fn get_hook_result(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let id = request.required("HookResultId")?;
    let found = engine.state.rest.hook_results.iter().find(|result| result.id == id);
    let result = found.ok_or_else(|| missing(id))?;
    let mut shown = summary(result);
    if let Some(type_name) = &result.type_name {
        shown["Target"] = json!({
            "TargetType": "RESOURCE",
            "TargetTypeName": type_name,
            "TargetId": result.target,
            "Action": "CREATE",
        });
    }
    shown["InvokedAt"] = iso_time(result.time).into();
    shown["Annotations"] = json!(result.annotations);
    Ok(shown)
}

fn missing(id: &str) -> ServiceError {
    ServiceError::new("HookResultNotFound", format!("No hook result found for {id}")).status(404)
}

fn summary(result: &HookResult) -> Json {
    json!({
        "HookResultId": result.id,
        "InvocationPoint": "PRE_PROVISION",
        "FailureMode": result.mode,
        "TypeName": result.hook,
        "Status": ResourceStatus::HookCompleteFailed,
        "HookStatusReason": result.reason,
    })
}
