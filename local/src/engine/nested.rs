//! Nested stacks: resources that are stacks, which their parents wait for.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::engine::Engine;
use crate::engine::inputs::{given, resolve_inputs, tags};
use crate::engine::template_url::object_of_url;
use crate::state::{
    Failure, Inputs, Millis, OnFailure, OperationKind, OperationOptions, Output, Phase, Progress, Resource,
    Stack, Task, unique_id,
};
use crate::template::{StackTemplate, scalar_text};

/// The maximum nesting of stacks, so that a template that contains itself is rejected.
pub(crate) const MAX_NESTING: usize = 16;

impl Engine {
    /// Creates or updates a nested stack; its parent waits for it.
    pub(super) fn start_nested(
        &mut self,
        position: usize,
        number: usize,
        mut resource: Resource,
        present: Option<String>,
        time: Millis,
    ) {
        let parent = self.state.stacks[position].clone();
        if self.nesting_of(&parent) >= MAX_NESTING {
            let message = format!("Stacks are nested more than {MAX_NESTING} levels deep");
            let id = resource.logical_id.clone();
            return self.cannot_start(position, number, &id, time, Failure::Plain(message));
        }
        let known = present.as_ref().and_then(|id| self.state.stack_of(id));
        let inputs = match known.filter(|stack| !stack.can_be_updated()) {
            Some(stack) => {
                Err(format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status))
            }
            None => self.nested_inputs(&parent, &resource.properties),
        };
        let inputs = match inputs {
            Ok((inputs, _)) => inputs,
            Err(reason) => {
                let id = resource.logical_id.clone();
                if present.is_none() {
                    self.state.stacks[position].resources.insert(id.clone(), resource);
                }
                return self.cannot_start(position, number, &id, time, Failure::Plain(reason));
            }
        };
        // Nested stacks are deployed as their parents are; the parent decides how to handle a failure.
        let config = parent.operation.as_ref().map(|one| one.config.clone()).unwrap_or_default();
        let how = OperationOptions { config, ..OperationOptions::new(OnFailure::Rollback) };
        let made = parent.operation.as_ref().and_then(|one| one.target.nested.get(&resource.logical_id));
        let known = present.as_ref().or(made);
        let child = known.and_then(|id| self.state.position_of(id));
        let child = child.unwrap_or_else(|| self.add_nested(position, &resource.logical_id, time));
        let kind = if present.is_some() { OperationKind::Update } else { OperationKind::Create };
        let timeout = resource.properties.get("TimeoutInMinutes").map(scalar_text);
        let stack = &mut self.state.stacks[child];
        stack.timeout_minutes = timeout.and_then(|text| text.parse().ok());
        // The time limit starts here, and not at the creation of a change set.
        stack.created = if present.is_some() { stack.created } else { time };
        self.begin(child, kind, inputs.into(), how, time);
        let id = self.state.stacks[child].id.clone();
        resource.physical_id = id.clone();
        self.state.stacks[position].resources.insert(resource.logical_id.clone(), resource);
        self.set_progress(position, number, Progress::Nested(id));
    }

    /// Returns the number of stacks in which a stack is nested.
    pub(crate) fn nesting_of(&self, stack: &Stack) -> usize {
        self.stacks_around(stack).count() - 1
    }

    /// Returns the stack that is not nested, and in which a stack is nested, directly or not.
    pub(crate) fn root_of<'s>(&'s self, stack: &'s Stack) -> &'s Stack {
        self.stacks_around(stack).last().unwrap_or(stack)
    }

    /// Returns a stack, its parent stack, the parent of that stack, and so on.
    fn stacks_around<'s>(&'s self, stack: &'s Stack) -> impl Iterator<Item = &'s Stack> {
        let parent = |stack: &&'s Stack| self.state.stack_of(stack.parent.as_deref()?);
        std::iter::successors(Some(stack), parent).take(MAX_NESTING + 2)
    }

    /// Returns the inputs of a nested stack, and its template, by the properties of its resource.
    pub fn nested_inputs(
        &self,
        parent: &Stack,
        properties: &Map<String, Json>,
    ) -> Result<(Inputs, StackTemplate), String> {
        let url = properties.get("TemplateURL").and_then(Json::as_str).unwrap_or_default();
        let values = properties.get("Parameters").and_then(Json::as_object).into_iter().flatten();
        let given = given(values.map(|(key, value)| (key.as_str(), scalar_text(value))));
        let list = |name: &str| properties.get(name).and_then(Json::as_array);
        let mut before = Inputs { parameters: IndexMap::new(), ..parent.inputs.clone() };
        before.tags.extend(tags(list("Tags").map(Vec::as_slice).unwrap_or_default()));
        if let Some(topics) = list("NotificationARNs") {
            before.notification_arns = topics.iter().map(scalar_text).collect();
        }
        let made = object_of_url(self, url)
            .and_then(|template| resolve_inputs(self, parent.environment(), template, &given, &before));
        let (inputs, template) = made.map_err(|refusal| refusal.message)?;
        // The capabilities that the caller acknowledged for the root stack apply to all its nested stacks.
        template.check_capabilities(&inputs.capabilities).map_err(|refusal| refusal.message)?;
        Ok((inputs, template))
    }

    /// Adds an empty nested stack; returns its index.
    pub fn add_nested(&mut self, parent: usize, logical_id: &str, time: Millis) -> usize {
        let parent = self.state.stacks[parent].clone();
        let suffix = unique_id().replace('-', "").to_uppercase();
        let name = format!("{}-{logical_id}-{}", parent.name, &suffix[..12]);
        let child = self.add_stack(&name, parent.environment(), time);
        self.state.stacks[child].parent = Some(parent.id);
        child
    }

    /// Fails the operations of nested stacks whose parent does not wait for them any more.
    pub(super) fn stop_nested(&mut self, position: usize, time: Millis) {
        let tasks = self.state.stacks[position].operation.iter().flat_map(|operation| &operation.tasks);
        let running: Vec<String> = tasks
            .filter_map(|task| match &task.progress {
                Progress::Nested(id) => Some(id.clone()),
                _ => None,
            })
            .collect();
        for child in running.iter().filter_map(|id| self.state.position_of(id)).collect::<Vec<_>>() {
            let stack = &self.state.stacks[child];
            let is_forward = stack.operation.as_ref().is_some_and(|one| one.phase == Phase::Forward);
            if stack.is_in_progress() && is_forward {
                self.stop_nested(child, time);
                self.fail(child, time, "The operation was cancelled by the parent stack.");
            }
        }
    }

    /// Returns the time at which the operation on a nested stack ended; `None` if it is running.
    pub(super) fn nested_end(&self, id: &str) -> Option<Millis> {
        let stack = self.state.stack_of(id)?;
        (!stack.is_in_progress()).then(|| stack.events.last().map_or(0, |event| event.time))
    }

    /// The outputs of a nested stack are attributes of its resource.
    pub(super) fn take_outputs_of_nested(&mut self, position: usize, task: &Task) {
        let Progress::Nested(id) = &task.progress else { return };
        let outputs: Vec<Output> =
            self.state.stack_of(id).map(|stack| stack.outputs.clone()).unwrap_or_default();
        if let Some(resource) = self.state.stacks[position].resources.get_mut(&task.id) {
            for output in outputs {
                resource.attributes.insert(format!("Outputs.{}", output.key), output.value.into());
            }
        }
    }
}
