//! Stack refactors: resources that move to other stacks or to other logical IDs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Inputs, Millis, Output};

/// A refactor of stacks: made, looked at, executed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refactor {
    pub id: String,
    pub region: String,
    pub description: Option<String>,
    /// From then on it is what `status` says; before, it is being made.
    pub ready: Millis,
    pub status: String,
    pub reason: Option<String>,
    pub execution: String,
    pub execution_reason: Option<String>,
    pub stacks: Vec<Side>,
    pub moves: Vec<Move>,
    /// While it runs: until when, and why it fails.
    pub running: Option<(Millis, Option<String>)>,
}

/// What one of the stacks becomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Side {
    /// The stack's ARN.
    pub id: String,
    pub is_new: bool,
    pub inputs: Inputs,
    /// Where each of its resources comes from.
    pub resources: Origins,
    pub outputs: Vec<Output>,
    pub imports: Vec<String>,
    /// What was last done to the stack when this was made: something else makes it obsolete.
    pub after: Option<String>,
}

/// A resource's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The stack's ARN.
    pub stack: String,
    pub logical_id: String,
}

/// Where each resource of a stack comes from, by its logical id.
pub(crate) type Origins = IndexMap<String, Place>;

/// A resource that moves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Move {
    pub from: Place,
    pub to: Place,
    /// Whether the caller said so.
    pub is_manual: bool,
}
