//! `out-of-range`

use crate::check::rules::rule;

rule! {
    /// A number, the length of a string, or the number of items is out of the allowed range.
    ///
    /// # Why it matters
    ///
    /// CloudFormation or the service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Use a value in the range that the help names.
    Error "out-of-range",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
