//! A report for GitLab: the code quality format, which GitLab shows at the lines of a merge request.

use std::collections::BTreeMap;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::sha256;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// Returns the report as JSON in GitLab's code quality format. Acknowledged findings are omitted. For a finding
/// without a location, the path is the name of its stack and the line is 1, because GitLab requires a location.
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

/// Returns the key that identifies a finding, which does not change when lines are inserted above it.
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
