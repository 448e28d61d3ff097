//! JSON Schemas of the requests of SageMaker operations that templates contain as strings, such as in pipeline
//! definitions.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Reads a data file that is embedded in this crate.
pub(crate) fn embedded<T: serde::Deserialize<'static>>(text: &'static str) -> T {
    serde_json::from_str(text).expect("a test reads every embedded file")
}

/// The request schemas of the embedded file. The definitions are parsed when they are needed: a template uses few of them.
struct Requests {
    /// The name of the definition of each operation's request.
    operations: BTreeMap<&'static str, &'static str>,
    definitions: BTreeMap<&'static str, Definition>,
}

struct Definition {
    text: &'static RawValue,
    parsed: OnceLock<Value>,
}

#[derive(serde::Deserialize)]
struct File {
    #[serde(borrow)]
    operations: BTreeMap<&'static str, Reference>,
    #[serde(borrow)]
    definitions: BTreeMap<&'static str, &'static RawValue>,
}

#[derive(serde::Deserialize)]
struct Reference {
    #[serde(rename = "$ref")]
    pointer: &'static str,
}

/// The pointer of the definitions, which references contain.
const DEFINITIONS: &str = "#/definitions/";

fn requests() -> &'static Requests {
    static REQUESTS: OnceLock<Requests> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let file: File = embedded(include_str!("../data/api/sagemaker.json"));
        let name = |reference: Reference| reference.pointer.strip_prefix(DEFINITIONS).unwrap_or_default();
        let unparsed = |text| Definition { text, parsed: OnceLock::new() };
        Requests {
            operations: file.operations.into_iter().map(|(key, value)| (key, name(value))).collect(),
            definitions: file.definitions.into_iter().map(|(key, text)| (key, unparsed(text))).collect(),
        }
    })
}

/// Returns the names of the operations whose request schemas are available, such as `CreateTrainingJob`, sorted.
pub fn operations() -> impl Iterator<Item = &'static str> {
    requests().operations.keys().copied()
}

/// Returns the name of the shape of an operation's request, such as `CreateTrainingJobRequest`; `None` if the operation is not
/// available ([`operations`]).
pub fn request_shape(operation: &str) -> Option<&'static str> {
    requests().operations.get(operation).copied()
}

/// Returns the request of an operation such as `CreateTrainingJob` as a self-contained JSON Schema; `None` if the operation is
/// not available ([`operations`]).
pub fn request(operation: &str) -> Option<Value> {
    let start = request_shape(operation)?;
    let mut definitions = Map::new();
    let mut missing = vec![start];
    while let Some(name) = missing.pop() {
        if !definitions.contains_key(name) {
            let definition = shape(name)?;
            references(definition, &mut missing);
            definitions.insert(name.to_owned(), definition.clone());
        }
    }
    Some(json!({ "$ref": format!("{DEFINITIONS}{start}"), "definitions": definitions }))
}

/// Adds the names of the shapes that a schema refers to.
fn references<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            let reference = map.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|pointer| pointer.strip_prefix(DEFINITIONS)));
            map.values().for_each(|inner| references(inner, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, names)),
        _ => {}
    }
}

/// Returns the JSON Schema of a shape that a request contains, such as `ResourceConfig`; `None` for an unknown shape.
pub fn shape(name: &str) -> Option<&'static Value> {
    let definition = requests().definitions.get(name)?;
    Some(definition.parsed.get_or_init(|| embedded(definition.text.get())))
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
        for (name, definition) in &requests().definitions {
            let mut names = Vec::new();
            references(shape(name).unwrap(), &mut names);
            assert!(names.iter().all(|name| shape(name).is_some()), "{}", definition.text);
        }
        for operation in operations() {
            let request = request(operation).unwrap();
            let start = request["$ref"].as_str().unwrap();
            assert!(request.pointer(&start[1..]).is_some_and(|shape| shape["type"] == "object"), "{start}");
        }
    }
}
