//! Operations on stacks over time: resources are made, changed, taken back and deleted in the order of their references,
//! several at a time, with the events and statuses that CloudFormation has on the way.
//!
//! Nothing runs in the background: whoever looks at the state brings it up to the present first, so that it can be saved
//! at any moment and taken up again by another process.

use std::cell::RefCell;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use stackwright_schemas::registry;

use crate::cloud::{ChangeSet, Cloud, Event, Home, Inputs, Millis, Output, Resource, Stack, unique_id};
use crate::evaluate::Scope;
use crate::faults::On;
use crate::plan::{outputs, pseudo, recreation, same};
use crate::resource::{Site, attribute, make};
use crate::stack_set::STACK_SET;
use crate::template::{NESTED, Wanted, words};

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Create,
    Update,
    Import,
    Delete,
    /// What a failed update left is taken back.
    Rollback,
}

impl Kind {
    fn operation_type(self) -> &'static str {
        match self {
            Self::Create => "CREATE_STACK",
            Self::Update | Self::Import => "UPDATE_STACK",
            Self::Delete => "DELETE_STACK",
            Self::Rollback => ROLLBACK,
        }
    }
}

/// What CloudFormation says of a resource that hooks do not let pass.
const HOOKS_FAILED: &str = "The following hook(s) failed:";

/// What an operation is called that takes another one back, asked for or not.
const ROLLBACK: &str = "ROLLBACK";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Forward,
    /// What was replaced or is no longer wanted goes.
    Cleanup,
    Back,
    /// What the update had made goes.
    BackCleanup,
    Delete,
}

/// What happens to a stack whose operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnFailure {
    Rollback,
    DoNothing,
    Delete,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Action {
    Create,
    Update,
    Replace,
    Import(String),
    /// Takes a resource back to what it was; `None` if it was not there.
    Restore(Option<Box<Resource>>),
    /// Deletes what is no longer any stack's; whether it may be kept.
    Delete(Box<Resource>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Progress {
    Waiting,
    Running {
        until: Millis,
        fails: Option<String>,
    },
    /// A nested stack does it.
    Nested(String),
    /// Operations of a stack set do it.
    StackSet(Vec<String>),
    Done,
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Task {
    id: String,
    action: Action,
    /// Tasks of the same phase that have to be done before, by id.
    after: BTreeSet<String>,
    progress: Progress,
}

/// What an operation brings a stack to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Target {
    pub inputs: Inputs,
    /// Logical id to physical id of what is imported.
    pub imports: IndexMap<String, String>,
    pub reverts_drift: bool,
    /// Logical id to stack of nested stacks that are there already, for their change sets.
    pub nested: IndexMap<String, String>,
}

impl Target {
    pub fn of_change_set(change_set: &ChangeSet) -> Self {
        Self {
            inputs: change_set.inputs.clone(),
            imports: change_set.imports.clone(),
            reverts_drift: change_set.deployment_mode.is_some(),
            nested: change_set.nested.clone().unwrap_or_default(),
        }
    }
}

impl From<Inputs> for Target {
    fn from(inputs: Inputs) -> Self {
        Self { inputs, ..Self::default() }
    }
}

/// An operation on a stack that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// What names made for replacements follow from.
    seed: String,
    kind: Kind,
    phase: Phase,
    pub token: Option<String>,
    target: Target,
    /// How the stack was.
    before: Inputs,
    resources_before: IndexMap<String, Resource>,
    tasks: Vec<Task>,
    on_failure: OnFailure,
    failed: Vec<String>,
    /// What is deleted in the end, one way or the other.
    leftovers: Vec<Resource>,
    skip: Vec<String>,
    retain: Vec<String>,
    retain_except_on_create: bool,
}

impl Operation {
    /// An operation on a stack as it is, from a phase on.
    fn on(stack: &Stack, kind: Kind, phase: Phase, target: Target, how: How) -> Self {
        Self {
            seed: unique_id(),
            kind,
            phase,
            token: how.token,
            target,
            before: stack.inputs.clone(),
            resources_before: stack.resources.clone(),
            tasks: Vec::new(),
            on_failure: how.on_failure,
            failed: Vec::new(),
            leftovers: Vec::new(),
            skip: Vec::new(),
            retain: Vec::new(),
            retain_except_on_create: how.retain_except_on_create,
        }
    }
}

/// How an operation is to be done.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub on_failure: OnFailure,
    pub token: Option<String>,
    pub retain_except_on_create: bool,
}

