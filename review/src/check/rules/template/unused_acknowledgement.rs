//! `unused-acknowledgement`

use crate::check::rules::rule;

rule! {
    /// An acknowledgement matches no finding, or names a rule that does not exist.
    ///
    /// # Why it matters
    ///
    /// It would hide the same mistake later.
    ///
    /// # How to fix
    ///
    /// Remove the acknowledgement.
    Warning "unused-acknowledgement",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
