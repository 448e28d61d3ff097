//! Custom resources. Local mode does not run their handlers. Their attributes are set by the caller, known for the handlers of
//! the CDK, or placeholders.

use serde_json::{Map, Value as Json};

use super::{CreatedResource, ResourceContext};
use crate::template::scalar_text;

/// Creates a custom resource. Attributes that are not here are placeholders, which [`placeholder`] creates.
pub(super) fn create(context: &ResourceContext<'_>, properties: &Map<String, Json>) -> CreatedResource {
    let given = context.custom;
    let physical_id = given.and_then(|given| given.physical_id.clone());
    let mut attributes = known_attributes(context, properties);
    if let Some(given) = given {
        attributes.extend(given.attributes.clone());
    }
    let generated = || {
        format!("{}-{}-{}", context.stack_name, context.logical_id, context.unique("id", 12).to_uppercase())
    };
    CreatedResource { physical_id: physical_id.unwrap_or_else(generated), attributes }
}

/// Returns the placeholder for an attribute that only the handler returns.
pub(crate) fn placeholder(logical_id: &str, attribute: &str) -> Json {
    format!("local-placeholder-{logical_id}-{attribute}").into()
}

/// Returns the attributes that CDK's own handlers return.
fn known_attributes(context: &ResourceContext<'_>, properties: &Map<String, Json>) -> Map<String, Json> {
    let mut attributes = Map::new();
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value);
        }
    };
    let property = |name: &str| properties.get(name).cloned();
    match context.type_name {
        "Custom::LogRetention" => set("LogGroupName", property("LogGroupName")),
        "Custom::CDKBucketDeployment" => {
            let bucket = properties.get("DestinationBucketName").map(scalar_text);
            set("DestinationBucketArn", bucket.map(|name| format!("arn:aws:s3:::{name}").into()));
            set("SourceObjectKeys", property("SourceObjectKeys"));
        }
        "Custom::CrossRegionExportReader" => {
            let imports = properties.get("ReaderProps").and_then(|props| props.get("imports"));
            for (name, value) in imports.and_then(Json::as_object).into_iter().flatten() {
                set(name, Some(value.clone()));
            }
        }
        _ => {}
    }
    attributes
}
