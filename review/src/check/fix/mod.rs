//! Changes of sources that remove the cause of a diagnostic.

mod edits;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as JsonValue;
use stackwright_synth::{Assembly, Recovered, StackArtifact, Template, pointer};

use self::edits::Edit;
use self::source::Source;
use super::{Options, check};
use crate::diagnostic::{Diagnostic, Fix};

/// How often a text is checked again after fixes: a fix can reveal another error, such as the property of a misspelled type.
const MAX_ROUNDS: usize = 10;

/// How often the fixes of a text are split to find the ones that cannot be applied.
const MAX_SPLITS: usize = 64;

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
    /// What replaces it, without the end of the last line: one line or more.
    pub new: String,
}

/// Checks a template and applies the fixes of the findings, until no finding has a fix that can be applied.
///
/// ```
/// use stackwright_review::check::{Options, fix};
///
/// let text = "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n    Properties: {TopicNam: jobs}\n";
/// let fixed = fix("topic.yaml", text, &Options::default());
/// assert_eq!(fixed.text, "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties: {TopicName: jobs}\n");
/// assert_eq!(fixed.changes.len(), 2);
/// ```
pub fn fix(file: &str, text: &str, options: &Options) -> Fixed {
    let unchanged =
        Lines { text: text.to_owned(), origins: (0..text.split_inclusive('\n').count()).collect() };
    let (mut current, mut before) = (unchanged, None);
    let (mut applied, mut failed) = (HashSet::new(), HashSet::new());
    for _ in 0..MAX_ROUNDS {
        let Ok(Recovered { value: assembly, .. }) =
            Assembly::of_template_with_errors(file, current.text.clone())
        else {
            break;
        };
        let mut found = check(&assembly, options).diagnostics;
        let remaining: HashSet<Finding> =
            found.iter().map(finding).filter(|one| applied.contains(one)).collect();
        if let Some(last) = before.take().filter(|_| !remaining.is_empty()) {
            // A fix after which its finding is still there is not one.
            (current, applied) = (last, HashSet::new());
            failed.extend(remaining);
            continue;
        }
        found.retain(|one| one.fix.is_some() && !failed.contains(&finding(one)));
        let Some(located) = applicable(file, &current.text, &assembly, &found) else { break };
        applied = located.iter().flat_map(|one| &one.diagnostics).map(|one| finding(one)).collect();
        let next = current.edited(&edits(located));
        before = Some(std::mem::replace(&mut current, next));
    }
    current.changes_of(text)
}

/// What identifies a finding.
type Finding = (String, String, String);

fn finding(one: &Diagnostic) -> Finding {
    (one.id.to_string(), one.path.clone(), one.message.clone())
}

/// A text with the number of the original line of each of its lines.
struct Lines {
    text: String,
    origins: Vec<usize>,
}

impl Lines {
    fn edited(&self, edits: &[Edit]) -> Self {
        Self { text: edited(&self.text, edits), origins: origins_after(&self.text, edits, &self.origins) }
    }

    fn changes_of(self, original: &str) -> Fixed {
        Fixed { changes: changes(original, &self.text, &self.origins), text: self.text }
    }
}

/// Applies the fixes of the diagnostics about a file.
///
/// A fix is applied only where its place in the text is certain. The result is a template in which only the entries with a fix
/// differ; fixes without such a result are not applied. [`fix`] applies fixes of further findings, too.
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
    let unchanged = || Fixed { text: text.to_owned(), changes: Vec::new() };
    let is_fixable = |one: &Diagnostic| one.fix.is_some() && one.acknowledged.is_none();
    if !diagnostics.iter().any(is_fixable) {
        return unchanged();
    }
    let Ok(Recovered { value: assembly, .. }) = Assembly::of_template_with_errors(file, text.to_owned())
    else {
        return unchanged();
    };
    let Some(located) = applicable(file, text, &assembly, diagnostics) else { return unchanged() };
    let lines = Lines { text: text.to_owned(), origins: (0..text.split_inclusive('\n').count()).collect() };
    lines.edited(&edits(located)).changes_of(text)
}

