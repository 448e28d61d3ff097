//! `wrong-type`

use crate::check::rules::rule;

rule! {
    /// A value has another type than its property: a string instead of a list, a string instead of an object, or text
    /// instead of a number.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template.
    ///
    /// # How to fix
    ///
    /// Write a value of the type that the message names.
    ///
    /// # Limitations
    ///
    /// Values that CloudFormation converts, such as a number in a string, are accepted.
    Error "wrong-type",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
