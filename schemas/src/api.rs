//! JSON Schemas of the requests of SageMaker operations that templates contain as strings, such as in pipeline
//! definitions.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

/// Reads a data file that is embedded in this crate.
pub(crate) fn embedded<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("a test reads every embedded file")
}

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| embedded(include_str!("../data/api/sagemaker.json")))
}

/// Returns the names of the operations whose request schemas are available, such as `CreateTrainingJob`, sorted.
pub fn operations() -> impl Iterator<Item = &'static str> {
    document()["operations"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

/// Returns the request of an operation such as `CreateTrainingJob` as a self-contained JSON Schema; `None` if the operation is
/// not available ([`operations`]).
pub fn request(operation: &str) -> Option<Value> {
    let start = document()["operations"].get(operation)?;
    let mut definitions = Map::new();
    reach(start, &mut definitions);
    Some(json!({ "$ref": start["$ref"], "definitions": definitions }))
}

/// Collects the shapes that a schema refers to, directly or indirectly.
fn reach(schema: &Value, found: &mut Map<String, Value>) {
    match schema {
        Value::Object(map) => {
            let name =
                map.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/definitions/"));
            if let Some(name) = name.filter(|name| !found.contains_key(*name)) {
                let definition = shape(name).cloned().unwrap_or_default();
                found.insert(name.to_owned(), definition.clone());
                reach(&definition, found);
            }
            map.values().for_each(|inner| reach(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| reach(inner, found)),
        _ => {}
    }
}

/// Returns the JSON Schema of a shape that a request contains, such as `ResourceConfig`; `None` for an unknown shape.
pub fn shape(name: &str) -> Option<&'static Value> {
    document()["definitions"].get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_job_needs_what_the_service_model_requires() {
        assert_eq!(operations().count(), 6);
        let job = shape("CreateTrainingJobRequest").unwrap();
        let required: Vec<_> = job["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(required.contains(&"TrainingJobName") && required.contains(&"RoleArn"), "{required:?}");
        assert!(shape("TrainingInstanceType").unwrap()["enum"].as_array().unwrap().len() > 50);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                        assert!(document().pointer(&target[1..]).is_some(), "{target}");
                    }
                    map.values().for_each(walk);
                }
                Value::Array(items) => items.iter().for_each(walk),
                _ => {}
            }
        }
        walk(document());
    }
}
