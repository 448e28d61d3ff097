//! `unreadable-definition`

use crate::check::findings::Findings;
use crate::check::job::LAUNCHERS;
use crate::check::rules::rule;
use crate::check::view::View;

rule! {
    /// A pipeline definition, a state machine or the input of a schedule is not JSON.
    ///
    /// # Why it matters
    ///
    /// CloudFormation passes the string on, and the service refuses it.
    ///
    /// # How to fix
    ///
    /// Correct the JSON at the position that the message names.
    Error "unreadable-definition",
    source: "Amazon SageMaker Pipelines, definition schema; Amazon States Language",
    applies_to: LAUNCHERS,
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for resource in &view.resources {
        for document in &resource.documents {
            if let Err(reason) = &document.value {
                let message = format!("this string is not valid JSON: {reason}");
                findings.add_at(
                    resource,
                    Some(document.path),
                    message,
                    "quote substitutions of strings: `\"${…}\"`",
                );
            }
        }
    }
}
