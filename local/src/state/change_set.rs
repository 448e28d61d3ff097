//! Change sets, and the events of stacks.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    ChangeAction, ChangeSetStatus, ChangeSetType, DeploymentConfig, Environment, ExecutionStatus, HookResult,
    Inputs, Millis, OperationType, PolicyAction, Replacement, ResourceStatus, unique_id,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChangeSet {
    pub id: String,
    pub name: String,
    pub kind: ChangeSetType,
    pub created: Millis,
    /// The time at which its creation ends. Before this time, it does not have the status in `status`.
    pub ready: Millis,
    pub status: ChangeSetStatus,
    pub reason: Option<String>,
    pub execution: ExecutionStatus,
    pub description: Option<String>,
    pub inputs: Inputs,
    pub changes: Vec<Change>,
    pub on_failure: Option<String>,
    pub deployment_mode: Option<String>,
    #[serde(default)]
    pub config: DeploymentConfig,
    pub import_existing: bool,
    /// Whether CloudFormation validates nothing before the deployment.
    #[serde(default)]
    pub disable_validation: bool,
    /// The physical IDs of imported resources, by logical ID.
    pub imports: IndexMap<String, String>,
    pub token: Option<String>,
    pub operation: String,
    /// The change set that this one is nested in, and the outermost one.
    pub within: Option<(String, String)>,
    /// The nested stacks that have change sets, by logical ID.
    pub nested: Option<IndexMap<String, String>>,
}

impl ChangeSet {
    /// Returns the ID of a change set that is to be created.
    pub fn new_id(environment: Environment<'_>, name: &str) -> String {
        format!(
            "arn:aws:cloudformation:{}:{}:changeSet/{name}/{}",
            environment.region,
            environment.account,
            unique_id()
        )
    }

    /// Returns whether the change set was executed, or cannot be executed any more.
    pub fn is_past(&self) -> bool {
        matches!(
            self.execution,
            ExecutionStatus::ExecuteInProgress
                | ExecutionStatus::ExecuteComplete
                | ExecutionStatus::ExecuteFailed
                | ExecutionStatus::Obsolete
        )
    }

    /// Returns an event of the creation of the change set that reports a finding and has no status.
    pub fn finding(&self, logical_id: &str, type_name: &str) -> Event {
        Event {
            id: unique_id(),
            time: self.created,
            logical_id: logical_id.to_owned(),
            physical_id: String::new(),
            type_name: type_name.to_owned(),
            status: None,
            reason: None,
            properties: None,
            token: None,
            operation: self.operation.clone(),
            operation_type: Some(OperationType::CreateChangeset),
            validation: None,
            hook: None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    pub time: Millis,
    pub logical_id: String,
    pub physical_id: String,
    pub type_name: String,
    /// The status of the resource; `None` for a finding of a validation or of a hook on a change set.
    pub status: Option<ResourceStatus>,
    pub reason: Option<String>,
    pub properties: Option<String>,
    pub token: Option<String>,
    pub operation: String,
    pub operation_type: Option<OperationType>,
    /// The name and the path of a validation before deployment.
    pub validation: Option<(String, String)>,
    /// The result of a hook.
    pub hook: Option<HookResult>,
}

/// The change to one resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub action: ChangeAction,
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub type_name: String,
    pub replacement: Option<Replacement>,
    pub scope: Vec<String>,
    pub details: Vec<Json>,
    pub policy_action: Option<PolicyAction>,
    pub before: Option<String>,
    pub after: Option<String>,
    /// The change set of a nested stack.
    pub change_set: Option<String>,
}

impl Change {
    /// Returns a change to a resource, without details.
    pub fn of(action: ChangeAction, logical_id: &str, type_name: &str) -> Self {
        Self {
            action,
            logical_id: logical_id.to_owned(),
            physical_id: None,
            type_name: type_name.to_owned(),
            replacement: None,
            scope: Vec::new(),
            details: Vec::new(),
            policy_action: None,
            before: None,
            after: None,
            change_set: None,
        }
    }
}
