//! `unreadable-template`

use crate::check::rules::rule;

rule! {
    /// The input is not a template: a syntax error, a key that occurs twice, another encoding than UTF-8, or no object.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses it, or keeps only the last of two equal keys.
    ///
    /// # How to fix
    ///
    /// Correct the text at the position that the message names.
    Error "unreadable-template",
    source: "AWS CloudFormation User Guide, template formats",
    applies_to: [],
    check: Elsewhere,
}
