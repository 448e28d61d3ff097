//! Deleting stacks.

use crate::Progress;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::Events;
use crate::stack::{outputs_of, status_of};

/// What goes and what stays when a stack is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remains {
    /// The stack's ARN.
    pub stack_id: String,
    /// Whether CloudFormation refuses to delete it.
    pub protected: bool,
    /// Resources that go: logical id and type.
    pub deleted: Vec<(String, String)>,
}

/// A stack as it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The stack's name.
    pub stack: String,
    /// Its status; `None` if there is no such stack.
    pub status: Option<String>,
    /// CloudFormation's words about it.
    pub reason: Option<String>,
    /// Its outputs.
    pub outputs: std::collections::BTreeMap<String, String>,
    /// Whether CloudFormation refuses to delete it.
    pub protected: bool,
}

impl Connection {
    /// A stack as it is now.
    ///
    /// # Errors
    /// A call failed.
    pub async fn status(&self, name: &str) -> Result<Status, DeployError> {
        let found = self.find(name).await?;
        Ok(Status {
            stack: name.to_owned(),
            status: found.as_ref().map(status_of),
            reason: found.as_ref().and_then(|found| found.stack_status_reason.clone()),
            outputs: found.as_ref().map(outputs_of).unwrap_or_default(),
            protected: found.is_some_and(|found| found.enable_termination_protection == Some(true)),
        })
    }

    /// What deleting a stack would delete; `None` if there is nothing.
    ///
    /// # Errors
    /// A call failed.
    pub async fn remains(&self, name: &str) -> Result<Option<Remains>, DeployError> {
        let Some(stack) = self.find(name).await? else { return Ok(None) };
        let resources = self.resources(name).await?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Some(Remains {
            stack_id: stack.stack_id.unwrap_or_default(),
            protected: stack.enable_termination_protection == Some(true),
            deleted: resources
                .iter()
                .filter(|one| one.resource_status().is_none_or(|status| status.as_str() != "DELETE_COMPLETE"))
                .map(|one| (text(one.logical_resource_id()), text(one.resource_type())))
                .collect(),
        }))
    }

    /// Deletes a stack and follows it to its end. `unprotect` takes the protection against termination away first.
    ///
    /// # Errors
    /// It is protected, something cannot be deleted, or a call failed.
    pub async fn destroy(
        &self,
        remains: &Remains,
        unprotect: bool,
        tell: &dyn Fn(Progress),
    ) -> Result<(), DeployError> {
        let id = &remains.stack_id;
        // These can be cut short; anything else has to end first.
        let short =
            ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"];
        self.at_rest(id, &short, tell).await?;
        if remains.protected {
            if !unprotect {
                return Err(DeployError::Protected { stack: id.clone() });
            }
            self.cloudformation
                .update_termination_protection()
                .stack_name(id)
                .enable_termination_protection(false)
                .send()
                .await
                .map_err(DeployError::call("UpdateTerminationProtection"))?;
        }
        let mut events = Events::from_now(self, id, tell).await?;
        let request = self.cloudformation.delete_stack().stack_name(id);
        request.send().await.map_err(DeployError::call("DeleteStack"))?;
        let status = self.follow(id, &mut events, tell).await?;
        if status == "DELETE_COMPLETE" {
            return Ok(());
        }
        let diagnosis = self.diagnose_within(id, Some(&events.operations), tell).await.ok().flatten();
        Err(DeployError::Failed { stack: id.clone(), status, diagnosis: diagnosis.map(Box::new) })
    }
}
