//! What services require of a resource beyond its registry schema.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::api::embedded;

/// A requirement of a service on the properties of a resource.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Constraint {
    /// The reason in one sentence; empty where the violation explains itself.
    pub why: String,
    /// The API operation or documentation page that states it.
    pub source: String,
    /// A JSON Schema of the properties.
    pub schema: Value,
}

#[derive(Deserialize)]
struct File {
    types: BTreeMap<String, Vec<Constraint>>,
}

/// The constraints of a resource type; those of `Custom::` hold for every custom resource.
///
/// ```
/// assert!(!stackwright_schemas::constraints::of("AWS::FSx::FileSystem").is_empty());
/// assert!(stackwright_schemas::constraints::of("AWS::SNS::Nothing").is_empty());
/// ```
pub fn of(type_name: &str) -> &'static [Constraint] {
    static FILE: OnceLock<File> = OnceLock::new();
    let file = FILE.get_or_init(|| embedded(include_str!("../facts/constraints.json")));
    let name = if type_name.starts_with("Custom::") { "Custom::" } else { type_name };
    file.types.get(name).map_or(&[], Vec::as_slice)
}
