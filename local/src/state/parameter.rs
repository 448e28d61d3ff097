//! SSM parameters and secrets that a caller has created outside of stacks.

use serde::{Deserialize, Serialize};

use super::Millis;

/// An SSM parameter, or a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    /// `String`, `StringList`, `SecureString`; `Secret` for a secret.
    pub kind: String,
    pub value: String,
    pub version: u64,
    pub time: Millis,
}
