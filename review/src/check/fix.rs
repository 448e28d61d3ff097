//! Changes of sources that remove the cause of a diagnostic.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Fix};

/// A text with fixes applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fixed {
    /// The whole text.
    pub text: String,
    /// The lines that differ, in their order.
    pub changes: Vec<LineChange>,
}

/// A line that fixes have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineChange {
    /// The number of the line in the original text, starting at 1.
    pub line: usize,
    /// The original line, without its end.
    pub old: String,
    /// What replaces it, without the end of the last line: one line or two.
    pub new: String,
}

/// Applies the fixes of the diagnostics about a file.
///
/// A fix is applied only where its line shows exactly one location for it.
///
/// ```
/// use stackwright_review::check::{Options, apply_fixes, check};
/// use stackwright_synth::Assembly;
///
/// let text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n";
/// let report = check(&Assembly::of_template("topic.yaml", text.to_owned())?, &Options::default());
/// let fixed = apply_fixes("topic.yaml", text, &report.diagnostics);
/// assert_eq!(fixed.text, "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n");
/// assert_eq!(fixed.changes[0].line, 3);
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn apply_fixes(file: &str, text: &str, diagnostics: &[Diagnostic]) -> Fixed {
    let original: Vec<&str> = text.split_inclusive('\n').collect();
    let mut lines: Vec<String> = original.iter().map(|line| (*line).to_owned()).collect();
    let mut changed = BTreeSet::new();
    let is_yaml = !text.trim_start().starts_with('{');
    for one in diagnostics.iter().filter(|one| one.acknowledged.is_none()) {
        let Some(location) = one.location.as_ref().filter(|location| location.file.as_ref() == file) else {
            continue;
        };
        let Some(fix) = &one.fix else { continue };
        let line = match fix {
            Fix::AddDependsOn { type_line, .. } => *type_line,
            _ => location.line,
        };
        let index = (line as usize).saturating_sub(1);
        let Some(line) = lines.get_mut(index) else { continue };
        let column = (location.column as usize).saturating_sub(1);
        let new = match fix {
            Fix::Rename { from, to } => renamed(line, from, to),
            Fix::AddSub if is_yaml => with_sub(line, column),
            Fix::AddSub => None,
            Fix::AddDependsOn { on, .. } => with_depends_on(line, on),
        };
        if let Some(new) = new {
            *line = new;
            changed.insert(index);
        }
    }
    let without_end = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let change = |index: usize| LineChange {
        line: index + 1,
        old: without_end(original[index]),
        new: without_end(&lines[index]),
    };
    Fixed { changes: changed.into_iter().map(change).collect(), text: lines.concat() }
}

/// The line with a name replaced, if the line contains it once.
fn renamed(line: &str, from: &str, to: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut locations = line.match_indices(from).map(|(at, _)| at).filter(|at| {
        let before = line[..*at].chars().next_back();
        let after = line[at + from.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    let at = locations.next()?;
    if locations.next().is_some() {
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

/// The line of a resource's `Type`, and after it a line with `DependsOn`. Nothing else may be on the line of the type.
fn with_depends_on(line: &str, on: &str) -> Option<String> {
    let content = line.trim_end_matches(['\r', '\n']);
    let end = &line[content.len()..];
    let indent = &content[..content.len() - content.trim_start().len()];
    let attribute = content.trim();
    let added = if attribute.starts_with("Type:") {
        format!("DependsOn: {on}")
    } else if attribute.starts_with("\"Type\":") && attribute.ends_with(',') {
        format!("\"DependsOn\": \"{on}\",")
    } else {
        return None;
    };
    let end = if end.is_empty() { "\n" } else { end };
    Some(format!("{content}{end}{indent}{added}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_where_a_line_contains_it_once() {
        assert_eq!(renamed("  Nmae: x\n", "Nmae", "Name").as_deref(), Some("  Name: x\n"));
        assert_eq!(renamed("Nmae: Nmae", "Nmae", "Name"), None);
        assert_eq!(renamed("Nmaes: x", "Nmae", "Name"), None);
    }

    #[test]
    fn sub_is_written_before_a_string() {
        assert_eq!(with_sub("a: 'x-${P}'", 3).as_deref(), Some("a: !Sub 'x-${P}'"));
        assert_eq!(with_sub("a: |", 3), None);
    }

    #[test]
    fn a_dependency_is_written_after_the_type() {
        let yaml = with_depends_on("    Type: AWS::SNS::Topic\n", "Key");
        assert_eq!(yaml.as_deref(), Some("    Type: AWS::SNS::Topic\n    DependsOn: Key\n"));
        let json = with_depends_on("    \"Type\": \"AWS::SNS::Topic\",\r\n", "Key");
        assert_eq!(
            json.as_deref(),
            Some("    \"Type\": \"AWS::SNS::Topic\",\r\n    \"DependsOn\": \"Key\",\r\n")
        );
        assert_eq!(with_depends_on("  Topic: {Type: AWS::SNS::Topic}\n", "Key"), None);
        assert_eq!(with_depends_on("    \"Type\": \"AWS::SNS::Topic\"\n", "Key"), None);
    }
}
