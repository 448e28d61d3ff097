//! Creates resources, for the first time or as a replacement.

use crate::engine::Engine;
use crate::engine::resource::{CreatedResource, ResourceContext, create_resource};
use crate::faults::FaultAction;
use crate::state::{BUCKET, Bucket, Failure, Millis, Resource, ResourceStatus, Task, TaskAction, unique_id};
use crate::template::NESTED;

impl Engine {
    pub(super) fn start_create(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
        let (wanted, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(failure) => return self.cannot_start(position, number, &task.id, time, failure),
        };
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let is_replaced = matches!(task.action, TaskAction::Replace);
        let mut resource = Self::blank(&task.id, &type_name, time, written);
        resource.depends_on = self.needs(position, &resource.written);
        resource.properties = wanted.properties;
        resource.live = wanted.live;
        let before = self.state.stacks[position].resources.get(&task.id).cloned();
        let status =
            if is_replaced { ResourceStatus::UpdateInProgress } else { ResourceStatus::CreateInProgress };
        let reason = is_replaced.then(|| {
            "Requested update requires the creation of a new physical resource; hence creating one."
                .to_owned()
        });
        self.event(position, time, Some(&resource), status.clone(), reason);
        if type_name == NESTED {
            return self.start_nested(position, number, resource, None, time);
        }
        let created = self.create_in(position, &resource, before.is_some());
        if self.is_taken(&self.state.stacks[position], &type_name, &created.physical_id, &resource.live) {
            let failure = Failure::Plain(already_exists(&type_name, &created.physical_id));
            resource.status = ResourceStatus::CreateFailed;
            if before.is_none() {
                self.state.stacks[position].resources.insert(task.id.clone(), resource);
            }
            return self.cannot_start(position, number, &task.id, time, failure);
        }
        resource.physical_id = created.physical_id;
        resource.attributes = created.attributes;
        resource.status = status.clone();
        self.event(position, time, Some(&resource), status, Some("Resource creation Initiated".into()));
        if let (Some(before), Some(operation)) = (before, &mut self.state.stacks[position].operation) {
            operation.leftovers.push(before);
        }
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.create_bucket(position, &resource, time);
        self.run(position, number, &resource, FaultAction::Create, time);
    }

    /// Creates the record of a resource in a stack.
    pub(in crate::engine) fn create_in(
        &self,
        position: usize,
        resource: &Resource,
        is_replacement: bool,
    ) -> CreatedResource {
        let stack = &self.state.stacks[position];
        let seed = stack.operation.as_ref().map_or("", |operation| operation.seed.as_str());
        let context = ResourceContext {
            account: &stack.account,
            region: &stack.region,
            stack_name: &stack.name,
            logical_id: &resource.logical_id,
            type_name: &resource.type_name,
            seed: if is_replacement { seed } else { &stack.id },
            custom: self.settings.faults.custom_resource(&stack.name, &resource.logical_id),
        };
        create_resource(&context, &resource.live)
    }

    /// A bucket that a stack creates also exists for the operations of S3.
    pub(super) fn create_bucket(&mut self, position: usize, resource: &Resource, time: Millis) {
        if resource.type_name != BUCKET {
            return;
        }
        let region = self.state.stacks[position].region.clone();
        self.state.buckets.add(&resource.physical_id, Bucket::new(&region, time));
        if let Some(bucket) = self.state.buckets.get_mut(&resource.physical_id) {
            bucket.is_assumed = false;
        }
    }
}

/// Returns the error for a resource whose identifier another resource has.
pub(in crate::engine) fn already_exists(type_name: &str, physical_id: &str) -> String {
    format!(
        "Resource handler returned message: \"Resource of type '{type_name}' with identifier '{physical_id}' already \
         exists.\" (RequestToken: {}, HandlerErrorCode: AlreadyExists)",
        unique_id()
    )
}
