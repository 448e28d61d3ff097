//! `unknown-property`

use crate::check::rules::rule;

rule! {
    /// A property that the type does not have: a typing error, or one that stands a level too high or too low.
    ///
    /// CloudFormation refuses the template, or, for some types, ignores the property in silence.
    Error "unknown-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
