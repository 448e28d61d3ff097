//! Every resource against the registry's schema of its type.
//!
//! A value that CloudFormation resolves later is never reported: what an unresolved value could make right is
//! not wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value as JsonValue;
use stackwright_schemas::registry;
use stackwright_synth::StackArtifact;

use crate::diagnostic::{Diagnostic, Severity};

pub(super) fn check(stack: &StackArtifact) -> Vec<Diagnostic> {
    let transformed = stack.template.sections().contains_key("Transform");
    let mut found = Vec::new();
    for (id, resource) in stack.template.resources() {
        // What a loop or a transform makes is known only when it is deployed.
        let Some(type_name) = resource["Type"].as_str().filter(|_| !id.starts_with("Fn::")) else { continue };
        let pointer = format!("/Resources/{id}");
        let mut report = |name: &str, path: String, message: String, help: Option<String>| {
            found.push(Diagnostic {
                id: name.to_owned(),
                severity: Severity::Error,
                message,
                help,
                stack: stack.id.clone(),
                resource: Some(id.to_owned()),
                location: stack.provenance.find(&path).cloned(),
                path,
                related: None,
            });
        };
        let Some(schema) = registry::resource_type(type_name) else {
            let custom = type_name.starts_with("Custom::") || !type_name.starts_with("AWS::") || transformed;
            if !custom {
                let nearest = nearest(type_name, registry::type_names());
                let help = nearest.map(|nearest| format!("the nearest is `{nearest}`"));
                report("unknown-resource-type", pointer, format!("there is no type `{type_name}`"), help);
            }
            continue;
        };
        let empty = JsonValue::Object(serde_json::Map::new());
        let properties = resource.get("Properties").unwrap_or(&empty);
        if is_unresolved(properties) {
            continue;
        }
        for error in validator(schema).iter_errors(properties) {
            if !excused(&error, properties) {
                let path = format!("{pointer}/Properties{}", error.instance_path().as_str());
                let (message, help) = explain(&error, schema);
                report(&format!("registry-{}", name(error.kind())), path, message, help);
            }
        }
    }
    found
}

/// The validator of a type, compiled once.
fn validator(schema: &'static registry::ResourceType) -> Arc<Validator> {
    static COMPILED: OnceLock<Mutex<BTreeMap<&'static str, Arc<Validator>>>> = OnceLock::new();
    let mut compiled = match COMPILED.get_or_init(Mutex::default).lock() {
        Ok(compiled) => compiled,
        Err(poisoned) => poisoned.into_inner(),
    };
    Arc::clone(compiled.entry(schema.name()).or_insert_with(|| Arc::new(compile(schema.document()))))
}

/// Compiles a schema. Some patterns of the registry are written for other engines: those alone are dropped.
fn compile(document: &JsonValue) -> Validator {
    let mut document = std::borrow::Cow::Borrowed(document);
    loop {
        let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(false);
        let at = match options.build(&document) {
            Ok(validator) => return validator,
            Err(error) => error.instance_path().as_str().to_owned(),
        };
        let Some((holder, keyword)) = at.rsplit_once('/') else {
            // Nothing to blame: a validator that says nothing is better than one that lies. A test finds it.
            document = std::borrow::Cow::Owned(JsonValue::Bool(true));
            continue;
        };
        if let Some(JsonValue::Object(holder)) = document.to_mut().pointer_mut(holder) {
            holder.shift_remove(keyword);
            if keyword == "patternProperties" {
                // What the names would have let in must not be refused now.
                holder.shift_remove("additionalProperties");
            }
        }
    }
}

/// Whether a value is an intrinsic function.
fn is_unresolved(value: &JsonValue) -> bool {
    value.as_object().is_some_and(|map| {
        map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::") || key == "Condition")
    })
}

fn holds_unresolved(value: &JsonValue) -> bool {
    is_unresolved(value)
        || match value {
            JsonValue::Object(map) => map.values().any(holds_unresolved),
            JsonValue::Array(items) => items.iter().any(holds_unresolved),
            _ => false,
        }
}

