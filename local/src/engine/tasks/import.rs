//! Resources that exist already become the stack's.

use serde_json::Map;

use crate::engine::Engine;
use crate::faults::On;
use crate::state::{BUCKET, Failure, Millis, Resource, Task};

impl Engine {
    pub(super) fn start_import(
        &mut self,
        position: usize,
        number: usize,
        task: &Task,
        physical: &str,
        time: Millis,
    ) {
        let (wanted, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(failure) => return self.cannot_start(position, number, &task.id, time, failure),
        };
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let mut resource = Self::blank(&task.id, &type_name, time, written);
        resource.depends_on = self.needs(position, &resource.written);
        resource.physical_id = physical.to_owned();
        resource.properties = wanted.properties;
        resource.live = wanted.live;
        let started = Some("Resource import started.".to_owned());
        self.event(position, time, Some(&resource), "IMPORT_IN_PROGRESS", started);
        let Some(found) = self.take_unowned(position, &resource) else {
            let failure = Failure::Handler(format!("Resource {physical} does not exist"));
            return self.cannot_start(position, number, &task.id, time, failure);
        };
        resource.attributes = found.attributes;
        resource.live = found.live;
        resource.status = "IMPORT_IN_PROGRESS".into();
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, On::Create, time);
    }

    /// Takes a resource from those that no stack owns. A bucket that was created with S3 has no record yet.
    fn take_unowned(&mut self, position: usize, resource: &Resource) -> Option<Resource> {
        let is_it =
            |one: &Resource| one.type_name == resource.type_name && one.physical_id == resource.physical_id;
        if let Some(found) = self.state.rest.unowned.iter().position(is_it) {
            return Some(self.state.rest.unowned.remove(found));
        }
        if resource.type_name != BUCKET || !self.exists_outside_of_stacks(BUCKET, &resource.physical_id) {
            return None;
        }
        let mut live = Map::new();
        live.insert("BucketName".to_owned(), resource.physical_id.as_str().into());
        let attributes =
            self.create_in(position, &Resource { live: live.clone(), ..resource.clone() }, false);
        Some(Resource { live, attributes: attributes.attributes, ..resource.clone() })
    }
}
