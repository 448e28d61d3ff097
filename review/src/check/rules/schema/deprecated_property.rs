//! `deprecated-property`

use crate::check::rules::rule;

rule! {
    /// A property that AWS advises against. It still works, and may stop doing so.
    Warning "deprecated-property",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