/// Whether what an error says may yet come right: at or below an unresolved value, about a whole that holds one,
/// or about a text that CloudFormation reads as the number that is wanted.
fn excused(error: &ValidationError<'_>, properties: &JsonValue) -> bool {
    let mut value = properties;
    for step in error.instance_path().as_str().split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match value {
            JsonValue::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(&step),
        };
        let Some(next) = next else { break };
        value = next;
        if is_unresolved(value) {
            return true;
        }
    }
    match error.kind() {
        ValidationErrorKind::Type { kind } => converts(value, kind),
        ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::OneOfNotValid { .. }
        | ValidationErrorKind::OneOfMultipleValid { .. }
        | ValidationErrorKind::Not { .. }
        | ValidationErrorKind::Constant { .. }
        | ValidationErrorKind::Contains
        | ValidationErrorKind::UniqueItems => holds_unresolved(value),
        _ => false,
    }
}

/// Whether CloudFormation turns the value into what is wanted.
fn converts(value: &JsonValue, wanted: &TypeKind) -> bool {
    let wants = |name: &str| match wanted {
        TypeKind::Single(kind) => kind.to_string() == name,
        TypeKind::Multiple(kinds) => kinds.iter().any(|kind| kind.to_string() == name),
    };
    match value {
        JsonValue::String(text) => {
            wants("boolean") && matches!(text.as_str(), "true" | "false")
                || wants("integer") && text.parse::<i64>().is_ok()
                || wants("number") && text.parse::<f64>().is_ok()
        }
        JsonValue::Number(_) | JsonValue::Bool(_) => wants("string"),
        _ => false,
    }
}

fn name(kind: &ValidationErrorKind) -> &'static str {
    match kind {
        ValidationErrorKind::AdditionalProperties { .. } => "unknown-property",
        ValidationErrorKind::Required { .. } => "missing-property",
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => "value",
        ValidationErrorKind::Pattern { .. } => "pattern",
        ValidationErrorKind::Type { .. } => "type",
        ValidationErrorKind::Maximum { .. }
        | ValidationErrorKind::Minimum { .. }
        | ValidationErrorKind::MaxLength { .. }
        | ValidationErrorKind::MinLength { .. }
        | ValidationErrorKind::MaxItems { .. }
        | ValidationErrorKind::MinItems { .. } => "range",
        _ => "shape",
    }
}

/// The message and the help, in the words of the template's author.
fn explain(error: &ValidationError<'_>, schema: &registry::ResourceType) -> (String, Option<String>) {
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known: Vec<&str> = known_properties(error, schema);
            let unknown: Vec<_> = unexpected.iter().map(|name| format!("`{name}`")).collect();
            let nearest = unexpected.first().and_then(|name| nearest(name, known.iter().copied()));
            let help = nearest.map(|nearest| format!("the nearest is `{nearest}`"));
            (format!("there is no property {}", unknown.join(", ")), help)
        }
        ValidationErrorKind::Required { property } => {
            (format!("the property `{}` is missing", property.as_str().unwrap_or_default()), None)
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(text).collect();
            let given = text(value);
            let help = if options.len() <= 12 {
                Some(format!("use {}", options.join(", ")))
            } else {
                nearest(&given, options.iter().map(String::as_str))
                    .map(|nearest| format!("the nearest is {nearest}"))
            };
            (format!("{given} is not allowed here"), help)
        }
        ValidationErrorKind::Pattern { pattern } => (
            format!("{value} does not have the form that is wanted"),
            Some(format!("it has to match `{pattern}`")),
        ),
        ValidationErrorKind::Type { kind } => (format!("{value} is no {}", wanted(kind)), None),
        ValidationErrorKind::Maximum { limit } => {
            (format!("{value} is too large"), Some(format!("at most {limit}")))
        }
        ValidationErrorKind::Minimum { limit } => {
            (format!("{value} is too small"), Some(format!("at least {limit}")))
        }
        ValidationErrorKind::MaxLength { limit } => {
            (format!("{value} is too long"), Some(format!("at most {limit} characters")))
        }
        ValidationErrorKind::MinLength { limit } => {
            (format!("{value} is too short"), Some(format!("at least {limit} characters")))
        }
        ValidationErrorKind::MaxItems { limit } => {
            ("the list is too long".into(), Some(format!("at most {limit} items")))
        }
        ValidationErrorKind::MinItems { limit } => {
            ("the list is too short".into(), Some(format!("at least {limit} items")))
        }
        _ => (error.to_string(), None),
    }
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn text(value: &JsonValue) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The properties that the schema has where an error was found.
fn known_properties<'a>(error: &ValidationError<'_>, schema: &'a registry::ResourceType) -> Vec<&'a str> {
    let mut at = schema.schema();
    for step in error.instance_path().as_str().split('/').skip(1) {
        let next = at.property(step).or_else(|| at.items()).or_else(|| at.map_values());
        let Some(next) = next else { return Vec::new() };
        at = next.resolved();
    }
    at.properties().map(|(name, _)| name).collect()
}

