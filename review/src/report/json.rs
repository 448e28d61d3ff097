//! Diagnostics as JSON, for programs: `{"version": 1, "diagnostics": […]}`.

use serde_json::json;

use crate::diagnostic::Diagnostic;

/// The diagnostics as a JSON document.
pub fn json(diagnostics: &[Diagnostic]) -> String {
    format!("{:#}\n", json!({ "version": 1, "diagnostics": diagnostics }))
}
