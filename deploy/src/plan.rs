//! The plan file, with which exactly the reviewed change sets are executed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudformation::types::{ChangeSetStatus, ExecutionStatus};
use serde::{Deserialize, Serialize};
use stackwright_synth::{StackArtifact, sha256};

use crate::approval::RequiredApproval;
use crate::attributes::AttributeChange;
use crate::change_set::{self, ChangeSet, status_text};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::parameters::without_secrets;
use crate::preparation::{Options, Prepared};
use crate::refactor::{ResourceMove, rename_approvals};
use crate::secret::Secrets;

/// The version of the format of the file.
const VERSION: u32 = 2;

/// The time for which a plan is valid: one week.
const PLAN_TTL: Duration = Duration::from_hours(7 * 24);

/// A plan: the reviewed change sets of stacks, with the account, region, template and parameters to which each is bound.
///
/// ```
/// use stackwright_deploy::Plan;
///
/// let plan = Plan::new(None, Vec::new());
/// assert_eq!(Plan::parse(&plan.to_text()).unwrap(), plan);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    version: u32,
    /// When the plan was created. In the file, the time is a number of whole seconds since 1970-01-01T00:00:00Z.
    #[serde(with = "seconds")]
    pub created: SystemTime,
    /// When the plan expires. In the file, the time is a number of whole seconds since 1970-01-01T00:00:00Z.
    #[serde(with = "seconds")]
    pub expires: SystemTime,
    /// The ID of the git commit that was planned; `None` if it is not known.
    pub commit: Option<String>,
    /// The planned stacks, in the order of their deployment.
    pub stacks: Vec<PlannedStack>,
}

/// The plan for one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedStack {
    /// The ID of the stack in the app.
    pub id: String,
    /// The name of the stack.
    pub stack: String,
    /// The ID of the account.
    pub account: String,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// The SHA-256 hash of the template, in hexadecimal.
    pub template: String,
    /// The SHA-256 hash of the parameters that were passed, without the values of `NoEcho` parameters, in hexadecimal.
    pub parameters: String,
    /// The outcome of the deployment.
    pub outcome: PlannedOutcome,
}

/// The outcome of the deployment of a planned stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PlannedOutcome {
    /// The template does not change.
    Unchanged {
        /// The changes to attributes of the stack.
        attributes: Vec<AttributeChange>,
    },
    /// A change set is executed.
    Ready {
        /// The change set that the deployment executes.
        change_set: Box<ChangeSet>,
        /// The changes that need an approval.
        approvals: Vec<RequiredApproval>,
    },
    /// The change set can be created only during the deployment: after that of stacks whose values the stack uses, and
    /// after the stack refactor that renames resources.
    Deferred {
        /// The IDs of the stacks that change before.
        after: Vec<String>,
        /// The resources that get another logical ID first.
        #[serde(default)]
        renames: Vec<ResourceMove>,
        /// The approvals that are needed before the change set is created.
        #[serde(default)]
        approvals: Vec<RequiredApproval>,
    },
}

/// Times as whole seconds since 1970-01-01T00:00:00Z.
mod seconds {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .ok_or_else(|| D::Error::custom(format!("{seconds} is not a time")))
    }
}

/// Returns the current time without its fraction of a second, because the file contains whole seconds only.
fn now() -> SystemTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn parameters_hash(stack: &StackArtifact, options: &Options) -> String {
    let parameters = without_secrets(stack, &options.parameters);
    sha256(serde_json::to_string(&parameters).unwrap_or_default())
}

impl Plan {
    /// Creates a plan. It is valid for one week from now.
    pub fn new(commit: Option<String>, stacks: Vec<PlannedStack>) -> Self {
        let created = now();
        Self { version: VERSION, created, expires: created + PLAN_TTL, commit, stacks }
    }

    /// Parses a plan file.
    ///
    /// # Errors
    /// Returns [`DeployError::Plan`] if the text is not a plan, has another version, or has expired.
    pub fn parse(text: &str) -> Result<Self, DeployError> {
        let refuse = |reason: String| DeployError::Plan { reason };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| refuse(format!("it is not a plan: {error}")))?;
        if let Some(version) = value["version"].as_u64().filter(|version| *version != u64::from(VERSION)) {
            return Err(refuse(format!(
                "its format has the version {version}, but this program reads {VERSION}"
            )));
        }
        let plan: Self =
            serde_json::from_value(value).map_err(|error| refuse(format!("it is not a plan: {error}")))?;
        if plan.expires < now() {
            return Err(refuse("it has expired".into()));
        }
        Ok(plan)
    }

    /// Returns the text of the plan file, which is JSON.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the plan for a stack; `None` if the plan does not contain the stack.
    pub fn of(&self, stack: &StackArtifact) -> Option<&PlannedStack> {
        self.stacks.iter().find(|planned| planned.stack == stack.name)
    }
}

