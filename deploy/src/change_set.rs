//! Change sets: creates them, waits for them, reads all pages, and deletes them.

use std::time::{Duration, Instant};

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{ChangeSetStatus, ExecutionStatus, Parameter};
use serde::{Deserialize, Serialize};
use stackwright_synth::{StackArtifact, with_causes};

use crate::Report;
use crate::approval::{RequiredApproval, required_approvals};
use crate::attributes::AttributeChange;
use crate::change::{Change, read_change};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::lookup::{change_sets, find_stack, status_of};
use crate::messages;
use crate::parameters::{ParameterNote, changed_ssm_values};
use crate::prediction::PredictionDifference;
use crate::request::{ChangeSetRequest, Existing};
use crate::secret::Secrets;
use crate::status::{Replacement, StackStatus};
use crate::validation::{ValidationFailure, failures_in, failures_in_all};

/// The maximum time for the creation of a change set.
const CREATION_TIMEOUT: Duration = Duration::from_secs(600);

/// The maximum number of times that a change set is created again if others delete it or make it obsolete.
const MAX_CREATIONS: usize = 3;

/// A change set that can be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeSet {
    /// The name of the change set.
    pub name: String,
    /// The ARN of the change set.
    pub id: String,
    /// The name of the stack.
    #[serde(default)]
    pub stack: String,
    /// The ARN of the stack.
    pub stack_id: String,
    /// The changes to resources, including those of nested stacks. A change to outputs alone is not among them.
    pub changes: Vec<Change>,
    /// The changes to attributes of the stack, such as tags.
    #[serde(default)]
    pub attributes: Vec<AttributeChange>,
    /// Parameters whose value the program does not set.
    #[serde(default)]
    pub parameters: Vec<ParameterNote>,
    /// Findings of CloudFormation's validation and of hooks that do not prevent the deployment.
    #[serde(default)]
    pub warnings: Vec<ValidationFailure>,
    /// Whether the stack was created for this change set, so that it is deleted with it.
    #[serde(default)]
    pub created_stack: bool,
    /// Whether CloudFormation rolls nothing back if the operation fails.
    #[serde(default)]
    pub keep_failed: bool,
    /// Whether the operation uses CloudFormation's express mode.
    #[serde(default)]
    pub express: bool,
    /// The resources for which the changes differ from what the comparison of the templates predicts; `None` if they were not
    /// compared.
    #[serde(default)]
    pub prediction: Option<Vec<PredictionDifference>>,
}

impl ChangeSet {
    /// Returns the changes that need an approval.
    pub fn required_approvals(&self) -> Vec<RequiredApproval> {
        required_approvals(&self.stack, &self.changes, &self.attributes)
    }

    /// Returns the replacements that let the operation fail: CloudFormation replaces no resource in an update that it does not
    /// roll back.
    pub fn refused_replacements(&self) -> impl Iterator<Item = &Change> {
        let is_replaced = |change: &&Change| {
            self.keep_failed
                && matches!(change.replacement, Some(Replacement::Yes | Replacement::Conditional))
        };
        self.changes.iter().filter(is_replaced)
    }
}