/// An edit with the diagnostics whose fix it is.
struct Located<'d> {
    edit: Edit,
    diagnostics: Vec<&'d Diagnostic>,
}

fn edits(located: Vec<Located<'_>>) -> Vec<Edit> {
    located.into_iter().map(|one| one.edit).collect()
}

/// Returns the edits that can be applied, in the order of the text; `None` if there are none.
fn applicable<'d>(
    file: &str,
    text: &str,
    assembly: &Assembly,
    diagnostics: &'d [Diagnostic],
) -> Option<Vec<Located<'d>>> {
    let stack = assembly.stacks.first()?;
    // A misspelled name can be the dependency that seems to be missing: dependencies are added after the other fixes.
    let is_dependency = |one: &Located<'_>| {
        one.diagnostics.iter().any(|one| matches!(one.fix, Some(Fix::AddDependsOn { .. })))
    };
    let all = located(file, text, stack, diagnostics);
    let (dependencies, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_dependency);
    let original = Original { text, template: &stack.template, is_readable: Template::read(text).is_ok() };
    original.accepted(separate(others)).or_else(|| original.accepted(separate(dependencies)))
}

/// Returns the edits in the order of the text. The same edit can be the fix of several findings; of different edits of one
/// part, only the first one is taken.
fn separate(mut located: Vec<Located<'_>>) -> Vec<Located<'_>> {
    located.sort_by(|one, other| one.edit.cmp(&other.edit));
    let mut separate: Vec<Located<'_>> = Vec::new();
    for one in located {
        match separate.last_mut() {
            Some(last) if last.edit == one.edit => last.diagnostics.extend(one.diagnostics),
            Some(last) if one.edit.start < last.edit.end.max(last.edit.start + 1) => {}
            _ => separate.push(one),
        }
    }
    separate
}

fn located<'d>(
    file: &str,
    text: &str,
    stack: &StackArtifact,
    diagnostics: &'d [Diagnostic],
) -> Vec<Located<'d>> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let source = Source::new(&text[mark..]);
    let mut found = Vec::new();
    let mut dependencies: BTreeMap<&str, (Vec<&str>, Vec<&Diagnostic>)> = BTreeMap::new();
    // Two keys of one object cannot get the same name, and it is not known which of them is meant.
    let mut names: HashMap<(&str, &str), usize> = HashMap::new();
    for (key, to) in diagnostics.iter().filter_map(renamed_key) {
        *names.entry((key.rsplit_once('/').map_or("", |(object, _)| object), to)).or_default() += 1;
    }
    for one in diagnostics.iter().filter(|one| one.acknowledged.is_none()) {
        let (Some(fix), Some(location)) = (&one.fix, &one.location) else { continue };
        if location.file.as_ref() != file {
            continue;
        }
        if let (Fix::AddDependsOn { on }, Some(resource)) = (fix, &one.resource) {
            let (all, of) = dependencies.entry(resource.as_str()).or_default();
            if !all.contains(&on.as_str()) {
                all.push(on);
            }
            of.push(one);
            continue;
        }
        let Some(place) = source.place(location.line, location.column) else { continue };
        let edit = match fix {
            Fix::Rename { from, to } => {
                let object = renamed_key(one).and_then(|(key, _)| Some(key.rsplit_once('/')?.0));
                let is_unique = object.is_none_or(|object| names.get(&(object, to.as_str())) == Some(&1));
                is_unique.then(|| edits::rename(&source, place, object.is_some(), from, to)).flatten()
            }
            Fix::AddSub => edits::sub(&source, place),
            Fix::AddDependsOn { .. } => None,
        };
        found.extend(edit.map(|edit| Located { edit, diagnostics: vec![one] }));
    }
    for (id, (on, diagnostics)) in dependencies {
        found.extend(edits::depend(&source, stack, id, &on).map(|edit| Located { edit, diagnostics }));
    }
    for one in &mut found {
        one.edit.start += mark;
        one.edit.end += mark;
    }
    found
}

/// The path of a key that a fix renames, and its new name.
fn renamed_key(one: &Diagnostic) -> Option<(&str, &str)> {
    let Some(Fix::Rename { from, to }) = &one.fix else { return None };
    let is_key = pointer::steps(&one.path).last().is_some_and(|step| step == from.as_str());
    is_key.then_some((one.path.as_str(), to.as_str()))
}

