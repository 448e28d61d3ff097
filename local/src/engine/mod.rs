//! Operations on stacks over time: resources are created, updated, rolled back and deleted in the order of their
//! references, several at a time, with the events and statuses that CloudFormation reports.
//!
//! Nothing runs in the background: every request first advances the state to the current time. Therefore, the state can be
//! saved at any time, and another process can continue.

pub(crate) mod change_set;
mod deletion;
pub(crate) mod hook;
pub(crate) mod inputs;
mod nested;
mod not_rolled_back;
mod outside;
mod phases;
pub(crate) mod plan;
pub(crate) mod refactor;
mod refused_updates;
pub(crate) mod resource;
mod settings;
pub(crate) mod stack_set;
mod tasks;
pub(crate) mod template_url;
#[cfg(test)]
mod tests;

pub(crate) use self::settings::Settings;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::api::error::ServiceError;
use crate::engine::refactor::end_refactors;
use crate::engine::stack_set::{advance_stack_sets, operations_end};
use crate::state::{
    Environment, Event, Inputs, Millis, Operation, OperationKind, OperationOptions, OperationType, Phase,
    Progress, Resource, ResourceStatus, Stack, StackStatus, State, Store, Target, Task, TaskAction,
    unique_id,
};
use crate::template::evaluate::{self, Lookup, Scope, pseudo_parameters, reference_value};
use crate::template::{NESTED, StackTemplate};

/// The maximum number of cached templates.
const CACHED_TEMPLATES: usize = 128;

/// The reason of a resource whose creation was cancelled, because another resource failed.
const CREATION_CANCELLED: &str = "Resource creation cancelled";

/// The reason of a resource whose update was cancelled, because another resource failed.
const UPDATE_CANCELLED: &str = "Resource update cancelled";

/// The state, the store that saves it, and the settings of the endpoint.
#[derive(Debug)]
pub(crate) struct Engine {
    pub state: State,
    pub settings: Settings,
    pub store: Store,
    /// Templates that were parsed recently, by their text: an operation needs the same templates for every resource.
    parsed: RefCell<IndexMap<String, Arc<StackTemplate>>>,
    /// The assumptions about resources that were not created or provided.
    assumptions: RefCell<BTreeSet<String>>,
}

impl Engine {
    /// Opens a state directory, with the file of the key that encrypts secrets in it.
    pub fn open(directory: &Path, key: Option<&Path>, settings: Settings) -> io::Result<Self> {
        let (store, state) = Store::open(directory, key)?;
        Ok(Self { state, settings, store, parsed: RefCell::default(), assumptions: RefCell::default() })
    }

    /// Saves what has changed.
    pub fn save(&mut self) -> io::Result<()> {
        self.store.save(&mut self.state)
    }

    /// Parses a template, as [`StackTemplate::read`] does, or returns it from the cache.
    pub fn template(&self, text: &str) -> Result<Arc<StackTemplate>, ServiceError> {
        let mut parsed = self.parsed.borrow_mut();
        if let Some(template) = parsed.get(text) {
            return Ok(Arc::clone(template));
        }
        let template = Arc::new(StackTemplate::read(text)?);
        if parsed.len() >= CACHED_TEMPLATES {
            parsed.shift_remove_index(0);
        }
        parsed.insert(text.to_owned(), Arc::clone(&template));
        Ok(template)
    }

    /// Notes that something was assumed, so that it can be reported.
    pub fn assume(&self, assumption: String) {
        self.assumptions.borrow_mut().insert(assumption);
    }

    /// Returns the assumptions that were made since the endpoint started.
    pub fn assumptions(&self) -> Vec<String> {
        self.assumptions.borrow().iter().cloned().collect()
    }

    /// Returns the index of the stack with a name or an ID in a region of the endpoint's account.
    pub fn position(&self, region: &str, name: &str) -> Option<usize> {
        self.state.position(self.environment(region), name)
    }

    /// Returns the index of the stack as [`Engine::position`] does, or an error if there is no such stack.
    pub fn stack(&self, region: &str, name: &str) -> Result<usize, ServiceError> {
        self.position(region, name)
            .ok_or_else(|| ServiceError::validation(format!("Stack with id {name} does not exist")))
    }

