//! The types of the registry, and the limits of the account.

use serde_json::{Value as Json, json};
use stackwright_schemas::registry;

use super::{Answer, Request, template_of};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::template::StackTemplate;

/// The number of types in a page.
const PAGE: usize = 100;

/// Returns the quotas of an account (CloudFormation User Guide, "CloudFormation quotas", read 2026-11-26).
pub(super) fn describe_account_limits() -> Json {
    json!({ "AccountLimits": [
        { "Name": "StackLimit", "Value": 2000 },
        { "Name": "StackOutputsLimit", "Value": 200 },
        { "Name": "ConcurrentResourcesLimit", "Value": 2500 },
    ] })
}

/// `EstimateTemplateCost`: returns the URL of a page, as CloudFormation does.
pub(super) fn estimate_template_cost(engine: &Engine, request: &Request<'_>) -> Answer {
    StackTemplate::read(&template_of(engine, request, None)?)?;
    Ok(json!({ "Url": "https://calculator.aws/#/estimate" }))
}

fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:cloudformation:{region}::type/resource/{}", name.replace("::", "-"))
}

/// `ListTypes`: AWS's own resource types.
pub(super) fn list_types(request: &Request<'_>) -> Answer {
    let filters = request.form.get("Filters").cloned().unwrap_or_default();
    let prefix = filters["TypeNamePrefix"].as_str().unwrap_or_default();
    let is_public = request.text("Visibility") != Some("PRIVATE") || filters["Category"] == "AWS_TYPES";
    let is_resource = request.text("Type").is_none_or(|kind| kind == "RESOURCE");
    let types = registry::type_names()
        .filter(|name| is_public && is_resource && name.starts_with(prefix))
        .map(|name| {
            json!({
                "Type": "RESOURCE",
                "TypeName": name,
                "TypeArn": arn(request.region, name),
                "IsActivated": true,
            })
        })
        .collect();
    let (types, next) = request.page(types, PAGE)?;
    Ok(json!({ "TypeSummaries": types, "NextToken": next }))
}

/// `DescribeType`: a resource type of AWS with its schema.
pub(super) fn describe_type(_engine: &Engine, request: &Request<'_>) -> Answer {
    let by_arn = || {
        let name = request.text("Arn")?.rsplit("type/resource/").next()?;
        Some(name.replace('-', "::"))
    };
    let name = request.text("TypeName").map(str::to_owned).or_else(by_arn);
    let name =
        name.ok_or_else(|| ServiceError::validation("Either Arn, or Type and TypeName must be specified"))?;
    let kind = registry::resource_type(&name).ok_or_else(|| {
        ServiceError::new("TypeNotFoundException", format!("The type '{name}' cannot be found.")).status(404)
    })?;
    let document = kind.document();
    let handlers = document["handlers"].as_object();
    let provisioning = match handlers.is_some_and(|all| all.contains_key("update")) {
        true => "FULLY_MUTABLE",
        false if handlers.is_some_and(|all| !all.is_empty()) => "IMMUTABLE",
        false => "NON_PROVISIONABLE",
    };
    Ok(json!({
        "Arn": arn(request.region, &name),
        "Type": "RESOURCE",
        "TypeName": name,
        "Visibility": "PUBLIC",
        "ProvisioningType": provisioning,
        "DeprecatedStatus": "LIVE",
        "IsActivated": true,
        "Schema": document.to_string(),
    }))
}
