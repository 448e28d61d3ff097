//! What an operation does to one resource: begun, run for its time, ended.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use stackwright_schemas::registry;

use crate::engine::Engine;
use crate::engine::hook::run_resource_hooks;
use crate::engine::plan::{recreation, same};
use crate::engine::resource::{ResourceContext, create_resource};
use crate::engine::stack_set::{STACK_SET, operations_failure, update_from_resource};
use crate::faults::On;
use crate::state::{Millis, OperationKind, Phase, Progress, Resource, Task, TaskAction, unique_id};
use crate::template::NESTED;

/// What CloudFormation says of a resource that hooks do not let pass.
const HOOKS_FAILED: &str = "The following hook(s) failed:";

impl Engine {
    pub(super) fn start(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        match task.action {
            TaskAction::Create | TaskAction::Replace => self.start_create(position, number, &task, time),
            TaskAction::Update => self.start_update(position, number, &task, time),
            TaskAction::Import(ref physical) => self.start_import(position, number, &task, physical, time),
            TaskAction::Restore(ref before) => {
                self.start_restore(position, number, &task, before.as_deref(), time)
            }
            TaskAction::Delete(ref resource) => self.start_delete(position, number, resource, time),
        }
    }

    pub(super) fn task(&self, position: usize, number: usize) -> Option<&Task> {
        self.state.stacks[position].operation.as_ref()?.tasks.get(number)
    }

    pub(super) fn set_progress(&mut self, position: usize, number: usize, progress: Progress) {
        if let Some(operation) = &mut self.state.stacks[position].operation
            && let Some(task) = operation.tasks.get_mut(number)
        {
            task.progress = progress;
        }
    }

    /// Lets a task on a resource run for its time, or for that of the operations that it takes.
    pub(super) fn run(&mut self, position: usize, number: usize, resource: &Resource, on: On, time: Millis) {
        let name = self.state.stacks[position].name.clone();
        let (mut fails, takes) = self.settings.faults.of_resource(&name, &resource.logical_id, on);
        let mut until = time + takes.unwrap_or(self.settings.resource_time);
        if matches!(on, On::Create | On::Update) {
            let hooks = run_resource_hooks(self, position, resource, time);
            if !hooks.is_empty() {
                fails = Some(format!("{HOOKS_FAILED} [{}]", hooks.join(", ")));
                until = time;
            }
        }
        if fails.is_none() && resource.type_name == STACK_SET {
            let region = self.state.stacks[position].region.clone();
            let properties = (on != On::Delete).then_some(&resource.properties);
            match update_from_resource(self, &resource.physical_id, &region, properties, time) {
                Ok(operations) if operations.is_empty() => {}
                Ok(operations) => return self.set_progress(position, number, Progress::StackSet(operations)),
                Err(reason) => fails = Some(reason),
            }
        }
        self.set_progress(position, number, Progress::Running { until, fails });
    }

    /// The properties that the template wants of a resource now.
    pub(super) fn wanted_properties(
        &self,
        position: usize,
        id: &str,
    ) -> Result<(Map<String, Json>, Json), String> {
        let template =
            self.template(&self.state.stacks[position].inputs.template).map_err(|refusal| refusal.message)?;
        let written = template.resource(id).cloned().unwrap_or_default();
        let properties = self.with_scope(position, &template, |scope| scope.properties(&written))?;
        Ok((properties, written))
    }

    pub(super) fn blank(id: &str, type_name: &str, time: Millis, written: Json) -> Resource {
        Resource {
            logical_id: id.to_owned(),
            type_name: type_name.to_owned(),
            physical_id: String::new(),
            status: String::new(),
            reason: None,
            time,
            properties: Map::new(),
            live: Map::new(),
            attributes: Map::new(),
            written,
            depends_on: Vec::new(),
            drift: None,
        }
    }

