//! `unreadable-template`

use crate::check::rules::rule;

rule! {
    /// The input is no template.
    ///
    /// A text that breaks off, a key that stands twice, another encoding than UTF-8, aliases that add up to more than any
    /// template needs, or no object at all.
    ///
    /// CloudFormation would keep the last of two equal keys in silence; here that is an error.
    Error "unreadable-template",
    source: "AWS CloudFormation User Guide, template formats",
    applies_to: [],
    check: Elsewhere,
}
