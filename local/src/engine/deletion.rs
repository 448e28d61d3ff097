//! Deletes stacks, unless something prevents it.

use crate::engine::Engine;
use crate::state::{Millis, Operation, OperationKind, OperationOptions, Phase, Stack, StackStatus};

impl Engine {
    /// Returns the reason why a caller may not delete a stack now; `None` if it may.
    pub fn deletion_refusal(&self, position: usize) -> Option<String> {
        let stack = &self.state.stacks[position];
        if self.is_protected(stack) {
            return Some(format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                stack.name
            ));
        }
        let mut running = self.state.rest.refactors.iter().filter(|refactor| refactor.running.is_some());
        let is_moved = running.any(|refactor| refactor.stacks.iter().any(|side| side.id == stack.id));
        let is_created =
            matches!(stack.status, StackStatus::CreateInProgress | StackStatus::RollbackInProgress);
        (stack.is_in_progress() && (is_moved || !is_created))
            .then(|| format!("Stack [{}] cannot be deleted while in status {}", stack.name, stack.status))
    }

    /// Returns whether a stack has termination protection. The termination protection of a nested stack is that of its root
    /// stack.
    pub fn is_protected(&self, stack: &Stack) -> bool {
        self.root_of(stack).termination_protection
    }

    /// Starts to delete a stack, unless another stack imports one of its exports.
    pub fn begin_delete(
        &mut self,
        position: usize,
        retain: Vec<String>,
        how: OperationOptions,
        time: Millis,
    ) {
        if let Some(reason) = self.export_in_use(position) {
            return self.refuse_delete(position, how, time, reason);
        }
        self.start_delete_operation(position, how, time);
        if let Some(operation) = &mut self.state.stacks[position].operation {
            operation.retain = retain;
        }
        self.delete_everything(position);
    }

    /// Returns the reason why a stack is not deleted although the caller may delete it: an export that is in use.
    fn export_in_use(&self, position: usize) -> Option<String> {
        let stack = &self.state.stacks[position];
        stack.outputs.iter().filter_map(|output| output.export.as_deref()).find_map(|export| {
            let users: Vec<&str> =
                self.state.importers(stack.environment(), export).map(|user| user.name.as_str()).collect();
            (!users.is_empty())
                .then(|| format!("Export {export} cannot be deleted as it is in use by {}", users.join(", ")))
        })
    }

    /// Records a deletion that is rejected before any resource is deleted: the stack returns to its previous status, with the
    /// reason (aws/aws-cdk#604, USSBA/aws-cft-tools#27).
    fn refuse_delete(&mut self, position: usize, how: OperationOptions, time: Millis, reason: String) {
        let stack = &self.state.stacks[position];
        let (status, operation) = (stack.status.clone(), stack.operation.clone());
        self.start_delete_operation(position, how, time);
        self.set_status(position, time, status, Some(reason));
        self.state.stacks[position].operation = operation;
    }

    fn start_delete_operation(&mut self, position: usize, how: OperationOptions, time: Millis) {
        let stack = &mut self.state.stacks[position];
        let target = stack.inputs.clone().into();
        let operation = Operation::on(stack, OperationKind::Delete, Phase::Delete, target, how);
        stack.operation = Some(operation);
        stack.enter(OperationKind::Delete.operation_type());
        self.set_status(position, time, StackStatus::DeleteInProgress, Some("User Initiated".into()));
    }
}