/// Creates a change set; `None` if nothing changes.
pub(crate) async fn create(
    connection: &Connection,
    request: &ChangeSetRequest<'_>,
    existing: Existing,
    deployed_parameters: &[Parameter],
    report: Report<'_>,
) -> Result<Option<ChangeSet>, DeployError> {
    let (stack, name) = (request.stack, request.name());
    let created_stack = existing == Existing::Nothing;
    // The name leaves secrets out, so that a change set with this name may have been created with another secret.
    let mut may_reuse = !request.has_secrets();
    for _ in 0..MAX_CREATIONS {
        // A name is unique only among the change sets that were not executed; the ARN is always unique.
        let target = match request.send(connection, existing, &name).await {
            Ok(id) => id.unwrap_or_else(|| name.clone()),
            Err(error) if error.code() == Some("AlreadyExistsException") => {
                if !may_reuse {
                    may_reuse = true;
                    delete(connection, &stack.name, &name).await?;
                    continue;
                }
                name.clone()
            }
            // Some endpoints refuse the request, where CloudFormation creates a change set that fails.
            Err(DeployError::Call { message, .. }) if messages::reports_no_changes(&message) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let described = match wait(connection, &stack.name, &target).await {
            Ok(described) => described,
            // Another process has deleted it.
            Err(error) if error.is_missing_change_set() => continue,
            Err(error) => return Err(error),
        };
        if described.status == Some(ChangeSetStatus::Failed) {
            return failed(connection, stack, &target, &described, created_stack, report).await;
        }
        match described.execution_status {
            Some(ExecutionStatus::Available) => {
                let known = (request, deployed_parameters, created_stack);
                return read(connection, known, &name, described, report).await.map(Some);
            }
            Some(ExecutionStatus::ExecuteInProgress) => {
                return Err(DeployError::AlreadyExecuting { stack: stack.name.clone() });
            }
            // It was executed, or is obsolete: it has to make room.
            _ => delete(connection, &stack.name, &target).await?,
        }
    }
    Err(DeployError::ChangeSet {
        stack: stack.name.clone(),
        reason: "other processes repeatedly delete it or make it obsolete".into(),
        failures: Vec::new(),
    })
}

/// Handles a change set that could not be created: it is deleted, and the reason is read before.
async fn failed(
    connection: &Connection,
    stack: &StackArtifact,
    name: &str,
    described: &DescribeChangeSetOutput,
    created_stack: bool,
    report: Report<'_>,
) -> Result<Option<ChangeSet>, DeployError> {
    let reason = described.status_reason.clone().unwrap_or_default();
    if messages::reports_no_changes(&reason) {
        remove(connection, &stack.name, name, created_stack).await?;
        return Ok(None);
    }
    let failures = failures_in_all(connection, described, report).await;
    remove(connection, &stack.name, name, created_stack).await?;
    let (failures, reason) = match failures {
        Ok(failures) => (failures, reason),
        Err(error) => (Vec::new(), format!("{reason} (the details cannot be read: {})", with_causes(&error))),
    };
    Err(DeployError::ChangeSet { stack: stack.name.clone(), reason, failures })
}

/// Reads a change set that can be executed.
async fn read(
    connection: &Connection,
    (request, deployed_parameters, created_stack): (&ChangeSetRequest<'_>, &[Parameter], bool),
    name: &str,
    described: DescribeChangeSetOutput,
    report: Report<'_>,
) -> Result<ChangeSet, DeployError> {
    let stack = request.stack;
    let id = described.change_set_id.clone().unwrap_or_default();
    let stack_id = described.stack_id.clone().unwrap_or_default();
    let secrets = Secrets::new(stack, &request.options.parameters);
    let mut parameters = request.parameters.notes.clone();
    parameters.extend(changed_ssm_values(deployed_parameters, described.parameters(), &secrets));
    let mut warnings = failures_in(connection, &id, "", report).await.unwrap_or_default();
    let (changes, nested) = all_changes(connection, stack, &secrets, &id, described).await?;
    for (id, path) in nested {
        warnings.extend(failures_in(connection, &id, &path, report).await.unwrap_or_default());
    }
    Ok(ChangeSet {
        name: name.to_owned(),
        id,
        stack: stack.name.clone(),
        stack_id,
        changes,
        attributes: request.tags.changes.clone(),
        parameters,
        warnings,
        created_stack,
        keep_failed: request.options.keep_failed,
        express: request.options.express,
        prediction: None,
    })
}

/// Describes a change set by its name and that of its stack, or by its ARN alone.
pub(crate) async fn describe(
    connection: &Connection,
    stack: Option<&str>,
    name: &str,
    page: Option<String>,
) -> Result<DescribeChangeSetOutput, DeployError> {
    connection
        .cloudformation
        .describe_change_set()
        .set_stack_name(stack.map(str::to_owned))
        .change_set_name(name)
        .include_property_values(true)
        .set_next_token(page)
        .send()
        .await
        .map_err(DeployError::call("DescribeChangeSet"))
}

/// Waits until CloudFormation has created a change set.
async fn wait(
    connection: &Connection,
    stack: &str,
    name: &str,
) -> Result<DescribeChangeSetOutput, DeployError> {
    let start = Instant::now();
    loop {
        let described = describe(connection, Some(stack), name, None).await?;
        match described.status {
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) | None => {}
            _ => return Ok(described),
        }
        if start.elapsed() > CREATION_TIMEOUT {
            return Err(DeployError::Timeout {
                activity: format!("the creation of the change set {name}"),
                limit: CREATION_TIMEOUT,
                backend: connection.backend(),
            });
        }
        connection.poller.wait(start.elapsed()).await;
    }
}

/// Returns all changes of a change set, including those of nested stacks, and the ARNs of the nested change sets with the
/// paths of their stacks.
pub(crate) async fn all_changes(
    connection: &Connection,
    stack: &StackArtifact,
    secrets: &Secrets<'_>,
    name: &str,
    first: DescribeChangeSetOutput,
) -> Result<(Vec<Change>, Vec<(String, String)>), DeployError> {
    let mut changes = Vec::new();
    let mut page = first;
    let mut nested: Vec<(String, String)> = Vec::new();
    let mut read_nested = 0;
    let (mut id, mut path) = (name.to_owned(), String::new());
    loop {
        for change in page.changes().iter().filter_map(|change| change.resource_change()) {
            let read = read_change(change, &path, secrets);
            if let Some(id) = change.change_set_id() {
                nested.push((id.to_owned(), format!("{}/", read.logical_id)));
            }
            changes.push(read);
        }
        let next = page.next_token.take();
        if next.is_none() {
            match nested.get(read_nested) {
                Some(one) => (id, path) = one.clone(),
                None => return Ok((changes, nested)),
            }
            read_nested += 1;
        }
        // The name of a change set is unique only in its stack; a nested change set is described by its ARN.
        let stack = path.is_empty().then_some(stack.name.as_str());
        page = describe(connection, stack, &id, next).await?;
    }
}

async fn delete(connection: &Connection, stack: &str, name: &str) -> Result<(), DeployError> {
    let request = connection.cloudformation.delete_change_set().stack_name(stack).change_set_name(name);
    request.send().await.map(drop).map_err(DeployError::call("DeleteChangeSet"))
}

/// Deletes a change set, and the stack that was created for it, unless others use that stack.
async fn remove(
    connection: &Connection,
    stack: &str,
    name: &str,
    created_stack: bool,
) -> Result<(), DeployError> {
    delete(connection, stack, name).await?;
    if !created_stack {
        return Ok(());
    }
    let status = find_stack(connection, stack).await?.as_ref().map(status_of);
    if status != Some(StackStatus::ReviewInProgress) || !change_sets(connection, stack).await?.is_empty() {
        return Ok(());
    }
    let request = connection.cloudformation.delete_stack().stack_name(stack);
    request.send().await.map(drop).map_err(DeployError::call("DeleteStack"))
}

/// Deletes a change set that is not wanted. The empty stack that was created for it is deleted as well, unless it has
/// change sets of others.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn discard(connection: &Connection, change_set: &ChangeSet) -> Result<(), DeployError> {
    remove(connection, &change_set.stack, &change_set.id, change_set.created_stack).await
}

