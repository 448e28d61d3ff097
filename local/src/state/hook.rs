//! What hooks answered.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Millis;
use crate::faults::HookMode;

/// What a hook said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HookResult {
    pub id: String,
    pub hook: String,
    pub mode: HookMode,
    pub reason: String,
    pub annotations: Vec<Json>,
    pub time: Millis,
    /// The change set's ARN, or the resource's logical id.
    pub target: String,
    /// Of a resource: its type.
    pub type_name: Option<String>,
}
