//! Fixes: changes of a template that remove the cause of a diagnostic.

use std::collections::BTreeSet;

use stackwright_synth::Template;

use crate::diagnostic::{Diagnostic, Fix};

/// The text of a template after fixes were applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fixed {
    /// The complete new text.
    pub text: String,
    /// The lines that differ, in their order.
    pub changes: Vec<LineChange>,
}

/// A line that fixes changed, before and after the change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineChange {
    /// The number of the line in the original text, starting at 1.
    pub line: usize,
    /// The original line, without its end.
    pub old: String,
    /// The new text, without the end of the last line: one line or two.
    pub new: String,
}

/// Applies the fixes of the diagnostics about a file.
///
/// A fix is applied only where its line shows exactly one location for it. Nothing is changed if the result could not be read.
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
    let located = diagnostics.iter().filter(|one| one.acknowledged.is_none()).filter_map(|one| {
        let location = one.location.as_ref().filter(|location| location.file.as_ref() == file)?;
        Some((one.fix.as_ref()?, location.line, (location.column as usize).saturating_sub(1)))
    });
    let mut fixes: Vec<(&Fix, u32, usize)> = located.collect();
    // A fix moves what is behind it in its line: those that need a column come first, the last column before the others.
    fixes.sort_by_key(|(fix, line, column)| match fix {
        Fix::AddSub => (0, *line, usize::MAX - column),
        Fix::Rename { .. } => (1, *line, 0),
        Fix::AddDependsOn { .. } => (2, *line, 0),
    });
    fixes.dedup();
    let mut with_dependency = BTreeSet::new();
    for (fix, line, column) in fixes {
        let line = match fix {
            Fix::AddDependsOn { type_line, .. } => *type_line,
            _ => line,
        };
        let index = (line as usize).saturating_sub(1);
        let Some(line) = lines.get_mut(index) else { continue };
        let new = match fix {
            Fix::Rename { from, to } => renamed(line, from, to),
            Fix::AddSub if is_yaml => with_sub(line, column),
            Fix::AddSub => None,
            // The next check adds a second one.
            Fix::AddDependsOn { on, .. } if with_dependency.insert(index) => with_depends_on(line, on),
            Fix::AddDependsOn { .. } => None,
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
    let fixed = lines.concat();
    // A name that is written instead of another can be the name of a neighbour.
    if !changed.is_empty() && Template::read(text).is_ok() && Template::read(&fixed).is_err() {
        return Fixed { changes: Vec::new(), text: text.to_owned() };
    }
    Fixed { changes: changed.into_iter().map(change).collect(), text: fixed }
}

/// Returns the line with a name replaced, if the line contains it once.
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

/// Returns the line with `!Sub` before the string that starts at a column.
fn with_sub(line: &str, column: usize) -> Option<String> {
    let at = line.char_indices().nth(column)?.0;
    // A text in several lines starts with its indicator; a tag before it belongs to another function.
    let before = &line[..at];
    let is_apart = before.ends_with([' ', '\t', '[', '{', ',']);
    let starts_value = is_apart && before.trim_end().ends_with([':', '-', ',', '[', '{']);
    (starts_value && line[at..].contains("${")).then(|| format!("{}!Sub {}", &line[..at], &line[at..]))
}

/// Returns the line of a resource's `Type`, and after it a line with `DependsOn`. Nothing else may be on the line of the type.
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
        assert_eq!(with_sub("a: '${P}'", 2), None);
    }

    #[test]
    fn several_fixes_of_a_line_do_not_move_each_other() {
        let text = "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {TopicNam: '${AWS::Region}', DisplayName: \"${AWS::StackName}\"}}\n";
        let assembly = stackwright_synth::Assembly::of_template("t.yaml", text.to_owned()).unwrap();
        let found = crate::check::check(&assembly, &crate::check::Options::default());
        let fixed = apply_fixes("t.yaml", text, &found.diagnostics).text;
        let properties = "{TopicName: !Sub '${AWS::Region}', DisplayName: !Sub \"${AWS::StackName}\"}";
        assert!(fixed.contains(properties), "{fixed}");
    }

    #[test]
    fn a_text_stays_readable() {
        let text = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: a\n      TopicNam: b\n";
        let assembly = stackwright_synth::Assembly::of_template("t.yaml", text.to_owned()).unwrap();
        let found = crate::check::check(&assembly, &crate::check::Options::default());
        assert!(found.errors() > 0);
        assert_eq!(apply_fixes("t.yaml", text, &found.diagnostics).text, text);
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
