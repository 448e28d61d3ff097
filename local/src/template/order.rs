//! The order of the resources of a template.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::StackTemplate;
use super::references::{depends_on, references};
use crate::api::error::ServiceError;

impl StackTemplate {
    /// Returns the logical IDs of the resources, each after those that it refers to.
    pub fn order(&self) -> Result<Vec<String>, ServiceError> {
        let mut waiting: IndexMap<&str, BTreeSet<String>> =
            self.section("Resources").map(|(id, resource)| (id, self.needs(resource))).collect();
        let mut ordered = Vec::new();
        while !waiting.is_empty() {
            let ready: Vec<&str> = waiting
                .iter()
                .filter(|(_, needs)| needs.iter().all(|need| !waiting.contains_key(need.as_str())))
                .map(|(id, _)| *id)
                .collect();
            if ready.is_empty() {
                let ids: Vec<_> = waiting.keys().copied().collect();
                return Err(ServiceError::validation(format!(
                    "Circular dependency between resources: [{}]",
                    ids.join(", ")
                )));
            }
            for id in ready {
                waiting.shift_remove(id);
                ordered.push(id.to_owned());
            }
        }
        Ok(ordered)
    }

    /// Returns the resources that have to be created before a resource.
    pub fn needs(&self, resource: &Json) -> BTreeSet<String> {
        references(resource)
            .into_iter()
            .map(|found| found.name)
            .chain(depends_on(resource).into_iter().map(str::to_owned))
            .filter(|name| self.resource(name).is_some())
            .collect()
    }
}
