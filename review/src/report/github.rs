//! A report as workflow commands of GitHub Actions, which shows them at the lines of a pull request.

use super::Report;
use crate::diagnostic::Severity;

/// Returns the report as workflow commands, a line each. What was acknowledged is not shown.
pub fn github(report: &Report) -> String {
    let mut text = String::new();
    for one in report.diagnostics.iter().filter(|one| one.acknowledged.is_none()) {
        let mut properties = Vec::new();
        if let Some(location) = &one.location {
            properties.push(format!("file={}", property(&location.file)));
            properties.push(format!("line={},col={}", location.line, location.column));
        }
        properties.push(format!("title={}", property(&one.id)));
        let mut message = format!("{}: {}", one.subject(), one.message);
        for more in
            [one.when.as_ref().map(|when| format!("where {when}")), one.help.clone()].into_iter().flatten()
        {
            message.push('\n');
            message.push_str(&more);
        }
        text.push_str(&format!("::{} {}::{}\n", command(one.severity), properties.join(","), data(&message)));
    }
    text
}

/// Returns the workflow command that shows a severity.
fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_a_command_a_finding() {
        insta::assert_snapshot!(super::github(&crate::report::example::report()));
    }
}
