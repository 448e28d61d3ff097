//! JSON Schemas of SageMaker API requests, from the service model in the AWS SDK for Python.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Files, pretty};
use crate::Result;

/// The requests that a template contains only as strings, so that nothing else checks them; and `CreateModel`.
const OPERATIONS: [&str; 6] = [
    "CreateHyperParameterTuningJob",
    "CreateModel",
    "CreateOptimizationJob",
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateTransformJob",
];

pub fn request_shapes(model: &Value, files: &mut Files) -> Result<()> {
    let shapes = model["shapes"].as_object().ok_or("the service model has no shapes")?;
    let mut definitions = BTreeMap::new();
    let mut operations = Map::new();
    for operation in OPERATIONS {
        let input = model["operations"][operation]["input"]["shape"]
            .as_str()
            .ok_or_else(|| format!("the service model has no {operation}"))?;
        operations.insert(operation.into(), json!({ "$ref": format!("#/definitions/{input}") }));
        reach(input, shapes, &mut definitions)?;
    }
    let document = json!({ "definitions": definitions, "operations": operations });
    files.insert("schemas/data/api/sagemaker.json".into(), pretty(&document)?);
    Ok(())
}

fn reach(name: &str, shapes: &Map<String, Value>, definitions: &mut BTreeMap<String, Value>) -> Result<()> {
    if definitions.contains_key(name) {
        return Ok(());
    }
    let shape = shapes.get(name).ok_or_else(|| format!("the service model has no shape {name}"))?;
    definitions.insert(name.to_owned(), Value::Null);
    let mut follow = |reference: &Value| -> Result<Value> {
        let target = reference["shape"].as_str().ok_or_else(|| format!("{name} refers to no shape"))?;
        reach(target, shapes, definitions)?;
        Ok(json!({ "$ref": format!("#/definitions/{target}") }))
    };
    let mut schema = Map::new();
    let bounds = match shape["type"].as_str().unwrap_or_default() {
        "structure" => {
            schema.insert("type".into(), "object".into());
            let mut properties = Map::new();
            for (member, reference) in shape["members"].as_object().into_iter().flatten() {
                properties.insert(member.clone(), follow(reference)?);
            }
            schema.insert("properties".into(), Value::Object(properties));
            schema.insert("additionalProperties".into(), false.into());
            if let Some(required) = shape["required"].as_array().filter(|required| !required.is_empty()) {
                schema.insert("required".into(), required.clone().into());
            }
            if shape["union"] == true {
                schema.insert("minProperties".into(), 1.into());
                schema.insert("maxProperties".into(), 1.into());
            }
            None
        }
        "list" => {
            schema.insert("type".into(), "array".into());
            schema.insert("items".into(), follow(&shape["member"])?);
            Some(("minItems", "maxItems"))
        }
        "map" => {
            schema.insert("type".into(), "object".into());
            schema.insert("propertyNames".into(), follow(&shape["key"])?);
            schema.insert("additionalProperties".into(), follow(&shape["value"])?);
            Some(("minProperties", "maxProperties"))
        }
        "string" => {
            schema.insert("type".into(), "string".into());
            if let Some(values) = shape.get("enum") {
                schema.insert("enum".into(), values.clone());
            }
            // The patterns of the service model apply to the whole string.
            if let Some(pattern) = shape["pattern"].as_str() {
                schema.insert("pattern".into(), format!("^(?:{pattern})$").into());
            }
            Some(("minLength", "maxLength"))
        }
        "integer" | "long" => {
            schema.insert("type".into(), "integer".into());
            Some(("minimum", "maximum"))
        }
        "float" | "double" => {
            schema.insert("type".into(), "number".into());
            Some(("minimum", "maximum"))
        }
        "boolean" => {
            schema.insert("type".into(), "boolean".into());
            None
        }
        other => return Err(format!("shape {name} has the unknown type {other}").into()),
    };
    if let Some((least, most)) = bounds {
        for (from, to) in [("min", least), ("max", most)] {
            if let Some(bound) = shape.get(from) {
                schema.insert(to.into(), bound.clone());
            }
        }
    }
    definitions.insert(name.to_owned(), Value::Object(schema));
    Ok(())
}
