//! Rolls resources back to their state before the operation.

use crate::engine::Engine;
use crate::faults::FaultAction;
use crate::state::{Millis, Progress, Resource, ResourceStatus, Task};
use crate::template::NESTED;

impl Engine {
    pub(super) fn start_restore(
        &mut self,
        position: usize,
        number: usize,
        task: &Task,
        before: Option<&Resource>,
        time: Millis,
    ) {
        let skipped =
            self.state.stacks[position].operation.as_ref().is_some_and(|one| one.skip.contains(&task.id));
        let present = self.state.stacks[position].resources.get(&task.id).cloned();
        match (before, present) {
            (Some(before), Some(present)) => {
                if skipped {
                    let stack = &mut self.state.stacks[position];
                    if let Some(resource) = stack.resources.get_mut(&task.id) {
                        resource.status = ResourceStatus::UpdateComplete;
                    }
                    return self.set_progress(position, number, Progress::Done);
                }
                self.event(position, time, Some(before), ResourceStatus::UpdateInProgress, None);
                if before.type_name == NESTED && before.physical_id == present.physical_id {
                    return self.start_nested(
                        position,
                        number,
                        before.clone(),
                        Some(present.physical_id),
                        time,
                    );
                }
                self.run(position, number, before, FaultAction::Rollback, time);
            }
            (None, Some(present)) => {
                let stack = &mut self.state.stacks[position];
                let is_imported = matches!(&stack.operation, Some(operation) if operation.target.imports.contains_key(&task.id));
                if is_imported && !present.physical_id.is_empty() {
                    self.event(
                        position,
                        time,
                        Some(&present),
                        ResourceStatus::ImportRollbackInProgress,
                        None,
                    );
                    return self.run(position, number, &present, FaultAction::Rollback, time);
                }
                stack.resources.shift_remove(&task.id);
                // The operation has created the resource, so the cleanup deletes it.
                if let Some(operation) = &mut stack.operation
                    && !present.physical_id.is_empty()
                {
                    operation.leftovers.push(present);
                }
                self.set_progress(position, number, Progress::Done);
            }
            _ => self.set_progress(position, number, Progress::Done),
        }
    }
}
