//! The read operations of the Cloud Control API, for resources of every type.

use serde_json::{Map, Value as Json, json};
use stackwright_schemas::registry;

use crate::api::cloudformation::Answer;
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::Resource;

/// Returns every resource of a type in a region, whether it belongs to a stack or not.
pub(crate) fn present<'c>(
    engine: &'c Engine,
    region: &'c str,
    type_name: &'c str,
) -> impl Iterator<Item = &'c Resource> {
    engine
        .state
        .stacks_in(engine.environment(region))
        .flat_map(|stack| stack.resources.values())
        .chain(&engine.state.rest.unowned)
        .filter(move |one| one.type_name == type_name && !one.physical_id.is_empty())
}

pub(crate) fn cloud_control(engine: &Engine, action: &str, region: &str, request: &Json) -> Answer {
    let type_name = request["TypeName"].as_str().unwrap_or_default();
    if registry::resource_type(type_name).is_none() {
        return Err(ServiceError::new(
            "TypeNotFoundException",
            format!("The type '{type_name}' cannot be found."),
        ));
    }
    match action {
        "GetResource" => {
            let id = request["Identifier"].as_str().unwrap_or_default();
            let found =
                present(engine, region, type_name).find(|one| one.physical_id == id).ok_or_else(|| {
                    ServiceError::new(
                        "ResourceNotFoundException",
                        format!("Resource of type '{type_name}' with identifier '{id}' was not found."),
                    )
                })?;
            Ok(json!({ "TypeName": type_name, "ResourceDescription": description(found) }))
        }
        "ListResources" => {
            let all: Vec<Json> = present(engine, region, type_name).map(description).collect();
            Ok(json!({ "TypeName": type_name, "ResourceDescriptions": all }))
        }
        _ => Err(ServiceError::new(
            "UnsupportedActionException",
            format!("Local mode does not implement the operation {action}: resources are created by stacks"),
        )),
    }
}

/// Returns the properties as the service returns them: with read-only ones, without write-only ones.
pub(crate) fn description(resource: &Resource) -> Json {
    let kind = registry::resource_type(&resource.type_name);
    let mut properties = Map::new();
    let by_service = resource.attributes.iter().filter(|(name, _)| {
        kind.is_some_and(|kind| {
            kind.is_read_only(name) || kind.primary_identifier().any(|part| part == *name)
        })
    });
    for (name, value) in by_service.chain(&resource.live) {
        if kind.is_none_or(|kind| !kind.is_write_only(name)) {
            properties.insert(name.clone(), value.clone());
        }
    }
    json!({ "Identifier": resource.physical_id, "Properties": Json::Object(properties).to_string() })
}