impl PlannedStack {
    /// Returns the plan for a stack whose change set was created.
    pub(crate) fn new(
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        prepared: Prepared,
    ) -> Self {
        let outcome = match prepared {
            Prepared::Unchanged { attributes } => PlannedOutcome::Unchanged { attributes },
            Prepared::Ready(change_set) => {
                let approvals = change_set.required_approvals();
                PlannedOutcome::Ready { change_set, approvals }
            }
        };
        Self::with(connection, stack, options, outcome)
    }

    /// Returns the plan for a stack that has to wait for others, or for a stack refactor.
    pub(crate) fn deferred(
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        after: Vec<String>,
        renames: Vec<ResourceMove>,
    ) -> Self {
        let approvals = rename_approvals(&stack.name, &renames);
        Self::with(connection, stack, options, PlannedOutcome::Deferred { after, renames, approvals })
    }

    fn with(
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
        outcome: PlannedOutcome,
    ) -> Self {
        Self {
            id: stack.id.clone(),
            stack: stack.name.clone(),
            account: connection.account().to_owned(),
            region: connection.region().to_owned(),
            template: sha256(stack.template_body()),
            parameters: parameters_hash(stack, options),
            outcome,
        }
    }

    /// Verifies that the plan is still valid: the template, the parameters, the account, and the change set.
    ///
    /// # Errors
    /// Returns [`DeployError::Changed`] with the difference, or another error if a request fails.
    pub async fn verify(
        &self,
        connection: &Connection,
        stack: &StackArtifact,
        options: &Options,
    ) -> Result<(), DeployError> {
        let refuse = |reason: String| Err(DeployError::Changed { stack: self.stack.clone(), reason });
        if self.account != connection.account() || self.region != connection.region() {
            return refuse(format!(
                "it was planned for the account {} and the region {}, but the credentials are for {} and {}",
                self.account,
                self.region,
                connection.account(),
                connection.region()
            ));
        }
        if self.template != sha256(stack.template_body()) {
            return refuse("the template has changed".into());
        }
        if self.parameters != parameters_hash(stack, options) {
            return refuse("the parameters have changed".into());
        }
        let required = match &self.outcome {
            PlannedOutcome::Ready { change_set, .. } => change_set.required_approvals(),
            PlannedOutcome::Deferred { renames, .. } => rename_approvals(&self.stack, renames),
            PlannedOutcome::Unchanged { .. } => Vec::new(),
        };
        if required != self.approvals() {
            return refuse("the approvals in the plan file do not belong to its changes".into());
        }
        let PlannedOutcome::Ready { change_set, .. } = &self.outcome else { return Ok(()) };
        let described = match change_set::describe(connection, Some(&self.stack), &change_set.id, None).await
        {
            Ok(described) => described,
            Err(error) if error.is_missing_change_set() => {
                return refuse("the change set does not exist any more".into());
            }
            Err(error) => return Err(error),
        };
        if described.status != Some(ChangeSetStatus::CreateComplete)
            || described.execution_status != Some(ExecutionStatus::Available)
        {
            let status = status_text(described.execution_status.as_ref());
            return refuse(format!("the change set has the status {status}"));
        }
        if described.stack_id.as_deref() != Some(&change_set.stack_id) {
            return refuse("the stack was deleted and created again".into());
        }
        let secrets = Secrets::new(stack, &options.parameters);
        let (changes, _) =
            change_set::all_changes(connection, stack, &secrets, &change_set.id, described).await?;
        if changes != change_set.changes {
            return refuse("the changes of the change set differ from the planned ones".into());
        }
        // The change set has to be made of the template whose hash is in the plan.
        let template = connection
            .cloudformation
            .get_template()
            .stack_name(&self.stack)
            .change_set_name(&change_set.id)
            .send()
            .await
            .map_err(DeployError::call("GetTemplate"))?;
        if template.template_body().is_none_or(|body| sha256(body) != self.template) {
            return refuse("the change set was created from another template".into());
        }
        Ok(())
    }

    fn approvals(&self) -> &[RequiredApproval] {
        match &self.outcome {
            PlannedOutcome::Ready { approvals, .. } | PlannedOutcome::Deferred { approvals, .. } => approvals,
            PlannedOutcome::Unchanged { .. } => &[],
        }
    }
}
