//! Resources, templates, exports and imports.

use serde_json::{Value as Json, json};

use crate::api::cloudformation::change_sets::change_set;
use crate::api::cloudformation::{Answer, Request, non_empty, template_of};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::state::{DriftStatus, Resource, Stack, iso_time};
use crate::template::{StackTemplate, scalar_text};

/// Returns a resource as `ListStackResources` returns it.
fn summary_json(resource: &Resource) -> Json {
    json!({
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": non_empty(&resource.physical_id),
        "ResourceType": resource.type_name,
        "LastUpdatedTimestamp": iso_time(resource.time),
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": { "StackResourceDriftStatus": resource.drift.as_ref().unwrap_or(&DriftStatus::NotChecked) },
    })
}

/// Returns a resource as `DescribeStackResource` returns it: with its stack, and with its metadata as JSON.
fn detail_json(stack: &Stack, resource: &Resource) -> Json {
    let mut shown = summary_json(resource);
    shown["StackName"] = stack.name.as_str().into();
    shown["StackId"] = stack.id.as_str().into();
    shown["Metadata"] = resource.written.get("Metadata").map_or(Json::Null, |one| one.to_string().into());
    shown
}

/// Returns a resource as `DescribeStackResources` returns it: with its stack, and with another name for the time.
fn resource_json(stack: &Stack, resource: &Resource) -> Json {
    let mut shown = summary_json(resource);
    shown["StackName"] = stack.name.as_str().into();
    shown["StackId"] = stack.id.as_str().into();
    shown["Timestamp"] = shown["LastUpdatedTimestamp"].take();
    shown
}

pub(crate) fn describe_stack_resource(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (position, id) = stack_resource(engine, request)?;
    let stack = &engine.state.stacks[position];
    Ok(json!({ "StackResourceDetail": detail_json(stack, &stack.resources[&id]) }))
}

/// `DescribeStackResources` has no pages: it returns this number of resources, and does not report that there are others.
const MAX_DESCRIBED_RESOURCES: usize = 100;

/// Returns the stack and the resource in it that a request names.
pub(crate) fn stack_resource(
    engine: &Engine,
    request: &Request<'_>,
) -> Result<(usize, String), ServiceError> {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    let id = request.required("LogicalResourceId")?;
    if !stack.resources.contains_key(id) {
        let message = format!("Resource {id} does not exist for stack {}", stack.name);
        return Err(ServiceError::validation(message));
    }
    Ok((position, id.to_owned()))
}

pub(crate) fn describe_stack_resources(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = match (request.text("StackName"), request.text("PhysicalResourceId")) {
        (Some(_), Some(_)) => {
            return Err(ServiceError::validation(
                "Both StackName and PhysicalResourceId cannot be specified in the same request",
            ));
        }
        (None, Some(id)) => {
            let owns = |stack: &Stack| stack.resources.values().any(|one| one.physical_id == id);
            let found = engine.state.stacks_in(engine.environment(request.region)).find(|stack| owns(stack));
            let stack =
                found.ok_or_else(|| ServiceError::validation(format!("Stack for {id} does not exist")))?;
            engine.stack(request.region, &stack.id)?
        }
        _ => engine.stack(request.region, request.required("StackName")?)?,
    };
    let stack = &engine.state.stacks[position];
    let logical = request.text("LogicalResourceId");
    let resources: Vec<Json> = stack
        .resources
        .values()
        // By a physical ID, CloudFormation returns all resources of the stack that the resource belongs to.
        .filter(|one| logical.is_none_or(|id| one.logical_id == id))
        .map(|one| resource_json(stack, one))
        .take(MAX_DESCRIBED_RESOURCES)
        .collect();
    Ok(json!({ "StackResources": resources }))
}

pub(crate) fn list_stack_resources(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    let all = stack.resources.values().map(summary_json).collect();
    let (summaries, next) = request.page(all, 100)?;
    Ok(json!({ "StackResourceSummaries": summaries, "NextToken": next }))
}

