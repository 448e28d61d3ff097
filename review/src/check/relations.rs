//! Relations among the resources of a view, which rules query for each resource. They are found once for a view, because a search for
//! each resource takes quadratic time in large templates.

use std::collections::HashMap;

use stackwright_schemas::instances::Instance;

use super::cursor::Cursor;
use super::serving::{ENDPOINT, INFERENCE_COMPONENT, MODEL, config_of, hosts_of_components, variants};
use super::value::items;
use super::view::View;

/// Resources by their logical IDs, each with the logical IDs of the resources that are related to it.
#[derive(Default)]
pub(crate) struct Relations<'a> {
    /// The endpoints of each endpoint configuration.
    pub endpoints: HashMap<&'a str, Vec<&'a str>>,
    /// The inference components of each endpoint.
    pub components: HashMap<&'a str, Vec<&'a str>>,
    /// The role itself and the policies that are attached to it, of each role, in the order of the template.
    pub policies: HashMap<&'a str, Vec<&'a str>>,
}

/// The instance types that serve a model, each with the number of accelerators that an inference component reserves.
pub(crate) type Hosts = Vec<(&'static Instance, Option<u64>)>;

/// The hosts of each model, by its logical ID.
#[derive(Default)]
pub(crate) struct HostsByModel<'a> {
    /// The instance types of the variants that name the model.
    pub of_variants: HashMap<&'a str, Hosts>,
    /// The instance types of the inference components that name the model.
    pub of_components: HashMap<&'a str, Hosts>,
}

impl<'a> Relations<'a> {
    pub fn of(view: &View<'a>) -> Self {
        let mut relations = Self::default();
        for endpoint in view.of_type(ENDPOINT) {
            if let Some(config) = config_of(view, endpoint) {
                relations.endpoints.entry(config.id).or_default().push(endpoint.id);
            }
        }
        for component in view.of_type(INFERENCE_COMPONENT) {
            let name = &component.properties["EndpointName"];
            if let Some(endpoint) = view.named_or_referred(ENDPOINT, "EndpointName", name) {
                relations.components.entry(endpoint.id).or_default().push(component.id);
            }
        }
        for holder in view.resources.iter().filter(|one| one.type_name.starts_with("AWS::IAM::")) {
            let names = items(&holder.properties["Roles"]).chain([&holder.properties["RoleName"]]);
            let targets = names.filter_map(|name| view.target(name)).map(|role| role.id);
            for role in targets.chain([holder.id]) {
                let holders = relations.policies.entry(role).or_default();
                if holders.last() != Some(&holder.id) {
                    holders.push(holder.id);
                }
            }
        }
        relations
    }
}

impl<'a> HostsByModel<'a> {
    pub fn of(view: &View<'a>) -> Self {
        let mut hosts = Self::default();
        for variant in variants(view) {
            if let (Some(model), Some(instance)) = (variant.model(), variant.instance()) {
                hosts.of_variants.entry(model.id).or_default().push((instance, None));
            }
        }
        hosts_of_components(view, |name: &Cursor<'_>, found| {
            if let Some(model) = view.named_or_referred(MODEL, "ModelName", name) {
                hosts.of_components.entry(model.id).or_default().extend(found);
            }
        });
        hosts
    }
}
