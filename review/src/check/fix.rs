//! Changes of sources that remove the cause of a diagnostic.

use crate::diagnostic::{Diagnostic, Fix};

/// The text with the fixes of diagnostics about a file applied, and how many were.
///
/// A fix is applied only where its line shows exactly one place for it.
///
/// ```
/// use stackwright_review::check::{Options, apply_fixes, check};
/// use stackwright_synth::Assembly;
///
/// let text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n";
/// let report = check(&Assembly::of_template("topic.yaml", text.to_owned())?, &Options::default());
/// let (fixed, number) = apply_fixes("topic.yaml", text, &report.diagnostics);
/// assert_eq!((fixed.lines().nth(2), number), (Some("    Type: AWS::SNS::Topic"), 1));
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn apply_fixes(file: &str, text: &str, diagnostics: &[Diagnostic]) -> (String, usize) {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut number = 0;
    for one in diagnostics.iter().filter(|one| one.acknowledged.is_none()) {
        let Some(place) = one.location.as_ref().filter(|place| place.file.as_ref() == file) else { continue };
        let Some(line) = lines.get_mut((place.line as usize).saturating_sub(1)) else { continue };
        let column = (place.column as usize).saturating_sub(1);
        let is_yaml = !text.trim_start().starts_with('{');
        let changed = match &one.fix {
            Some(Fix::Rename { from, to }) => renamed(line, from, to),
            Some(Fix::AddSub) if is_yaml => with_sub(line, column),
            _ => None,
        };
        if let Some(changed) = changed {
            *line = changed;
            number += 1;
        }
    }
    (lines.concat(), number)
}

/// The line with a name replaced, if it stands there once.
fn renamed(line: &str, from: &str, to: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut places = line.match_indices(from).map(|(at, _)| at).filter(|at| {
        let before = line[..*at].chars().next_back();
        let after = line[at + from.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    let at = places.next()?;
    if places.next().is_some() {
        return None;
    }
    Some(format!("{}{to}{}", &line[..at], &line[at + from.len()..]))
}

/// The line with `!Sub` before the string that starts at a column.
fn with_sub(line: &str, column: usize) -> Option<String> {
    let at = line.char_indices().nth(column)?.0;
    // A text in several lines starts with its indicator; a tag before it belongs to another function.
    let starts_value = line[..at].trim_end().ends_with([':', '-', ',', '[', '{']);
    (starts_value && line[at..].contains("${")).then(|| format!("{}!Sub {}", &line[..at], &line[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_where_it_stands_once() {
        assert_eq!(renamed("  Nmae: x\n", "Nmae", "Name").as_deref(), Some("  Name: x\n"));
        assert_eq!(renamed("Nmae: Nmae", "Nmae", "Name"), None);
        assert_eq!(renamed("Nmaes: x", "Nmae", "Name"), None);
    }

    #[test]
    fn sub_is_written_before_a_string() {
        assert_eq!(with_sub("a: 'x-${P}'", 3).as_deref(), Some("a: !Sub 'x-${P}'"));
        assert_eq!(with_sub("a: |", 3), None);
    }
}
