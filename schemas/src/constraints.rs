//! Requirements of services for a resource that its registry schema does not contain.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::api::embedded;

/// A requirement of a service on the properties of a resource type.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Constraint {
    /// The reason in one sentence; empty if the violation needs no explanation.
    pub why: String,
    /// The API operation or documentation page that states the requirement.
    pub source: String,
    /// Whether the source confirms that the service refuses a violation. Unconfirmed violations are warnings.
    #[serde(default = "confirmed")]
    pub is_confirmed: bool,
    /// The JSON Schema that the properties must satisfy.
    pub schema: Value,
}

fn confirmed() -> bool {
    true
}

#[derive(Deserialize)]
struct File {
    types: BTreeMap<String, Vec<Constraint>>,
}

/// Returns the constraints of a resource type. Those of `Custom::` apply to every custom resource type.
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