/// The text that is fixed.
struct Original<'a> {
    text: &'a str,
    template: &'a Template,
    is_readable: bool,
}

impl Original<'_> {
    /// Returns the edits that are allowed together, in the order of the text; `None` if there are none.
    fn accepted<'d>(&self, located: Vec<Located<'d>>) -> Option<Vec<Located<'d>>> {
        let mut accepted: Vec<Located<'d>> = Vec::new();
        let mut open = vec![located];
        let mut splits = 0;
        while let Some(mut part) = open.pop().filter(|part| !part.is_empty()) {
            let before = accepted.len();
            accepted.append(&mut part);
            if self.allows(&accepted) {
                continue;
            }
            part = accepted.split_off(before);
            if part.len() > 1 && splits < MAX_SPLITS {
                splits += 1;
                let second = part.split_off(part.len() / 2);
                open.extend([second, part]);
            }
        }
        accepted.sort_by(|one, other| one.edit.cmp(&other.edit));
        (!accepted.is_empty()).then_some(accepted)
    }

    /// Whether the edited text is a template that differs only in the entries with the findings of the edits.
    fn allows(&self, located: &[Located<'_>]) -> bool {
        let mut edits: Vec<Edit> = located.iter().map(|one| one.edit.clone()).collect();
        edits.sort();
        let text = edited(self.text, &edits);
        let read = if self.is_readable {
            Template::read(&text)
        } else {
            Template::read_with_errors(&text).map(|found| found.value)
        };
        let Ok(new) = read else { return false };
        let entries: HashSet<&str> =
            located.iter().flat_map(|one| &one.diagnostics).map(|one| entry(&one.path)).collect();
        let may_change = |steps: &[&str]| entries.contains(pointer::of(steps).as_str());
        let (old, new) = (self.template.sections(), new.sections());
        old.len() == new.len()
            && old.iter().filter(|(name, _)| !may_change(&[name])).all(|(name, section)| {
                match (section, new.get(name)) {
                    (JsonValue::Object(old), Some(JsonValue::Object(new))) => {
                        let is_same = |(id, value): (&String, &JsonValue)| {
                            new.get(id).is_some_and(|new| new == value || may_change(&[name, id]))
                        };
                        old.len() == new.len() && old.iter().all(is_same)
                    }
                    (old, new) => Some(old) == new,
                }
            })
    }
}

/// The pointer of the entry of a section that a value is part of.
fn entry(path: &str) -> &str {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

/// Returns a text with edits, which are in its order and do not overlap.
fn edited(text: &str, edits: &[Edit]) -> String {
    let mut edited = String::with_capacity(text.len());
    let mut end = 0;
    for one in edits {
        edited.push_str(&text[end..one.start]);
        edited.push_str(&one.new);
        end = one.end;
    }
    edited.push_str(&text[end..]);
    edited
}

/// Returns the number of the original line of each line of the edited text.
fn origins_after(text: &str, edits: &[Edit], origins: &[usize]) -> Vec<usize> {
    let mut edits = edits.iter().peekable();
    let mut after = Vec::with_capacity(origins.len());
    let mut end = 0;
    for (line, origin) in text.split_inclusive('\n').zip(origins) {
        end += line.len();
        after.push(*origin);
        // An edit at the end of the last line, which has no line break, is part of it.
        while let Some(edit) = edits.next_if(|edit| edit.start < end || end == text.len()) {
            after.extend(edit.new.matches('\n').map(|_| *origin));
        }
    }
    after
}

fn changes(old: &str, new: &str, origins: &[usize]) -> Vec<LineChange> {
    let without_end = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let mut lines = new.split_inclusive('\n').zip(origins).peekable();
    let mut found = Vec::new();
    for (number, old) in old.split_inclusive('\n').enumerate() {
        let mut new = String::new();
        while let Some((line, _)) = lines.next_if(|(_, origin)| **origin == number) {
            new.push_str(line);
        }
        if new != old {
            found.push(LineChange { line: number + 1, old: without_end(old), new: without_end(&new) });
        }
    }
    found
}
