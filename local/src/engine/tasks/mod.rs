//! The tasks of an operation, one for each resource: a task starts, runs for its time, and ends.

mod create;
mod delete;
mod finish;
mod import;
mod restore;
mod signals;
mod update;

pub(in crate::engine) use self::create::already_exists;

use serde_json::{Map, Value as Json};

use crate::engine::Engine;
use crate::engine::hook::run_resource_hooks;
use crate::engine::stack_set::{STACK_SET, update_from_resource};
use crate::faults::FaultAction;
use crate::state::{
    Failure, HookAction, Millis, Progress, Resource, ResourceStatus, Task, TaskAction, millis,
};
use crate::template::dynamic;

/// The properties of a resource according to a template.
pub(super) struct WantedProperties {
    /// The properties with dynamic references that are not resolved.
    pub properties: Map<String, Json>,
    /// The properties with the values of SSM parameters instead of the references to them.
    pub live: Map<String, Json>,
}

impl Engine {
    pub(super) fn start(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        match task.action {
            TaskAction::Create | TaskAction::Replace => self.start_create(position, number, &task, time),
            TaskAction::Update => self.start_update(position, number, &task, time),
            TaskAction::Import(ref physical) => self.start_import(position, number, &task, physical, time),
            TaskAction::Restore(ref before) => {
                self.start_restore(position, number, &task, before.as_deref(), time);
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

    /// Starts a task on a resource. The task runs for its time, until its signals arrive, or until the operations that it
    /// starts end.
    pub(super) fn run(
        &mut self,
        position: usize,
        number: usize,
        resource: &Resource,
        on: FaultAction,
        time: Millis,
    ) {
        let name = self.state.stacks[position].name.clone();
        let (fault, takes) = self.settings.faults.of_resource(&name, &resource.logical_id, on);
        let mut fails = fault.map(Failure::Handler);
        // Express mode waits only until the service has accepted the request.
        let usual = if self.is_express(position) { 0 } else { self.settings.resource_time };
        let mut until = time.saturating_add(takes.map_or(usual, millis));
        let action = match on {
            FaultAction::Create => Some(HookAction::Create),
            FaultAction::Update => Some(HookAction::Update),
            FaultAction::Delete | FaultAction::Rollback => None,
        };
        if let Some(action) = action {
            let hooks = run_resource_hooks(self, position, resource, action, time);
            if !hooks.is_empty() {
                fails = Some(Failure::Plain(format!("The following hook(s) failed: [{}]", hooks.join(", "))));
                until = time;
            }
        }
        if fails.is_none() && resource.type_name == STACK_SET {
            let region = self.state.stacks[position].region.clone();
            let properties = (on != FaultAction::Delete).then_some(&resource.properties);
            match update_from_resource(self, &resource.physical_id, &region, properties, time) {
                Ok(operations) if operations.is_empty() => {}
                Ok(operations) => return self.set_progress(position, number, Progress::StackSet(operations)),
                Err(reason) => fails = Some(Failure::Handler(reason)),
            }
        }
        if fails.is_none()
            && on == FaultAction::Create
            && let Some(signals) = self.signals_of(resource, until)
        {
            return self.set_progress(position, number, Progress::Signals(signals));
        }
        self.set_progress(position, number, Progress::Running { until, fails });
    }

    /// Returns whether the operation of a stack does not wait until resources are ready.
    pub(super) fn is_express(&self, position: usize) -> bool {
        self.state.stacks[position].operation.as_ref().is_some_and(|operation| operation.config.is_express)
    }

    /// Returns the current properties of a resource according to the template, and the resource as the template has it.
    pub(super) fn wanted_properties(
        &self,
        position: usize,
        id: &str,
    ) -> Result<(WantedProperties, Json), Failure> {
        let stack = &self.state.stacks[position];
        let template =
            self.template(&stack.inputs.template).map_err(|error| Failure::Plain(error.message))?;
        let written = template.resource(id).cloned().unwrap_or_default();
        let properties = self
            .with_scope(position, &template, |scope| scope.properties(&written))
            .map_err(Failure::Plain)?;
        let type_name = written["Type"].as_str().unwrap_or_default();
        let live = dynamic::resolve(type_name, &properties, &self.state, stack.environment())
            .map_err(|error| Failure::Plain(error.message()))?;
        Ok((WantedProperties { properties, live }, written))
    }

    pub(super) fn blank(id: &str, type_name: &str, time: Millis, written: Json) -> Resource {
        Resource {
            logical_id: id.to_owned(),
            type_name: type_name.to_owned(),
            physical_id: String::new(),
            status: ResourceStatus::CreateInProgress,
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

    pub(super) fn needs(&self, position: usize, written: &Json) -> Vec<String> {
        let template = self.template(&self.state.stacks[position].inputs.template);
        template.map(|template| template.needs(written).into_iter().collect()).unwrap_or_default()
    }

    /// Marks a task as failed before it runs.
    pub(super) fn cannot_start(
        &mut self,
        position: usize,
        number: usize,
        id: &str,
        time: Millis,
        failure: Failure,
    ) {
        self.set_progress(position, number, Progress::Running { until: time, fails: Some(failure) });
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
}
