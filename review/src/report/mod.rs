//! Reports: one data type, and one module for each output format.

mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use crate::diagnostic::{Diagnostic, Severity};
use serde_json::Value as JsonValue;

pub use github::github;
pub use gitlab::gitlab;
pub use html::{diff_html, html};
pub(crate) use json::diagnostic as diagnostic_json;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::{text, text_up_to};

/// The report of a check: the findings of all stacks. The functions of this module write it in each output format.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The findings, the most severe first, then by location; acknowledged findings are last.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Sorts the findings, the most severe first, then by location; acknowledged findings are last.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by(|one, other| {
            let key = |it: &Diagnostic| (it.acknowledged.is_some(), it.severity);
            key(one)
                .cmp(&key(other))
                .then_with(|| one.location.cmp(&other.location))
                .then_with(|| (&one.stack, &one.path).cmp(&(&other.stack, &other.path)))
        });
    }

    /// Returns the number of errors that are not acknowledged.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// Returns the number of warnings that are not acknowledged.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Returns the number of findings with the severity [`Severity::Info`] that are not acknowledged.
    pub fn infos(&self) -> usize {
        self.count(Severity::Info)
    }

    /// Returns the number of acknowledged findings.
    pub fn acknowledged(&self) -> usize {
        self.diagnostics.iter().filter(|one| one.acknowledged.is_some()).count()
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|one| one.counts_as(severity)).count()
    }

    /// Returns the summary, such as `1 error, 2 warnings, 1 acknowledged`.
    pub fn summary(&self) -> String {
        let counted = |number: usize, one: &str| match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            many => Some(format!("{many} {one}s")),
        };
        let acknowledged = Some(self.acknowledged()).filter(|number| *number > 0);
        let parts: Vec<String> = [counted(self.errors(), "error"), counted(self.warnings(), "warning")]
            .into_iter()
            .flatten()
            .chain(Some(self.infos()).filter(|number| *number > 0).map(|number| format!("{number} info")))
            .chain(acknowledged.map(|number| format!("{number} acknowledged")))
            .collect();
        if parts.is_empty() { "nothing found".into() } else { parts.join(", ") }
    }
}

impl From<Vec<Diagnostic>> for Report {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        let mut report = Self { diagnostics };
        report.sort();
        report
    }
}

/// Returns a document as indented JSON, with the items of its one empty list of a name. An item exists only while it is written:
/// a large report takes several times its length in memory otherwise.
fn with_items(document: &JsonValue, list: &str, items: impl Iterator<Item = JsonValue>) -> String {
    let text = format!("{document:#}\n");
    let empty = format!("\"{list}\": [");
    let Some((before, after)) = text.split_once(&format!("{empty}]")) else { return text };
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indentation = " ".repeat(line.len() - line.trim_start().len());
    let mut written = format!("{before}{empty}");
    let mut is_empty = true;
    for item in items {
        written.push_str(if is_empty { "\n" } else { ",\n" });
        is_empty = false;
        // A string of JSON has no line break, so each of these is one between values.
        for (number, line) in format!("{item:#}").lines().enumerate() {
            written.push_str(if number > 0 { "\n" } else { "" });
            written.push_str(&format!("{indentation}  {line}"));
        }
    }
    if !is_empty {
        written.push_str(&format!("\n{indentation}"));
    }
    written.push(']');
    written.push_str(after);
    written
}

#[cfg(test)]
mod example;
