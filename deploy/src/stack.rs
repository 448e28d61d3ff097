//! The way of one stack: look, make room, upload, change set, execute, follow, outputs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::{ResourceStatus, Stack};
use stackwright_synth::StackArtifact;

use crate::change_set::{self, ChangeSet};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::Events;
use crate::import::Import;
use crate::{Progress, assets};

/// How a stack is deployed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// What the change set says of itself: who made it, of which commit.
    pub description: Option<String>,
    /// Changes back what somebody changed past the stack.
    pub revert_drift: bool,
    /// Takes in resources that are there already and have the names that the template gives.
    pub import_existing: bool,
    /// Ends when every resource is configured, without waiting until it serves.
    pub express: bool,
    /// Leaves what was made when something fails, to look at.
    pub keep_failed: bool,
    /// Resources to take in.
    pub imports: Vec<Import>,
}

/// How a deployment ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether anything was changed.
    pub changed: bool,
    /// The stack's outputs now.
    pub outputs: BTreeMap<String, String>,
}

/// What a stack would become.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Nothing changes.
    Unchanged,
    /// A change set that waits for somebody's word.
    Ready(ChangeSet),
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

/// How often a change set is asked for while others make and delete the stack.
const ATTEMPTS: usize = 4;

/// How many looks in a row may fail before the stack counts as out of sight.
const BLIND: usize = 20;

