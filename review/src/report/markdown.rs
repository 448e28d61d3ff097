//! A report for pull requests: a summary in one line, and tables of the findings and of the acknowledged findings.

use super::Report;
use crate::diagnostic::Diagnostic;

/// Returns the report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("### Check: {}\n", report.summary());
    let (acknowledged, counting): (Vec<_>, Vec<_>) =
        report.diagnostics.iter().partition(|one| one.acknowledged.is_some());
    if !counting.is_empty() {
        text.push_str("\n| | Rule | Where | What |\n|---|---|---|---|\n");
        for one in counting {
            let help = one.help.as_ref().map_or(String::new(), |help| format!("<br>{}", cell(help)));
            let when = one.when.as_ref().map_or(String::new(), |when| format!(", where {}", cell(when)));
            text.push_str(&format!(
                "| {} | `{}` | {} | {}{when}{help} |\n",
                one.severity.name(),
                one.id,
                location(one),
                cell(&one.message)
            ));
        }
    }
    if !acknowledged.is_empty() {
        text.push_str(
            "\n<details><summary>Acknowledged</summary>\n\n| Rule | Where | Reason |\n|---|---|---|\n",
        );
        for one in acknowledged {
            let reason = cell(one.acknowledged.as_deref().unwrap_or_default());
            text.push_str(&format!("| `{}` | {} | {reason} |\n", one.id, location(one)));
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn location(one: &Diagnostic) -> String {
    let subject = cell(&one.subject());
    match &one.location {
        Some(location) => format!("{subject}<br>`{}:{}`", cell(&location.file), location.line),
        None => subject,
    }
}

/// Returns a string in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_a_table_and_a_fold() {
        insta::assert_snapshot!(super::markdown(&crate::report::example::report()));
    }
}
