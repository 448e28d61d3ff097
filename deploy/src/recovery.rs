//! Recovery actions for a stack that cannot be deployed, each with the loss that it causes.

use std::str::FromStr;

use serde::Serialize;

use crate::Report;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::EventReader;
use crate::execution::follow;
use crate::lookup::{find_stack, resources, status_of};
use crate::preparation::{ContinueMode, used_express};
use crate::status::{ResourceStatus, StackStatus};

/// An operation that brings a stack into a status in which it can be deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RecoveryAction {
    /// `ContinueUpdateRollback`: tries the rollback of an update again.
    ContinueRollback,
    /// `ContinueUpdateRollback` without the resources that cannot be rolled back.
    ContinueRollbackSkipping,
    /// `RollbackStack`: rolls back a failed operation that was not rolled back.
    Rollback,
    /// `CancelUpdateStack`: cancels a running update and rolls it back.
    CancelUpdate,
    /// `DeleteStack`: deletes the stack.
    Delete,
    /// `DeleteStack` without the resources that cannot be deleted.
    DeleteRetaining,
}

impl RecoveryAction {
    /// All recovery actions.
    pub const ALL: [Self; 6] = [
        Self::ContinueRollback,
        Self::ContinueRollbackSkipping,
        Self::Rollback,
        Self::CancelUpdate,
        Self::Delete,
        Self::DeleteRetaining,
    ];

    /// Returns the name that `recover --action` accepts.
    pub fn name(self) -> &'static str {
        match self {
            Self::ContinueRollback => "continue-rollback",
            Self::ContinueRollbackSkipping => "continue-rollback-skipping",
            Self::Rollback => "rollback",
            Self::CancelUpdate => "cancel-update",
            Self::Delete => "delete",
            Self::DeleteRetaining => "delete-retaining",
        }
    }

    /// Returns whether the action leaves resources out.
    fn omits_resources(self) -> bool {
        matches!(self, Self::ContinueRollbackSkipping | Self::DeleteRetaining)
    }
}

impl FromStr for RecoveryAction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|action| action.name() == text)
            .ok_or_else(|| format!("there is no recovery action `{text}`"))
    }
}

/// A recovery action, with its consequences for a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecoveryOption {
    /// The recovery action.
    pub action: RecoveryAction,
    /// The status of the stack after the action, such as `UPDATE_ROLLBACK_COMPLETE`.
    pub leads_to: String,
    /// A description of the loss; empty if nothing is lost.
    pub loses: String,
}

/// The status of a stack, and its recovery actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackCondition {
    /// The name of the stack.
    pub stack: String,
    /// The status of the stack.
    pub status: StackStatus,
    /// The reason that CloudFormation reports for the status; `None` if it reports none.
    pub reason: Option<String>,
    /// The logical IDs of the resources that failed.
    pub failed: Vec<String>,
    /// The mode in which `deploy` continues from a failed operation that was not rolled back; `None` for other statuses.
    pub continue_with: Option<ContinueMode>,
    /// The recovery actions, the one that loses least first; empty if the stack needs none.
    pub options: Vec<RecoveryOption>,
}

/// Returns the status of a stack and its recovery actions.
///
/// # Errors
/// Returns an error if the stack does not exist or a request fails.
pub async fn condition(connection: &Connection, name: &str) -> Result<StackCondition, DeployError> {
    let no_stack = || DeployError::NoStack { stack: name.to_owned() };
    let stack = find_stack(connection, name).await?.ok_or_else(no_stack)?;
    let status = status_of(&stack);
    let failed: Vec<String> = resources(connection, name)
        .await?
        .into_iter()
        .filter(|one| {
            let status = one.resource_status().map_or("", |status| status.as_str());
            ResourceStatus::from(status).is_failed()
        })
        .filter_map(|one| one.logical_resource_id)
        .collect();
    let options = options(&status, &failed, used_express(&stack));
    let can_continue = matches!(status, StackStatus::CreateFailed | StackStatus::UpdateFailed);
    let continue_with = can_continue.then(|| ContinueMode::of(&stack));
    Ok(StackCondition {
        stack: stack.stack_name.unwrap_or_default(),
        status,
        reason: stack.stack_status_reason,
        failed,
        continue_with,
        options,
    })
}

