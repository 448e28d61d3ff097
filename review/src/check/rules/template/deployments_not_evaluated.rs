//! `deployments-not-evaluated`

use crate::check::rules::rule;

rule! {
    /// The template allows more deployments than are evaluated: combinations of values of its parameters were left out.
    ///
    /// # Why it matters
    ///
    /// While the number of deployments is small, each allowed value and each pair of values that conditions compare
    /// with is evaluated. A deployment that was left out may have an error that no report shows.
    ///
    /// # How to fix
    ///
    /// Nothing needs to be fixed. With fewer parameters and fewer allowed values, all deployments are evaluated.
    Info "deployments-not-evaluated",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