impl Cloud {
    /// Brings every stack up to a moment, and says whether anything has happened until then.
    pub fn advance(&mut self, now: Millis) -> bool {
        let mut moved = false;
        // A step of one can let another go on: a nested stack its parent, a stack its stack set.
        while (0..self.state.stacks.len()).any(|position| self.step(position, now))
            || self.end_refactors(now)
            || self.advance_stack_sets(now)
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
        status: &str,
        reason: Option<String>,
    ) {
        let properties = resource.map(|one| {
            let wanted = self.wanted(&self.state.stacks[position].inputs.template);
            let shown = wanted
                .map_or_else(|_| one.properties.clone(), |all| all.shown(&one.written, &one.properties));
            Json::Object(shown).to_string()
        });
        let stack = &mut self.state.stacks[position];
        let (operation_type, operation) = stack.last_operations.first().cloned().unwrap_or_default();
        let event = Event {
            id: unique_id(),
            time,
            logical_id: resource.map_or(&stack.name, |one| &one.logical_id).clone(),
            physical_id: resource.map_or(&stack.id, |one| &one.physical_id).clone(),
            type_name: resource.map_or(NESTED, |one| &one.type_name).to_owned(),
            status: status.to_owned(),
            reason,
            properties,
            token: stack.operation.as_ref().and_then(|operation| operation.token.clone()),
            operation,
            operation_type,
            validation: None,
            hook: None,
        };
        stack.events.push(event);
    }

    pub fn set_status(&mut self, position: usize, time: Millis, status: &str, reason: Option<String>) {
        let stack = &mut self.state.stacks[position];
        stack.status = status.to_owned();
        stack.reason = reason.clone().unwrap_or_default();
        self.event(position, time, None, status, reason);
    }

