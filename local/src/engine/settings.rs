//! How the endpoint behaves.

use crate::faults::Faults;
use crate::state::Millis;

/// How the endpoint behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub account: String,
    /// How long it takes to do something to a resource, unless a fault says otherwise.
    pub resource_time: Millis,
    /// How long making a change set takes.
    pub change_set_time: Millis,
    pub faults: Faults,
}
