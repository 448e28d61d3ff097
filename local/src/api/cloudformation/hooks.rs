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
    let [kind, target, hook, status] =
        ["TargetType", "TargetId", "TypeArn", "Status"].map(|name| request.text(name));
    let is_one_of_two = kind.is_some() != target.is_some();
    if is_one_of_two || (kind.is_some() && hook.is_some()) || (status.is_some() && hook.is_none()) {
        return Err(ServiceError::validation(
            "Specify no filter, TypeArn, TypeArn and Status, or TargetType and TargetId",
        ));
    }
    let is_wanted = |result: &&HookResult| {
        region_of(result) == request.region
            && hook.is_none_or(|arn| arn.trim_end_matches('/') == type_arn(result))
            && status.is_none_or(|status| status == STATUS.as_str())
            // The API cannot return the results of resources by their target.
            && kind.is_none_or(|kind| kind == "CHANGE_SET" && target_type(result) == kind)
            && target.is_none_or(|target| result.target == target)
    };
    let results = engine.state.rest.hook_results.iter().filter(is_wanted);
    let found: Vec<Json> = match kind {
        Some(_) => results.map(summary).collect(),
        None => results.map(summary_with_target).collect(),
    };
    if found.is_empty() && kind.is_some() {
        return Err(missing(target.unwrap_or_default()));
    }
    let (results, next) = request.page(found, 100)?;
    Ok(json!({ "TargetType": kind, "TargetId": target, "HookResults": results, "NextToken": next }))
}

pub(crate) fn get_hook_result(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let id = request.required("HookResultId")?;
    let mut all = engine.state.rest.hook_results.iter();
    let found = all.find(|result| result.id == id && region_of(result) == request.region);
    let result = found.ok_or_else(|| missing(id))?;
    let mut shown = summary(result);
    if let Some(type_name) = &result.type_name {
        shown["Target"] = json!({
            "TargetType": target_type(result),
            "TargetTypeName": type_name,
            "TargetId": result.target,
            "Action": result.action,
        });
    }
    shown["InvokedAt"] = iso_time(result.time).into();
    shown["Annotations"] = json!(result.annotations);
    Ok(shown)
}

/// The status of every recorded result: only results of hooks that report a failure are recorded.
const STATUS: ResourceStatus = ResourceStatus::HookCompleteFailed;

/// Returns the region of the stack.
fn region_of(result: &HookResult) -> &str {
    result.stack.split(':').nth(3).unwrap_or_default()
}

fn target_type(result: &HookResult) -> &'static str {
    if result.type_name.is_some() { "RESOURCE" } else { "CHANGE_SET" }
}

/// Returns the ARN of the hook, in the account and the region of the stack.
fn type_arn(result: &HookResult) -> String {
    let account = result.stack.split(':').nth(4).unwrap_or_default();
    let name = result.hook.replace("::", "-");
    format!("arn:aws:cloudformation:{}:{account}:type/hook/{name}", region_of(result))
}

/// Returns a result among those of several targets.
fn summary_with_target(result: &HookResult) -> Json {
    let mut shown = summary(result);
    shown["InvokedAt"] = iso_time(result.time).into();
    shown["TargetType"] = target_type(result).into();
    shown["TargetId"] = result.target.as_str().into();
    shown["HookExecutionTarget"] = result.stack.as_str().into();
    shown
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
        "TypeArn": type_arn(result),
        "Status": STATUS,
        "HookStatusReason": result.reason,
    })
}
