//! Ways out of a state in which nothing can be deployed, each with what it loses.

use std::str::FromStr;

use aws_sdk_cloudformation::types::StackResource;
use serde::Serialize;

use crate::Progress;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::Events;
use crate::stack::status_of;

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Way {
    /// `ContinueUpdateRollback`: tries again to take an update back.
    ContinueRollback,
    /// The same, leaving out what cannot be taken back.
    ContinueRollbackSkipping,
    /// `RollbackStack`: takes back what a failed operation left.
    Rollback,
    /// `CancelUpdateStack`: ends an update that runs.
    CancelUpdate,
    /// `DeleteStack`.
    Delete,
    /// `DeleteStack`, leaving out what cannot be deleted.
    DeleteRetaining,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::ContinueRollback,
        Self::ContinueRollbackSkipping,
        Self::Rollback,
        Self::CancelUpdate,
        Self::Delete,
        Self::DeleteRetaining,
    ];

    /// What `recover --way` takes.
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
}

impl FromStr for Way {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|way| way.name() == text)
            .ok_or_else(|| format!("there is no way `{text}`"))
    }
}

/// A way out, with what it does to this stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// Which.
    pub way: Way,
    /// What becomes of the stack.
    pub leads_to: String,
    /// What is lost; empty where nothing is.
    pub loses: String,
}

/// What can be done about a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Standing {
    /// The stack's name.
    pub stack: String,
    /// Its status.
    pub status: String,
    /// CloudFormation's words about it.
    pub reason: Option<String>,
    /// What keeps it there: resources that failed.
    pub failed: Vec<String>,
    /// The ways out, the one that loses least first. None where the stack needs none.
    pub remedies: Vec<Remedy>,
}

impl Connection {
    /// What state a stack is in, and what can be done about it.
    ///
    /// # Errors
    /// There is no such stack, or a call failed.
    pub async fn standing(&self, name: &str) -> Result<Standing, DeployError> {
        let stack = self.find(name).await?.ok_or_else(|| DeployError::NoStack { stack: name.to_owned() })?;
        let status = status_of(&stack);
        let resources = self.resources(name).await?;
        let failed: Vec<String> = resources
            .iter()
            .filter(|one| one.resource_status().is_some_and(|status| status.as_str().ends_with("_FAILED")))
            .filter_map(|one| one.logical_resource_id().map(str::to_owned))
            .collect();
        let remedies = remedies(&status, &failed);
        Ok(Standing {
            stack: stack.stack_name.unwrap_or_default(),
            status,
            reason: stack.stack_status_reason,
            failed,
            remedies,
        })
    }

    /// Every resource of a stack.
    pub(crate) async fn resources(&self, name: &str) -> Result<Vec<StackResource>, DeployError> {
        let answer = self.cloudformation.describe_stack_resources().stack_name(name).send().await;
        let answer = answer.map_err(DeployError::call("DescribeStackResources"))?;
        Ok(answer.stack_resources.unwrap_or_default())
    }

    /// Stops what runs: an update is taken back, a stack that is made for the first time is deleted. It is not waited for.
    ///
    /// # Errors
    /// A call failed.
    pub async fn cancel(&self, name: &str) -> Result<(), DeployError> {
        let status = self.find(name).await?.as_ref().map(status_of);
        match status.as_deref() {
            Some("UPDATE_IN_PROGRESS") => {
                let request = self.cloudformation.cancel_update_stack().stack_name(name);
                request.send().await.map(drop).map_err(DeployError::call("CancelUpdateStack"))
            }
            Some("CREATE_IN_PROGRESS") => {
                let request = self.cloudformation.delete_stack().stack_name(name);
                request.send().await.map(drop).map_err(DeployError::call("DeleteStack"))
            }
            _ => Ok(()),
        }
    }

