//! `value-not-allowed`

use crate::check::rules::rule;

rule! {
    /// A value is not one of the allowed values.
    ///
    /// # Why it matters
    ///
    /// CloudFormation or the service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Use one of the values that the help names.
    ///
    /// # Limitations
    ///
    /// A string that is known in part is reported if no allowed value fits it.
    Error "value-not-allowed",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
