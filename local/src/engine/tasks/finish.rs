//! Ends tasks: sets the status of the resource, adds an event to the stack, and stops the operation after a failure.

use crate::engine::Engine;
use crate::engine::stack_set::operations_failure;
use crate::state::{
    Failure, Millis, Phase, Progress, Resource, ResourceStatus, StackStatus, Task, TaskAction, unique_id,
};

/// The text in the event of a resource that was completed in express mode.
const EXPRESS_NOTE: &str =
    "Resource operation completed using Express Mode. It may continue becoming available in the background.";

impl Engine {
    pub(in crate::engine) fn finish(&mut self, position: usize, number: usize, time: Millis) {
        let Some(task) = self.task(position, number).cloned() else { return };
        let reason = self.failure_of(&task, time).map(reported);
        let status = end_status(&task.action, reason.is_some());
        let progress = if reason.is_some() { Progress::Failed } else { Progress::Done };
        self.set_progress(position, number, progress);
        self.take_outputs_of_nested(position, &task);
        if reason.is_none() {
            self.restore_previous(position, &task);
        }
        let Some(mut subject) = self.subject_of(position, &task) else { return };
        subject.status.clone_from(&status);
        subject.reason.clone_from(&reason);
        subject.time = time;
        self.settle(position, &task, &subject, reason.is_some());
        let note = self.is_express(position).then(|| EXPRESS_NOTE.to_owned());
        self.event(position, time, Some(&subject), status, reason.clone().or(note));
        if reason.is_some() {
            let phase = self.state.stacks[position].operation.as_mut().map(|operation| {
                operation.failed.push(task.id.clone());
                operation.phase
            });
            if phase == Some(Phase::Forward) {
                self.cancel_others(position, time);
            }
        }
    }

    /// Returns the reason why a task failed; `None` if it succeeded.
    fn failure_of(&self, task: &Task, time: Millis) -> Option<Failure> {
        match &task.progress {
            Progress::Running { fails, .. } => fails.clone(),
            Progress::Nested(id) => self.nested_failure(task, id),
            Progress::StackSet(ids) => operations_failure(self, ids).map(Failure::Handler),
            Progress::Signals(signals) => signals.failure(time),
            _ => None,
        }
    }

    fn nested_failure(&self, task: &Task, id: &str) -> Option<Failure> {
        let stack = self.state.stack_of(id)?;
        let is_complete = match task.action {
            TaskAction::Delete(_) => stack.status == StackStatus::DeleteComplete,
            _ => matches!(stack.status, StackStatus::CreateComplete | StackStatus::UpdateComplete),
        };
        (!is_complete).then(|| {
            Failure::Plain(format!(
                "Embedded stack {} was not successfully updated. Currently in {} with reason: {}",
                stack.id, stack.status, stack.reason
            ))
        })
    }

    /// After a rollback, the previous resource belongs to the stack again, and its replacement is deleted in the cleanup.
    fn restore_previous(&mut self, position: usize, task: &Task) {
        let TaskAction::Restore(Some(before)) = &task.action else { return };
        let stack = &mut self.state.stacks[position];
        let present = stack.resources.insert(task.id.clone(), (**before).clone());
        if let Some(operation) = &mut stack.operation {
            operation.leftovers.retain(|one| one.physical_id != before.physical_id);
            let replacement =
                present.filter(|one| one.physical_id != before.physical_id && !one.physical_id.is_empty());
            operation.leftovers.extend(replacement);
        }
    }

    /// Returns the resource of a task.
    fn subject_of(&self, position: usize, task: &Task) -> Option<Resource> {
        match &task.action {
            TaskAction::Delete(resource) => Some((**resource).clone()),
            _ => self.state.stacks[position].resources.get(&task.id).cloned(),
        }
    }

    /// Stores the resource in the stack, or removes it, according to the result of the task.
    fn settle(&mut self, position: usize, task: &Task, subject: &Resource, is_failed: bool) {
        let stack = &mut self.state.stacks[position];
        let is_present =
            stack.resources.get(&task.id).is_some_and(|one| one.physical_id == subject.physical_id);
        match task.action {
            TaskAction::Delete(_) if !is_failed => {
                if is_present {
                    stack.resources.shift_remove(&task.id);
                }
                self.delete_bucket(subject);
            }
            // The resource existed before it was imported, and still exists.
            TaskAction::Restore(None) if !is_failed && is_present => {
                stack.resources.shift_remove(&task.id);
                self.state.rest.unowned.push(subject.clone());
            }
            _ if is_present => {
                stack.resources.insert(task.id.clone(), subject.clone());
            }
            _ => {}
        }
    }
}

/// Returns the status of a resource after a task.
fn end_status(action: &TaskAction, is_failed: bool) -> ResourceStatus {
    let (complete, failed) = match action {
        TaskAction::Create => (ResourceStatus::CreateComplete, ResourceStatus::CreateFailed),
        TaskAction::Update | TaskAction::Replace | TaskAction::Restore(Some(_)) => {
            (ResourceStatus::UpdateComplete, ResourceStatus::UpdateFailed)
        }
        TaskAction::Import(_) => (ResourceStatus::ImportComplete, ResourceStatus::ImportFailed),
        TaskAction::Restore(None) => {
            (ResourceStatus::ImportRollbackComplete, ResourceStatus::ImportRollbackFailed)
        }
        TaskAction::Delete(_) => (ResourceStatus::DeleteComplete, ResourceStatus::DeleteFailed),
    };
    if is_failed { failed } else { complete }
}

/// Returns a failure as events report it.
fn reported(failure: Failure) -> String {
    match failure {
        Failure::Plain(message) => message,
        Failure::Handler(message) if message.contains("HandlerErrorCode: ") => message,
        Failure::Handler(message) => format!(
            "Resource handler returned message: \"{message}\" (RequestToken: {}, HandlerErrorCode: \
             GeneralServiceException)",
            unique_id()
        ),
    }
}
