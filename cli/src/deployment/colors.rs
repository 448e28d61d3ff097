//! Colors of messages. They are added after a text was made safe, and `anstream` removes them where no terminal reads.

use clap::builder::styling::{AnsiColor, Style};
use stackwright_deploy::{Phase, ResourceStatus};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const REMOVED: Style = AnsiColor::Red.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// Colors the signs of changes, the statuses of events, and the words that introduce errors, warnings and hints.
pub(crate) fn paint(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &str) -> String {
    let indented = line.trim_start();
    let indent = line.len() - indented.len();
    // The signs of a change set are indented by two spaces.
    let sign = (indent == 2).then(|| indented.split(' ').next().unwrap_or_default());
    let word = match sign {
        Some("+" | "<") => Some((indent, 1, GOOD)),
        Some("-") => Some((indent, 1, REMOVED)),
        Some("±") => Some((indent, '±'.len_utf8(), BAD)),
        Some("~") => Some((indent, 1, CHANGED)),
        Some("!") => Some((indent, 1, BAD)),
        _ => introduction(line).or_else(|| status(line)),
    };
    let Some((start, length, style)) = word else { return line.to_owned() };
    let (before, rest) = line.split_at(start);
    let (word, after) = rest.split_at(length);
    format!("{before}{style}{word}{style:#}{after}")
}

/// Finds the word that states the kind of a line, at its start or after the name of a stack.
fn introduction(line: &str) -> Option<(usize, usize, Style)> {
    let words = [
        ("error:", BAD),
        ("failed:", BAD),
        ("first failure:", BAD),
        ("warning:", CHANGED),
        ("hint:", NOTE),
        ("next:", NOTE),
        ("summary:", NOTE),
    ];
    let starts = |at: usize| at == 0 || line[..at].trim().is_empty() || line[..at].ends_with(": ");
    words
        .into_iter()
        .find_map(|(word, style)| line.find(word).filter(|at| starts(*at)).map(|at| (at, word.len(), style)))
}

/// Finds the status of a resource or of a stack, such as `CREATE_COMPLETE`.
fn status(line: &str) -> Option<(usize, usize, Style)> {
    let mut start = 0;
    for word in line.split(' ') {
        let name = word.trim_end_matches([',', ':', ';']);
        let status = ResourceStatus::from(name);
        let style = match status.phase() {
            Phase::Failed => Some(BAD),
            _ if status.is_rollback() => Some(BAD),
            Phase::Complete => Some(GOOD),
            Phase::InProgress => Some(CHANGED),
            _ => None,
        };
        if let Some(style) = style {
            return Some((start, name.len(), style));
        }
        start += word.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signs_statuses_and_introductions_are_colored() {
        assert_eq!(paint("  + Scorers AWS::X"), format!("  {GOOD}+{GOOD:#} Scorers AWS::X"));
        assert_eq!(paint("  ± Models is replaced\n"), format!("  {BAD}±{BAD:#} Models is replaced\n"));
        assert_eq!(paint("app-Main: error: no"), format!("app-Main: {BAD}error:{BAD:#} no"));
        assert_eq!(
            paint("app-Main: CREATE_FAILED Scorers AWS::X: no"),
            format!("app-Main: {BAD}CREATE_FAILED{BAD:#} Scorers AWS::X: no")
        );
        for (status, style) in [
            ("UPDATE_COMPLETE", GOOD),
            ("UPDATE_ROLLBACK_COMPLETE", BAD),
            ("ROLLBACK_IN_PROGRESS", BAD),
            ("HOOK_COMPLETE_FAILED", BAD),
            ("DELETE_IN_PROGRESS", CHANGED),
        ] {
            assert_eq!(
                paint(&format!("app-Main: {status}, X")),
                format!("app-Main: {style}{status}{style:#}, X")
            );
        }
        for plain in ["", "\n", "a - b", "      - x", "the word error: is here", "DEPLOY_KEY = 1"] {
            assert_eq!(paint(plain), plain);
        }
    }
}
