//! What is there, and what templates say.

use serde_json::{Value as Json, json};

use super::{Answer, Request, page, said};
use crate::cloud::{Cloud, Resource, Stack, written};
use crate::error::Refusal;
use crate::for_each::has_loops;
use crate::template::{Wanted, words};

fn resource_json(stack: &Stack, resource: &Resource) -> Json {
    json!({
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": said(&resource.physical_id),
        "ResourceType": resource.type_name,
        "Timestamp": written(resource.time),
        "LastUpdatedTimestamp": written(resource.time),
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": { "StackResourceDriftStatus": resource.drift.as_deref().unwrap_or("NOT_CHECKED") },
    })
}

impl Cloud {
    pub(super) fn describe_stack_resource(&mut self, request: &Request<'_>) -> Answer {
        let (position, id) = self.stack_resource(request)?;
        let stack = &self.state.stacks[position];
        Ok(json!({ "StackResourceDetail": resource_json(stack, &stack.resources[&id]) }))
    }

    /// The stack and the resource in it that a request names.
    pub(super) fn stack_resource(&self, request: &Request<'_>) -> Result<(usize, String), Refusal> {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        let id = request.required("LogicalResourceId")?;
        if !stack.resources.contains_key(id) {
            let message = format!("Resource {id} does not exist for stack {}", stack.name);
            return Err(Refusal::validation(message));
        }
        Ok((position, id.to_owned()))
    }

    pub(super) fn describe_stack_resources(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        let wanted = request.text("LogicalResourceId");
        let resources: Vec<Json> = stack
            .resources
            .values()
            .filter(|one| wanted.is_none_or(|id| one.logical_id == id))
            .map(|one| resource_json(stack, one))
            .collect();
        Ok(json!({ "StackResources": resources }))
    }

    pub(super) fn list_stack_resources(&mut self, request: &Request<'_>) -> Answer {
        let position = self.stack(request.region, request.required("StackName")?)?;
        let stack = &self.state.stacks[position];
        let all = stack.resources.values().map(|one| resource_json(stack, one)).collect();
        let (summaries, next) = page(all, request.text("NextToken"), 100);
        Ok(json!({ "StackResourceSummaries": summaries, "NextToken": next }))
    }

    pub(super) fn get_template(&mut self, request: &Request<'_>) -> Answer {
        let in_change_set = request.text("ChangeSetName").and_then(|name| {
            let mut sets = self.state.stacks.iter().flat_map(|stack| &stack.change_sets);
            sets.find(|one| one.id == name || one.name == name).map(|one| &one.inputs)
        });
        let inputs = match in_change_set {
            Some(inputs) => inputs,
            None => {
                let position = self.stack(request.region, request.required("StackName")?)?;
                &self.state.stacks[position].inputs
            }
        };
        let is_original = request.text("TemplateStage") == Some("Original");
        let text = if is_original { inputs.given() } else { &inputs.template };
        Ok(json!({ "TemplateBody": text, "StagesAvailable": ["Original", "Processed"] }))
    }

    /// A template that somebody asks about, without values for its parameters.
    fn asked_template(&self, request: &Request<'_>) -> Result<Wanted, Refusal> {
        let text = match request.text("StackName") {
            Some(name) => self.state.stacks[self.stack(request.region, name)?].inputs.template.clone(),
            None => self.template_of(request, None)?,
        };
        let wanted = Wanted::read(&text)?;
        if has_loops(&wanted) {
            wanted.check_transform()?;
        } else {
            wanted.check(request.region)?;
        }
        Ok(wanted)
    }

    pub(super) fn get_template_summary(&mut self, request: &Request<'_>) -> Answer {
        let wanted = self.asked_template(request)?;
        let types: std::collections::BTreeSet<&str> =
            wanted.section("Resources").filter_map(|(_, resource)| resource["Type"].as_str()).collect();
        let identifiers: Vec<Json> = types
            .iter()
            .filter_map(|name| {
                let kind = stackwright_schemas::registry::resource_type(name)?;
                let ids: Vec<&str> = wanted
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
            "Parameters": declarations(&wanted),
            "Description": wanted.top("Description"),
            "Capabilities": wanted.capabilities().into_iter().collect::<Vec<_>>(),
            "CapabilitiesReason": wanted.capabilities().map(|_| "The following resource(s) require capabilities: [AWS::IAM::Role]"),
            "ResourceTypes": types,
            "Version": wanted.top("AWSTemplateFormatVersion"),
            "ResourceIdentifierSummaries": identifiers,
        }))
    }

    pub(super) fn validate_template(&mut self, request: &Request<'_>) -> Answer {
        let wanted = self.asked_template(request)?;
        Ok(json!({
            "Parameters": declarations(&wanted),
            "Description": wanted.top("Description"),
            "Capabilities": wanted.capabilities().into_iter().collect::<Vec<_>>(),
        }))
    }

    pub(super) fn list_exports(&mut self, request: &Request<'_>) -> Answer {
        let exports = self
            .exports(self.here(request.region))
            .into_iter()
            .map(|(name, (value, stack))| json!({ "ExportingStackId": stack, "Name": name, "Value": value }))
            .collect();
        let (exports, next) = page(exports, request.text("NextToken"), 100);
        Ok(json!({ "Exports": exports, "NextToken": next }))
    }

    pub(super) fn list_imports(&mut self, request: &Request<'_>) -> Answer {
        let export = request.required("ExportName")?;
        let users: Vec<&str> =
            self.importers(self.here(request.region), export).map(|user| user.name.as_str()).collect();
        if users.is_empty() {
            return Err(Refusal::validation(format!("Export '{export}' is not imported by any stack.")));
        }
        Ok(json!({ "Imports": users }))
    }
}

fn declarations(wanted: &Wanted) -> Vec<Json> {
    wanted
        .section("Parameters")
        .map(|(name, parameter)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": parameter.get("Default").map(words),
                "ParameterType": parameter["Type"],
                "NoEcho": wanted.is_secret(name),
                "Description": parameter["Description"],
            })
        })
        .collect()
}
