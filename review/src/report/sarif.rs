//! A report as SARIF 2.1.0, which code hosts show in their review pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::SourceLocation;

use super::Report;
use crate::check::rule_named;
use crate::diagnostic::{Diagnostic, Severity};

/// Returns the report as SARIF.
pub fn sarif(report: &Report) -> String {
    let names: BTreeSet<&str> = report.diagnostics.iter().map(|one| one.id.as_ref()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rules: Vec<JsonValue> = names.iter().map(|name| rule(name)).collect();
    let driver = json!({
        "name": "stackwright",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": [] }],
    });
    super::with_items(&document, "results", report.diagnostics.iter().map(|one| result(one, &names)))
}

/// SARIF's word for a severity.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(name: &str) -> JsonValue {
    match rule_named(name) {
        Some(rule) => json!({
            "id": name,
            "shortDescription": { "text": rule.summary() },
            "help": { "text": rule.documentation.trim(), "markdown": rule.page() },
            "defaultConfiguration": { "level": level(rule.severity) },
        }),
        None => json!({ "id": name }),
    }
}

fn result(one: &Diagnostic, names: &[&str]) -> JsonValue {
    let mut message = format!("{} ({})", one.message, one.subject());
    for more in
        [one.when.as_ref().map(|when| format!("where {when}")), one.help.clone()].into_iter().flatten()
    {
        message.push_str(". ");
        message.push_str(&more);
    }
    let mut result = json!({
        "ruleId": one.id,
        "ruleIndex": names.binary_search(&one.id.as_ref()).unwrap_or_default(),
        "level": level(one.severity),
        "message": { "text": message },
        // The same finding has the same print when lines move.
        "partialFingerprints": { "stackwright/v1": format!("{}:{}:{}", one.id, one.stack, one.path) },
    });
    let logical = json!({ "fullyQualifiedName": one.subject() });
    let mut location = json!({ "logicalLocations": [logical] });
    // GitHub refuses a report with a result that has no physical location. Of an input that cannot be read, the stack is the
    // name of the file.
    location["physicalLocation"] = match &one.location {
        Some(source) => physical(source),
        None => json!({ "artifactLocation": { "uri": uri(&one.stack) }, "region": { "startLine": 1 } }),
    };
    result["locations"] = json!([location]);
    if let Some(related) = &one.related {
        result["relatedLocations"] = json!([{ "id": 1, "message": { "text": related.label }, "physicalLocation": physical(&related.location) }]);
    }
    if let Some(reason) = &one.acknowledged {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    result
}

fn physical(source: &SourceLocation) -> JsonValue {
    json!({
        "artifactLocation": { "uri": uri(&source.file) },
        "region": { "startLine": source.line, "startColumn": source.column },
    })
}

/// Returns a path as a relative URI reference: all bytes are encoded except those that a path of a URI may contain.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' | b'=' | b',' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            // Writing to a string does not fail.
            byte => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_uri_references() {
        assert_eq!(super::uri("templates\\a b.yaml"), "templates/a%20b.yaml");
        assert_eq!(super::uri("ü/100%#1?[x].yaml"), "%C3%BC/100%25%231%3F%5Bx%5D.yaml");
        assert_eq!(super::uri("src/main.rs"), "src/main.rs");
        // A colon in the first part would end the scheme of a URI.
        assert_eq!(super::uri("a:b.yaml"), "a%3Ab.yaml");
    }

    #[test]
    fn shows_places_rules_and_reasons() {
        insta::assert_snapshot!(super::sarif(&crate::report::example::report()));
    }
}
