//! `wrong-combination`

use crate::check::rules::rule;

rule! {
    /// Properties that exclude each other, or of which one needs another; items of a list that must differ and do not.
    Error "wrong-combination",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
