//! `missing-property`

use crate::check::rules::rule;

rule! {
    /// A property without which the resource, or the request to SageMaker, is refused.
    Error "missing-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
