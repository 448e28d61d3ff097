//! Rules about access from outside, permissions and encryption.

mod bucket_without_encryption;
mod direct_internet_access;
mod malformed_policy;
mod open_ingress;
mod open_network_with_sensitive_data;
mod open_traffic_between_containers;
mod open_trust;
mod public_access_allowed;
mod public_bucket;
mod reader_without_key_permission;
mod secret_by_name;
mod secret_in_plain_text;
mod topic_with_aws_managed_key;
mod trust_without_condition;
mod unencrypted_volume;
mod unknown_action;
mod unknown_condition_key;
mod wildcard_action;
mod wildcard_resource;

use serde_json::Value as JsonValue;

use crate::check::cursor::Cursor;
use crate::check::rules::Rule;
use crate::check::serving::containers;
use crate::check::value::{entries, items, one_or_many, string};
use crate::check::view::{Resource, View};

pub(super) const RULES: &[&Rule] = &[
    &malformed_policy::RULE,
    &unknown_action::RULE,
    &unknown_condition_key::RULE,
    &wildcard_action::RULE,
    &wildcard_resource::RULE,
    &open_trust::RULE,
    &trust_without_condition::RULE,
    &public_bucket::RULE,
    &public_access_allowed::RULE,
    &bucket_without_encryption::RULE,
    &unencrypted_volume::RULE,
    &secret_in_plain_text::RULE,
    &secret_by_name::RULE,
    &open_traffic_between_containers::RULE,
    &open_network_with_sensitive_data::RULE,
    &direct_internet_access::RULE,
    &open_ingress::RULE,
    &reader_without_key_permission::RULE,
    &topic_with_aws_managed_key::RULE,
];

/// Returns every statement that allows something, of every policy of a principal.
pub(super) fn allowing<'v, 'a>(
    view: &'v View<'a>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    view.resources.iter().filter(|resource| resource.type_name.starts_with("AWS::IAM::")).flat_map(allowed_by)
}

/// Returns the statements of a resource of IAM that allow something.
fn allowed_by<'v, 'a>(
    resource: &'v Resource<'a>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    let inline = items(&resource.properties["Policies"]).map(|policy| &policy["PolicyDocument"]);
    let documents = inline.chain([&resource.properties["PolicyDocument"]]);
    let statements = documents.flat_map(|document| one_or_many(&document["Statement"]));
    statements
        .filter(|statement| string(&statement["Effect"]) == Some("Allow"))
        .map(move |statement| (resource, statement))
}

/// Returns every environment variable and hyperparameter, with its name.
fn settings<'v, 'a>(view: &'v View<'a>) -> Vec<(&'v Resource<'a>, &'v str, &'v Cursor<'a>)> {
    let mut found = Vec::new();
    for resource in &view.resources {
        let known = match resource.type_name {
            "AWS::SageMaker::Model" => {
                containers(resource).map(|container| &container["Environment"]).collect()
            }
            "AWS::SageMaker::InferenceComponent" => {
                vec![&resource.properties["Specification"]["Container"]["Environment"]]
            }
            "AWS::SageMaker::ProcessingJob" => vec![&resource.properties["Environment"]],
            "AWS::Lambda::Function" => vec![&resource.properties["Environment"]["Variables"]],
            _ => Vec::new(),
        };
        let requests = resource.documents.iter().flat_map(|document| &document.requests);
        let of_requests = requests.flat_map(|request| {
            ["Environment", "HyperParameters", "OptimizationEnvironment"]
                .into_iter()
                .map(|name| &request.arguments[name])
        });
        for map in known.into_iter().chain(of_requests) {
            found.extend(entries(map).map(|(name, value)| (resource, name, value)));
        }
    }
    found
}

/// Returns every statement that allows something to a role: of its own policies, and of those that are attached to it.
pub(super) fn allowing_to<'v, 'a>(
    view: &'v View<'a>,
    role: &Resource<'_>,
) -> impl Iterator<Item = (&'v Resource<'a>, &'v Cursor<'a>)> {
    let holders = view.relations().policies.get(role.id).into_iter().flatten();
    holders.filter_map(|id| view.resource(id)).flat_map(allowed_by)
}

/// Returns whether a statement's actions cover one.
pub(super) fn allows(statement: &JsonValue, action: &str) -> bool {
    one_or_many(&statement["Action"]).any(|pattern| match string(pattern) {
        // An unknown value may be the action.
        None => true,
        Some(pattern) => {
            let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
            match pattern.split_once('*') {
                None => pattern == action,
                Some((start, end)) => action.starts_with(start) && action.ends_with(end.trim_matches('*')),
            }
        }
    })
}
