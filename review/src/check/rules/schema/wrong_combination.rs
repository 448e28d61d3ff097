//! `wrong-combination`

use crate::check::rules::rule;

rule! {
    /// Properties exclude each other, one needs another, or items of a list are not unique.
    ///
    /// # Why it matters
    ///
    /// CloudFormation or the service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Remove or add the property that the message names.
    Error "wrong-combination",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
