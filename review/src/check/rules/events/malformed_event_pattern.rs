//! `malformed-event-pattern`

use serde_json::Value as JsonValue;

use crate::check::cursor::Cursor;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, is_unresolved, items, string};
use crate::check::view::{Resource, View};

rule! {
    /// A value of an event pattern is not a list, is an empty list, or uses a comparison that EventBridge does not have.
    ///
    /// # Why it matters
    ///
    /// EventBridge refuses the rule with `InvalidEventPatternException`.
    ///
    /// # How to fix
    ///
    /// Write each value as a list, even if it is the only one: `source: [aws.sagemaker]`.
    ///
    Error "malformed-event-pattern",
    source: "Amazon EventBridge User Guide, \"Event patterns\"",
    applies_to: ["AWS::Events::Rule", "AWS::Serverless::Function", "AWS::Serverless::StateMachine"],
    check: Each(check),
}

const COMPARISONS: [&str; 8] =
    ["prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "equals-ignore-case", "wildcard"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        let patterns: Vec<&Cursor<'_>> = match resource.type_name {
            "AWS::Events::Rule" => vec![&resource.properties["EventPattern"]],
            "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => {
                entries(&resource.properties["Events"])
                    .filter(|(_, event)| {
                        ["EventBridgeRule", "CloudWatchEvent"]
                            .contains(&event["Type"].as_str().unwrap_or_default())
                    })
                    .map(|(_, event)| &event["Properties"]["Pattern"])
                    .collect()
            }
            _ => continue,
        };
        for pattern in patterns {
            if let Some(text) = string(pattern) {
                match serde_json::from_str::<JsonValue>(text) {
                    Ok(parsed) => {
                        let steps = pattern.path().unwrap_or_default();
                        check_pattern(resource, &Cursor::new(&parsed, &steps), findings);
                    }
                    Err(error) => {
                        let message = format!("the event pattern is not valid JSON: {error}");
                        findings.add(resource, pattern, message, "write the pattern as an object");
                    }
                }
            } else if pattern.is_object() {
                check_pattern(resource, pattern, findings);
            }
        }
    }
}

fn check_pattern(resource: &Resource<'_>, pattern: &Cursor<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (name, value) in
        entries(pattern).filter(|(name, value)| !name.starts_with("Fn::") && !is_unresolved(value))
    {
        match &**value {
            JsonValue::Object(_) => check_pattern(resource, value, findings),
            JsonValue::Array(list) if list.is_empty() => {
                findings.add(
                    resource,
                    value,
                    format!("the list of `{name}` is empty"),
                    "list at least one value; an event matches if it has one of them",
                );
            }
            JsonValue::Array(_) if name == "$or" => {
                items(value).for_each(|one| check_pattern(resource, one, findings))
            }
            JsonValue::Array(_) => {
                let objects = items(value).filter(|item| item.is_object());
                for (comparison, at) in objects.flat_map(entries) {
                    if !COMPARISONS.contains(&comparison) {
                        findings.add(
                            resource,
                            at,
                            format!("the comparison `{comparison}` does not exist"),
                            "",
                        );
                    }
                }
            }
            JsonValue::Null => {}
            _ => {
                let message = format!("the value of `{name}` is not a list");
                findings.add(
                    resource,
                    value,
                    message,
                    format!("write `{name}: [{}]`", crate::check::value::shown(value)),
                );
            }
        }
    }
}