impl Connection {
    /// Brings a stack to where a change set can be made, and makes it.
    ///
    /// # Errors
    /// Whatever stops it, with CloudFormation's own words.
    pub async fn prepare(
        &self,
        stack: &StackArtifact,
        options: &Options,
        tell: &dyn Fn(Progress),
    ) -> Result<Prepared, DeployError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (found, present) = self.ready(&stack.name, tell).await?;
            let template_url = assets::upload(self, stack, tell).await?;
            tell(Progress::MakingChangeSet);
            let mut wish = change_set::Wish { stack, options, template_url, kept: Vec::new(), last: None };
            if let Some(present) = present.filter(|_| found == Found::Stack) {
                // What was given before stays, as far as the template still asks for it.
                let asked: Vec<&str> = stack.template.section("Parameters").map(|(name, _)| name).collect();
                let had = present.parameters().iter().filter_map(|one| one.parameter_key());
                wish.kept = had.filter(|name| asked.contains(name)).map(str::to_owned).collect();
                wish.last = present.change_set_id;
            }
            match change_set::make(self, &wish, found, tell).await {
                // Since the look at the stack somebody else has made it, or deleted it.
                Err(error) if error.is_outdated() && attempts < ATTEMPTS => {}
                made => return made.map(|made| made.map_or(Prepared::Unchanged, Prepared::Ready)),
            }
        }
    }

    /// Executes a change set and follows it to its end.
    ///
    /// # Errors
    /// It failed, or somebody changed something in between, or the connection was lost for good.
    pub async fn execute(
        &self,
        stack: &StackArtifact,
        change_set: &ChangeSet,
        tell: &dyn Fn(Progress),
    ) -> Result<Outcome, DeployError> {
        let mut events = Events::from_now(self, &change_set.stack_id, tell).await?;
        tell(Progress::Executing { last_took: events.last_took });
        change_set::execute(self, &stack.name, change_set).await?;
        let status = self.follow(&change_set.stack_id, &mut events, tell).await?;
        if !matches!(status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE") {
            let diagnosis = self
                .diagnose_within(&change_set.stack_id, Some(&events.operations), tell)
                .await
                .ok()
                .flatten();
            return Err(DeployError::Failed {
                stack: stack.name.clone(),
                status,
                diagnosis: diagnosis.map(Box::new),
            });
        }
        Ok(Outcome { changed: true, outputs: self.settle(stack, tell).await? })
    }

    /// Leaves a change set that nobody wanted: it is deleted, and with it the empty stack that was made for it.
    ///
    /// # Errors
    /// A call failed.
    pub async fn discard(&self, stack: &StackArtifact, change_set: &ChangeSet) -> Result<(), DeployError> {
        let is_shell =
            self.find(&stack.name).await?.is_some_and(|found| status_of(&found) == "REVIEW_IN_PROGRESS");
        let found = if is_shell { Found::Nothing } else { Found::Stack };
        change_set::discard(self, &stack.name, &change_set.name, found).await
    }

    /// What stays as it was when nothing was changed.
    ///
    /// # Errors
    /// A call failed.
    pub async fn unchanged(
        &self,
        stack: &StackArtifact,
        tell: &dyn Fn(Progress),
    ) -> Result<Outcome, DeployError> {
        Ok(Outcome { changed: false, outputs: self.settle(stack, tell).await? })
    }

    /// Waits until the stack can be changed, and says what is there. The remains of a first deployment that failed are
    /// cleared away: nothing can be made of them.
    async fn ready(
        &self,
        name: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<(Found, Option<Stack>), DeployError> {
        loop {
            let Some(stack) = self.at_rest(name, &["REVIEW_IN_PROGRESS"], tell).await? else {
                return Ok((Found::Nothing, None));
            };
            let status = status_of(&stack);
            match status.as_str() {
                "DELETE_COMPLETE" => return Ok((Found::Nothing, None)),
                "REVIEW_IN_PROGRESS" => return Ok((Found::Shell, Some(stack))),
                "ROLLBACK_COMPLETE" => self.clear_shell(&stack, tell).await?,
                "ROLLBACK_FAILED" | "DELETE_FAILED" | "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => {
                    let reason = stack.stack_status_reason.unwrap_or_else(|| "it cannot be updated".into());
                    return Err(DeployError::State { stack: name.to_owned(), status, reason });
                }
                _ => return Ok((Found::Stack, Some(stack))),
            }
        }
    }

    /// Waits until no operation runs on a stack, but for those that are named, and returns the stack.
    pub(crate) async fn at_rest(
        &self,
        name: &str,
        but_for: &[&str],
        tell: &dyn Fn(Progress),
    ) -> Result<Option<Stack>, DeployError> {
        let start = Instant::now();
        let mut told = String::new();
        loop {
            let Some(stack) = self.find(name).await? else { return Ok(None) };
            let status = status_of(&stack);
            if !status.ends_with("_IN_PROGRESS") || but_for.contains(&status.as_str()) {
                return Ok(Some(stack));
            }
            if start.elapsed() > DEADLINE {
                return Err(DeployError::Deadline {
                    what: format!("{name} ({status})"),
                    seconds: DEADLINE.as_secs(),
                });
            }
            if told != status {
                tell(Progress::WaitingFor { status: status.clone() });
                told = status;
            }
            self.poller.turn(start.elapsed()).await;
        }
    }

    /// Deletes a stack whose first deployment was rolled back, if nothing is left in it.
    async fn clear_shell(&self, stack: &Stack, tell: &dyn Fn(Progress)) -> Result<(), DeployError> {
        let name = stack.stack_name().unwrap_or_default().to_owned();
        let id = stack.stack_id().unwrap_or_default().to_owned();
        let resources = self
            .cloudformation
            .describe_stack_resources()
            .stack_name(&id)
            .send()
            .await
            .map_err(DeployError::call("DescribeStackResources"))?;
        let left: Vec<&str> = resources
            .stack_resources()
            .iter()
            .filter(|one| one.resource_status() != Some(&ResourceStatus::DeleteComplete))
            .filter_map(|one| one.logical_resource_id())
            .collect();
        if !left.is_empty() || stack.enable_termination_protection == Some(true) {
            let reason = if left.is_empty() {
                "it is protected against termination".to_owned()
            } else {
                format!("{} is still in it", left.join(", "))
            };
            return Err(DeployError::State { stack: name, status: "ROLLBACK_COMPLETE".into(), reason });
        }
        tell(Progress::ClearingShell);
        let request = self.cloudformation.delete_stack().stack_name(&id);
        request.send().await.map_err(DeployError::call("DeleteStack"))?;
        let start = Instant::now();
        while self.find(&id).await?.is_some_and(|stack| status_of(&stack) != "DELETE_COMPLETE") {
            if start.elapsed() > BEGINNING {
                return Err(DeployError::Deadline {
                    what: format!("deleting the empty {name}"),
                    seconds: 60,
                });
            }
            self.poller.turn(start.elapsed()).await;
        }
        Ok(())
    }

    /// The stack of a name or id, if there is one.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Stack>, DeployError> {
        let answer = self.cloudformation.describe_stacks().stack_name(name).send().await;
        match answer.map_err(DeployError::call("DescribeStacks")) {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
            Err(error) if error.is_missing_stack() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells events until the operation has ended, and returns the stack's status. A look that fails is no end: the
    /// stack goes on without us, so it is looked at again.
    pub(crate) async fn follow(
        &self,
        stack: &str,
        events: &mut Events,
        tell: &dyn Fn(Progress),
    ) -> Result<String, DeployError> {
        let start = Instant::now();
        let (mut begun, mut blind, mut looks) = (false, 0, 0_usize);
        loop {
            looks += 1;
            let (mut status, mut ended) = (None, false);
            match events.news(self).await {
                Ok(news) => {
                    blind = 0;
                    begun |= !news.is_empty();
                    for told in news {
                        ended |= told.is_end;
                        // That an operation has ended may be told without a word on anything.
                        if told.event.status.is_empty() {
                            continue;
                        }
                        if told.of_stack {
                            status = Some(told.event.status.clone());
                        }
                        tell(Progress::Event(told.event));
                    }
                }
                Err(error) if error.is_over() || blind >= BLIND => {
                    return Err(DeployError::OutOfSight { stack: stack.to_owned(), error: Box::new(error) });
                }
                Err(_) => blind += 1,
            }
            // Not every endpoint tells the stack's end as an event of the stack.
            if status.is_none() && (ended || looks.is_multiple_of(4)) {
                match self.find(stack).await {
                    Ok(found) => {
                        status = Some(found.map_or("DELETE_COMPLETE".into(), |found| status_of(&found)))
                    }
                    Err(error) if error.is_over() => {
                        return Err(DeployError::OutOfSight {
                            stack: stack.to_owned(),
                            error: Box::new(error),
                        });
                    }
                    Err(_) => {}
                }
            }
            // Until the operation shows in the events, a finished status is that of the last one.
            begun |= start.elapsed() > if self.is_loopback() { Duration::from_secs(2) } else { BEGINNING };
            if let Some(status) = status.filter(|status| begun && !status.ends_with("_IN_PROGRESS")) {
                return Ok(status);
            }
            if start.elapsed() > DEADLINE {
                return Err(DeployError::Deadline {
                    what: format!("the operation on {stack}"),
                    seconds: DEADLINE.as_secs(),
                });
            }
            self.poller.turn(start.elapsed()).await;
        }
    }

    /// Brings termination protection, which no template holds, to what the stack says, and returns the outputs. That they
    /// cannot be read makes no failure of what went well.
    async fn settle(
        &self,
        stack: &StackArtifact,
        tell: &dyn Fn(Progress),
    ) -> Result<BTreeMap<String, String>, DeployError> {
        let found = match self.find(&stack.name).await {
            Ok(found) => found,
            Err(error) => {
                tell(Progress::Unread { reason: error.to_string() });
                return Ok(BTreeMap::new());
            }
        };
        let protected =
            found.as_ref().is_some_and(|found| found.enable_termination_protection.unwrap_or(false));
        if protected != stack.termination_protection && found.is_some() {
            self.cloudformation
                .update_termination_protection()
                .stack_name(&stack.name)
                .enable_termination_protection(stack.termination_protection)
                .send()
                .await
                .map_err(DeployError::call("UpdateTerminationProtection"))?;
        }
        Ok(found.map(|found| outputs_of(&found)).unwrap_or_default())
    }
}

pub(crate) fn status_of(stack: &Stack) -> String {
    stack.stack_status.as_ref().map(|status| status.to_string()).unwrap_or_default()
}

pub(crate) fn outputs_of(stack: &Stack) -> BTreeMap<String, String> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    stack.outputs().iter().map(|output| (text(output.output_key()), text(output.output_value()))).collect()
}