/// Cancels the running operation without waiting for its end: an update is rolled back, and a stack that is being created
/// is deleted. Returns whether CloudFormation can cancel the operation: of others, such as a rollback, nothing is requested.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn cancel(connection: &Connection, name: &str) -> Result<bool, DeployError> {
    match find_stack(connection, name).await?.as_ref().map(status_of) {
        Some(StackStatus::UpdateInProgress) => {
            let token = uuid::Uuid::new_v4().to_string();
            let request = connection.cloudformation.cancel_update_stack().stack_name(name);
            let request = request.client_request_token(token);
            request.send().await.map(|_| true).map_err(DeployError::call("CancelUpdateStack"))
        }
        Some(StackStatus::CreateInProgress) => {
            let request = connection.cloudformation.delete_stack().stack_name(name);
            request.send().await.map(|_| true).map_err(DeployError::call("DeleteStack"))
        }
        _ => Ok(false),
    }
}

/// Performs a recovery action, follows it to its end, and returns the status of the stack.
///
/// `chosen` are the resources that [`RecoveryAction::ContinueRollbackSkipping`] skips or
/// [`RecoveryAction::DeleteRetaining`] retains; if there are none, all resources whose rollback or deletion failed.
///
/// # Errors
/// Returns an error if the action is not possible for the stack, if a chosen resource has not failed, or if a request
/// fails.
pub async fn recover(
    connection: &Connection,
    name: &str,
    action: RecoveryAction,
    chosen: &[String],
    report: Report<'_>,
) -> Result<StackStatus, DeployError> {
    let condition = condition(connection, name).await?;
    let refuse = |reason: String| DeployError::State {
        stack: condition.stack.clone(),
        status: condition.status.clone(),
        reason,
    };
    if !condition.options.iter().any(|option| option.action == action) {
        return Err(refuse(format!("the recovery action {} is not possible for it", action.name())));
    }
    if !chosen.is_empty() && !action.omits_resources() {
        return Err(refuse(format!("the recovery action {} does not take resources", action.name())));
    }
    // A resource of a nested stack is named by the nested stack and a dot; CloudFormation checks it.
    let is_unknown = |id: &&String| !id.contains('.') && !condition.failed.contains(id);
    if let Some(id) = chosen.iter().find(is_unknown) {
        let failed = condition.failed.join(", ");
        return Err(refuse(format!("the resource {id} has not failed; the failed resources are {failed}")));
    }
    let omitted = if chosen.is_empty() { condition.failed.clone() } else { chosen.to_vec() };
    let no_stack = || DeployError::NoStack { stack: name.to_owned() };
    let id = find_stack(connection, name).await?.and_then(|stack| stack.stack_id).ok_or_else(no_stack)?;
    let mut events = EventReader::from_now(connection, &id, report).await?;
    let client = &connection.cloudformation;
    // If the answer is lost, the SDK sends the request again, and CloudFormation must not take it for another one.
    let token = uuid::Uuid::new_v4().to_string();
    let omitted = action.omits_resources().then_some(omitted);
    match action {
        RecoveryAction::ContinueRollback | RecoveryAction::ContinueRollbackSkipping => {
            // CloudFormation skips the resources whose rollback failed, also in nested stacks. A list would have to leave out
            // those that failed for another reason.
            let forces = chosen.is_empty() && action.omits_resources();
            let request = client.continue_update_rollback().stack_name(&id).client_request_token(token);
            let request = request
                .set_resources_to_skip(omitted.filter(|_| !forces))
                .set_force_rollback(forces.then_some(true));
            request.send().await.map(drop).map_err(DeployError::call("ContinueUpdateRollback"))?;
        }
        RecoveryAction::Rollback => {
            let request = client.rollback_stack().stack_name(&id).client_request_token(token);
            request.send().await.map(drop).map_err(DeployError::call("RollbackStack"))?;
        }
        RecoveryAction::CancelUpdate => {
            let request = client.cancel_update_stack().stack_name(&id).client_request_token(token);
            request.send().await.map(drop).map_err(DeployError::call("CancelUpdateStack"))?;
        }
        RecoveryAction::Delete | RecoveryAction::DeleteRetaining => {
            let request = client.delete_stack().stack_name(&id).set_retain_resources(omitted);
            request.send().await.map(drop).map_err(DeployError::call("DeleteStack"))?;
        }
    }
    follow(connection, &id, &mut events, report).await
}

