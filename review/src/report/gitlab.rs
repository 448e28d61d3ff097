//! A report for GitLab: the code quality format, which merge requests show beside the lines.

use std::collections::BTreeMap;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::sha256;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// The report as JSON of GitLab's code quality format. What was acknowledged is left out. A finding without a line is at the
/// first line of its stack's name, because GitLab takes none without a location.
pub fn gitlab(report: &Report) -> String {
    let counting = report.diagnostics.iter().filter(|one| one.acknowledged.is_none());
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let list: Vec<JsonValue> = counting
        .map(|one| {
            // GitLab shows only the first of the findings that have one fingerprint.
            let key = key(one);
            let number = seen.entry(key.clone()).or_default();
            *number += 1;
            finding(one, &sha256(format!("{key}\u{0}{number}")))
        })
        .collect();
    format!("{:#}\n", JsonValue::from(list))
}

/// What identifies a finding: it stays the same when lines move.
fn key(one: &Diagnostic) -> String {
    let file = one.location.as_ref().map(|location| location.file.replace('\\', "/")).unwrap_or_default();
    [one.id.as_ref(), &file, &one.stack, &one.path, &one.message].join("\u{0}")
}

fn finding(one: &Diagnostic, fingerprint: &str) -> JsonValue {
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
        "fingerprint": fingerprint,
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
