//! `unknown-property`

use crate::check::rules::rule;

rule! {
    /// A property does not exist in its type, or is at another level.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template or, for some types, ignores the property.
    ///
    /// # How to fix
    ///
    /// Correct the name, or move the property.
    Error "unknown-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