    /// Returns the environment that consists of a region and the account of the endpoint.
    pub fn environment<'e>(&'e self, region: &'e str) -> Environment<'e> {
        Environment { account: &self.settings.account, region }
    }

    /// Calls a function with the names of a stack in its current or in its requested state.
    pub fn in_scope<R>(
        &self,
        stack: &Stack,
        (template, inputs): (&StackTemplate, &Inputs),
        exports: &BTreeMap<String, (String, String)>,
        resource: &Lookup<'_>,
        run: impl FnOnce(&Scope<'_>) -> Result<R, String>,
    ) -> Result<R, String> {
        let parameters = template.parameter_values(inputs);
        run(&Scope {
            template,
            parameters: &parameters,
            pseudo: pseudo_parameters(stack),
            exports,
            resource,
            imported: RefCell::default(),
            progress: evaluate::Progress::default(),
        })
    }
}

impl Engine {
    /// Advances every stack to a time, and returns whether anything has happened until then.
    pub fn advance(&mut self, now: Millis) -> bool {
        let mut moved = false;
        // After a step of one stack, another stack or a stack set may be able to continue: the parent of a nested stack, or the
        // stack set of a stack.
        while self.state.stacks.active().into_iter().any(|position| self.step(position, now))
            || end_refactors(self, now)
            || advance_stack_sets(self, now)
        {
            moved = true;
        }
        moved
    }

    pub fn event(
        &mut self,
        position: usize,
        time: Millis,
        resource: Option<&Resource>,
        status: ResourceStatus,
        reason: Option<String>,
    ) {
        let properties = resource.map(|one| {
            let template = self.template(&self.state.stacks[position].inputs.template);
            let shown = template
                .map_or_else(|_| one.properties.clone(), |all| all.shown(&one.written, &one.properties));
            Json::Object(shown).to_string()
        });
        let stack = &mut self.state.stacks[position];
        let (operation_type, operation) = stack.last_operations.first().cloned().unzip();
        let event = Event {
            id: unique_id(),
            time,
            logical_id: resource.map_or(&stack.name, |one| &one.logical_id).clone(),
            physical_id: resource.map_or(&stack.id, |one| &one.physical_id).clone(),
            type_name: resource.map_or(NESTED, |one| &one.type_name).to_owned(),
            status: Some(status),
            reason,
            properties,
            token: stack.operation.as_ref().and_then(|operation| operation.token.clone()),
            operation: operation.unwrap_or_default(),
            operation_type,
            validation: None,
            hook: None,
        };
        stack.events.push(event);
    }

    pub fn set_status(&mut self, position: usize, time: Millis, status: StackStatus, reason: Option<String>) {
        let stack = &mut self.state.stacks[position];
        let of_event = ResourceStatus::from(&status);
        stack.status = status;
        stack.reason = reason.clone().unwrap_or_default();
        self.event(position, time, None, of_event, reason);
    }

    /// Starts to create, update or import into a stack.
    pub fn begin(
        &mut self,
        position: usize,
        kind: OperationKind,
        target: Target,
        how: OperationOptions,
        time: Millis,
    ) {
        let stack = &mut self.state.stacks[position];
        let inputs = target.inputs.clone();
        let failed = stack.operation.take();
        stack.config = how.config.clone();
        let mut operation = Operation::on(stack, kind, Phase::Forward, target, how);
        let continues = failed.is_some();
        if let Some(failed) = failed {
            // A rollback restores the last stable state, and not the state after the failed operation.
            operation.before = failed.before;
            operation.resources_before = failed.resources_before;
        }
        if kind != OperationKind::Create {
            stack.updated = Some(time);
        }
        stack.inputs = inputs;
        stack.operation = Some(operation);
        stack.enter(kind.operation_type());
        let status = match kind {
            OperationKind::Create => StackStatus::CreateInProgress,
            OperationKind::Import => StackStatus::ImportInProgress,
            _ => StackStatus::UpdateInProgress,
        };
        self.set_status(position, time, status, Some("User Initiated".into()));
        if continues {
            self.delete_unstable(position, time);
        }
        match self.forward_tasks(position) {
            Ok((tasks, leftovers)) => {
                if let Some(operation) = &mut self.state.stacks[position].operation {
                    operation.tasks = tasks;
                    operation.leftovers = leftovers;
                }
            }
            Err(reason) => self.fail(position, time, &reason),
        }
    }