/// Starts the execution of a change set.
pub(crate) async fn start(
    connection: &Connection,
    stack: &str,
    change_set: &ChangeSet,
) -> Result<(), DeployError> {
    let request = connection
        .cloudformation
        .execute_change_set()
        .stack_name(stack)
        .change_set_name(&change_set.id)
        // A request that is sent again after a lost answer must not count twice. Another change set has another token.
        .client_request_token(change_set.id.rsplit('/').next().unwrap_or(&change_set.name))
        .retain_except_on_create(true)
        // In express mode, the change set already disables the rollback. `OnStackFailure` is not used, because CloudFormation
        // does not update a stack that was created with `OnStackFailure` and failed.
        .set_disable_rollback((change_set.keep_failed && !change_set.express).then_some(true));
    let error = match request.send().await.map_err(DeployError::call("ExecuteChangeSet")) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let changed = |reason: String| Err(DeployError::Changed { stack: stack.to_owned(), reason });
    match error.code() {
        Some("ChangeSetNotFound" | "ChangeSetNotFoundException") => {
            changed("the change set does not exist any more".into())
        }
        // The first request may have been received, and its answer lost.
        Some("InvalidChangeSetStatus" | "InvalidChangeSetStatusException") => {
            let described = describe(connection, Some(stack), &change_set.id, None).await?;
            match described.execution_status {
                Some(ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete) => Ok(()),
                status => changed(format!("the change set has the status {}", status_text(status.as_ref()))),
            }
        }
        _ => Err(error),
    }
}

/// Returns the execution status of a change set for a message.
pub(crate) fn status_text(status: Option<&ExecutionStatus>) -> &str {
    status.map_or("UNKNOWN", ExecutionStatus::as_str)
}
