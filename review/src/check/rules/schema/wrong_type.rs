//! `wrong-type`

use crate::check::rules::rule;

rule! {
    /// A value of another type than is wanted: one value for a list, a text for an object, a word for a number.
    ///
    /// What CloudFormation converts by itself is left alone: numbers and truths that stand as text. An intrinsic function is
    /// judged by what it yields.
    Error "wrong-type",
    source: "AWS CloudFormation registry schemas (wheel of cfn-lint 1.58.0)",
    applies_to: [],
    check: Schema,
}
