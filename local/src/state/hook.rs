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
}
