//! `deprecated-runtime`

use stackwright_schemas::date::Date;
use stackwright_schemas::lifecycle::{READ, runtime};

use super::runtimes;
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::string;
use crate::check::view::View;

rule! {
    /// A function has a runtime that no longer gets security updates.
    ///
    /// # Why it matters
    ///
    /// AWS applies no security updates to the runtime, and will refuse to create and update functions with it.
    ///
    /// # How to fix
    ///
    /// Move the function to a runtime that Lambda supports.
    ///
    /// # Limitations
    ///
    /// Dates that AWS announced after the date of the data are not reported.
    Warning "deprecated-runtime",
    source: "AWS Lambda Developer Guide, \"Lambda runtimes\" (cfn-lint 1.58.0)",
    applies_to: ["AWS::Lambda::Function", "AWS::Serverless::Function"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let is_past = |date: &Date| *date <= READ;
    for (function, value) in runtimes(view) {
        let Some(runtime) = string(value).and_then(runtime) else { continue };
        if let Some(date) = runtime.deprecated.filter(is_past)
            && !runtime.block_create.as_ref().is_some_and(is_past)
        {
            let message = format!("the runtime {} is deprecated (since {date})", runtime.name);
            let help = runtime.successor.as_ref().map_or_else(String::new, |next| format!("use {next}"));
            findings.add(function, value, message, help);
        }
    }
}
