//! The settings of the endpoint.

use crate::faults::Faults;
use crate::state::Millis;

/// The settings of the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub account: String,
    /// The simulated time for the creation, update or deletion of a resource, unless a fault sets another time.
    pub resource_time: Millis,
    /// The simulated time for the creation of a change set.
    pub change_set_time: Millis,
    /// Whether resources that wait for signals are treated as if they had received them.
    pub assumes_signals: bool,
    pub faults: Faults,
}
