//! A report for GitLab: the code quality format, which merge requests show beside the lines.

use serde_json::{Value as JsonValue, json};
use stackwright_synth::sha256;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// The report as JSON of GitLab's code quality format. What was acknowledged is left out. A finding without a line is at the
/// first line of its stack's name, because GitLab takes none without a location.
pub fn gitlab(report: &Report) -> String {
    let counting = report.diagnostics.iter().filter(|one| one.acknowledged.is_none());
    let list: Vec<JsonValue> = counting.map(finding).collect();
    format!("{:#}\n", JsonValue::from(list))
}

fn finding(one: &Diagnostic) -> JsonValue {
    let (path, line) = match &one.location {
        Some(location) => (location.file.replace('\\', "/"), location.line),
        None => (one.stack.clone(), 1),
    };
    let mut description = format!("{} ({})", one.message, one.subject());
    if let Some(when) = &one.when {
        description.push_str(&format!("; where {when}"));
    }
    if let Some(help) = &one.help {
        description.push_str(&format!(". {help}"));
    }
    json!({
        "check_name": one.id,
        "description": description,
        // The same finding has the same fingerprint when lines move.
        "fingerprint": sha256(format!("{}\u{0}{}\u{0}{}\u{0}{}", one.id, one.stack, one.path, one.message)),
        "severity": match one.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Info => "info",
        },
        "location": { "path": path, "lines": { "begin": line.max(1) } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_gitlab_reads() {
        let text = gitlab(&crate::report::example::report());
        let list: Vec<JsonValue> = serde_json::from_str(&text).unwrap();
        assert_eq!(list.len(), 2, "acknowledged findings are left out");
        for one in &list {
            for field in ["description", "check_name", "fingerprint", "severity"] {
                assert!(one[field].is_string(), "{one}");
            }
            assert!(one["location"]["path"].is_string() && one["location"]["lines"]["begin"].is_number());
        }
        insta::assert_snapshot!(text);
    }
}
