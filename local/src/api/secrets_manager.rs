//! Secrets Manager: the values of secrets that stacks have created, and those that a caller creates.

use serde_json::{Value as Json, json};

use crate::api::cloudformation::Answer;
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Parameter, now};

/// Performs an operation of Secrets Manager.
pub(crate) fn secrets_manager(engine: &mut Engine, action: &str, region: &str, request: &Json) -> Answer {
    match action {
        "GetSecretValue" => {
            let id = request["SecretId"].as_str().unwrap_or_default();
            let value = engine.state.secret(engine.environment(region), id).ok_or_else(|| {
                ServiceError::new(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret.",
                )
            })?;
            Ok(json!({ "ARN": id, "Name": id, "SecretString": value, "VersionStages": ["AWSCURRENT"] }))
        }
        "CreateSecret" => {
            let (name, value) = (request["Name"].as_str(), request["SecretString"].as_str());
            let (Some(name), Some(value)) = (name, value) else {
                return Err(ServiceError::new(
                    "InvalidParameterException",
                    "Local mode needs Name and SecretString",
                ));
            };
            let secrets = engine.state.rest.secrets.entry(region.to_owned()).or_default();
            if secrets.contains_key(name) {
                let message = format!("The operation failed because the secret {name} already exists.");
                return Err(ServiceError::new("ResourceExistsException", message));
            }
            let secret =
                Parameter { kind: "Secret".to_owned(), value: value.to_owned(), version: 1, time: now() };
            secrets.insert(name.to_owned(), secret);
            let arn = format!("arn:aws:secretsmanager:{region}:{}:secret:{name}", engine.settings.account);
            Ok(json!({ "ARN": arn, "Name": name }))
        }
        _ => Err(ServiceError::new(
            "UnknownOperationException",
            format!("Local mode does not implement the operation {action} of Secrets Manager"),
        )),
    }
}
