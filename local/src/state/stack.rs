//! A stack with its resources and outputs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{CREATE_CHANGE_SET_OPERATION, ChangeSet, Event, Millis, Operation, unique_id};

/// What a stack is made from: a request gives it, a change set keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// The text of the template, with everything in it written out.
    pub template: String,
    /// As it was given, if that is another text.
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
    /// The alarms that roll an operation back, as they were given.
    #[serde(default)]
    pub rollback_configuration: Option<Json>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stack {
    pub id: String,
    pub name: String,
    /// The account that it is in: another one than the endpoint's only for the stacks of a stack set.
    pub account: String,
    pub region: String,
    pub status: String,
    pub reason: String,
    pub created: Millis,
    pub updated: Option<Millis>,
    pub deleted: Option<Millis>,
    pub inputs: Inputs,
    pub termination_protection: bool,
    pub disable_rollback: bool,
    pub policy: Option<String>,
    /// `TimeoutInMinutes` of the stack's creation. Local mode keeps it, and does not apply it.
    #[serde(default)]
    pub timeout_minutes: Option<u64>,
    pub resources: IndexMap<String, Resource>,
    pub outputs: Vec<Output>,
    /// What other stacks' exports its template reads.
    pub imports: Vec<String>,
    pub events: Vec<Event>,
    pub change_sets: Vec<ChangeSet>,
    pub operation: Option<Operation>,
    /// Type and id of every operation, the newest first.
    pub last_operations: Vec<(String, String)>,
    /// The change set that was executed last.
    #[serde(default)]
    pub last_change_set: Option<String>,
    pub parent: Option<String>,
    pub drift: Option<Drift>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A resource of a stack, or one that a stack left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub logical_id: String,
    pub type_name: String,
    pub physical_id: String,
    pub status: String,
    pub reason: Option<String>,
    pub time: Millis,
    /// As the template said it when it was last deployed, resolved.
    pub properties: Map<String, Json>,
    /// As it is: different where somebody changed it past the stack.
    pub live: Map<String, Json>,
    /// What `Fn::GetAtt` yields beyond the properties.
    pub attributes: Map<String, Json>,
    /// The resource as the template has it.
    pub written: Json,
    pub depends_on: Vec<String>,
    pub drift: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drift {
    pub id: String,
    pub started: Millis,
    pub ready: Millis,
    pub status: String,
    pub drifted: usize,
}

/// An account and a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Environment<'a> {
    pub account: &'a str,
    pub region: &'a str,
}

impl Resource {
    /// What `Ref` yields of it, or `Fn::GetAtt` of an attribute.
    pub fn value(&self, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(self.physical_id.clone().into()),
            Some(name) => self.attributes.get(name).or_else(|| self.properties.get(name)).cloned(),
        }
    }
}

impl Inputs {
    /// Whether the same stack comes of both.
    pub fn are_equivalent(&self, other: &Self) -> bool {
        self.template == other.template
            && self.parameters == other.parameters
            && self.resolved == other.resolved
            && self.tags == other.tags
    }

    /// The template as it was given.
    pub fn given(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.template)
    }
}

impl Stack {
    pub fn environment(&self) -> Environment<'_> {
        Environment { account: &self.account, region: &self.region }
    }

    pub fn is_deleted(&self) -> bool {
        self.status == "DELETE_COMPLETE"
    }

    pub fn is_in_progress(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Whatever happens to the stack from now on belongs to an operation of its own; its id.
    pub fn enter(&mut self, operation_type: &str) -> String {
        let id = unique_id();
        self.last_operations.insert(0, (operation_type.to_owned(), id.clone()));
        id
    }

    /// What a stack says of its last operation: that, and what took it back. Making a change set changes nothing.
    pub fn last_operations_shown(&self) -> impl Iterator<Item = &(String, String)> {
        let mut is_shown = false;
        self.last_operations.iter().filter(|(kind, _)| kind != CREATE_CHANGE_SET_OPERATION).take_while(
            move |(kind, _)| {
                let was_shown = is_shown;
                is_shown |= !kind.ends_with("ROLLBACK");
                !was_shown
            },
        )
    }

    /// The id of the operation that runs or ran last.
    pub fn last_operation(&self) -> Option<&str> {
        self.last_operations_shown().next().map(|(_, id)| id.as_str())
    }
}
