//! `pattern-mismatch`

use crate::check::rules::rule;

rule! {
    /// A text that does not have the form that is wanted, such as a name with a character that is not allowed.
    Error "pattern-mismatch",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
