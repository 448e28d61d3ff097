//! Operations that failed and are not rolled back: the state after them, and how the next operation continues
//! (CloudFormation User Guide, "Choose how to handle failures when provisioning resources").

use crate::engine::Engine;
use crate::state::{ExecutionStatus, Millis, Resource, ResourceStatus, Stack, StackStatus};
use crate::template::NESTED;

/// Returns whether a resource has no stable state: its creation failed. The next operation deletes it and creates it again.
pub(super) fn has_no_stable_state(resource: &Resource) -> bool {
    resource.status == ResourceStatus::CreateFailed && resource.type_name != NESTED
}

impl Engine {
    /// Stops without a rollback: resources whose update failed return to their last stable state, and what a later rollback needs
    /// is kept.
    pub(super) fn stop(&mut self, position: usize, time: Millis, status: StackStatus, reason: &str) {
        self.set_status(position, time, status, Some(reason.to_owned()));
        let stack = &mut self.state.stacks[position];
        for change_set in &mut stack.change_sets {
            if change_set.execution == ExecutionStatus::ExecuteInProgress {
                change_set.execution = ExecutionStatus::ExecuteFailed;
            }
        }
        return_to_stable_state(stack);
    }

    /// Deletes the resources whose creation failed in the previous operation.
    pub(super) fn delete_unstable(&mut self, position: usize, time: Millis) {
        let stack = &mut self.state.stacks[position];
        let unstable: Vec<Resource> =
            stack.resources.values().filter(|one| has_no_stable_state(one)).cloned().collect();
        for resource in unstable {
            self.state.stacks[position].resources.shift_remove(&resource.logical_id);
            if !resource.physical_id.is_empty() {
                for status in [ResourceStatus::DeleteInProgress, ResourceStatus::DeleteComplete] {
                    self.event(position, time, Some(&resource), status, None);
                }
                self.delete_bucket(&resource);
            }
        }
    }
}

fn return_to_stable_state(stack: &mut Stack) {
    let Some(operation) = &stack.operation else { return };
    for (id, resource) in &mut stack.resources {
        let is_failed = resource.status == ResourceStatus::UpdateFailed && resource.type_name != NESTED;
        if let Some(before) = operation.resources_before.get(id).filter(|_| is_failed) {
            *resource = Resource {
                status: resource.status.clone(),
                reason: resource.reason.clone(),
                time: resource.time,
                ..before.clone()
            };
        }
    }
}
