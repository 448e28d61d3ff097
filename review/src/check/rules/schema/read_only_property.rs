//! `read-only-property`

use crate::check::rules::rule;

rule! {
    /// A property that only AWS sets is set.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the resource.
    ///
    /// # How to fix
    ///
    /// Remove the property. Read it with `Fn::GetAtt`.
    Error "read-only-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