    /// Sets the role of a stack for this and all later operations, if the request names one.
    pub fn set_role(&mut self, position: usize, role: Option<&str>) {
        if let Some(role) = role {
            self.state.stacks[position].inputs.role = Some(role.to_owned());
        }
    }

    /// Starts to roll back what a failed operation changed, except the resources to skip.
    pub fn begin_rollback(
        &mut self,
        position: usize,
        skip: Vec<String>,
        how: OperationOptions,
        time: Millis,
    ) {
        let stack = &mut self.state.stacks[position];
        let kind = if stack.status == StackStatus::CreateFailed {
            OperationKind::Create
        } else {
            OperationKind::Rollback
        };
        let failed = stack.operation.take();
        let mut operation = Operation::on(stack, kind, Phase::Back, stack.inputs.clone().into(), how);
        operation.skip = skip;
        if let Some(failed) = failed {
            operation.before = failed.before;
            operation.resources_before = failed.resources_before;
            operation.leftovers = failed.leftovers;
        }
        stack.operation = Some(operation);
        stack.enter(match stack.status {
            StackStatus::UpdateRollbackFailed => OperationType::ContinueRollback,
            _ => OperationType::Rollback,
        });
        self.start_rollback(position, time, Some("User Initiated".into()));
    }

    /// Cancels an update and rolls back its changes.
    pub fn cancel(&mut self, position: usize, time: Millis) {
        self.stop_nested(position, time);
        self.fail(position, time, "User Initiated");
    }

    /// Records that a resource was deleted outside of its stack.
    pub fn delete_outside_of_stacks(&mut self, type_name: &str, physical_id: &str) {
        let is_it = |one: &Resource| one.is(type_name, physical_id);
        let owner = self.state.stacks.iter().position(|stack| stack.resources.values().any(is_it));
        let Some(position) = owner else { return };
        for resource in self.state.stacks[position].resources.values_mut().filter(|one| is_it(one)) {
            resource.live = Map::new();
        }
    }

    /// Changes a resource outside of its stack; without properties, it is deleted there.
    pub fn drift(&mut self, position: usize, id: &str, properties: Option<Map<String, Json>>) -> bool {
        let stack = &mut self.state.stacks[position];
        let Some(resource) = stack.resources.get_mut(id) else { return false };
        match properties {
            Some(properties) => resource.live.extend(properties),
            None => resource.live = Map::new(),
        }
        true
    }

