//! Operations on stacks over time: resources are made, changed, taken back and deleted in the order of their references,
//! several at a time, with the events and statuses that CloudFormation has on the way.
//!
//! Nothing runs in the background: whoever looks at the state brings it up to the present first, so that it can be saved
//! at any moment and taken up again by another process.

mod nested;
mod phases;
mod tasks;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::cloud::{ChangeSet, Cloud, Event, Home, Inputs, Millis, Resource, Stack, unique_id};
use crate::evaluate::{Scope, referred};
use crate::template::{NESTED, Wanted};

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
    pub fn operation_type(self) -> &'static str {
        match self {
            Self::Create => "CREATE_STACK",
            Self::Update | Self::Import => "UPDATE_STACK",
            Self::Delete => "DELETE_STACK",
            Self::Rollback => ROLLBACK,
        }
    }
}

/// What an operation is called that takes another one back, asked for or not.
pub(crate) const ROLLBACK: &str = "ROLLBACK";

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

    /// Runs something with the names of a stack as they are now.
    fn with_scope<R>(
        &self,
        position: usize,
        wanted: &Wanted,
        run: impl FnOnce(&Scope<'_>) -> Result<R, String>,
    ) -> Result<R, String> {
        let stack = &self.state.stacks[position];
        let lookup = |name: &str, wants: Option<&str>| referred(stack.resources.get(name), name, wants);
        self.in_scope(stack, (wanted, &stack.inputs), &self.exports(stack.home()), &lookup, run)
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
}
