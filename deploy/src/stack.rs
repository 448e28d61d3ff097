//! The way of one stack: look, upload, change set, approve, execute, follow, outputs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudformation::types::Stack;
use stackwright_synth::StackArtifact;

use crate::change_set::{self, ChangeSet};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::Events;
use crate::{Progress, assets};

/// How a stack is deployed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for parameters of the template.
    pub parameters: BTreeMap<String, String>,
}

/// How a deployment ended well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether anything was changed.
    pub changed: bool,
    /// The stack's outputs now.
    pub outputs: BTreeMap<String, String>,
}

/// What is there before a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No stack of that name.
    Nothing,
    /// A stack without resources, made for a change set that was never executed: perhaps somebody else's.
    Shell,
    /// A stack.
    Stack,
}

/// How long an operation that was started may take to show.
const BEGINNING: Duration = Duration::from_secs(60);

/// How long another operation on the stack is waited for, and how long ours may take.
const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);

impl Connection {
    /// Deploys a stack. `approve` is shown the change set before it is executed; `tell` hears what happens.
    ///
    /// # Errors
    /// Whatever stops it, with CloudFormation's own words.
    pub async fn deploy(
        &self,
        stack: &StackArtifact,
        options: &Options,
        approve: &mut dyn FnMut(&ChangeSet) -> bool,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, DeployError> {
        let found = self.ready(&stack.name, tell).await?;
        let template_url = assets::upload(self, stack, tell).await?;
        let name = change_set_name();
        tell(Progress::MakingChangeSet { name: name.clone() });
        let made = change_set::make(self, stack, found, &name, template_url, &options.parameters).await?;
        let Some(change_set) = made else {
            return Ok(Outcome { changed: false, outputs: self.settle(stack).await? });
        };
        if !approve(&change_set) {
            change_set::discard(self, &stack.name, &name, found).await?;
            return Err(DeployError::NotApproved { stack: stack.name.clone() });
        }
        let mut events = Events::from_now(self, &stack.name).await?;
        tell(Progress::Executing);
        change_set::execute(self, &stack.name, &change_set).await?;
        let status = self.follow(&stack.name, &mut events, tell).await?;
        if !matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
            return Err(DeployError::Failed {
                stack: stack.name.clone(),
                status,
                cause: events.cause.map(Box::new),
            });
        }
        Ok(Outcome { changed: true, outputs: self.settle(stack).await? })
    }

    /// Waits until the stack can be changed, and says what is there.
    async fn ready(&self, name: &str, tell: &mut dyn FnMut(Progress)) -> Result<Found, DeployError> {
        let start = Instant::now();
        loop {
            let Some(stack) = self.find(name).await? else { return Ok(Found::Nothing) };
            let status = stack.stack_status.map(|status| status.to_string()).unwrap_or_default();
            match status.as_str() {
                "DELETE_COMPLETE" => return Ok(Found::Nothing),
                "REVIEW_IN_PROGRESS" => return Ok(Found::Shell),
                "ROLLBACK_COMPLETE"
                | "ROLLBACK_FAILED"
                | "DELETE_FAILED"
                | "UPDATE_ROLLBACK_FAILED"
                | "CREATE_FAILED" => {
                    let reason = stack.stack_status_reason.unwrap_or_else(|| "it cannot be updated".into());
                    return Err(DeployError::State { stack: name.to_owned(), status, reason });
                }
                status if !status.ends_with("_IN_PROGRESS") => return Ok(Found::Stack),
                _ => {}
            }
            if start.elapsed() > DEADLINE {
                return Err(DeployError::Deadline {
                    what: format!("{name} ({status})"),
                    seconds: DEADLINE.as_secs(),
                });
            }
            tell(Progress::WaitingFor { status });
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Stack>, DeployError> {
        let answer = self.cloudformation.describe_stacks().stack_name(name).send().await;
        match answer.map_err(DeployError::call("DescribeStacks")) {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
            Err(error) if error.is_missing_stack() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells events until the operation has ended, and returns the stack's status.
    async fn follow(
        &self,
        name: &str,
        events: &mut Events,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<String, DeployError> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(250);
        let mut begun = false;
        loop {
            // The status first: events that come after it are read in the same round.
            let stack = self.find(name).await?;
            let status = stack.and_then(|stack| stack.stack_status).map(|status| status.to_string());
            for event in events.news(self).await? {
                begun = true;
                tell(Progress::Event(event));
            }
            let status = status.unwrap_or_else(|| "DELETE_COMPLETE".into());
            // Until the operation shows in the events, a finished status is that of the last one.
            begun |= start.elapsed() > BEGINNING;
            if begun && !status.ends_with("_IN_PROGRESS") {
                return Ok(status);
            }
            if start.elapsed() > DEADLINE {
                return Err(DeployError::Deadline {
                    what: format!("deploying {name}"),
                    seconds: DEADLINE.as_secs(),
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Brings termination protection, which no template holds, to what the stack says, and returns the outputs.
    async fn settle(&self, stack: &StackArtifact) -> Result<BTreeMap<String, String>, DeployError> {
        let found = self.find(&stack.name).await?;
        let (protected, outputs) = match found {
            Some(found) => (found.enable_termination_protection.unwrap_or(false), found.outputs),
            None => (false, None),
        };
        if protected != stack.termination_protection {
            self.cloudformation
                .update_termination_protection()
                .stack_name(&stack.name)
                .enable_termination_protection(stack.termination_protection)
                .send()
                .await
                .map_err(DeployError::call("UpdateTerminationProtection"))?;
        }
        Ok(outputs
            .unwrap_or_default()
            .into_iter()
            .map(|output| (output.output_key.unwrap_or_default(), output.output_value.unwrap_or_default()))
            .collect())
    }
}

/// A name that no other change set of the stack has.
fn change_set_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("stackwright-{}", since.as_millis())
}
