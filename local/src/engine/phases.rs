//! The phases of an operation: the changes and the cleanup, or the rollback and its cleanup.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::engine::Engine;
use crate::engine::plan::outputs;
use crate::state::{
    Environment, ExecutionStatus, Inputs, Millis, OnFailure, OperationKind, OperationOptions, OperationType,
    Output, Phase, Progress, Resource, ResourceStatus, Stack, StackStatus, Task, TaskAction,
};

impl Engine {
    /// Returns the tasks that change the stack to its new state, and the resources to delete afterwards.
    pub(super) fn forward_tasks(&self, position: usize) -> Result<(Vec<Task>, Vec<Resource>), String> {
        let stack = &self.state.stacks[position];
        let Some(operation) = &stack.operation else { return Ok((Vec::new(), Vec::new())) };
        let template = self.template(&stack.inputs.template).map_err(|refusal| refusal.message)?;
        let order = template.order().map_err(|refusal| refusal.message)?;
        let mut tasks = Vec::new();
        let mut kept = BTreeSet::new();
        self.with_scope(position, &template, |scope| {
            for id in &order {
                let Some(written) = template.resource(id) else { continue };
                if !scope.is_wanted(written)? {
                    continue;
                }
                kept.insert(id.clone());
                let action = match (operation.target.imports.get(id), stack.resources.get(id)) {
                    (Some(physical), None) => TaskAction::Import(physical.clone()),
                    (_, None) => TaskAction::Create,
                    // Whether the resource changes is known only when the resources before it are complete.
                    (_, Some(_)) => TaskAction::Update,
                };
                tasks.push(Task {
                    id: id.clone(),
                    action,
                    after: template.needs(written),
                    progress: Progress::Waiting,
                });
            }
            Ok(())
        })?;
        let leftovers =
            stack.resources.values().filter(|one| !kept.contains(&one.logical_id)).cloned().collect();
        Ok((tasks, leftovers))
    }

    pub(super) fn end_of_phase(&mut self, position: usize, time: Millis) {
        let Some(operation) = self.state.stacks[position].operation.clone() else { return };
        match operation.phase {
            Phase::Forward if operation.failed.is_empty() => match self.new_outputs(position) {
                Ok(()) => self.clean_up(position, time, Phase::Cleanup),
                Err(reason) => self.fail(position, time, &reason),
            },
            Phase::Forward => {
                let verb = match operation.kind {
                    OperationKind::Create => "create",
                    OperationKind::Import => "import",
                    _ => "update",
                };
                let reason =
                    format!("The following resource(s) failed to {verb}: [{}].", operation.failed.join(", "));
                self.fail(position, time, &reason);
            }
            Phase::Cleanup => {
                let status = match operation.kind {
                    OperationKind::Create => StackStatus::CreateComplete,
                    OperationKind::Import => StackStatus::ImportComplete,
                    _ => StackStatus::UpdateComplete,
                };
                self.end(position, time, status, left_behind(&operation.failed));
            }
            Phase::Back if operation.failed.is_empty() => {
                let stack = &mut self.state.stacks[position];
                // The role of the last operation is used for all later operations, even if the operation fails.
                let role = stack.inputs.role.take();
                stack.inputs = Inputs { role, ..operation.before };
                self.clean_up(position, time, Phase::BackCleanup);
            }
            Phase::Back => {
                let reason =
                    format!("The following resource(s) failed to update: [{}].", operation.failed.join(", "));
                let status = match operation.kind {
                    OperationKind::Import => StackStatus::ImportRollbackFailed,
                    OperationKind::Create => StackStatus::RollbackFailed,
                    _ => StackStatus::UpdateRollbackFailed,
                };
                // The changes that are not rolled back yet are kept for `ContinueUpdateRollback`.
                self.set_status(position, time, status, Some(reason));
            }
            Phase::BackCleanup => match (operation.kind, operation.failed.is_empty()) {
                (OperationKind::Create, true) => {
                    self.end(position, time, StackStatus::RollbackComplete, None)
                }
                (OperationKind::Create, false) => {
                    let reason = format!(
                        "The following resource(s) failed to delete: [{}].",
                        operation.failed.join(", ")
                    );
                    self.end(position, time, StackStatus::RollbackFailed, Some(reason));
                }
                (OperationKind::Import, _) => {
                    self.end(position, time, StackStatus::ImportRollbackComplete, None)
                }
                _ => {
                    let reason = left_behind(&operation.failed);
                    self.end(position, time, StackStatus::UpdateRollbackComplete, reason);
                }
            },
            Phase::Delete if operation.failed.is_empty() => {
                let stack = &mut self.state.stacks[position];
                stack.deleted = Some(time);
                stack.outputs.clear();
                stack.imports.clear();
                self.end(position, time, StackStatus::DeleteComplete, None);
            }
            Phase::Delete => {
                let reason = format!(
                    "The following resource(s) failed to delete: [{}]. ",
                    operation.failed.join(", ")
                );
                self.end(position, time, StackStatus::DeleteFailed, Some(reason));
            }
        }
    }

