//! Imports existing resources into the stack.

use crate::engine::Engine;
use crate::faults::FaultAction;
use crate::state::{Failure, Millis, ResourceStatus, Task};

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
        self.event(position, time, Some(&resource), ResourceStatus::ImportInProgress, started);
        let Some(found) = self.take_unowned(position, &resource) else {
            let failure = Failure::Handler(format!("Resource {physical} does not exist"));
            return self.cannot_start(position, number, &task.id, time, failure);
        };
        resource.attributes = found.attributes;
        resource.live = found.live;
        resource.status = ResourceStatus::ImportInProgress;
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, FaultAction::Create, time);
    }
}
