//! Stack refactors: resources that move to other stacks or to other logical IDs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Inputs, Millis, Output, RefactorExecutionStatus, StackRefactorStatus};

/// A refactor of stacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refactor {
    pub id: String,
    pub region: String,
    pub description: Option<String>,
    /// The time at which its creation ends. Before this time, it does not have the status in `status`.
    pub ready: Millis,
    pub status: StackRefactorStatus,
    pub reason: Option<String>,
    pub execution: RefactorExecutionStatus,
    pub execution_reason: Option<String>,
    pub stacks: Vec<Side>,
    pub moves: Vec<Move>,
    /// While it is executed: the time at which the execution ends, and the reason if it fails.
    pub running: Option<(Millis, Option<String>)>,
}

/// The new definition of one of the stacks of a refactor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Side {
    /// The stack's ARN.
    pub id: String,
    pub is_new: bool,
    pub inputs: Inputs,
    /// The former location of each of its resources.
    pub resources: Origins,
    pub outputs: Vec<Output>,
    pub imports: Vec<String>,
    /// The ID of the stack's last operation when the refactor was created: a later operation makes the refactor obsolete.
    pub after: Option<String>,
}

impl Side {
    /// Removes everything except the ARN of the stack, and whether the stack is new.
    pub fn forget(&mut self) {
        self.inputs = Inputs::default();
        self.resources.clear();
        self.outputs.clear();
        self.imports.clear();
    }
}

/// The location of a resource: its stack and its logical ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Location {
    /// The stack's ARN.
    pub stack: String,
    pub logical_id: String,
}

/// The former location of each resource of a stack, by its logical ID.
pub(crate) type Origins = IndexMap<String, Location>;

/// A resource that moves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Move {
    pub from: Location,
    pub to: Location,
    /// Whether the mapping was in the request.
    pub is_manual: bool,
}
