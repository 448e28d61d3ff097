//! Where the schemas come from, and their parts.

use std::borrow::Cow;

use serde_json::Value as JsonValue;
use stackwright_schemas::api;

/// The origin of a schema.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A JSON Schema whose references refer to itself.
    Document(&'static JsonValue),
    /// The request of an operation, as the API of SageMaker or a step of a pipeline receives it.
    Request { operation: &'static str, of_pipeline: bool },
}

impl Source {
    /// Returns the whole schema.
    pub fn document(self) -> Cow<'static, JsonValue> {
        match self {
            Self::Document(document) => Cow::Borrowed(document),
            Self::Request { operation, .. } => {
                let mut document = api::request(operation).unwrap_or(JsonValue::Bool(true));
                let start = api::request_shape(operation).unwrap_or_default();
                if let Some(part) = self.part(&format!("/definitions/{start}")) {
                    document["definitions"][start] = part;
                }
                Cow::Owned(document)
            }
        }
    }

    /// Returns the schema without its definitions.
    pub fn root(self) -> JsonValue {
        match self {
            Self::Document(JsonValue::Object(document)) => {
                let kept = document.iter().filter(|(name, _)| *name != "definitions");
                kept.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            Self::Document(other) => other.clone(),
            Self::Request { operation, .. } => match api::request_shape(operation) {
                Some(start) => serde_json::json!({ "$ref": format!("#/definitions/{start}") }),
                None => JsonValue::Bool(true),
            },
        }
    }

    /// Returns the part of the schema at a JSON pointer, such as a definition.
    pub fn part(self, pointer: &str) -> Option<JsonValue> {
        let (operation, of_pipeline) = match self {
            Self::Document(document) => return document.pointer(pointer).cloned(),
            Self::Request { operation, of_pipeline } => (operation, of_pipeline),
        };
        let name = pointer.strip_prefix("/definitions/")?;
        let mut part = api::shape(name)?.clone();
        if of_pipeline && api::request_shape(operation) == Some(name) {
            // SageMaker Pipelines generates the names of the jobs and models that its steps create.
            let names = ["ModelName", "ProcessingJobName", "TrainingJobName", "TransformJobName"];
            if let Some(required) = part["required"].as_array_mut() {
                required.retain(|name| {
                    let name = name.as_str().unwrap_or_default();
                    !names.contains(&name) && name != "HyperParameterTuningJobName"
                });
            }
        }
        Some(part)
    }
}