/// The name that was probably meant.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = |name: &str| distance(given, name);
    known
        .map(|name| (close(name), name))
        .min()
        .filter(|(distance, _)| *distance <= given.len().div_ceil(3))
        .map(|(_, name)| name)
}

/// How many letters have to change, come or go (Levenshtein), whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use stackwright_synth::intrinsic::region;
    use stackwright_synth::{App, Resource};

    use super::*;

    fn check_one(resource: Resource) -> Vec<Diagnostic> {
        let app = App::new("app");
        app.stack("Main").add("Thing", resource);
        crate::check::check(&app.synth().unwrap())
    }

    fn messages(found: &[Diagnostic]) -> Vec<String> {
        found.iter().map(|one| format!("{} {}", one.subject(), one.message)).collect()
    }

    #[test]
    fn every_schema_of_the_registry_compiles() {
        for name in registry::type_names() {
            let schema = registry::resource_type(name).unwrap();
            let validator = compile(schema.document());
            // A validator that lets everything in would let this in.
            assert!(
                !validator.is_valid(&JsonValue::from("no object")) || schema.document()["type"].is_null(),
                "{name}"
            );
            let closed = schema.document()["additionalProperties"] == false;
            assert!(!closed || !validator.is_valid(&serde_json::json!({ "NoSuchProperty": 1 })), "{name}");
        }
    }

    #[test]
    fn wrong_values_are_found_where_they_were_set() {
        let config = |memory: i64| {
            Resource::of("AWS::SageMaker::EndpointConfig").set(
                "ProductionVariants",
                serde_json::json!([{
                    "VariantName": "A", "ModelName": "m",
                    "ServerlessConfig": { "MemorySizeInMB": memory, "MaxConcurrency": 5 }
                }]),
            )
        };
        assert_eq!(check_one(config(6144)), []);
        let found = check_one(config(6000));
        assert_eq!(
            messages(&found),
            ["Main/Thing: ProductionVariants[0].ServerlessConfig.MemorySizeInMB 6000 is not allowed here"]
        );
        assert_eq!(found[0].id, "registry-value");
        assert_eq!(found[0].help.as_deref(), Some("use 1024, 2048, 3072, 4096, 5120, 6144"));
        assert!(found[0].location.as_ref().unwrap().file.ends_with("registry.rs"));
    }

    #[test]
    fn misspelt_names_get_the_nearest() {
        let found = check_one(Resource::of("AWS::S3::Bucket").set("BucketNam", "x"));
        assert_eq!(found[0].help.as_deref(), Some("the nearest is `BucketName`"));
        let found = check_one(Resource::of("AWS::S3::Buckett"));
        assert_eq!(found[0].help.as_deref(), Some("the nearest is `AWS::S3::Bucket`"));
        assert_eq!(check_one(Resource::of("Custom::Anything").set("Any", "thing")), []);
    }

    #[test]
    fn missing_properties_are_found() {
        let found = check_one(Resource::of("AWS::SageMaker::EndpointConfig"));
        assert_eq!(messages(&found), ["Main/Thing the property `ProductionVariants` is missing"]);
    }

    #[test]
    fn what_is_resolved_later_and_what_converts_is_left_alone() {
        let resource = Resource::of("AWS::SageMaker::EndpointConfig")
            .set("KmsKeyId", region())
            .set(
                "ProductionVariants",
                serde_json::json!([{
                    "VariantName": { "Ref": "AWS::StackName" }, "ModelName": { "Fn::GetAtt": ["M", "ModelName"] },
                    "ServerlessConfig": { "MemorySizeInMB": { "Ref": "Memory" }, "MaxConcurrency": "5" }
                }]),
            )
            .set("EnableNetworkIsolation", "true");
        assert_eq!(check_one(resource), []);
    }
}
