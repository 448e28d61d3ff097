//! The resource types of the AWS Serverless Application Model (SAM), from its published schema.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::api::embedded;

/// The name of the SAM transform in a template.
pub const TRANSFORM: &str = "AWS::Serverless-2016-10-31";

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| embedded(include_str!("../facts/sam.json")))
}

/// Returns the names of all SAM resource types, sorted.
///
/// ```
/// assert!(stackwright_schemas::sam::type_names().any(|name| name == "AWS::Serverless::Function"));
/// ```
pub fn type_names() -> impl Iterator<Item = &'static str> {
    document()["types"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

/// Returns the JSON Schema of the properties of a SAM resource type; `None` for a type that SAM does not have.
pub fn properties(type_name: &str) -> Option<&'static Value> {
    static SCHEMAS: OnceLock<BTreeMap<&'static str, Value>> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| {
        type_names().map(|name| (name, closed(&document()["types"][name]["properties"]))).collect()
    });
    schemas.get(type_name)
}

/// Returns the JSON Schema of the section `Globals`.
pub fn globals() -> &'static Value {
    static GLOBALS: OnceLock<Value> = OnceLock::new();
    GLOBALS.get_or_init(|| closed(&document()["globals"]))
}

/// Returns the names of the parameters that a policy template requires; `None` for a template that SAM does not have.
///
/// ```
/// let parameters = stackwright_schemas::sam::policy_template("S3ReadPolicy").unwrap();
/// assert_eq!(parameters, ["BucketName"]);
/// ```
pub fn policy_template(name: &str) -> Option<&'static [String]> {
    #[derive(serde::Deserialize)]
    struct Facts {
        templates: BTreeMap<String, Vec<String>>,
    }
    static TEMPLATES: OnceLock<Option<Facts>> = OnceLock::new();
    let text = include_str!("../facts/sam_policy_templates.json");
    let facts = TEMPLATES.get_or_init(|| serde_json::from_str(text).ok()).as_ref()?;
    facts.templates.get(name).map(Vec::as_slice)
}

/// Returns the resource attributes other than `Type` that a SAM resource type accepts.
pub fn resource_attributes(type_name: &str) -> impl Iterator<Item = &'static str> {
    let attributes = &document()["types"][type_name]["attributes"];
    attributes.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Returns a schema together with the definitions to which it refers.
fn closed(schema: &Value) -> Value {
    let mut closed = schema.as_object().cloned().unwrap_or_default();
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/")) {
        closed = document()["definitions"][name].as_object().cloned().unwrap_or_else(Map::new);
    }
    closed.insert("definitions".to_owned(), json!(document()["definitions"]));
    Value::Object(closed)
}
