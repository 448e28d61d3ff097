//! `deprecated-property`

use crate::check::rules::rule;

rule! {
    /// A property is deprecated.
    ///
    /// # Why it matters
    ///
    /// It still works, but AWS may remove it.
    ///
    /// # How to fix
    ///
    /// Use the property that the reference of the type names instead.
    Warning "deprecated-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