    pub(super) fn end(&mut self, position: usize, time: Millis, status: StackStatus, reason: Option<String>) {
        let has_succeeded = status.is_deployed();
        self.set_status(position, time, status, reason);
        let stack = &mut self.state.stacks[position];
        stack.operation = None;
        let id = stack.id.clone();
        for change_set in &mut stack.change_sets {
            if change_set.execution == ExecutionStatus::ExecuteInProgress {
                change_set.execution = if has_succeeded {
                    ExecutionStatus::ExecuteComplete
                } else {
                    ExecutionStatus::ExecuteFailed
                };
            }
        }
        // Nested stacks that were not started existed for their change sets only.
        let is_left =
            |one: &Stack| one.parent.as_ref() == Some(&id) && one.status == StackStatus::ReviewInProgress;
        while let Some(left) = self.state.stacks.iter().position(is_left) {
            self.begin_delete(left, Vec::new(), OperationOptions::new(OnFailure::DoNothing), time);
        }
    }

    /// Evaluates the outputs. The operation fails if an export exists already, or is imported and would change.
    pub(super) fn new_outputs(&mut self, position: usize) -> Result<(), String> {
        let stack = &self.state.stacks[position];
        let template = self.template(&stack.inputs.template).map_err(|refusal| refusal.message)?;
        let (new, imports) = self.with_scope(position, &template, |scope| {
            let new = outputs(scope, &template)?;
            // The exports that resources import were read when the resources were created.
            for (_, resource) in template.section("Resources") {
                if scope.is_wanted(resource)? {
                    scope.value(resource.get("Properties").unwrap_or(&Json::Null))?;
                }
            }
            Ok((new, scope.imported.take()))
        })?;
        let (old, after): (Vec<&Output>, Vec<&Output>) =
            (stack.outputs.iter().collect(), new.iter().collect());
        self.check_exports(stack.environment(), &old, &after, |owner| owner == stack.id, |_| true)?;
        let stack = &mut self.state.stacks[position];
        stack.outputs = new;
        stack.imports = imports;
        Ok(())
    }

