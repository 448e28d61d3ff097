//! A report as JUnit XML, which CI systems show as tests: a test suite for each stack, a test case for each finding, and a passed
//! test case for a stack without any.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// Returns the report as JUnit XML; `stacks` are all that were checked.
pub fn junit(report: &Report, stacks: &[String]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Diagnostic>> =
        stacks.iter().map(|stack| (stack.as_str(), Vec::new())).collect();
    for one in &report.diagnostics {
        suites.entry(&one.stack).or_default().push(one);
    }
    let mut body = String::new();
    let (mut tests, mut failures) = (0, 0);
    for (stack, found) in &suites {
        let failed = found.iter().filter(|one| one.counts_as(Severity::Error)).count();
        let cases = found.len().max(1);
        let skipped = found.iter().filter(|one| one.acknowledged.is_some()).count();
        (tests, failures) = (tests + cases, failures + failed);
        let name = escaped(stack);
        body.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{cases}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\">\n"
        ));
        if found.is_empty() {
            body.push_str(&format!("    <testcase classname=\"{name}\" name=\"check\"/>\n"));
        }
        for one in found {
            body.push_str(&case(one));
        }
        body.push_str("  </testsuite>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"stackwright check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{body}</testsuites>\n"
    )
}

fn case(one: &Diagnostic) -> String {
    let mut details = String::new();
    for (what, value) in [
        ("at", one.location.as_ref().map(ToString::to_string)),
        ("where", one.when.clone()),
        ("help", one.help.clone()),
    ] {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(details, "\n{what}: {value}");
        }
    }
    let outcome = match (&one.acknowledged, one.severity) {
        (Some(reason), _) => format!("<skipped message=\"{}\"/>", escaped(reason)),
        (None, Severity::Error) => format!(
            "<failure type=\"{}\" message=\"{}\">{}</failure>",
            escaped(&one.id),
            escaped(&one.message),
            escaped(details.trim_start())
        ),
        (None, severity) => {
            let text = format!("{}: {}{details}", severity.name(), one.message);
            format!("<system-out>{}</system-out>", escaped(&text))
        }
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{}\">{outcome}</testcase>\n",
        escaped(&one.stack),
        escaped(&format!("{}: {}", one.id, one.subject())),
    )
}

/// Returns a text inside of XML; characters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            _ if letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}') => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn errors_are_failures_warnings_are_output_and_acknowledged_findings_are_skipped() {
        let stacks = ["Serving".to_owned(), "Quiet".to_owned()];
        insta::assert_snapshot!(super::junit(&crate::report::example::report(), &stacks));
    }
}
