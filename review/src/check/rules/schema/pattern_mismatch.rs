//! `pattern-mismatch`

use crate::check::rules::rule;

rule! {
    /// A string does not match the pattern of its property.
    ///
    /// # Why it matters
    ///
    /// CloudFormation or the service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Use a value that matches the pattern.
    ///
    /// # Limitations
    ///
    /// A default that is only a placeholder is reported as a warning.
    Error "pattern-mismatch",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