pub(crate) fn get_template(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let inputs = if request.text("ChangeSetName").is_some() {
        let (position, number) = change_set(engine, request)?;
        &engine.state.stacks[position].change_sets[number].inputs
    } else {
        let position = engine.stack(request.region, request.required("StackName")?)?;
        &engine.state.stacks[position].inputs
    };
    let is_original = request.text("TemplateStage") == Some("Original");
    let text = if is_original { inputs.given() } else { &inputs.template };
    Ok(json!({ "TemplateBody": text, "StagesAvailable": ["Original", "Processed"] }))
}

/// Returns the template that a request names, without values for its parameters.
fn asked_template(engine: &Engine, request: &Request<'_>) -> Result<StackTemplate, ServiceError> {
    let text = match request.text("StackName") {
        Some(name) => engine.state.stacks[engine.stack(request.region, name)?].inputs.template.clone(),
        None => template_of(engine, request, None)?,
    };
    let template = StackTemplate::read(&text)?;
    template.check_transforms()?;
    if !template.has_extensions() {
        template.check()?;
    }
    Ok(template)
}

pub(crate) fn get_template_summary(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let template = asked_template(engine, request)?;
    let types: std::collections::BTreeSet<&str> =
        template.section("Resources").filter_map(|(_, resource)| resource["Type"].as_str()).collect();
    let identifiers: Vec<Json> = types
        .iter()
        .filter_map(|name| {
            let kind = stackwright_schemas::registry::resource_type(name)?;
            let ids: Vec<&str> = template
                .section("Resources")
                .filter(|(_, resource)| resource["Type"] == *name)
                .map(|(id, _)| id)
                .collect();
            Some(json!({
                "ResourceType": name,
                "LogicalResourceIds": ids,
                "ResourceIdentifiers": kind.primary_identifier().collect::<Vec<_>>(),
            }))
        })
        .collect();
    Ok(json!({
        "Parameters": declarations(&template),
        "Description": template.top("Description"),
        "Capabilities": template.capabilities().into_iter().collect::<Vec<_>>(),
        "CapabilitiesReason": template.capabilities().map(|_| "The following resource(s) require capabilities: [AWS::IAM::Role]"),
        "ResourceTypes": types,
        "Version": template.top("AWSTemplateFormatVersion"),
        "ResourceIdentifierSummaries": identifiers,
    }))
}

pub(crate) fn validate_template(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let template = asked_template(engine, request)?;
    Ok(json!({
        "Parameters": declarations(&template),
        "Description": template.top("Description"),
        "Capabilities": template.capabilities().into_iter().collect::<Vec<_>>(),
    }))
}

pub(crate) fn list_exports(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let exports = engine
        .state
        .exports(engine.environment(request.region))
        .into_iter()
        .map(|(name, (value, stack))| json!({ "ExportingStackId": stack, "Name": name, "Value": value }))
        .collect();
    let (exports, next) = request.page(exports, 100)?;
    Ok(json!({ "Exports": exports, "NextToken": next }))
}

pub(crate) fn list_imports(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let export = request.required("ExportName")?;
    let users: Vec<Json> = engine
        .state
        .importers(engine.environment(request.region), export)
        .map(|user| Json::from(user.name.as_str()))
        .collect();
    if users.is_empty() {
        return Err(ServiceError::validation(format!("Export '{export}' is not imported by any stack.")));
    }
    let (users, next) = request.page(users, 100)?;
    Ok(json!({ "Imports": users, "NextToken": next }))
}

fn declarations(template: &StackTemplate) -> Vec<Json> {
    template
        .section("Parameters")
        .map(|(name, parameter)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": parameter.get("Default").map(scalar_text),
                "ParameterType": parameter["Type"],
                "NoEcho": template.is_secret(name),
                "Description": parameter["Description"],
            })
        })
        .collect()
}
