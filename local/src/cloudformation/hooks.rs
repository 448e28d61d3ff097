//! Results of hooks.

use serde_json::{Value as Json, json};

use super::{Answer, Request, page};
use crate::cloud::{Cloud, written};
use crate::error::Refusal;
use crate::faults::HookTarget;
use crate::hook::{HookResult, OBJECTED};

impl Cloud {
    pub(super) fn describe_change_set_hooks(&mut self, request: &Request<'_>) -> Answer {
        let (position, number) = self.change_set(request)?;
        let stack = &self.state.stacks[position];
        let change_set = &stack.change_sets[number];
        let mut hooks = Vec::new();
        for change in &change_set.changes {
            for hook in self.settings.faults.hooks_on(HookTarget::Resource, &stack.name, &change.logical_id) {
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

    pub(super) fn list_hook_results(&mut self, request: &Request<'_>) -> Answer {
        let (kind, target) = (request.text("TargetType"), request.text("TargetId"));
        let is_asked = |result: &&HookResult| match (kind, target) {
            (Some("CHANGE_SET"), Some(id)) => result.type_name.is_none() && result.target == id,
            (Some(_), _) => false,
            (None, _) => true,
        };
        let found: Vec<Json> = self.state.hook_results.iter().filter(is_asked).map(summary).collect();
        if found.is_empty() && kind.is_some() {
            return Err(missing(target.unwrap_or_default()));
        }
        let (results, next) = page(found, request.text("NextToken"), 100);
        Ok(json!({ "TargetType": kind, "TargetId": target, "HookResults": results, "NextToken": next }))
    }

    pub(super) fn get_hook_result(&mut self, request: &Request<'_>) -> Answer {
        let id = request.required("HookResultId")?;
        let found = self.state.hook_results.iter().find(|result| result.id == id);
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
        shown["InvokedAt"] = written(result.time).into();
        shown["Annotations"] = json!(result.annotations);
        Ok(shown)
    }
}

fn missing(id: &str) -> Refusal {
    Refusal::new("HookResultNotFound", format!("No hook result found for {id}")).status(404)
}

fn summary(result: &HookResult) -> Json {
    json!({
        "HookResultId": result.id,
        "InvocationPoint": "PRE_PROVISION",
        "FailureMode": result.mode,
        "TypeName": result.hook,
        "Status": OBJECTED,
        "HookStatusReason": result.reason,
    })
}
