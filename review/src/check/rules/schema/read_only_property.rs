//! `read-only-property`

use crate::check::rules::rule;

rule! {
    /// A property that only AWS sets, such as an ARN. CloudFormation refuses it; it can be read with `Fn::GetAtt`.
    Error "read-only-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
