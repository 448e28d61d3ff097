//! `acknowledgement-without-reason`

use crate::check::rules::rule;

rule! {
    /// Something is acknowledged and nobody says why. Reviewers, and whoever reads it in a year, want to know.
    Warning "acknowledgement-without-reason",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