    /// Calls a function with the current names of a stack.
    fn with_scope<R>(
        &self,
        position: usize,
        template: &StackTemplate,
        run: impl FnOnce(&Scope<'_>) -> Result<R, String>,
    ) -> Result<R, String> {
        let stack = &self.state.stacks[position];
        let lookup = |name: &str, attribute: Option<&str>| {
            let resource = stack.resources.get(name);
            let value = reference_value(resource, name, attribute);
            if let (Ok(_), Some(attribute), Some(resource)) = (&value, attribute, resource)
                && resource.value(Some(attribute)).is_none()
            {
                self.assume(format!(
                    "a placeholder for {name}.{attribute} in {}, because local mode does not run the handler of a custom resource \
                     (`custom_resources` in a file of faults sets the value)",
                    stack.name
                ));
            }
            value
        };
        self.in_scope(
            stack,
            (template, &stack.inputs),
            &self.state.exports(stack.environment()),
            &lookup,
            run,
        )
    }

    /// Performs the next step of a stack if it is due before `now`; returns whether there was one.
    fn step(&mut self, position: usize, now: Millis) -> bool {
        let Some(operation) = &self.state.stacks[position].operation else { return false };
        if !self.state.stacks[position].is_in_progress() {
            return false;
        }
        let limit = self.creation_limit(position).filter(|limit| *limit <= now);
        // Find the task that ends next.
        let next = operation
            .tasks
            .iter()
            .enumerate()
            .filter_map(|(number, task)| match &task.progress {
                Progress::Running { until, .. } if *until <= now => Some((*until, number)),
                Progress::Nested(id) => {
                    self.nested_end(id).filter(|end| *end <= now).map(|end| (end, number))
                }
                Progress::StackSet(ids) => {
                    operations_end(self, ids).filter(|end| *end <= now).map(|end| (end, number))
                }
                Progress::Signals(signals) if signals.end() <= now => Some((signals.end(), number)),
                _ => None,
            })
            .min()
            .filter(|(end, _)| limit.is_none_or(|limit| *end <= limit));
        if let Some((time, number)) = next {
            self.finish(position, number, time);
            return true;
        }
        // A task that is ready starts at the time of the last event.
        let time = self.state.stacks[position].events.last().map_or(now, |event| event.time);
        if let Some(number) = self.ready(position) {
            self.start(position, number, time);
            return true;
        }
        let Some(operation) = &self.state.stacks[position].operation else { return false };
        let is_running =
            |task: &Task| !matches!(task.progress, Progress::Waiting | Progress::Done | Progress::Failed);
        if operation.tasks.iter().any(is_running) {
            if let Some(limit) = limit {
                self.stop_nested(position, limit);
                self.fail(position, limit, "Stack creation time exceeded the specified timeout.");
                return true;
            }
            return false;
        }
        self.end_of_phase(position, time);
        true
    }

    /// Returns the time at which the creation of a stack has to be complete; `None` without a time limit.
    fn creation_limit(&self, position: usize) -> Option<Millis> {
        let stack = &self.state.stacks[position];
        let operation = stack.operation.as_ref()?;
        if operation.kind != OperationKind::Create || operation.phase != Phase::Forward {
            return None;
        }
        Some(stack.created.saturating_add(stack.timeout_minutes?.saturating_mul(60_000)))
    }

    /// Returns the first task that waits for no other.
    fn ready(&self, position: usize) -> Option<usize> {
        let operation = self.state.stacks[position].operation.as_ref()?;
        if operation.phase == Phase::Forward && !operation.failed.is_empty() {
            return None;
        }
        let is_finished = |task: &&Task| {
            // A resource that cannot be deleted does not prevent others from being deleted.
            task.progress == Progress::Done
                || (task.progress == Progress::Failed && operation.phase != Phase::Forward)
        };
        let unfinished: HashSet<&str> =
            operation.tasks.iter().filter(|task| !is_finished(task)).map(|task| task.id.as_str()).collect();
        operation.tasks.iter().position(|task| {
            task.progress == Progress::Waiting
                && !task.after.iter().any(|id| unfinished.contains(id.as_str()))
        })
    }

    /// Adds an empty stack; returns its index.
    pub fn add_stack(&mut self, name: &str, environment: Environment<'_>, time: Millis) -> usize {
        self.state.stacks.push(Stack::new(name, environment, time))
    }

    /// Cancels the tasks that run when another one fails.
    fn cancel_others(&mut self, position: usize, time: Millis) {
        let Some(operation) = &mut self.state.stacks[position].operation else { return };
        let mut cancelled = Vec::new();
        for task in &mut operation.tasks {
            if matches!(task.progress, Progress::Running { .. } | Progress::Signals(_)) {
                task.progress = Progress::Failed;
                cancelled.push((task.id.clone(), matches!(task.action, TaskAction::Create)));
            }
        }
        for (id, is_creation) in cancelled {
            let (status, reason) = match is_creation {
                true => (ResourceStatus::CreateFailed, CREATION_CANCELLED),
                false => (ResourceStatus::UpdateFailed, UPDATE_CANCELLED),
            };
            let stack = &mut self.state.stacks[position];
            if let Some(resource) = stack.resources.get_mut(&id) {
                resource.status.clone_from(&status);
                resource.reason = Some(reason.to_owned());
                let resource = resource.clone();
                self.event(position, time, Some(&resource), status, Some(reason.to_owned()));
            }
        }
    }
}
