//! `ended-runtime`

use stackwright_schemas::lifecycle::{READ, runtime};

use super::runtimes;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A function has a runtime that Lambda no longer accepts for new functions.
    ///
    /// # Why it matters
    ///
    /// Lambda refuses to create the function.
    ///
    /// # How to fix
    ///
    /// Use a runtime that Lambda supports.
    ///
    /// # Limitations
    ///
    /// Dates that AWS announced after the date of the data are not reported.
    Error "ended-runtime",
    source: "AWS Lambda Developer Guide, \"Lambda runtimes\" (cfn-lint 1.58.0)",
    applies_to: ["AWS::Lambda::Function", "AWS::Serverless::Function"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for (function, value) in runtimes(view) {
        let Some(runtime) = string(value).and_then(runtime) else { continue };
        if let Some(date) = runtime.block_create.filter(|date| *date <= READ) {
            let message = format!(
                "functions with the runtime {} can no longer be created (since {date})",
                runtime.name
            );
            let help = runtime.successor.as_ref().map_or_else(String::new, |next| format!("use {next}"));
            findings.add(function, value, message, help);
        }
    }
}
