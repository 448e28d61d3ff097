//! A report as one JSON document for programs, described in `docs/report.schema.json`.

use serde_json::{Value as JsonValue, json};
use stackwright_synth::SourceLocation;

use super::Report;
use crate::diagnostic::{Diagnostic, Fix};

/// Increases when a field is removed or changes its meaning; a new field does not increase it.
const VERSION: u32 = 1;

/// Returns the report as JSON.
pub fn json(report: &Report) -> String {
    let document = json!({
        "version": VERSION,
        "summary": {
            "errors": report.errors(),
            "warnings": report.warnings(),
            "infos": report.infos(),
            "acknowledged": report.acknowledged(),
        },
        "diagnostics": [],
    });
    super::with_items(&document, "diagnostics", report.diagnostics.iter().map(diagnostic))
}

/// Returns a finding as JSON.
pub(crate) fn diagnostic(one: &Diagnostic) -> JsonValue {
    let location = |location: &SourceLocation| json!({ "file": location.file, "line": location.line, "column": location.column });
    json!({
        "id": one.id,
        "severity": one.severity.name(),
        "message": one.message,
        "help": one.help,
        "when": one.when,
        "stack": one.stack,
        "resource": one.resource,
        "path": one.path,
        "location": one.location.as_ref().map(location),
        "related": one.related.as_ref().map(|one| json!({ "message": one.label, "location": location(&one.location) })),
        "fix": one.fix.as_ref().map(fix),
        "acknowledged": one.acknowledged,
    })
}

fn fix(fix: &Fix) -> JsonValue {
    match fix {
        Fix::Rename { from, to } => json!({ "kind": "rename", "from": from, "to": to }),
        Fix::AddSub => json!({ "kind": "add-sub" }),
        Fix::AddDependsOn { on } => json!({ "kind": "add-depends-on", "to": on }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_schema_describes() {
        let schema: JsonValue =
            serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
        let text = json(&crate::report::example::report());
        let document = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert!(!validator.is_valid(&json!({ "version": 1, "diagnostics": [{}] })));
        insta::assert_snapshot!(text);
    }
}
