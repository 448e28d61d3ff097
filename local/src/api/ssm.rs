//! SSM parameters: those that stacks have created, and those that a caller has created with `PutParameter`.

use serde_json::{Value as Json, json};

use crate::api::cloudformation::Answer;
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{Parameter, now};
use crate::template::assumed_parameter;

/// Performs an operation of SSM.
pub(crate) fn ssm(engine: &mut Engine, action: &str, region: &str, request: &Json) -> Answer {
    match action {
        "GetParameter" => {
            let name = request["Name"].as_str().unwrap_or_default();
            let found =
                described(engine, region, name).ok_or_else(|| ServiceError::new("ParameterNotFound", ""))?;
            Ok(json!({ "Parameter": found }))
        }
        "GetParameters" => {
            let names = request["Names"].as_array().cloned().unwrap_or_default();
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            for name in names.iter().filter_map(Json::as_str) {
                match described(engine, region, name) {
                    Some(one) => found.push(one),
                    None => missing.push(name.to_owned()),
                }
            }
            Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
        }
        "PutParameter" => put(engine, region, request),
        "DeleteParameter" => delete(engine, region, request),
        _ => Err(ServiceError::new(
            "UnknownOperationException",
            format!("Local mode does not implement the operation {action} of SSM"),
        )),
    }
}

fn described(engine: &Engine, region: &str, name: &str) -> Option<Json> {
    let present = engine.state.parameter(engine.environment(region), name);
    let found = match present {
        Some(found) => found,
        None => {
            let assumed = assumed_parameter(name)?;
            engine.assume(format!("the SSM parameter {name} of CDK's bootstrap stack"));
            assumed
        }
    };
    Some(json!({
        "Name": name,
        "Type": found.kind,
        "Value": found.value,
        "Version": found.version,
        "LastModifiedDate": found.time / 1000,
        "ARN": format!(
            "arn:aws:ssm:{region}:{}:parameter/{}",
            engine.settings.account,
            name.trim_start_matches('/')
        ),
        "DataType": "text",
    }))
}

fn put(engine: &mut Engine, region: &str, request: &Json) -> Answer {
    let (name, value) = (request["Name"].as_str(), request["Value"].as_str());
    let (Some(name), Some(value)) = (name, value) else {
        return Err(ServiceError::new("ValidationException", "Name and Value are required"));
    };
    let kind = request["Type"].as_str().unwrap_or("String");
    if !matches!(kind, "String" | "StringList" | "SecureString") {
        let message = format!("The following parameter type is not supported: {kind}");
        return Err(ServiceError::new("UnsupportedParameterType", message));
    }
    let known = engine.state.parameter(engine.environment(region), name);
    if known.is_some() && request["Overwrite"] != true {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(ServiceError::new("ParameterAlreadyExists", message));
    }
    let version = known.map_or(1, |known| known.version + 1);
    let parameter = Parameter { kind: kind.to_owned(), value: value.to_owned(), version, time: now() };
    engine.state.rest.parameters.entry(region.to_owned()).or_default().insert(name.to_owned(), parameter);
    Ok(json!({ "Version": version, "Tier": "Standard" }))
}

fn delete(engine: &mut Engine, region: &str, request: &Json) -> Answer {
    let name = request["Name"].as_str().unwrap_or_default();
    let parameters = engine.state.rest.parameters.entry(region.to_owned()).or_default();
    match parameters.remove(name) {
        Some(_) => Ok(json!({})),
        None => Err(ServiceError::new("ParameterNotFound", "")),
    }
}
