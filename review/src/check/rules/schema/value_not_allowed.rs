//! `value-not-allowed`

use crate::check::rules::rule;

rule! {
    /// A value that is not among those that are allowed.
    ///
    /// A long list is not repeated: the nearest value is named. A text that is put together is found too, if what is known of it
    /// fits none of the values.
    Error "value-not-allowed",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
