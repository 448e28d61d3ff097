//! `missing-property`

use crate::check::rules::rule;

rule! {
    /// A property that the resource, or the request to SageMaker, requires is missing.
    ///
    /// # Why it matters
    ///
    /// CloudFormation or the service refuses the resource.
    ///
    /// # How to fix
    ///
    /// Set the property that the message names.
    Error "missing-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
