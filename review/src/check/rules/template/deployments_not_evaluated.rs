//! `deployments-not-evaluated`

use crate::check::rules::rule;

rule! {
    /// The template allows more deployments than are evaluated: combinations of values of its parameters were left out.
    ///
    /// # Why it matters
    ///
    /// Every allowed value, and every pair of values that conditions compare with, is evaluated as long as the number of
    /// deployments is small. The rest may hold a fault that no report shows.
    ///
    /// # How to fix
    ///
    /// Nothing needs to be fixed. Fewer parameters and fewer allowed values make the report complete.
    Info "deployments-not-evaluated",
    source: "the limits of this program",
    applies_to: [],
    check: Elsewhere,
}
