//! Results of hooks.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Millis;
use crate::faults::HookMode;

/// The result of a hook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HookResult {
    pub id: String,
    pub hook: String,
    pub mode: HookMode,
    pub reason: String,
    pub annotations: Vec<Json>,
    pub time: Millis,
    /// The change set's ARN, or the resource's logical ID.
    pub target: String,
    /// The type, if the target is a resource.
    pub type_name: Option<String>,
    /// The ARN of the stack.
    #[serde(default)]
    pub stack: String,
    /// The action on the resource that the hook evaluated.
    #[serde(default)]
    pub action: HookAction,
}

/// The action on the target that a hook evaluates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum HookAction {
    #[default]
    Create,
    Update,
}
