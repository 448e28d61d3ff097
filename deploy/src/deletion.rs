//! Deletes stacks, and shows beforehand which resources are deleted and which are retained.

use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{ChangeSetStatus, TemplateStage};
use serde::Serialize;
use stackwright_schemas::held::{Held, held};
use stackwright_synth::{StackArtifact, with_causes};

use crate::approval::RequiredApproval;
use crate::attributes::AttributeChange;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::EventReader;
use crate::execution::{failed, follow, set_termination_protection};
use crate::lookup::{change_sets, deployed_template, find_stack, resources, status_of};
use crate::preparation::wait_until_idle;
pub use crate::retained::{Disposition, LostKey};
use crate::retained::{dispositions, lost_keys};
use crate::status::{ResourceStatus, StackStatus};
use crate::{Progress, Report};

/// The running operations during which a deletion may start. All others have to end first.
pub(crate) const DELETABLE: [StackStatus; 4] = [
    StackStatus::CreateInProgress,
    StackStatus::RollbackInProgress,
    StackStatus::ReviewInProgress,
    StackStatus::DeleteInProgress,
];

/// A preview of the deletion of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeletionPreview {
    /// The name of the stack.
    pub stack: String,
    /// The ARN of the stack.
    pub stack_id: String,
    /// Whether termination protection is enabled.
    pub termination_protection: bool,
    /// The resources of the stack.
    pub resources: Vec<DeletedResource>,
    /// Change sets that wait for their execution, and are deleted with the stack.
    pub change_sets: Vec<String>,
    /// Retained resources with the KMS key of the stack that they are encrypted with and that is deleted. Their content
    /// cannot be read after the deletion of the key.
    pub lost_keys: Vec<LostKey>,
    /// The names of deployed stacks that use values of the stack.
    pub dependents: Vec<String>,
    /// When the stack was updated last, in seconds since 1970.
    #[serde(skip)]
    pub(crate) updated: Option<i64>,
}

impl DeletionPreview {
    /// Returns the deletions that need an approval of their own.
    pub fn required_approvals(&self) -> Vec<RequiredApproval> {
        let of_key: Vec<&str> = self.lost_keys.iter().map(|one| one.key.as_str()).collect();
        self.resources
            .iter()
            .filter(|one| one.disposition == Disposition::Deleted)
            .filter_map(|one| {
                let loss = held(&one.resource_type)
                    .or_else(|| of_key.contains(&one.logical_id.as_str()).then_some(Held::Data))?;
                Some(RequiredApproval::deletion(&one.logical_id, &one.resource_type, loss))
            })
            .collect()
    }
}

/// A resource of a stack that is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeletedResource {
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The action for the resource.
    pub disposition: Disposition,
}

/// Returns a preview of the deletion of a stack; `None` if the stack does not exist.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn deletion_preview(
    connection: &Connection,
    stack: &StackArtifact,
    report: Report<'_>,
) -> Result<Option<DeletionPreview>, DeployError> {
    let Some(found) = find_stack(connection, &stack.name).await? else { return Ok(None) };
    let id = found.stack_id().unwrap_or_default().to_owned();
    let present: Vec<(String, String)> = resources(connection, &id)
        .await?
        .into_iter()
        .filter(|one| {
            let status = one.resource_status().map_or("", |status| status.as_str());
            ResourceStatus::from(status) != ResourceStatus::DeleteComplete
        })
        .map(|one| (one.logical_resource_id.unwrap_or_default(), one.resource_type.unwrap_or_default()))
        .collect();
    let waiting = if status_of(&found) == StackStatus::ReviewInProgress {
        change_sets(connection, &stack.name)
            .await?
            .into_iter()
            .filter(|one| one.status() != Some(&ChangeSetStatus::Failed))
            .filter_map(|one| one.change_set_name)
            .collect()
    } else {
        Vec::new()
    };
    let deployed = if present.is_empty() {
        None
    } else {
        // The deployed template determines the result, not the current program.
        match deployed_template(connection, &id, TemplateStage::Processed).await {
            Ok(template) => Some(template),
            Err(error) if error.is_expired() => return Err(error),
            Err(error) => {
                report(Progress::OperationUnavailable {
                    operation: "GetTemplate",
                    reason: with_causes(&error),
                });
                None
            }
        }
    };
    let template = deployed.as_ref().unwrap_or(&stack.template);
    let dispositions = dispositions(template);
    let resources = present
        .into_iter()
        .map(|(logical_id, resource_type)| DeletedResource {
            disposition: dispositions.get(logical_id.as_str()).copied().unwrap_or(Disposition::Deleted),
            logical_id,
            resource_type,
        })
        .collect();
    Ok(Some(DeletionPreview {
        stack: stack.name.clone(),
        stack_id: id,
        termination_protection: found.enable_termination_protection == Some(true),
        resources,
        change_sets: waiting,
        lost_keys: lost_keys(template),
        dependents: Vec::new(),
        updated: found.last_updated_time().map(DateTime::secs),
    }))
}

/// Deletes a stack and follows the operation to its end. With `unprotect`, termination protection is disabled first.
///
/// # Errors
/// Returns an error if termination protection is enabled, if a resource cannot be deleted, or if a request fails.
pub async fn destroy(
    connection: &Connection,
    preview: &DeletionPreview,
    unprotect: bool,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let id = &preview.stack_id;
    let found = wait_until_idle(connection, id, &DELETABLE, report).await?;
    if let Some(found) =
        found.filter(|found| found.last_updated_time().map(DateTime::secs) != preview.updated)
    {
        return Err(DeployError::State {
            stack: preview.stack.clone(),
            status: status_of(&found),
            reason: "it was updated after the deletion was shown; run the command again".into(),
        });
    }
    if preview.termination_protection {
        if !unprotect {
            return Err(DeployError::Protected { stack: preview.stack.clone() });
        }
        set_termination_protection(connection, id, false).await?;
        report(Progress::AttributeChanged(AttributeChange::TerminationProtection { enabled: false }));
    }
    let mut events = EventReader::from_now(connection, id, report).await?;
    report(Progress::Executing { changes: preview.resources.len(), last_took: None });
    let request = connection.cloudformation.delete_stack().stack_name(id);
    request.send().await.map_err(DeployError::call("DeleteStack"))?;
    let status = follow(connection, id, &mut events, report).await?;
    if status == StackStatus::DeleteComplete {
        return Ok(());
    }
    Err(failed(connection, &preview.stack, id, status, &events, report).await)
}
