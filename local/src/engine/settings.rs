//! How the endpoint behaves.

use crate::faults::Faults;
use crate::state::Millis;

/// How the endpoint behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub account: String,
    /// How long it takes to create, update or delete a resource, unless a fault sets another time.
    pub resource_time: Millis,
    /// How long it takes to create a change set.
    pub change_set_time: Millis,
    /// Whether resources that wait for signals are treated as if they had received them.
    pub assumes_signals: bool,
    pub faults: Faults,
}
