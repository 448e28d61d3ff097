//! `unused-acknowledgement`

use crate::check::rules::rule;

rule! {
    /// An acknowledgement matches no finding, or names a rule that does not exist.
    ///
    /// # Why it matters
    ///
    /// If a finding of the rule appears there later, nobody sees it as new.
    ///
    /// # How to fix
    ///
    /// Remove the acknowledgement.
    Warning "unused-acknowledgement",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
