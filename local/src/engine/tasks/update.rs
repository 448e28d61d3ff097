//! Updates resources in place, or determines that they have to be replaced.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use stackwright_schemas::registry::{self, ResourceType};

use super::WantedProperties;
use crate::engine::Engine;
use crate::engine::plan::{Recreation, recreation, same};
use crate::engine::refused_updates::refused_update;
use crate::faults::FaultAction;
use crate::state::{
    Failure, Millis, OnFailure, OperationKind, Progress, Resource, ResourceStatus, Task, TaskAction,
};
use crate::template::NESTED;

impl Engine {
    pub(super) fn start_update(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
        let (wanted, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(failure) => return self.cannot_start(position, number, &task.id, time, failure),
        };
        let Some(present) = self.state.stacks[position].resources.get(&task.id).cloned() else {
            return self.set_progress(position, number, Progress::Done);
        };
        let operation = self.state.stacks[position].operation.as_ref();
        let reverts = operation.is_some_and(|one| one.target.reverts_drift);
        let has_new_tags = operation.is_some_and(|one| one.before.tags != one.target.inputs.tags);
        let before = if reverts { &present.live } else { &present.properties };
        let after = if reverts { &wanted.live } else { &wanted.properties };
        let changed = changed_properties(before, after);
        let kind = registry::resource_type(&present.type_name);
        let is_taggable = kind.and_then(ResourceType::tag_property).is_some();
        let depends_on = self.needs(position, &written);
        if changed.is_empty() && present.type_name != NESTED && !(has_new_tags && is_taggable) {
            if let Some(resource) = self.state.stacks[position].resources.get_mut(&task.id) {
                resource.written = written;
                resource.depends_on = depends_on;
            }
            return self.set_progress(position, number, Progress::Done);
        }
        let refused =
            refused_update(&self.state, self.state.stacks[position].environment(), &present, &wanted.live);
        let is_replaced = refused.is_none()
            && changed.iter().any(|name| {
                let side = |side: &Map<String, Json>| side.get(name).cloned().unwrap_or_default();
                recreation(kind, name, &side(before), &side(after)) == Recreation::Always
            });
        if is_replaced && self.keeps_failures(position) {
            return self.refuse_replacement(position, number, present, time);
        }
        if is_replaced {
            if let Some(operation) = &mut self.state.stacks[position].operation
                && let Some(task) = operation.tasks.get_mut(number)
            {
                task.action = TaskAction::Replace;
            }
            return self.start(position, number, time);
        }
        let resource = self.updated(position, &present, wanted, written, depends_on);
        self.event(position, time, Some(&resource), ResourceStatus::UpdateInProgress, None);
        if present.type_name == NESTED {
            return self.start_nested(position, number, resource, Some(present.physical_id), time);
        }
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        match refused {
            Some(failure) => {
                self.set_progress(position, number, Progress::Running { until: time, fails: Some(failure) });
            }
            None => self.run(position, number, &resource, FaultAction::Update, time),
        }
    }

    /// Returns whether an update is not rolled back if it fails.
    fn keeps_failures(&self, position: usize) -> bool {
        self.state.stacks[position].operation.as_ref().is_some_and(|operation| {
            operation.kind == OperationKind::Update && operation.on_failure == OnFailure::DoNothing
        })
    }

    /// CloudFormation replaces no resource in an update that is not rolled back.
    fn refuse_replacement(&mut self, position: usize, number: usize, present: Resource, time: Millis) {
        let message = "Replacement type updates not supported on stack with disable-rollback.".to_owned();
        self.event(position, time, Some(&present), ResourceStatus::UpdateInProgress, None);
        let fails = Some(Failure::Plain(message));
        self.set_progress(position, number, Progress::Running { until: time, fails });
    }

    /// Returns a resource with other properties. Generated attributes do not change; attributes that depend on the properties are
    /// computed again.
    fn updated(
        &self,
        position: usize,
        present: &Resource,
        wanted: WantedProperties,
        written: Json,
        depends_on: Vec<String>,
    ) -> Resource {
        let mut resource = Resource {
            status: ResourceStatus::UpdateInProgress,
            written,
            depends_on,
            properties: wanted.properties,
            live: wanted.live,
            ..present.clone()
        };
        for (name, value) in self.create_in(position, &resource, false).attributes {
            if resource.live.contains_key(&name) || !resource.attributes.contains_key(&name) {
                resource.attributes.insert(name, value);
            }
        }
        resource
    }
}

fn changed_properties(before: &Map<String, Json>, after: &Map<String, Json>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |name: &&String| {
        let side = |side: &Map<String, Json>| side.get(*name).cloned().unwrap_or_default();
        !same(&side(before), &side(after))
    };
    names.into_iter().filter(differs).cloned().collect()
}
