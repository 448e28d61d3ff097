//! `out-of-range`

use crate::check::rules::rule;

rule! {
    /// A number that is too large or too small, a text that is too long or too short, a list with too many or too few items.
    Error "out-of-range",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
