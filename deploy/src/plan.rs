//! The plan file: what was reviewed, bound to what will run.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_cloudformation::types::{ChangeSetStatus, ExecutionStatus};
use serde::{Deserialize, Serialize};
use stackwright_synth::{StackArtifact, sha256};

use crate::approval::Concern;
use crate::change_set::{self, ChangeSet};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::stack::{Options, Prepared};

/// The version of the file's form.
const VERSION: u32 = 1;

/// How long a plan holds, in seconds: what was reviewed a week ago is no longer what one remembers.
const LASTS: u64 = 7 * 24 * 60 * 60;

/// What was planned for some stacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    version: u32,
    /// Seconds since 1970.
    pub made: u64,
    /// Seconds since 1970; deploying it later is refused.
    pub expires: u64,
    /// The commit that was planned, where it is known.
    pub commit: Option<String>,
    /// One for each stack, in the order of deployment.
    pub stacks: Vec<PlannedStack>,
}

/// What was planned for one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedStack {
    /// The stack's id in the app.
    pub id: String,
    /// The stack's name.
    pub stack: String,
    /// The account that it is in.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// SHA-256 of the template.
    pub template: String,
    /// SHA-256 of the parameters that were given.
    pub parameters: String,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a planned stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing changes.
    Unchanged,
    /// A change set waits.
    Ready {
        /// The change set.
        change_set: ChangeSet,
        /// What in it wants somebody's word.
        concerns: Vec<Concern>,
    },
    /// It takes values of stacks that are deployed before it and change: what it does is known then.
    Later {
        /// The ids of those stacks.
        after: Vec<String>,
    },
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn parameters_hash(options: &Options) -> String {
    sha256(serde_json::to_string(&options.parameters).unwrap_or_default())
}

impl Plan {
    /// A plan of some stacks, made now.
    pub fn new(commit: Option<String>, stacks: Vec<PlannedStack>) -> Self {
        let made = now();
        Self { version: VERSION, made, expires: made + LASTS, commit, stacks }
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// It is no plan, of another version, or has expired.
    pub fn read(text: &str) -> Result<Self, DeployError> {
        let refuse = |what: String| DeployError::Plan { what };
        let plan: Self =
            serde_json::from_str(text).map_err(|error| refuse(format!("it is no plan: {error}")))?;
        if plan.version != VERSION {
            return Err(refuse(format!(
                "it has the form {}, and this program reads {VERSION}",
                plan.version
            )));
        }
        if plan.expires < now() {
            return Err(refuse("it has expired".into()));
        }
        Ok(plan)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What was planned for a stack.
    pub fn of(&self, stack: &StackArtifact) -> Option<&PlannedStack> {
        self.stacks.iter().find(|planned| planned.stack == stack.name)
    }
}

impl PlannedStack {
    /// What was planned for a stack, as a change set was made for it.
    pub fn new(
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        prepared: Prepared,
    ) -> Self {
        let verdict = match prepared {
            Prepared::Unchanged => Verdict::Unchanged,
            Prepared::Ready(change_set) => {
                let concerns = change_set.concerns();
                Verdict::Ready { change_set, concerns }
            }
        };
        Self::with(connection, stack, options, verdict)
    }

    /// What can be planned of a stack that waits for others.
    pub fn later(
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        after: Vec<String>,
    ) -> Self {
        Self::with(connection, stack, options, Verdict::Later { after })
    }

    fn with(connection: &Connection, stack: &StackArtifact, options: &Options, verdict: Verdict) -> Self {
        Self {
            id: stack.id.clone(),
            stack: stack.name.clone(),
            account: connection.account().to_owned(),
            region: connection.region().to_owned(),
            template: sha256(stack.template_body()),
            parameters: parameters_hash(options),
            verdict,
        }
    }

    /// Refuses a plan that is not of this stack any more: another template, other parameters, another account, or a
    /// change set that somebody has used, deleted, or made obsolete.
    ///
    /// # Errors
    /// [`DeployError::Changed`] says what is other than planned.
    pub async fn verify(
        &self,
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
    ) -> Result<(), DeployError> {
        let refuse = |what: String| Err(DeployError::Changed { stack: self.stack.clone(), what });
        if self.account != connection.account() || self.region != connection.region() {
            return refuse(format!(
                "it was planned for {} {}, and the credentials are for {} {}",
                self.account,
                self.region,
                connection.account(),
                connection.region()
            ));
        }
        if self.template != sha256(stack.template_body()) {
            return refuse("the template is another than the planned one".into());
        }
        if self.parameters != parameters_hash(options) {
            return refuse("the parameters are others than the planned ones".into());
        }
        let Verdict::Ready { change_set, .. } = &self.verdict else { return Ok(()) };
        let described = match change_set::describe(connection, Some(&self.stack), &change_set.id, None).await
        {
            Ok(described) => described,
            Err(DeployError::Call { code: Some(code), message, .. })
                if code.starts_with("ChangeSetNotFound") || message.contains("does not exist") =>
            {
                return refuse("the change set is gone".into());
            }
            Err(error) => return Err(error),
        };
        if described.status != Some(ChangeSetStatus::CreateComplete)
            || described.execution_status != Some(ExecutionStatus::Available)
        {
            let status = described.execution_status.map_or("gone".to_owned(), |status| status.to_string());
            return refuse(format!("the change set is {status}"));
        }
        if described.stack_id.as_deref() != Some(&change_set.stack_id) {
            return refuse("the stack has been deleted and made again".into());
        }
        let (changes, _) = change_set::every_change(connection, stack, &change_set.id, described).await?;
        if changes != change_set.changes {
            return refuse("the change set does something else than planned".into());
        }
        // What the change set holds is what was hashed.
        let template = connection
            .cloudformation
            .get_template()
            .stack_name(&self.stack)
            .change_set_name(&change_set.id)
            .send()
            .await
            .map_err(DeployError::call("GetTemplate"))?;
        if template.template_body().is_some_and(|body| sha256(body) != self.template) {
            return refuse("the change set was made of another template".into());
        }
        Ok(())
    }
}