    /// Starts to make or change a stack.
    pub fn begin(&mut self, position: usize, kind: Kind, target: Target, how: How, time: Millis) {
        let stack = &mut self.state.stacks[position];
        let inputs = target.inputs.clone();
        let operation = Operation::on(stack, kind, Phase::Forward, target, how);
        if kind != Kind::Create {
            stack.updated = Some(time);
        }
        stack.inputs = inputs;
        stack.operation = Some(operation);
        stack.enter(kind.operation_type());
        let status = match kind {
            Kind::Create => "CREATE_IN_PROGRESS",
            Kind::Import => "IMPORT_IN_PROGRESS",
            _ => "UPDATE_IN_PROGRESS",
        };
        self.set_status(position, time, status, Some("User Initiated".into()));
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

    /// Starts to delete a stack.
    pub fn begin_delete(
        &mut self,
        position: usize,
        retain: Vec<String>,
        token: Option<String>,
        time: Millis,
    ) {
        self.announce_delete(position, token, time);
        if let Some(operation) = &mut self.state.stacks[position].operation {
            operation.retain = retain;
        }
        self.delete_everything(position);
    }

    /// A deletion that fails before anything is deleted: the stack stays as it was.
    pub fn refuse_delete(&mut self, position: usize, token: Option<String>, time: Millis, reason: String) {
        self.announce_delete(position, token, time);
        self.end(position, time, "DELETE_FAILED", Some(reason));
    }

    fn announce_delete(&mut self, position: usize, token: Option<String>, time: Millis) {
        let stack = &mut self.state.stacks[position];
        let how = How { on_failure: OnFailure::DoNothing, token, retain_except_on_create: false };
        let target = stack.inputs.clone().into();
        let operation = Operation::on(stack, Kind::Delete, Phase::Delete, target, how);
        stack.operation = Some(operation);
        stack.enter(Kind::Delete.operation_type());
        self.set_status(position, time, "DELETE_IN_PROGRESS", Some("User Initiated".into()));
    }

    /// Takes back what a failed operation left: all that was changed since, but what is skipped.
    pub fn begin_rollback(
        &mut self,
        position: usize,
        skip: Vec<String>,
        token: Option<String>,
        time: Millis,
    ) {
        let stack = &mut self.state.stacks[position];
        let kind = if stack.status == "CREATE_FAILED" { Kind::Create } else { Kind::Rollback };
        let failed = stack.operation.take();
        let how = How { on_failure: OnFailure::Rollback, token, retain_except_on_create: false };
        let mut operation = Operation::on(stack, kind, Phase::Back, stack.inputs.clone().into(), how);
        operation.skip = skip;
        if let Some(failed) = failed {
            operation.before = failed.before;
            operation.resources_before = failed.resources_before;
            operation.leftovers = failed.leftovers;
        }
        stack.operation = Some(operation);
        stack.enter(match stack.status.as_str() {
            "UPDATE_ROLLBACK_FAILED" => "CONTINUE_ROLLBACK",
            _ => ROLLBACK,
        });
        self.go_back(position, time, Some("User Initiated".into()));
    }

    /// Ends an update before it has ended: what it did is taken back.
    pub fn cancel(&mut self, position: usize, time: Millis) {
        self.fail(position, time, "User Initiated");
    }

    /// A change to what is there, past the stack.
    pub fn drift(&mut self, position: usize, id: &str, properties: Option<Map<String, Json>>) -> bool {
        let stack = &mut self.state.stacks[position];
        let Some(resource) = stack.resources.get_mut(id) else { return false };
        match properties {
            Some(properties) => resource.live.extend(properties),
            None => resource.live = Map::new(),
        }
        true
    }

    /// What is to be done to bring the stack forward, and what is to be deleted afterwards.
    fn forward_tasks(&self, position: usize) -> Result<(Vec<Task>, Vec<Resource>), String> {
        let stack = &self.state.stacks[position];
        let Some(operation) = &stack.operation else { return Ok((Vec::new(), Vec::new())) };
        let wanted = self.wanted(&stack.inputs.template).map_err(|refusal| refusal.message)?;
        let order = wanted.order().map_err(|refusal| refusal.message)?;
        let mut tasks = Vec::new();
        let mut kept = BTreeSet::new();
        self.with_scope(position, &wanted, |scope| {
            for id in &order {
                let Some(written) = wanted.resource(id) else { continue };
                if !scope.is_wanted(written)? {
                    continue;
                }
                kept.insert(id.clone());
                let action = match (operation.target.imports.get(id), stack.resources.get(id)) {
                    (Some(physical), None) => Action::Import(physical.clone()),
                    (_, None) => Action::Create,
                    // Whether anything changes is seen when everything before it is there.
                    (_, Some(_)) => Action::Update,
                };
                tasks.push(Task {
                    id: id.clone(),
                    action,
                    after: wanted.needs(written),
                    progress: Progress::Waiting,
                });
            }
            Ok(())
        })?;
        let leftovers =
            stack.resources.values().filter(|one| !kept.contains(&one.logical_id)).cloned().collect();
        Ok((tasks, leftovers))
    }

    /// Runs something with the names of a stack as they are now.
    fn with_scope<R>(
        &self,
        position: usize,
        wanted: &Wanted,
        run: impl FnOnce(&Scope<'_>) -> Result<R, String>,
    ) -> Result<R, String> {
        let stack = &self.state.stacks[position];
        let parameters = wanted
            .parameter_values(&stack.inputs.parameters, self, stack.home())
            .map_err(|refusal| refusal.message)?;
        let exports = self.exports(stack.home());
        let lookup = |name: &str, wants: Option<&str>| -> Result<Json, String> {
            let resource = stack.resources.get(name).ok_or_else(|| format!("{name} is not there"))?;
            match wants {
                None => Ok(resource.physical_id.clone().into()),
                Some(wants) => attribute(&resource.attributes, &resource.properties, wants)
                    .cloned()
                    .ok_or_else(|| format!("Attribute '{wants}' does not exist")),
            }
        };
        let scope = Scope {
            wanted,
            parameters: &parameters,
            pseudo: pseudo(stack),
            exports: &exports,
            resource: &lookup,
            imported: RefCell::default(),
        };
        run(&scope)
    }

    /// One step of one stack, if it has one before `now`.
    fn step(&mut self, position: usize, now: Millis) -> bool {
        let Some(operation) = &self.state.stacks[position].operation else { return false };
        if !self.state.stacks[position].is_in_progress() {
            return false;
        }
        // The task that ends next.
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
                    self.operations_end(ids).filter(|end| *end <= now).map(|end| (end, number))
                }
                _ => None,
            })
            .min();
        if let Some((time, number)) = next {
            self.finish(position, number, time);
            return true;
        }
        // The moment from which on what is ready runs is that of the last event.
        let time = self.state.stacks[position].events.last().map_or(now, |event| event.time);
        if let Some(number) = self.ready(position) {
            self.start(position, number, time);
            return true;
        }
        let Some(operation) = &self.state.stacks[position].operation else { return false };
        let is_running =
            |task: &Task| !matches!(task.progress, Progress::Waiting | Progress::Done | Progress::Failed);
        if operation.tasks.iter().any(is_running) {
            return false;
        }
        self.end_of_phase(position, time);
        true
    }

    /// When a nested stack ended, if it has.
    fn nested_end(&self, id: &str) -> Option<Millis> {
        let stack = self.state.stacks.iter().find(|stack| stack.id == id)?;
        (!stack.is_in_progress()).then(|| stack.events.last().map_or(0, |event| event.time))
    }

    fn ready(&self, position: usize) -> Option<usize> {
        let operation = self.state.stacks[position].operation.as_ref()?;
        if operation.phase == Phase::Forward && !operation.failed.is_empty() {
            return None;
        }
        operation.tasks.iter().position(|task| {
            task.progress == Progress::Waiting
                && task.after.iter().all(|id| {
                    operation.tasks.iter().filter(|other| other.id == *id).all(|other| {
                        // What fails to go keeps nothing else from going.
                        other.progress == Progress::Done
                            || (other.progress == Progress::Failed && operation.phase != Phase::Forward)
                    })
                })
        })
    }

    fn start(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        match task.action {
            Action::Create | Action::Replace => self.start_create(position, number, &task, time),
            Action::Update => self.start_update(position, number, &task, time),
            Action::Import(ref physical) => self.start_import(position, number, &task, physical, time),
            Action::Restore(ref before) => {
                self.start_restore(position, number, &task, before.as_deref(), time)
            }
            Action::Delete(ref resource) => self.start_delete(position, number, resource, time),
        }
    }

    fn task(&self, position: usize, number: usize) -> Option<&Task> {
        self.state.stacks[position].operation.as_ref()?.tasks.get(number)
    }

    fn set_progress(&mut self, position: usize, number: usize, progress: Progress) {
        if let Some(operation) = &mut self.state.stacks[position].operation
            && let Some(task) = operation.tasks.get_mut(number)
        {
            task.progress = progress;
        }
    }

    /// Lets a task on a resource run for its time, or for that of the operations that it takes.
    fn run(&mut self, position: usize, number: usize, resource: &Resource, on: On, time: Millis) {
        let name = self.state.stacks[position].name.clone();
        let (fails, takes) = self.settings.faults.of_resource(&name, &resource.logical_id, on);
        let until = time + takes.unwrap_or(self.settings.resource_time);
        let mut progress = Progress::Running { until, fails };
        if matches!(on, On::Create | On::Update) {
            let hooks = self.hooks_of_resource(position, resource, time);
            if !hooks.is_empty() {
                let reason = format!("{HOOKS_FAILED} [{}]", hooks.join(", "));
                return self.set_progress(
                    position,
                    number,
                    Progress::Running { until: time, fails: Some(reason) },
                );
            }
        }
        if resource.type_name == STACK_SET && matches!(progress, Progress::Running { fails: None, .. }) {
            let region = self.state.stacks[position].region.clone();
            let properties = (on != On::Delete).then_some(&resource.properties);
            match self.follow_resource(&resource.physical_id, &region, properties, time) {
                Ok(operations) if operations.is_empty() => {}
                Ok(operations) => progress = Progress::StackSet(operations),
                Err(reason) => progress = Progress::Running { until, fails: Some(reason) },
            }
        }
        self.set_progress(position, number, progress);
    }

    /// The properties that the template wants of a resource now.
    fn wanted_properties(&self, position: usize, id: &str) -> Result<(Map<String, Json>, Json), String> {
        let wanted =
            self.wanted(&self.state.stacks[position].inputs.template).map_err(|refusal| refusal.message)?;
        let written = wanted.resource(id).cloned().unwrap_or_default();
        let properties = self.with_scope(position, &wanted, |scope| scope.properties(&written))?;
        Ok((properties, written))
    }

    fn blank(id: &str, type_name: &str, time: Millis, written: Json) -> Resource {
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

    fn start_create(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
        let (properties, written) = match self.wanted_properties(position, &task.id) {
            Ok(found) => found,
            Err(reason) => return self.cannot_start(position, number, &task.id, time, reason),
        };
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let is_replaced = matches!(task.action, Action::Replace);
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
            make(
                &Site {
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
        if self.is_taken(&self.state.stacks[position], &type_name, &made.physical_id) {
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

    /// Whether a resource of that name is in the way of one that a stack wants to make.
    pub fn is_taken(&self, stack: &Stack, type_name: &str, physical_id: &str) -> bool {
        // A bucket has its name in the world, a role in its account, anything else in its region.
        let (in_world, in_account) = (type_name == "AWS::S3::Bucket", type_name.starts_with("AWS::IAM::"));
        let owned = self.state.stacks.iter().filter(|other| {
            let is_near = other.account == stack.account && (in_account || other.region == stack.region);
            !other.is_deleted() && (in_world || is_near)
        });
        let mut all = owned.flat_map(|stack| stack.resources.values()).chain(&self.state.unowned);
        all.any(|one| {
            one.type_name == type_name && one.physical_id == physical_id && !one.physical_id.is_empty()
        })
    }

    fn needs(&self, position: usize, written: &Json) -> Vec<String> {
        let wanted = self.wanted(&self.state.stacks[position].inputs.template);
        wanted.map(|wanted| wanted.needs(written).into_iter().collect()).unwrap_or_default()
    }

    fn start_update(&mut self, position: usize, number: usize, task: &Task, time: Millis) {
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
                task.action = Action::Replace;
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
            let site = Site {
                account: &stack.account,
                region: &stack.region,
                stack_name: &stack.name,
                logical_id: &task.id,
                type_name: &present.type_name,
                seed: &stack.id,
            };
            make(&site, &resource.properties).attributes
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

    fn start_import(&mut self, position: usize, number: usize, task: &Task, physical: &str, time: Millis) {
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
        let found = self.state.unowned.remove(found);
        resource.attributes = found.attributes;
        resource.live = found.live;
        resource.properties = properties;
        resource.status = "IMPORT_IN_PROGRESS".into();
        self.state.stacks[position].resources.insert(task.id.clone(), resource.clone());
        self.run(position, number, &resource, On::Create, time);
    }

    fn start_restore(
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
                    matches!(&stack.operation, Some(operation) if operation.kind == Kind::Import);
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

    fn start_delete(&mut self, position: usize, number: usize, resource: &Resource, time: Millis) {
        let stack = &self.state.stacks[position];
        let Some(operation) = &stack.operation else { return };
        let is_replaced = stack
            .resources
            .get(&resource.logical_id)
            .is_some_and(|present| present.physical_id != resource.physical_id);
        let policy = if is_replaced { "UpdateReplacePolicy" } else { "DeletionPolicy" };
        let policy = resource.written[policy].as_str().unwrap_or("Delete");
        let is_going_back = matches!(operation.phase, Phase::BackCleanup)
            || (operation.phase == Phase::Delete && operation.kind == Kind::Create);
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
            self.state.unowned.push(left);
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
            && let Some(child) = self.state.stacks.iter().position(|one| one.id == resource.physical_id)
        {
            self.begin_delete(child, Vec::new(), None, time);
            return self.set_progress(position, number, Progress::Nested(resource.physical_id.clone()));
        }
        self.run(position, number, resource, On::Delete, time);
    }

    /// Makes or changes a nested stack, and lets its parent wait for it.
    fn start_nested(
        &mut self,
        position: usize,
        number: usize,
        mut resource: Resource,
        present: Option<String>,
        time: Millis,
    ) {
        let parent = self.state.stacks[position].clone();
        let inputs = match self.nested_inputs(&parent, &resource.properties) {
            Ok((inputs, _)) => inputs,
            Err(reason) => {
                let id = resource.logical_id.clone();
                if present.is_none() {
                    self.state.stacks[position].resources.insert(id.clone(), resource);
                }
                return self.cannot_start(position, number, &id, time, reason);
            }
        };
        let how = How { on_failure: OnFailure::Rollback, token: None, retain_except_on_create: false };
        let made = parent.operation.as_ref().and_then(|one| one.target.nested.get(&resource.logical_id));
        let known = present.as_ref().or(made);
        let child = known.and_then(|id| self.state.stacks.iter().position(|one| one.id == *id));
        let child = child.unwrap_or_else(|| self.add_nested(position, &resource.logical_id, time));
        let kind = if present.is_some() { Kind::Update } else { Kind::Create };
        self.begin(child, kind, inputs.into(), how, time);
        let id = self.state.stacks[child].id.clone();
        resource.physical_id = id.clone();
        self.state.stacks[position].resources.insert(resource.logical_id.clone(), resource);
        self.set_progress(position, number, Progress::Nested(id));
    }

    /// What a nested stack is made from, and its template, by the properties of its resource.
    pub fn nested_inputs(
        &self,
        parent: &Stack,
        properties: &Map<String, Json>,
    ) -> Result<(Inputs, Wanted), String> {
        let url = properties.get("TemplateURL").and_then(Json::as_str).unwrap_or_default();
        let given: Vec<Json> = properties
            .get("Parameters")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": words(value) }))
            .collect();
        let made = self.object_of_url(url).and_then(|template| {
            let before = Inputs { parameters: IndexMap::new(), ..parent.inputs.clone() };
            self.made_from(parent.home(), template, &given, &before)
        });
        made.map_err(|refusal| refusal.message)
    }

    /// A nested stack without anything in it.
    pub fn add_nested(&mut self, parent: usize, logical_id: &str, time: Millis) -> usize {
        let parent = self.state.stacks[parent].clone();
        let suffix = unique_id().replace('-', "").to_uppercase();
        let name = format!("{}-{logical_id}-{}", parent.name, &suffix[..12]);
        let child = self.add_stack(&name, parent.home(), time);
        self.state.stacks[child].parent = Some(parent.id);
        child
    }

    /// A stack without anything in it.
    pub fn add_stack(&mut self, name: &str, home: Home<'_>, time: Millis) -> usize {
        let Home { account, region } = home;
        let id = format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{}", unique_id());
        self.state.stacks.push(Stack {
            id,
            name: name.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            status: "REVIEW_IN_PROGRESS".into(),
            reason: String::new(),
            created: time,
            updated: None,
            deleted: None,
            inputs: Inputs::default(),
            termination_protection: false,
            disable_rollback: false,
            policy: None,
            resources: IndexMap::new(),
            outputs: Vec::new(),
            imports: Vec::new(),
            events: Vec::new(),
            change_sets: Vec::new(),
            operation: None,
            last_operations: Vec::new(),
            last_change_set: None,
            parent: None,
            drift: None,
        });
        self.state.stacks.len() - 1
    }

    /// A task that fails before it runs.
    fn cannot_start(&mut self, position: usize, number: usize, id: &str, time: Millis, reason: String) {
        self.set_progress(position, number, Progress::Running { until: time, fails: Some(reason) });
        let stack = &self.state.stacks[position];
        if !stack.resources.contains_key(id) {
            let wanted = self.wanted(&stack.inputs.template);
            let written = wanted.ok().and_then(|wanted| wanted.resource(id).cloned()).unwrap_or_default();
            let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
            let blank = Self::blank(id, &type_name, time, written);
            self.state.stacks[position].resources.insert(id.to_owned(), blank);
        }
    }

    fn finish(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        let fails = match &task.progress {
            Progress::Running { fails, .. } => fails.clone(),
            Progress::Nested(id) => {
                self.state.stacks.iter().find(|stack| stack.id == *id).and_then(|stack| {
                    let went_well = match task.action {
                        Action::Delete(_) => stack.status == "DELETE_COMPLETE",
                        _ => matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE"),
                    };
                    (!went_well).then(|| {
                        format!(
                            "Embedded stack {} was not successfully updated. Currently in {} with reason: {}",
                            stack.id, stack.status, stack.reason
                        )
                    })
                })
            }
            Progress::StackSet(ids) => self.operations_failure(ids),
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
            Action::Create => "CREATE",
            Action::Update | Action::Replace | Action::Restore(Some(_)) => "UPDATE",
            Action::Import(_) => "IMPORT",
            Action::Restore(None) => "IMPORT_ROLLBACK",
            Action::Delete(_) => "DELETE",
        };
        let status = format!("{verb}_{}", if fails.is_some() { "FAILED" } else { "COMPLETE" });
        self.set_progress(position, number, if fails.is_some() { Progress::Failed } else { Progress::Done });
        self.take_outputs_of_nested(position, &task);
        let stack = &mut self.state.stacks[position];
        if let Action::Restore(Some(before)) = &task.action
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
            Action::Delete(resource) => (**resource).clone(),
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
            if matches!(task.action, Action::Delete(_)) && fails.is_none() {
                stack.resources.shift_remove(&task.id);
            } else if matches!(task.action, Action::Restore(None)) && fails.is_none() {
                // It was there before it was imported, and stays.
                stack.resources.shift_remove(&task.id);
                self.state.unowned.push(subject.clone());
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

    /// The outputs of a nested stack are attributes of its resource.
    fn take_outputs_of_nested(&mut self, position: usize, task: &Task) {
        let Progress::Nested(id) = &task.progress else { return };
        let outputs: Vec<Output> = self
            .state
            .stacks
            .iter()
            .find(|stack| stack.id == *id)
            .map(|stack| stack.outputs.clone())
            .unwrap_or_default();
        if let Some(resource) = self.state.stacks[position].resources.get_mut(&task.id) {
            for output in outputs {
                resource.attributes.insert(format!("Outputs.{}", output.key), output.value.into());
            }
        }
    }

    /// What runs when something else fails is cancelled.
    fn cancel_others(&mut self, position: usize, time: Millis) {
        let Some(operation) = &mut self.state.stacks[position].operation else { return };
        let mut cancelled = Vec::new();
        for task in &mut operation.tasks {
            if matches!(task.progress, Progress::Running { .. }) {
                task.progress = Progress::Failed;
                let verb = if matches!(task.action, Action::Create) { "CREATE" } else { "UPDATE" };
                cancelled.push((task.id.clone(), verb));
            }
        }
        for (id, verb) in cancelled {
            let reason =
                if verb == "CREATE" { "Resource creation cancelled" } else { "Resource update cancelled" };
            let status = format!("{verb}_FAILED");
            let stack = &mut self.state.stacks[position];
            if let Some(resource) = stack.resources.get_mut(&id) {
                resource.status.clone_from(&status);
                resource.reason = Some(reason.to_owned());
                let resource = resource.clone();
                self.event(position, time, Some(&resource), &status, Some(reason.to_owned()));
            }
        }
    }

    fn end_of_phase(&mut self, position: usize, time: Millis) {
        let Some(operation) = self.state.stacks[position].operation.clone() else { return };
        match operation.phase {
            Phase::Forward if operation.failed.is_empty() => match self.new_outputs(position) {
                Ok(()) => self.clean_up(position, time, Phase::Cleanup),
                Err(reason) => self.fail(position, time, &reason),
            },
            Phase::Forward => {
                let verb = match operation.kind {
                    Kind::Create => "create",
                    Kind::Import => "import",
                    _ => "update",
                };
                let reason =
                    format!("The following resource(s) failed to {verb}: [{}].", operation.failed.join(", "));
                self.fail(position, time, &reason);
            }
            Phase::Cleanup => {
                let status = match operation.kind {
                    Kind::Create => "CREATE_COMPLETE",
                    Kind::Import => "IMPORT_COMPLETE",
                    _ => "UPDATE_COMPLETE",
                };
                self.end(position, time, status, None);
            }
            Phase::Back if operation.failed.is_empty() => {
                let stack = &mut self.state.stacks[position];
                stack.inputs = operation.before;
                self.clean_up(position, time, Phase::BackCleanup);
            }
            Phase::Back => {
                let reason =
                    format!("The following resource(s) failed to update: [{}].", operation.failed.join(", "));
                let status = match operation.kind {
                    Kind::Import => "IMPORT_ROLLBACK_FAILED",
                    Kind::Create => "ROLLBACK_FAILED",
                    _ => "UPDATE_ROLLBACK_FAILED",
                };
                // What is still to be taken back is kept for those who continue.
                self.set_status(position, time, status, Some(reason));
            }
            Phase::BackCleanup => match (operation.kind, operation.failed.is_empty()) {
                (Kind::Create, true) => self.end(position, time, "ROLLBACK_COMPLETE", None),
                (Kind::Create, false) => {
                    let reason = format!(
                        "The following resource(s) failed to delete: [{}].",
                        operation.failed.join(", ")
                    );
                    self.end(position, time, "ROLLBACK_FAILED", Some(reason));
                }
                (Kind::Import, _) => self.end(position, time, "IMPORT_ROLLBACK_COMPLETE", None),
                _ => self.end(position, time, "UPDATE_ROLLBACK_COMPLETE", None),
            },
            Phase::Delete if operation.failed.is_empty() => {
                let stack = &mut self.state.stacks[position];
                stack.deleted = Some(time);
                stack.outputs.clear();
                stack.imports.clear();
                self.end(position, time, "DELETE_COMPLETE", None);
            }
            Phase::Delete => {
                let reason = format!(
                    "The following resource(s) failed to delete: [{}]. ",
                    operation.failed.join(", ")
                );
                self.end(position, time, "DELETE_FAILED", Some(reason));
            }
        }
    }

    fn end(&mut self, position: usize, time: Millis, status: &str, reason: Option<String>) {
        self.set_status(position, time, status, reason);
        let stack = &mut self.state.stacks[position];
        stack.operation = None;
        let id = stack.id.clone();
        for change_set in &mut stack.change_sets {
            if change_set.execution == "EXECUTE_IN_PROGRESS" {
                let went_well = matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE");
                change_set.execution = if went_well { "EXECUTE_COMPLETE" } else { "EXECUTE_FAILED" }.into();
            }
        }
        // Nested stacks that it did not come to were there for their change sets only.
        let is_left = |one: &Stack| one.parent.as_ref() == Some(&id) && one.status == "REVIEW_IN_PROGRESS";
        while let Some(left) = self.state.stacks.iter().position(is_left) {
            self.begin_delete(left, Vec::new(), None, time);
        }
    }

    /// Outputs as the resources are now; exports that clash or that others read keep the operation from ending well.
    fn new_outputs(&mut self, position: usize) -> Result<(), String> {
        let stack = &self.state.stacks[position];
        let wanted = self.wanted(&stack.inputs.template).map_err(|refusal| refusal.message)?;
        let (new, imports) = self.with_scope(position, &wanted, |scope| {
            let new = outputs(scope, &wanted)?;
            // What is read in resources was read when they were made.
            for (_, resource) in wanted.section("Resources") {
                if scope.is_wanted(resource)? {
                    scope.value(resource.get("Properties").unwrap_or(&Json::Null))?;
                }
            }
            Ok((new, scope.imported.take()))
        })?;
        let exports = self.exports(stack.home());
        for export in new.iter().filter_map(|output| output.export.as_ref()) {
            if let Some((_, owner)) = exports.get(export).filter(|(_, owner)| *owner != stack.id) {
                return Err(format!("Export with name {export} is already exported by stack {owner}."));
            }
        }
        for old in stack.outputs.iter() {
            let Some(export) = &old.export else { continue };
            let users = self.importers(stack.home(), export);
            let is_same = new.iter().any(|one| one.export.as_ref() == Some(export) && one.value == old.value);
            if !users.is_empty() && !is_same {
                let verb = if new.iter().any(|one| one.export.as_ref() == Some(export)) {
                    "updated"
                } else {
                    "deleted"
                };
                return Err(format!(
                    "Export {export} cannot be {verb} as it is in use by {}",
                    users.join(", ")
                ));
            }
        }
        let stack = &mut self.state.stacks[position];
        stack.outputs = new;
        stack.imports = imports;
        Ok(())
    }

    /// Deletes what is left over, in the opposite order of its references.
    fn clean_up(&mut self, position: usize, time: Millis, phase: Phase) {
        let Some(operation) = &self.state.stacks[position].operation else { return };
        let kind = operation.kind;
        // A failed creation deletes everything that it had made, with a status of its own.
        let tasks = delete_tasks(&operation.leftovers);
        let is_empty = tasks.is_empty();
        if let Some(operation) = &mut self.state.stacks[position].operation {
            operation.phase = phase;
            operation.tasks = tasks;
            operation.failed.clear();
        }
        let status = match (phase, kind) {
            (Phase::Cleanup, Kind::Update) => Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            (Phase::BackCleanup, Kind::Update | Kind::Rollback) => {
                Some("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            }
            _ => None,
        };
        if let Some(status) = status {
            self.set_status(position, time, status, None);
        }
        if is_empty {
            self.end_of_phase(position, time);
        }
    }

    fn delete_everything(&mut self, position: usize) {
        let stack = &mut self.state.stacks[position];
        let resources: Vec<Resource> = stack.resources.values().cloned().collect();
        if let Some(operation) = &mut stack.operation {
            operation.phase = Phase::Delete;
            operation.tasks = delete_tasks(&resources);
            operation.failed.clear();
        }
    }

    /// Ends the way forward: what follows is what the caller wanted in that case.
    fn fail(&mut self, position: usize, time: Millis, reason: &str) {
        self.cancel_others(position, time);
        let Some(operation) = &self.state.stacks[position].operation else { return };
        let (kind, on_failure) = (operation.kind, operation.on_failure);
        match (kind, on_failure) {
            (Kind::Create, OnFailure::Delete) => {
                self.set_status(
                    position,
                    time,
                    "DELETE_IN_PROGRESS",
                    Some(format!("{reason} Delete requested by user.")),
                );
                self.delete_everything(position);
            }
            (Kind::Create, OnFailure::DoNothing) => {
                self.stop(position, time, "CREATE_FAILED", reason);
            }
            (Kind::Update, OnFailure::DoNothing) => {
                self.stop(position, time, "UPDATE_FAILED", reason);
            }
            _ => {
                let reason = if kind == Kind::Create {
                    format!("{reason} Rollback requested by user.")
                } else {
                    reason.to_owned()
                };
                // What takes an operation back is an operation of its own.
                self.state.stacks[position].enter(ROLLBACK);
                self.go_back(position, time, Some(reason));
            }
        }
    }

    /// Stops where it is; what is needed to go back is kept.
    fn stop(&mut self, position: usize, time: Millis, status: &str, reason: &str) {
        self.set_status(position, time, status, Some(reason.to_owned()));
        for change_set in &mut self.state.stacks[position].change_sets {
            if change_set.execution == "EXECUTE_IN_PROGRESS" {
                change_set.execution = "EXECUTE_FAILED".into();
            }
        }
    }

    fn go_back(&mut self, position: usize, time: Millis, reason: Option<String>) {
        let stack = &mut self.state.stacks[position];
        let Some(operation) = &mut stack.operation else { return };
        operation.phase = Phase::Back;
        operation.failed.clear();
        let mut tasks = Vec::new();
        for (id, resource) in &stack.resources {
            let before = operation.resources_before.get(id);
            let is_same = before.is_some_and(|before| {
                before.physical_id == resource.physical_id && before.properties == resource.properties
            });
            if !is_same {
                tasks.push(Task {
                    id: id.clone(),
                    action: Action::Restore(before.cloned().map(Box::new)),
                    after: BTreeSet::new(),
                    progress: Progress::Waiting,
                });
            }
        }
        // What was only to be deleted was not deleted yet.
        operation.leftovers.retain(|one| {
            operation
                .resources_before
                .get(&one.logical_id)
                .is_none_or(|before| before.physical_id != one.physical_id)
        });
        operation.tasks = tasks;
        let status = match operation.kind {
            Kind::Create => "ROLLBACK_IN_PROGRESS",
            Kind::Import => "IMPORT_ROLLBACK_IN_PROGRESS",
            _ => "UPDATE_ROLLBACK_IN_PROGRESS",
        };
        self.set_status(position, time, status, reason);
    }
}

fn delete_tasks(resources: &[Resource]) -> Vec<Task> {
    resources
        .iter()
        .map(|resource| Task {
            id: resource.logical_id.clone(),
            action: Action::Delete(Box::new(resource.clone())),
            after: resources
                .iter()
                .filter(|other| other.depends_on.contains(&resource.logical_id))
                .map(|other| other.logical_id.clone())
                .collect(),
            progress: Progress::Waiting,
        })
        .collect()
}