    /// Goes a way out, and follows it to its end; the stack's status then.
    ///
    /// # Errors
    /// The way is none for this stack, or a call failed.
    pub async fn recover(
        &self,
        name: &str,
        way: Way,
        tell: &dyn Fn(Progress),
    ) -> Result<String, DeployError> {
        let standing = self.standing(name).await?;
        if !standing.remedies.iter().any(|remedy| remedy.way == way) {
            return Err(DeployError::State {
                stack: standing.stack,
                status: standing.status,
                reason: format!("{} is no way out of it", way.name()),
            });
        }
        let stack = self.find(name).await?.ok_or_else(|| DeployError::NoStack { stack: name.to_owned() })?;
        let id = stack.stack_id.unwrap_or_default();
        let mut events = Events::from_now(self, &id, tell).await?;
        let client = &self.cloudformation;
        let skipped = |skips: bool| skips.then(|| standing.failed.clone());
        match way {
            Way::ContinueRollback | Way::ContinueRollbackSkipping => {
                let skips = skipped(way == Way::ContinueRollbackSkipping);
                let request = client.continue_update_rollback().stack_name(&id).set_resources_to_skip(skips);
                request.send().await.map(drop).map_err(DeployError::call("ContinueUpdateRollback"))?;
            }
            Way::Rollback => {
                let request = client.rollback_stack().stack_name(&id);
                request.send().await.map(drop).map_err(DeployError::call("RollbackStack"))?;
            }
            Way::CancelUpdate => {
                let request = client.cancel_update_stack().stack_name(&id);
                request.send().await.map(drop).map_err(DeployError::call("CancelUpdateStack"))?;
            }
            Way::Delete | Way::DeleteRetaining => {
                let retained = skipped(way == Way::DeleteRetaining);
                let request = client.delete_stack().stack_name(&id).set_retain_resources(retained);
                request.send().await.map(drop).map_err(DeployError::call("DeleteStack"))?;
            }
        }
        self.follow(&id, &mut events, tell).await
    }
}

fn remedies(status: &str, failed: &[String]) -> Vec<Remedy> {
    let remedy = |way, leads_to: &str, loses: String| Remedy { way, leads_to: leads_to.to_owned(), loses };
    let nothing = String::new;
    let named = failed.join(", ");
    let everything = || "every resource of the stack that has no policy to be kept".to_owned();
    match status {
        "UPDATE_ROLLBACK_FAILED" => vec![
            remedy(
                Way::ContinueRollback,
                "UPDATE_ROLLBACK_COMPLETE, if what kept it from going back is mended",
                nothing(),
            ),
            remedy(
                Way::ContinueRollbackSkipping,
                "UPDATE_ROLLBACK_COMPLETE",
                format!(
                    "that the stack knows what {named} is: it stays as the update left it, and the template says something else"
                ),
            ),
        ],
        "UPDATE_FAILED" => vec![remedy(
            Way::Rollback,
            "UPDATE_ROLLBACK_COMPLETE",
            "what the failed update had changed".into(),
        )],
        "CREATE_FAILED" => vec![
            remedy(
                Way::Rollback,
                "ROLLBACK_COMPLETE: nothing is left, and the next deployment starts anew",
                "what was made so far".into(),
            ),
            remedy(Way::Delete, "DELETE_COMPLETE", everything()),
        ],
        "ROLLBACK_COMPLETE" => vec![remedy(
            Way::Delete,
            "DELETE_COMPLETE; the next deployment starts anew",
            "the events of the failed deployment, under the stack's name".into(),
        )],
        "ROLLBACK_FAILED" | "DELETE_FAILED" | "IMPORT_ROLLBACK_FAILED" => {
            let mut ways =
                vec![remedy(Way::Delete, "DELETE_COMPLETE, if what kept it is mended", everything())];
            if status == "DELETE_FAILED" && !failed.is_empty() {
                ways.push(remedy(
                    Way::DeleteRetaining,
                    "DELETE_COMPLETE",
                    format!("that a stack owns {named}: it stays, and somebody has to delete it by hand"),
                ));
            }
            ways
        }
        "UPDATE_IN_PROGRESS" => vec![remedy(
            Way::CancelUpdate,
            "UPDATE_ROLLBACK_COMPLETE",
            "what the update has changed so far".into(),
        )],
        "REVIEW_IN_PROGRESS" => {
            vec![remedy(Way::Delete, "DELETE_COMPLETE", "change sets that wait for somebody".into())]
        }
        _ => Vec::new(),
    }
}
