//! `unused-acknowledgement`

use crate::check::rules::rule;

rule! {
    /// Something is acknowledged that is not found any more, or under a name that no rule has.
    ///
    /// Left standing it would hide the same mistake when somebody makes it again.
    Warning "unused-acknowledgement",
    source: "stackwright",
    applies_to: [],
    check: Elsewhere,
}
