//! Stack policies: which updates CloudFormation will refuse.
//!
//! See "Prevent updates to stack resources" in the CloudFormation User Guide: a policy denies every update that it does
//! not allow, and a statement with `Deny` takes precedence.

use serde_json::Value as JsonValue;

use stackwright_schemas::consequence::Consequence;

use super::model::{ResourceAction, ResourceChange, StackDiff};
use crate::check::matches_pattern;

/// Adds the updates that a stack policy denies to the failures of a stack.
pub(crate) fn apply(policy: &str, stack: &mut StackDiff) {
    let Ok(policy) = serde_json::from_str::<JsonValue>(policy) else {
        stack.notes.push("The stack policy is not valid JSON, so that it is not evaluated.".into());
        return;
    };
    let one = std::slice::from_ref(&policy["Statement"]);
    let statements = policy["Statement"].as_array().map_or(one, Vec::as_slice);
    for change in &mut stack.resources {
        let Some((action, is_certain)) = action(change) else { continue };
        let resource = format!("LogicalResourceId/{}", change.old_id());
        let request = Request { action, resource: &resource, resource_type: &change.resource_type };
        if let Some(reason) = request.denied_by(statements) {
            let text = format!("The stack policy denies `{action}` of `{resource}`: {reason}.");
            let list = if is_certain { &mut change.failures } else { &mut change.notes };
            list.push(text);
        }
    }
}

/// Returns the action of a policy that a change is, and whether that is certain.
fn action(change: &ResourceChange) -> Option<(&'static str, bool)> {
    let is_recreated = change.action == ResourceAction::Renamed;
    Some(match change.consequence {
        _ if is_recreated => ("Update:Delete", true),
        Consequence::Replaced => ("Update:Replace", true),
        Consequence::MayBeReplaced => ("Update:Replace", false),
        Consequence::Deleted | Consequence::Retained | Consequence::Snapshot => ("Update:Delete", true),
        Consequence::Updated => ("Update:Modify", true),
        _ => return None,
    })
}

/// A change, as a policy sees it.
struct Request<'a> {
    action: &'a str,
    resource: &'a str,
    resource_type: &'a str,
}

impl Request<'_> {
    /// Returns the reason why the change is denied; `None` if it is allowed.
    fn denied_by(&self, statements: &[JsonValue]) -> Option<String> {
        let with_effect = |effect: &str| {
            let mut numbered = statements.iter().enumerate();
            numbered.find(|(_, one)| one["Effect"] == effect && self.is_in(one))
        };
        match (with_effect("Deny"), with_effect("Allow")) {
            (Some((number, statement)), _) => Some(match statement["Sid"].as_str() {
                Some(sid) => format!("by the statement `{sid}`"),
                None => format!("by its statement {}", number + 1),
            }),
            (None, Some(_)) => None,
            (None, None) => Some("no statement allows it".into()),
        }
    }

    /// Returns whether a statement is about the change.
    fn is_in(&self, statement: &JsonValue) -> bool {
        let among =
            |name: &str, wanted: &str| match (statement.get(name), statement.get(format!("Not{name}"))) {
                (Some(value), _) => texts(value).any(|pattern| matches_pattern(pattern, wanted)),
                (None, Some(value)) => !texts(value).any(|pattern| matches_pattern(pattern, wanted)),
                (None, None) => false,
            };
        among("Action", self.action)
            && among("Resource", self.resource)
            && self.holds(&statement["Condition"])
    }

    /// Returns whether the conditions of a statement are true: they may compare the type of the resource.
    fn holds(&self, condition: &JsonValue) -> bool {
        condition.as_object().into_iter().flatten().all(|(operator, keys)| {
            keys.as_object().into_iter().flatten().all(|(key, value)| {
                let is_equal = || texts(value).any(|text| text == self.resource_type);
                let is_like = || texts(value).any(|pattern| matches_pattern(pattern, self.resource_type));
                key.eq_ignore_ascii_case("ResourceType")
                    && match operator.as_str() {
                        "StringEquals" => is_equal(),
                        "StringLike" => is_like(),
                        "StringNotEquals" => !is_equal(),
                        "StringNotLike" => !is_like(),
                        _ => false,
                    }
            })
        })
    }
}

fn texts(value: &JsonValue) -> impl Iterator<Item = &str> {
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    all.iter().filter_map(JsonValue::as_str)
}
