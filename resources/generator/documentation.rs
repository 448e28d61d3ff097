//! The documentation of generated items: the CloudFormation name, the type, the limits, and the effect of a change.

use stackwright_schemas::registry::{Bound, ResourceType, Schema};

/// Longer enumerations are listed at their own type only.
const MAX_LISTED_VALUES: usize = 12;

/// Lines about a resource.
pub fn resource(resource: &ResourceType) -> Vec<String> {
    let mut parts = resource.name().split("::").skip(1).map(str::to_lowercase);
    let page = format!(
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-{}-{}.html",
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default()
    );
    let mut lines = vec![format!("`{}` ([documentation]({page}))", resource.name())];
    let identifier: Vec<_> = resource.primary_identifier().map(|name| format!("`{name}`")).collect();
    if !identifier.is_empty() {
        lines.push(String::new());
        lines.push(format!("Identified by {}.", identifier.join(" and ")));
    }
    lines
}

/// Lines about a property.
pub fn property(resource: &ResourceType, name: &str, schema: Schema<'_>, pointer: &str) -> Vec<String> {
    let mut line = format!("`{name}`: {}.", kind(schema));
    for fact in limits(schema) {
        line.push_str(&format!(" {fact}."));
    }
    let change = if resource.is_create_only(pointer) {
        "A change replaces the resource."
    } else if resource.is_conditionally_create_only(pointer) {
        "A change can replace the resource."
    } else {
        ""
    };
    let mut lines = vec![line];
    if !change.is_empty() {
        lines.push(String::new());
        lines.push(change.into());
    }
    if resource.is_write_only(pointer) {
        lines.push(String::new());
        lines.push("Write-only: AWS does not return it, so drift in it is not detected.".into());
    }
    lines
}

fn kind(schema: Schema<'_>) -> String {
    let resolved = schema.resolved();
    match resolved.types().as_slice() {
        ["string"] if resolved.enumeration().next().is_some() => "enumeration".into(),
        ["string"] => "string".into(),
        ["integer"] => "integer".into(),
        ["number"] => "number".into(),
        ["boolean"] => "boolean".into(),
        ["array"] => match resolved.items() {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".into(),
        },
        _ => match schema.reference() {
            Some(name) => format!("`{name}`"),
            None => "JSON document".into(),
        },
    }
}

fn limits(schema: Schema<'_>) -> Vec<String> {
    let mut facts = Vec::new();
    let values: Vec<_> =
        schema.resolved().enumeration().map(|value| format!("`{}`", scalar(value))).collect();
    match values.len() {
        0 => {}
        count if count <= MAX_LISTED_VALUES => facts.push(format!("One of {}", values.join(", "))),
        count => facts
            .push(format!("One of {count} values, among them {}", values[..MAX_LISTED_VALUES].join(", "))),
    }
    for (least, most, unit) in [
        (Bound::Minimum, Bound::Maximum, ""),
        (Bound::MinLength, Bound::MaxLength, " characters"),
        (Bound::MinItems, Bound::MaxItems, " items"),
    ] {
        match (schema.bound(least), schema.bound(most)) {
            (Some(least), Some(most)) => facts.push(format!("{least} to {most}{unit}")),
            (Some(least), None) => facts.push(format!("At least {least}{unit}")),
            (None, Some(most)) => facts.push(format!("At most {most}{unit}")),
            (None, None) => {}
        }
    }
    if let Some(pattern) = schema.pattern().filter(|pattern| !pattern.contains('`') && pattern.len() <= 120) {
        facts.push(format!("Pattern `{pattern}`"));
    }
    facts
}

/// An allowed value without JSON's quotes.
fn scalar(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
