//! The problems of properties of a resource, as CloudFormation's validation before deployment reports them.

use serde_json::{Map, Value as Json};
use stackwright_schemas::registry::{self, ResourceType, Schema};

use crate::template::evaluate::is_unknown;
use crate::template::scalar_text;

/// A property that is wrong: its path, and the message.
pub(crate) type Problem = (String, String);

/// Returns the problems of properties.
pub(crate) fn problems(type_name: &str, properties: &Map<String, Json>) -> Vec<Problem> {
    let Some(kind) = registry::resource_type(type_name) else { return Vec::new() };
    let mut found = Vec::new();
    validate_value(kind, kind.schema(), &Json::Object(properties.clone()), String::new(), &mut found);
    found
}

fn validate_value(
    kind: &ResourceType,
    schema: Schema<'_>,
    value: &Json,
    path: String,
    found: &mut Vec<Problem>,
) {
    let schema = schema.resolved();
    if is_unknown(value) {
        return;
    }
    match value {
        Json::Object(map) => validate_object(kind, schema, map, &path, found),
        Json::Array(items) => {
            if let Some(of) = schema.items() {
                for (number, item) in items.iter().enumerate() {
                    validate_value(kind, of, item, format!("{path}/{number}"), found);
                }
            }
        }
        scalar => validate_scalar(schema, scalar, path, found),
    }
}

fn validate_object(
    kind: &ResourceType,
    schema: Schema<'_>,
    map: &Map<String, Json>,
    path: &str,
    found: &mut Vec<Problem>,
) {
    let node = schema.node();
    let has_properties = node["properties"].as_object().is_some_and(|known| !known.is_empty());
    let is_closed = node["additionalProperties"] == false && node.get("patternProperties").is_none();
    for (name, inner) in map {
        match schema.property(name) {
            Some(of) => validate_value(kind, of, inner, format!("{path}/{name}"), found),
            None if is_closed && has_properties => {
                found.push((path.to_owned(), format!("#: extraneous key [{name}] is not permitted")));
            }
            None => {}
        }
    }
    for name in schema.required() {
        // A read-only property, which only the service sets, is not reported as missing.
        let is_read_only = kind.is_read_only(format!("{path}/{name}").trim_start_matches('/'));
        if !map.contains_key(name) && !is_read_only {
            found.push((path.to_owned(), format!("#: required key [{name}] not found")));
        }
    }
}

fn validate_scalar(schema: Schema<'_>, scalar: &Json, path: String, found: &mut Vec<Problem>) {
    let text = scalar_text(scalar);
    // Only the service resolves a dynamic reference.
    if text.contains("{{resolve:") {
        return;
    }
    let allowed: Vec<String> = schema.enumeration().map(scalar_text).collect();
    if !allowed.is_empty() && !allowed.contains(&text) {
        found.push((path.clone(), format!("#{path}: {text} is not a valid enum value")));
    }
    if schema.types() == ["integer"] && text.parse::<i64>().is_err() {
        found.push((path.clone(), format!("#{path}: expected type: Integer, found: String")));
    }
}