/// Returns the recovery actions for a status. CloudFormation does not roll back what an operation in express mode has left.
fn options(status: &StackStatus, failed: &[String], used_express: bool) -> Vec<RecoveryOption> {
    let option = |action, leads_to: &str, loses: String| RecoveryOption {
        action,
        leads_to: leads_to.to_owned(),
        loses,
    };
    let names = failed.join(", ");
    let all_resources = || "all resources of the stack that no deletion policy retains".to_owned();
    match status {
        StackStatus::UpdateRollbackFailed => vec![
            option(
                RecoveryAction::ContinueRollback,
                "UPDATE_ROLLBACK_COMPLETE, if the reason of the failure has been fixed",
                String::new(),
            ),
            option(
                RecoveryAction::ContinueRollbackSkipping,
                "UPDATE_ROLLBACK_COMPLETE",
                format!(
                    "the agreement between the stack and {names}: these resources stay as the update left them, although \
                     the template states something else. `--resource` chooses some of them"
                ),
            ),
        ],
        StackStatus::UpdateFailed | StackStatus::CreateFailed if used_express => {
            vec![option(RecoveryAction::Delete, "DELETE_COMPLETE", all_resources())]
        }
        StackStatus::UpdateFailed => vec![option(
            RecoveryAction::Rollback,
            "UPDATE_ROLLBACK_COMPLETE",
            "the changes of the failed update".into(),
        )],
        StackStatus::CreateFailed => vec![
            option(
                RecoveryAction::Rollback,
                "ROLLBACK_COMPLETE: the stack is empty, and the next deployment creates it again",
                "the resources that were created".into(),
            ),
            option(RecoveryAction::Delete, "DELETE_COMPLETE", all_resources()),
        ],
        StackStatus::RollbackComplete => vec![option(
            RecoveryAction::Delete,
            "DELETE_COMPLETE; the next deployment creates the stack again",
            "the events of the failed deployment, under the name of the stack".into(),
        )],
        StackStatus::RollbackFailed | StackStatus::DeleteFailed | StackStatus::ImportRollbackFailed => {
            let mut options = vec![option(
                RecoveryAction::Delete,
                "DELETE_COMPLETE, if the reason of the failure has been fixed",
                all_resources(),
            )];
            if *status == StackStatus::DeleteFailed && !failed.is_empty() {
                options.push(option(
                    RecoveryAction::DeleteRetaining,
                    "DELETE_COMPLETE",
                    format!(
                        "the management of {names} by a stack: these resources remain in the account and have to be \
                         deleted manually. `--resource` chooses some of them"
                    ),
                ));
            }
            options
        }
        StackStatus::UpdateInProgress => vec![option(
            RecoveryAction::CancelUpdate,
            "UPDATE_ROLLBACK_COMPLETE",
            "the changes of the update".into(),
        )],
        StackStatus::ReviewInProgress => vec![option(
            RecoveryAction::Delete,
            "DELETE_COMPLETE",
            "the change sets that wait for their execution".into(),
        )],
        _ => Vec::new(),
    }
}