    pub(super) fn start_create(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
        let (properties, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(reason) => return self.cannot_start(position, number, &task.id, time, reason),
        };
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let is_replaced = matches!(task.action, TaskAction::Replace);
        let mut resource = Self::blank(&task.id, &type_name, time, written);
        resource.depends_on = self.needs(position, &resource.written);
        resource.properties = properties;
        resource.live = resource.properties.clone();
        let before = self.state.stacks[position].resources.get(&task.id).cloned();
        let status = if is_replaced { "UPDATE_IN_PROGRESS" } else { "CREATE_IN_PROGRESS" };
        let reason = is_replaced.then(|| {
            "Requested update requires the creation of a new physical resource; hence creating one."
                .to_owned()
        });
        self.event(position, time, Some(&resource), status, reason);
        if type_name == NESTED {
            return self.start_nested(position, number, resource, None, time);
        }
        let made = {
            let stack = &self.state.stacks[position];
            let seed = stack.operation.as_ref().map_or("", |operation| operation.seed.as_str());
            let seed = if before.is_some() { seed } else { stack.id.as_str() };
            create_resource(
                &ResourceContext {
                    account: &stack.account,
                    region: &stack.region,
                    stack_name: &stack.name,
                    logical_id: &task.id,
                    type_name: &type_name,
                    seed,
                },
                &resource.properties,
            )
        };
        if self.state.is_taken(&self.state.stacks[position], &type_name, &made.physical_id) {
            let reason = format!(
                "Resource handler returned message: \"Resource of type '{type_name}' with identifier '{}' already \
                 exists.\" (RequestToken: {}, HandlerErrorCode: AlreadyExists)",
                made.physical_id,
                unique_id()
            );
            resource.status = "CREATE_FAILED".into();
            if before.is_none() {
                self.state.stacks[position].resources.insert(task.id.clone(), resource);
            }
            return self.cannot_start(position, number, &task.id, time, reason);
        }
        resource.physical_id = made.physical_id;
        resource.attributes = made.attributes;
        resource.status = status.to_owned();
        self.event(position, time, Some(&resource), status, Some("Resource creation Initiated".into()));
        if let (Some(before), Some(operation)) = (before, &mut self.state.stacks[position].operation) {
            operation.leftovers.push(before);
        }
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, On::Create, time);
    }

    pub(super) fn needs(&self, position: usize, written: &Json) -> Vec<String> {
        let template = self.template(&self.state.stacks[position].inputs.template);
        template.map(|template| template.needs(written).into_iter().collect()).unwrap_or_default()
    }

    pub(super) fn start_update(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
        let (properties, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(reason) => return self.cannot_start(position, number, &task.id, time, reason),
        };
        let Some(present) = self.state.stacks[position].resources.get(&task.id).cloned() else {
            return self.set_progress(position, number, Progress::Done);
        };
        let reverts =
            self.state.stacks[position].operation.as_ref().is_some_and(|one| one.target.reverts_drift);
        let before = if reverts { &present.live } else { &present.properties };
        let kind = registry::resource_type(&present.type_name);
        let names: BTreeSet<&String> = before.keys().chain(properties.keys()).collect();
        let changed: Vec<&str> = names
            .into_iter()
            .filter(|name| {
                !same(before.get(*name).unwrap_or(&Json::Null), properties.get(*name).unwrap_or(&Json::Null))
            })
            .map(String::as_str)
            .collect();
        let is_replaced = changed.iter().any(|name| {
            let (one, other) =
                (before.get(*name).unwrap_or(&Json::Null), properties.get(*name).unwrap_or(&Json::Null));
            recreation(kind, name, one, other) == "Always"
        });
        let depends_on = self.needs(position, &written);
        let stack = &mut self.state.stacks[position];
        if changed.is_empty() && present.type_name != NESTED {
            if let Some(resource) = stack.resources.get_mut(&task.id) {
                resource.written = written;
                resource.depends_on = depends_on;
            }
            return self.set_progress(position, number, Progress::Done);
        }
        if is_replaced {
            if let Some(operation) = &mut stack.operation
                && let Some(task) = operation.tasks.get_mut(number)
            {
                task.action = TaskAction::Replace;
            }
            return self.start(position, number, time);
        }
        let mut resource = present.clone();
        resource.status = "UPDATE_IN_PROGRESS".into();
        resource.written = written;
        resource.depends_on = depends_on;
        resource.properties = properties;
        resource.live = resource.properties.clone();
        let site_attributes = {
            let site = ResourceContext {
                account: &stack.account,
                region: &stack.region,
                stack_name: &stack.name,
                logical_id: &task.id,
                type_name: &present.type_name,
                seed: &stack.id,
            };
            create_resource(&site, &resource.properties).attributes
        };
        // What the service gave stays; what follows from the properties follows.
        for (name, value) in site_attributes {
            if resource.properties.contains_key(&name) || !resource.attributes.contains_key(&name) {
                resource.attributes.insert(name, value);
            }
        }
        self.event(position, time, Some(&resource), "UPDATE_IN_PROGRESS", None);
        if present.type_name == NESTED {
            return self.start_nested(position, number, resource, Some(present.physical_id), time);
        }
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, On::Update, time);
    }

    pub(super) fn start_import(
        &mut self,
        position: usize,
        number: usize,
        task: &Task,
        physical: &str,
        time: Millis,
    ) {
        let (properties, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(reason) => return self.cannot_start(position, number, &task.id, time, reason),
        };
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let mut resource = Self::blank(&task.id, &type_name, time, written);
        resource.depends_on = self.needs(position, &resource.written);
        resource.physical_id = physical.to_owned();
        let found = self
            .state
            .rest
            .unowned
            .iter()
            .position(|one| one.type_name == type_name && one.physical_id == physical);
        self.event(
            position,
            time,
            Some(&resource),
            "IMPORT_IN_PROGRESS",
            Some("Resource import started.".into()),
        );
        let Some(found) = found else {
            let reason = format!("Resource {physical} does not exist");
            return self.cannot_start(position, number, &task.id, time, reason);
        };
        let found = self.state.rest.unowned.remove(found);
        resource.attributes = found.attributes;
        resource.live = found.live;
        resource.properties = properties;
        resource.status = "IMPORT_IN_PROGRESS".into();
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, On::Create, time);
    }

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
                        resource.status = "UPDATE_COMPLETE".into();
                    }
                    return self.set_progress(position, number, Progress::Done);
                }
                self.event(position, time, Some(before), "UPDATE_IN_PROGRESS", None);
                if before.type_name == NESTED && before.physical_id == present.physical_id {
                    return self.start_nested(
                        position,
                        number,
                        before.clone(),
                        Some(present.physical_id),
                        time,
                    );
                }
                self.run(position, number, before, On::Rollback, time);
            }
            (None, Some(present)) => {
                let stack = &mut self.state.stacks[position];
                let is_imported =
                    matches!(&stack.operation, Some(operation) if operation.kind == OperationKind::Import);
                if is_imported && !present.physical_id.is_empty() {
                    self.event(position, time, Some(&present), "IMPORT_ROLLBACK_IN_PROGRESS", None);
                    return self.run(position, number, &present, On::Rollback, time);
                }
                stack.resources.shift_remove(&task.id);
                // Made by the operation: it goes in the end.
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

    pub(super) fn start_delete(&mut self, position: usize, number: usize, resource: &Resource, time: Millis) {
        let stack = &self.state.stacks[position];
        let Some(operation) = &stack.operation else { return };
        let is_replaced = stack
            .resources
            .get(&resource.logical_id)
            .is_some_and(|present| present.physical_id != resource.physical_id);
        let policy = if is_replaced { "UpdateReplacePolicy" } else { "DeletionPolicy" };
        let policy = resource.written[policy].as_str().unwrap_or("Delete");
        let is_going_back = matches!(operation.phase, Phase::BackCleanup)
            || (operation.phase == Phase::Delete && operation.kind == OperationKind::Create);
        let is_kept = match policy {
            "Retain" => !is_going_back || !operation.retain_except_on_create,
            "RetainExceptOnCreate" => !is_going_back,
            _ => false,
        };
        let is_retained = operation.retain.contains(&resource.logical_id);
        if is_kept || is_retained {
            self.event(position, time, Some(resource), "DELETE_SKIPPED", None);
            let mut left = resource.clone();
            left.status = "DELETE_SKIPPED".into();
            self.state.rest.unowned.push(left);
            let stack = &mut self.state.stacks[position];
            if stack
                .resources
                .get(&resource.logical_id)
                .is_some_and(|one| one.physical_id == resource.physical_id)
            {
                stack.resources.shift_remove(&resource.logical_id);
            }
            return self.set_progress(position, number, Progress::Done);
        }
        self.event(position, time, Some(resource), "DELETE_IN_PROGRESS", None);
        if let Some(present) = self.state.stacks[position].resources.get_mut(&resource.logical_id)
            && present.physical_id == resource.physical_id
        {
            present.status = "DELETE_IN_PROGRESS".into();
        }
        if resource.type_name == NESTED
            && let Some(child) = self.state.position_of(&resource.physical_id)
        {
            self.begin_delete(child, Vec::new(), None, time);
            return self.set_progress(position, number, Progress::Nested(resource.physical_id.clone()));
        }
        self.run(position, number, resource, On::Delete, time);
    }

    /// A task that fails before it runs.
    pub(super) fn cannot_start(
        &mut self,
        position: usize,
        number: usize,
        id: &str,
        time: Millis,
        reason: String,
    ) {
        self.set_progress(position, number, Progress::Running { until: time, fails: Some(reason) });
        let stack = &self.state.stacks[position];
        if !stack.resources.contains_key(id) {
            let template = self.template(&stack.inputs.template);
            let written =
                template.ok().and_then(|template| template.resource(id).cloned()).unwrap_or_default();
            let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
            let blank = Self::blank(id, &type_name, time, written);
            self.state.stacks[position].resources.insert(id.to_owned(), blank);
        }
    }

    pub(super) fn finish(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        let fails = match &task.progress {
            Progress::Running { fails, .. } => fails.clone(),
            Progress::Nested(id) => self.state.stack_of(id).and_then(|stack| {
                let went_well = match task.action {
                    TaskAction::Delete(_) => stack.status == "DELETE_COMPLETE",
                    _ => matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE"),
                };
                (!went_well).then(|| {
                    format!(
                        "Embedded stack {} was not successfully updated. Currently in {} with reason: {}",
                        stack.id, stack.status, stack.reason
                    )
                })
            }),
            Progress::StackSet(ids) => operations_failure(self, ids),
            _ => None,
        };
        let fails = fails.map(|reason| {
            let words = ["HandlerErrorCode", "Embedded stack", HOOKS_FAILED];
            if words.iter().any(|words| reason.contains(words)) {
                reason
            } else {
                format!(
                    "Resource handler returned message: \"{reason}\" (RequestToken: {}, HandlerErrorCode: \
                     GeneralServiceException)",
                    unique_id()
                )
            }
        });
        let verb = match task.action {
            TaskAction::Create => "CREATE",
            TaskAction::Update | TaskAction::Replace | TaskAction::Restore(Some(_)) => "UPDATE",
            TaskAction::Import(_) => "IMPORT",
            TaskAction::Restore(None) => "IMPORT_ROLLBACK",
            TaskAction::Delete(_) => "DELETE",
        };
        let status = format!("{verb}_{}", if fails.is_some() { "FAILED" } else { "COMPLETE" });
        self.set_progress(position, number, if fails.is_some() { Progress::Failed } else { Progress::Done });
        self.take_outputs_of_nested(position, &task);
        let stack = &mut self.state.stacks[position];
        if let TaskAction::Restore(Some(before)) = &task.action
            && fails.is_none()
        {
            // The old one is the stack's again, and what took its place goes in the end.
            let present = stack.resources.insert(task.id.clone(), (**before).clone());
            if let Some(operation) = &mut stack.operation {
                operation.leftovers.retain(|one| one.physical_id != before.physical_id);
                let replacement = present
                    .filter(|one| one.physical_id != before.physical_id && !one.physical_id.is_empty());
                operation.leftovers.extend(replacement);
            }
        }
        let mut subject = match &task.action {
            TaskAction::Delete(resource) => (**resource).clone(),
            _ => match stack.resources.get(&task.id) {
                Some(resource) => resource.clone(),
                None => return,
            },
        };
        subject.status.clone_from(&status);
        subject.reason.clone_from(&fails);
        subject.time = time;
        let is_present =
            stack.resources.get(&task.id).is_some_and(|one| one.physical_id == subject.physical_id);
        if is_present {
            if matches!(task.action, TaskAction::Delete(_)) && fails.is_none() {
                stack.resources.shift_remove(&task.id);
            } else if matches!(task.action, TaskAction::Restore(None)) && fails.is_none() {
                // It was there before it was imported, and stays.
                stack.resources.shift_remove(&task.id);
                self.state.rest.unowned.push(subject.clone());
            } else {
                stack.resources.insert(task.id.clone(), subject.clone());
            }
        }
        self.event(position, time, Some(&subject), &status, fails.clone());
        if fails.is_some() {
            let phase = self.state.stacks[position].operation.as_mut().map(|operation| {
                operation.failed.push(task.id.clone());
                operation.phase
            });
            if phase == Some(Phase::Forward) {
                self.cancel_others(position, time);
            }
        }
    }
}