    /// Rejects exports that other stacks have already, and changes to exports that are imported. `is_own` states whose the
    /// outputs are, `counts` which importing stacks count.
    pub fn check_exports(
        &self,
        environment: Environment<'_>,
        old: &[&Output],
        new: &[&Output],
        is_own: impl Fn(&str) -> bool,
        counts: impl Fn(&Stack) -> bool,
    ) -> Result<(), String> {
        let exports = self.state.exports(environment);
        for name in new.iter().filter_map(|output| output.export.as_ref()) {
            if let Some((_, owner)) = exports.get(name).filter(|(_, owner)| !is_own(owner)) {
                return Err(format!("Export with name {name} is already exported by stack {owner}."));
            }
        }
        for before in old {
            let Some(name) = &before.export else { continue };
            let named = || new.iter().filter(|after| after.export.as_ref() == Some(name));
            let users: Vec<&str> = self
                .state
                .importers(environment, name)
                .filter(|user| counts(user))
                .map(|user| user.name.as_str())
                .collect();
            if !users.is_empty() && !named().any(|after| after.value == before.value) {
                let verb = if named().next().is_some() { "updated" } else { "deleted" };
                return Err(format!(
                    "Export {name} cannot be {verb} as it is in use by {}",
                    users.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Deletes the resources that are no longer needed, in the reverse order of their references.
    pub(super) fn clean_up(&mut self, position: usize, time: Millis, phase: Phase) {
        let Some(operation) = &self.state.stacks[position].operation else { return };
        let kind = operation.kind;
        // A failed creation deletes everything that it created, with a status of its own.
        let tasks = delete_tasks(&operation.leftovers);
        let is_empty = tasks.is_empty();
        if let Some(operation) = &mut self.state.stacks[position].operation {
            operation.phase = phase;
            operation.tasks = tasks;
            operation.failed.clear();
        }
        let status = match (phase, kind) {
            (Phase::Cleanup, OperationKind::Update) => Some(StackStatus::UpdateCompleteCleanupInProgress),
            (Phase::BackCleanup, OperationKind::Update | OperationKind::Rollback) => {
                Some(StackStatus::UpdateRollbackCompleteCleanupInProgress)
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

    pub(super) fn delete_everything(&mut self, position: usize) {
        let stack = &mut self.state.stacks[position];
        let resources: Vec<Resource> = stack.resources.values().cloned().collect();
        if let Some(operation) = &mut stack.operation {
            operation.phase = Phase::Delete;
            operation.tasks = delete_tasks(&resources);
            operation.failed.clear();
        }
    }

    /// Marks the operation as failed, and continues as the caller has requested for a failure.
    pub(super) fn fail(&mut self, position: usize, time: Millis, reason: &str) {
        self.cancel_others(position, time);
        let Some(operation) = &self.state.stacks[position].operation else { return };
        let (kind, on_failure) = (operation.kind, operation.on_failure);
        match (kind, on_failure) {
            (OperationKind::Create, OnFailure::Delete) => {
                self.set_status(
                    position,
                    time,
                    StackStatus::DeleteInProgress,
                    Some(format!("{reason} Delete requested by user.")),
                );
                self.delete_everything(position);
            }
            (OperationKind::Create, OnFailure::DoNothing) => {
                self.stop(position, time, StackStatus::CreateFailed, reason);
            }
            (OperationKind::Update, OnFailure::DoNothing) => {
                self.stop(position, time, StackStatus::UpdateFailed, reason);
            }
            _ => {
                let reason = if kind == OperationKind::Create {
                    format!("{reason} Rollback requested by user.")
                } else {
                    reason.to_owned()
                };
                // A rollback is a separate operation.
                self.state.stacks[position].enter(OperationType::Rollback);
                self.start_rollback(position, time, Some(reason));
            }
        }
    }

    pub(super) fn start_rollback(&mut self, position: usize, time: Millis, reason: Option<String>) {
        let stack = &mut self.state.stacks[position];
        let Some(operation) = &mut stack.operation else { return };
        operation.phase = Phase::Back;
        operation.failed.clear();
        let mut tasks = Vec::new();
        for (id, resource) in &stack.resources {
            let before = operation.resources_before.get(id);
            let is_same = before.is_some_and(|before| {
                before.physical_id == resource.physical_id
                    && before.properties == resource.properties
                    && resource.status != ResourceStatus::UpdateFailed
            });
            if !is_same {
                tasks.push(Task {
                    id: id.clone(),
                    action: TaskAction::Restore(before.cloned().map(Box::new)),
                    after: BTreeSet::new(),
                    progress: Progress::Waiting,
                });
            }
        }
        // The resources that were to be deleted in the cleanup were not deleted yet.
        operation.leftovers.retain(|one| {
            operation
                .resources_before
                .get(&one.logical_id)
                .is_none_or(|before| before.physical_id != one.physical_id)
        });
        operation.tasks = tasks;
        let status = match operation.kind {
            OperationKind::Create => StackStatus::RollbackInProgress,
            OperationKind::Import => StackStatus::ImportRollbackInProgress,
            _ => StackStatus::UpdateRollbackInProgress,
        };
        self.set_status(position, time, status, reason);
    }
}

/// Returns the message of CloudFormation if the cleanup could not delete a resource: the operation has succeeded nevertheless
/// (aws-cloudformation/cloudformation-coverage-roadmap#744).
fn left_behind(failed: &[String]) -> Option<String> {
    (!failed.is_empty()).then(|| "Update successful. One or more resources could not be deleted.".to_owned())
}

fn delete_tasks(resources: &[Resource]) -> Vec<Task> {
    resources
        .iter()
        .map(|resource| Task {
            id: resource.logical_id.clone(),
            action: TaskAction::Delete(Box::new(resource.clone())),
            after: resources
                .iter()
                .filter(|other| other.depends_on.contains(&resource.logical_id))
                .map(|other| other.logical_id.clone())
                .collect(),
            progress: Progress::Waiting,
        })
        .collect()
}
