//! A stack with its resources and outputs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    ChangeSet, DeploymentConfig, DriftStatus, Event, Millis, Operation, OperationType, ResourceStatus,
    StackDriftStatus, StackStatus, unique_id,
};

/// The inputs of a stack: they are set by a request, and stored in a change set until it is executed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// The text of the template, with the language extensions expanded.
    pub template: String,
    /// The text of the template in the request, if it differs.
    pub original: Option<String>,
    /// Values by name, before SSM parameters are looked up.
    pub parameters: IndexMap<String, String>,
    /// The values of SSM parameters that parameters name, as they were when these inputs were read.
    #[serde(default)]
    pub resolved: IndexMap<String, String>,
    pub tags: IndexMap<String, String>,
    pub capabilities: Vec<String>,
    pub role: Option<String>,
    pub notification_arns: Vec<String>,
    /// The alarms that roll an operation back, as in the request.
    #[serde(default)]
    pub rollback_configuration: Option<Json>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stack {
    pub id: String,
    pub name: String,
    /// The account. It differs from the endpoint's only for the stacks of a stack set.
    pub account: String,
    pub region: String,
    pub status: StackStatus,
    pub reason: String,
    pub created: Millis,
    pub updated: Option<Millis>,
    pub deleted: Option<Millis>,
    pub inputs: Inputs,
    pub termination_protection: bool,
    pub disable_rollback: bool,
    /// Whether `OnFailure` of the stack's creation was `DO_NOTHING`.
    #[serde(default)]
    pub was_created_with_do_nothing: bool,
    pub policy: Option<String>,
    /// `TimeoutInMinutes` of the stack's creation.
    #[serde(default)]
    pub timeout_minutes: Option<u64>,
    pub resources: IndexMap<String, Resource>,
    pub outputs: Vec<Output>,
    /// The names of the exports that the template imports.
    pub imports: Vec<String>,
    pub events: Vec<Event>,
    pub change_sets: Vec<ChangeSet>,
    pub operation: Option<Operation>,
    /// The type and the ID of every operation, the newest first.
    pub last_operations: Vec<(OperationType, String)>,
    /// The change set that was executed last.
    #[serde(default)]
    pub last_change_set: Option<String>,
    pub parent: Option<String>,
    pub drift: Option<Drift>,
    /// `DeploymentConfig` of the last operation.
    #[serde(default)]
    pub config: DeploymentConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A resource of a stack, or one that a stack has retained.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub logical_id: String,
    pub type_name: String,
    pub physical_id: String,
    pub status: ResourceStatus,
    pub reason: Option<String>,
    pub time: Millis,
    /// The properties that were deployed last, with functions resolved.
    pub properties: Map<String, Json>,
    /// The current properties: they differ from the deployed properties if the resource was changed outside of the stack.
    pub live: Map<String, Json>,
    /// The values of `Fn::GetAtt` that are not properties.
    pub attributes: Map<String, Json>,
    /// The resource as the template has it.
    pub written: Json,
    pub depends_on: Vec<String>,
    pub drift: Option<DriftStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drift {
    pub id: String,
    pub started: Millis,
    pub ready: Millis,
    pub status: StackDriftStatus,
    pub drifted: usize,
}

/// An account and a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Environment<'a> {
    pub account: &'a str,
    pub region: &'a str,
}

impl Resource {
    /// Returns whether the resource has this type and this physical ID.
    pub fn is(&self, type_name: &str, physical_id: &str) -> bool {
        self.type_name == type_name && self.physical_id == physical_id
    }

    /// Returns the value of `Ref`, or of `Fn::GetAtt` for an attribute.
    pub fn value(&self, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(self.physical_id.clone().into()),
            Some(name) => self.attributes.get(name).or_else(|| self.properties.get(name)).cloned(),
        }
    }
}

impl Inputs {
    /// Returns whether both inputs describe the same stack.
    pub fn are_equivalent(&self, other: &Self) -> bool {
        self.template == other.template
            && self.parameters == other.parameters
            && self.resolved == other.resolved
            && self.tags == other.tags
    }

    /// Returns whether a parameter may have `NoEcho`.
    pub fn may_have_secrets(&self) -> bool {
        self.template.contains("NoEcho")
    }

    /// Returns the template as in the request.
    pub fn given(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.template)
    }
}

impl Stack {
    /// An empty stack that waits for its first change set to be executed.
    pub fn new(name: &str, Environment { account, region }: Environment<'_>, time: Millis) -> Self {
        Self {
            id: format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{}", unique_id()),
            name: name.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            status: StackStatus::ReviewInProgress,
            reason: String::new(),
            created: time,
            updated: None,
            deleted: None,
            inputs: Inputs::default(),
            termination_protection: false,
            disable_rollback: false,
            was_created_with_do_nothing: false,
            policy: None,
            timeout_minutes: None,
            resources: IndexMap::new(),
            outputs: Vec::new(),
            imports: Vec::new(),
            events: Vec::new(),
            change_sets: Vec::new(),
            operation: None,
            last_operations: Vec::new(),
            last_change_set: None,
            parent: None,
            drift: None,
            config: DeploymentConfig::default(),
        }
    }

    pub fn environment(&self) -> Environment<'_> {
        Environment { account: &self.account, region: &self.region }
    }

    /// Returns whether a resource or a change set of the stack may contain values of parameters with `NoEcho`. A nested stack can
    /// contain such values even if its own template does not declare `NoEcho`.
    pub fn has_secrets(&self) -> bool {
        let operation = self.operation.iter().flat_map(|one| [&one.before, &one.target.inputs]);
        let change_sets = self.change_sets.iter().map(|one| &one.inputs);
        let mut inputs = operation.chain(change_sets).chain([&self.inputs]);
        self.parent.is_some() || inputs.any(Inputs::may_have_secrets)
    }

    pub fn is_deleted(&self) -> bool {
        self.status == StackStatus::DeleteComplete
    }

    /// Returns whether the status of the stack allows an update.
    pub fn can_be_updated(&self) -> bool {
        matches!(
            self.status,
            StackStatus::CreateComplete
                | StackStatus::UpdateComplete
                | StackStatus::UpdateRollbackComplete
                | StackStatus::ImportComplete
                | StackStatus::ImportRollbackComplete
                | StackStatus::CreateFailed
                | StackStatus::UpdateFailed
        )
    }

    /// Returns whether the last operation on the stack failed in express mode and was not rolled back.
    pub fn failed_in_express_mode(&self) -> bool {
        self.config.is_express
            && self.config.disables_rollback()
            && matches!(self.status, StackStatus::CreateFailed | StackStatus::UpdateFailed)
    }

    pub fn is_in_progress(&self) -> bool {
        self.status.is_in_progress()
    }

    /// Starts an operation, to which all following events belong; returns its ID.
    pub fn enter(&mut self, operation_type: OperationType) -> String {
        let id = unique_id();
        self.last_operations.insert(0, (operation_type, id.clone()));
        id
    }

    /// Returns the last operation, and the rollback of it. The creation of a change set does not count.
    pub fn last_operations_shown(&self) -> impl Iterator<Item = &(OperationType, String)> {
        let mut is_shown = false;
        self.last_operations.iter().filter(|(kind, _)| *kind != OperationType::CreateChangeset).take_while(
            move |(kind, _)| {
                let was_shown = is_shown;
                is_shown |= !kind.is_rollback();
                !was_shown
            },
        )
    }

    /// Returns the ID of the operation that runs or ran last.
    pub fn last_operation(&self) -> Option<&str> {
        self.last_operations_shown().next().map(|(_, id)| id.as_str())
    }
}
