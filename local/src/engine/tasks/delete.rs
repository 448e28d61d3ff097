//! Deletes or retains resources.

use crate::engine::Engine;
use crate::faults::FaultAction;
use crate::state::{
    BUCKET, Failure, Millis, OnFailure, Operation, OperationKind, OperationOptions, Phase, Progress,
    Resource, ResourceStatus, Stack,
};
use crate::template::NESTED;

impl Engine {
    pub(super) fn start_delete(&mut self, position: usize, number: usize, resource: &Resource, time: Millis) {
        let stack = &self.state.stacks[position];
        let Some(operation) = &stack.operation else { return };
        if is_retained(stack, operation, resource) {
            return self.retain(position, number, resource, time);
        }
        let config = operation.config.clone();
        self.event(position, time, Some(resource), ResourceStatus::DeleteInProgress, None);
        if let Some(present) = self.state.stacks[position].resources.get_mut(&resource.logical_id)
            && present.physical_id == resource.physical_id
        {
            present.status = ResourceStatus::DeleteInProgress;
        }
        if resource.type_name == NESTED
            && let Some(child) = self.state.position_of(&resource.physical_id)
        {
            let how = OperationOptions { config, ..OperationOptions::new(OnFailure::DoNothing) };
            self.begin_delete(child, Vec::new(), how, time);
            return self.set_progress(position, number, Progress::Nested(resource.physical_id.clone()));
        }
        if let Some(failure) = self.bucket_is_not_empty(resource) {
            return self.set_progress(
                position,
                number,
                Progress::Running { until: time, fails: Some(failure) },
            );
        }
        self.run(position, number, resource, FaultAction::Delete, time);
    }

    /// Retains a resource, which then belongs to no stack.
    fn retain(&mut self, position: usize, number: usize, resource: &Resource, time: Millis) {
        self.event(position, time, Some(resource), ResourceStatus::DeleteSkipped, None);
        self.state.rest.unowned.push(Resource { status: ResourceStatus::DeleteSkipped, ..resource.clone() });
        let stack = &mut self.state.stacks[position];
        let present = stack.resources.get(&resource.logical_id);
        if present.is_some_and(|one| one.physical_id == resource.physical_id) {
            stack.resources.shift_remove(&resource.logical_id);
        }
        self.set_progress(position, number, Progress::Done);
    }

    /// Returns the reason why S3 does not delete a bucket, if there is one.
    fn bucket_is_not_empty(&self, resource: &Resource) -> Option<Failure> {
        let bucket =
            self.state.buckets.get(&resource.physical_id).filter(|_| resource.type_name == BUCKET)?;
        (!bucket.objects().is_empty()).then(|| {
            Failure::Handler(
                "The bucket you tried to delete is not empty (Service: S3, Status Code: 409)".to_owned(),
            )
        })
    }

    /// Removes the bucket of a resource that was deleted.
    pub(in crate::engine) fn delete_bucket(&mut self, resource: &Resource) {
        if resource.type_name == BUCKET {
            self.state.remove_bucket(&resource.physical_id);
        }
    }
}

/// Returns whether a resource is retained when it is removed from its stack.
fn is_retained(stack: &Stack, operation: &Operation, resource: &Resource) -> bool {
    let present = stack.resources.get(&resource.logical_id);
    let is_replaced = present.is_some_and(|present| present.physical_id != resource.physical_id);
    let policy = if is_replaced { "UpdateReplacePolicy" } else { "DeletionPolicy" };
    // A rollback deletes what the failed operation created.
    let is_rollback = operation.phase == Phase::BackCleanup
        || (operation.phase == Phase::Delete && operation.kind == OperationKind::Create);
    let by_policy = match resource.written[policy].as_str() {
        Some("Retain") => !is_rollback || !operation.retain_except_on_create,
        Some("RetainExceptOnCreate") => !is_rollback,
        _ => false,
    };
    by_policy || operation.retain.contains(&resource.logical_id)
}
