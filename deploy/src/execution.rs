//! Executes a change set and follows the operation to its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stackwright_synth::{StackArtifact, with_causes};

use crate::attributes::AttributeChange;
use crate::change_set::{self, ChangeSet};
use crate::connection::Connection;
use crate::diagnosis::{Failure, find_failure};
use crate::error::DeployError;
use crate::events::EventReader;
use crate::lookup::{find_stack, outputs_of, status_of};
use crate::preparation::OPERATION_TIMEOUT;
use crate::secret::Secrets;
use crate::status::{Phase, StackStatus};
use crate::{Progress, Report};

/// The result of a successful deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether the deployment changed anything.
    pub changed: bool,
    /// The outputs of the stack. Outputs that contain values of `NoEcho` parameters are masked.
    pub outputs: BTreeMap<String, String>,
}

/// The maximum time until a started operation is visible.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum time until a started operation is visible on an endpoint on this machine.
const LOCAL_START_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of consecutive failed requests after which the contact with the stack is considered lost.
pub(crate) const MAX_FAILED_POLLS: usize = 20;

/// The number of polls without an end of the operation after which the status of the stack is read, because an
/// endpoint may not report the end as an event.
const POLLS_PER_STATUS: usize = 4;

/// Executes a change set, follows the operation to its end, and returns the outputs.
///
/// # Errors
/// Returns an error if the change set cannot be executed any more, if the operation fails, or if the contact with the
/// stack is lost.
pub async fn execute(
    connection: &Connection,
    stack: &StackArtifact,
    change_set: &ChangeSet,
    report: Report<'_>,
) -> Result<Outcome, DeployError> {
    let mut events = EventReader::from_now(connection, &change_set.stack_id, report).await?;
    report(Progress::Executing { changes: change_set.changes.len(), last_took: events.last_took });
    change_set::start(connection, &stack.name, change_set).await?;
    let status = follow(connection, &change_set.stack_id, &mut events, report).await?;
    if status == StackStatus::DeleteComplete {
        return Err(DeployError::DeletedMeanwhile { stack: stack.name.clone() });
    }
    if !status.is_deployed() {
        return Err(failed(connection, &stack.name, &change_set.stack_id, status, &events, report).await);
    }
    // Only changes that were approved with the change set are made.
    Ok(Outcome { changed: true, outputs: finish(connection, stack, &change_set.attributes, report).await? })
}

/// Returns the error for an operation that has ended with a status of a failure.
pub(crate) async fn failed(
    connection: &Connection,
    stack: &str,
    stack_id: &str,
    status: StackStatus,
    events: &EventReader,
    report: Report<'_>,
) -> DeployError {
    let found = find_failure(connection, stack_id, Some(&events.operations), report).await.ok().flatten();
    let (cancelled, diagnosis) = match found {
        Some(Failure::Cancelled) => (true, None),
        Some(Failure::Cause(diagnosis)) => (false, Some(diagnosis)),
        None => (false, None),
    };
    DeployError::Failed { stack: stack.to_owned(), status, cancelled, diagnosis }
}

/// Finishes the deployment of a stack whose template does not change: makes the given changes to attributes of the stack,
/// and reads the outputs.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn keep_unchanged(
    connection: &Connection,
    stack: &StackArtifact,
    attributes: &[AttributeChange],
    report: Report<'_>,
) -> Result<Outcome, DeployError> {
    let outputs = finish(connection, stack, attributes, report).await?;
    Ok(Outcome { changed: !attributes.is_empty(), outputs })
}

/// Changes termination protection and reads the outputs. If the outputs cannot be read, the deployment has succeeded all
/// the same.
async fn finish(
    connection: &Connection,
    stack: &StackArtifact,
    attributes: &[AttributeChange],
    report: Report<'_>,
) -> Result<BTreeMap<String, String>, DeployError> {
    for change in attributes {
        // Tags are part of the change set.
        if let AttributeChange::TerminationProtection { enabled } = change {
            let changed = set_termination_protection(connection, &stack.name, *enabled).await;
            changed.map_err(|error| DeployError::AttributeNotChanged {
                stack: stack.name.clone(),
                change: change.clone(),
                source: Box::new(error),
            })?;
            report(Progress::AttributeChanged(change.clone()));
        }
    }
    match find_stack(connection, &stack.name).await {
        Ok(found) => {
            // Values of secrets in outputs are masked by what the outputs are made of.
            let secrets = Secrets::new(stack, &BTreeMap::new());
            Ok(found.map(|found| outputs_of(&found, &secrets)).unwrap_or_default())
        }
        Err(error) => {
            report(Progress::OutputsUnavailable { reason: with_causes(&error) });
            Ok(BTreeMap::new())
        }
    }
}

/// Enables or disables termination protection.
pub(crate) async fn set_termination_protection(
    connection: &Connection,
    stack: &str,
    enabled: bool,
) -> Result<(), DeployError> {
    connection
        .cloudformation
        .update_termination_protection()
        .stack_name(stack)
        .enable_termination_protection(enabled)
        .send()
        .await
        .map(drop)
        .map_err(DeployError::call("UpdateTerminationProtection"))
}

/// Reports events until the operation has ended, and returns the status of the stack. A request that fails does not end
/// the operation, so that the request is sent again.
pub(crate) async fn follow(
    connection: &Connection,
    stack: &str,
    events: &mut EventReader,
    report: Report<'_>,
) -> Result<StackStatus, DeployError> {
    let start = Instant::now();
    let start_timeout = if connection.is_loopback() { LOCAL_START_TIMEOUT } else { START_TIMEOUT };
    let lost_contact = |error| DeployError::LostContact {
        stack: stack.to_owned(),
        backend: connection.backend(),
        source: Box::new(error),
    };
    let (mut started, mut failed_polls, mut polls) = (false, 0, 0_usize);
    loop {
        polls += 1;
        let (mut status, mut ended) = (None, false);
        match events.new_events(connection).await {
            Ok(new) => {
                failed_polls = 0;
                started |= !new.is_empty();
                for record in new {
                    ended |= record.ends_operation;
                    // An event may report the end of the operation without a status of a resource.
                    let Some(event) = record.event else { continue };
                    if record.is_of_stack {
                        status = Some(StackStatus::from(event.status.as_str()));
                    }
                    report(Progress::Event(event));
                }
            }
            Err(error) if error.is_permanent() || failed_polls >= MAX_FAILED_POLLS => {
                return Err(lost_contact(error));
            }
            Err(_) => failed_polls += 1,
        }
        if status.is_none() && (ended || polls.is_multiple_of(POLLS_PER_STATUS)) {
            match find_stack(connection, stack).await {
                Ok(found) => status = Some(found.as_ref().map_or(StackStatus::DeleteComplete, status_of)),
                Err(error) if error.is_permanent() => return Err(lost_contact(error)),
                Err(_) => {}
            }
        }
        // Before the operation is visible, the status is that of the previous operation.
        started |= start.elapsed() > start_timeout;
        let is_end = |status: &StackStatus| matches!(status.phase(), Phase::Complete | Phase::Failed);
        if let Some(status) = status.filter(|status| started && is_end(status)) {
            return Ok(status);
        }
        if start.elapsed() > OPERATION_TIMEOUT {
            return Err(DeployError::Timeout {
                activity: format!("the operation on the stack {stack}"),
                limit: OPERATION_TIMEOUT,
                backend: connection.backend(),
            });
        }
        connection.poller.wait(start.elapsed()).await;
    }
}
