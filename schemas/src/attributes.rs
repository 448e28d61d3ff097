//! Resource attributes other than properties: update, creation and deletion policies.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::api::embedded;

struct Attributes {
    document: Value,
    update: BTreeMap<String, Value>,
}

fn attributes() -> &'static Attributes {
    static ATTRIBUTES: OnceLock<Attributes> = OnceLock::new();
    ATTRIBUTES.get_or_init(|| {
        let document: Value = embedded(include_str!("../facts/resource_attributes.json"));
        let types = document["update_policy"].as_object().into_iter().flatten();
        let schema = |name: &Value| {
            let mut schema = document["definitions"][name.as_str().unwrap_or_default()].clone();
            schema["definitions"] = json!(document["definitions"]);
            schema
        };
        let update = types.map(|(type_name, name)| (type_name.clone(), schema(name))).collect();
        Attributes { document, update }
    })
}

/// Returns the JSON Schema of `UpdatePolicy` for a resource type; `None` for a type that does not support it.
///
/// ```
/// use stackwright_schemas::attributes::update_policy;
/// assert!(update_policy("AWS::AutoScaling::AutoScalingGroup").is_some());
/// assert!(update_policy("AWS::S3::Bucket").is_none());
/// ```
pub fn update_policy(type_name: &str) -> Option<&'static Value> {
    attributes().update.get(type_name)
}

/// Returns the JSON Schema of `CreationPolicy`.
pub fn creation_policy() -> &'static Value {
    &attributes().document["creation_policy"]
}

/// Returns whether a resource type supports `Snapshot` as its deletion or update-replace policy.
pub fn takes_snapshots(type_name: &str) -> bool {
    attributes().document["snapshot"].as_array().into_iter().flatten().any(|known| known == type_name)
}
