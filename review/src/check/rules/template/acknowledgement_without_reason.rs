//! `acknowledgement-without-reason`

use crate::check::rules::rule;

rule! {
    /// A finding is acknowledged without a reason.
    ///
    /// # Why it matters
    ///
    /// Reviewers cannot judge whether the acknowledgement is still right.
    ///
    /// # How to fix
    ///
    /// Write the reason in a few words.
    Warning "acknowledgement-without-reason",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
