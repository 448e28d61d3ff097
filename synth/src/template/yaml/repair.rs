//! Omits the entries of a text that cannot be read, so that the other entries can be checked.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{TemplateError, fatal};

/// The maximum number of entries that are omitted one after the other. The text is read once more for each.
const MAX_REPAIRS: usize = 10;

/// Returns a text that can be read: the given one, or one with the same lines in which the entries of sections that
/// cannot be read are replaced by a transform, whose result is not known. Returns the errors as well, each with the
/// omitted entry.
///
/// # Errors
/// Returns the first error if an error is not in an entry.
pub(super) fn readable(text: &str) -> Result<(Cow<'_, str>, Vec<TemplateError>), TemplateError> {
    let Some(first) = fatal(text) else { return Ok((Cow::Borrowed(text), Vec::new())) };
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(Cow::Borrowed).collect();
    let mut repair = Repair { lines, errors: Vec::new(), sections: BTreeSet::new() };
    if repair.by_errors(first.clone(), false).is_err() {
        repair.by_entries();
        if let Some(next) = fatal(&repair.lines.join("\n")) {
            repair.by_errors(next, true).map_err(|_| first)?;
        }
    }
    repair.errors.sort_by_key(|error| (error.line, error.column));
    Ok((Cow::Owned(repair.lines.join("\n")), repair.errors))
}

/// A text whose entries are replaced where they cannot be read.
struct Repair<'a> {
    lines: Vec<Cow<'a, str>>,
    errors: Vec<TemplateError>,
    /// The sections that have a transform already.
    sections: BTreeSet<String>,
}

impl Repair<'_> {
    /// Replaces the entry of each error, or a whole section if that is allowed. Returns an error if that is not possible, or if
    /// there are too many errors.
    fn by_errors(&mut self, first: TemplateError, sections: bool) -> Result<(), ()> {
        let mut next = Some(first);
        for _ in 0..MAX_REPAIRS {
            let Some(error) = next else { return Ok(()) };
            let entry =
                entry(&self.lines, error.line).filter(|entry| sections || entry.key.is_some()).ok_or(())?;
            self.replace(&entry, error);
            next = fatal(&self.lines.join("\n"));
        }
        next.map_or(Ok(()), |_| Err(()))
    }

    /// Reads each entry alone, which takes the same time for any number of errors, and replaces those that cannot be read.
    fn by_entries(&mut self) {
        let levels: Vec<Option<usize>> = self.lines.iter().map(|line| level(line)).collect();
        let next = |from: usize, most: usize| {
            let is_end = |level: &Option<usize>| level.is_some_and(|level| level <= most);
            levels[from + 1..].iter().position(is_end).map_or(levels.len(), |at| from + 1 + at)
        };
        let mut start = 0;
        while start < levels.len() {
            let end = next(start, 0);
            let section = key(&self.lines[start]).filter(|_| levels[start] == Some(0));
            let indentation = levels[start + 1..end].iter().find_map(|level| *level);
            if let (Some(section), Some(indentation)) = (section, indentation) {
                let mut at = start + 1;
                while at < end {
                    let lines = at..next(at, indentation).min(end);
                    at = lines.end;
                    let key =
                        key(&self.lines[lines.start]).filter(|_| levels[lines.start] == Some(indentation));
                    if key.is_some() {
                        self.read_alone(Entry { lines, section: section.clone(), indentation, key });
                    }
                }
            }
            start = end;
        }
    }

    fn read_alone(&mut self, entry: Entry) {
        let body = self.lines[entry.lines.clone()].join("\n");
        // An alias can refer to another entry.
        if let Some(mut error) =
            fatal(&format!("{}:\n{body}", entry.section)).filter(|_| !body.contains(": *"))
        {
            error.line = (entry.lines.start + error.line.max(2) - 1).min(entry.lines.end);
            self.replace(&entry, error);
        }
    }

    fn replace(&mut self, entry: &Entry, mut error: TemplateError) {
        let (from, to) = (entry.lines.start + 1, entry.lines.end);
        error.message.push_str(&if from == to {
            format!(" (line {from} is not checked)")
        } else {
            format!(" (lines {from} to {to} are not checked)")
        });
        let replacement = entry.replacement(&mut self.sections);
        for (number, line) in entry.lines.clone().enumerate() {
            self.lines[line] = Cow::Owned(if number == 0 { replacement.clone() } else { String::new() });
        }
        self.errors.push(error);
    }
}

/// Lines that belong together: an entry of a section, or a whole section.
struct Entry {
    lines: std::ops::Range<usize>,
    section: String,
    indentation: usize,
    key: Option<String>,
}

impl Entry {
    /// Returns the replacement of the entry. References to the entry, and to what it may have contained, are not
    /// checked.
    fn replacement(&self, sections: &mut BTreeSet<String>) -> String {
        let indentation = " ".repeat(self.indentation);
        match &self.key {
            Some(key) if self.section == "Resources" => {
                format!("{indentation}{key}: {{Type: {{'Fn::Transform': {{Name: AWS::Include}}}}}}")
            }
            Some(_) if sections.insert(self.section.clone()) => {
                format!("{indentation}Fn::Transform: {{Name: AWS::Include}}")
            }
            _ => String::new(),
        }
    }
}

/// The entry that a line is part of; lines start at 1.
fn entry(lines: &[Cow<'_, str>], line: usize) -> Option<Entry> {
    let at = line.clamp(1, lines.len()) - 1;
    let start =
        (0..=at).rev().find(|line| level(&lines[*line]) == Some(0) && key(&lines[*line]).is_some())?;
    let end = |from: usize, most: usize| {
        let is_next = |line: &usize| level(&lines[*line]).is_some_and(|level| level <= most);
        (from + 1..lines.len()).find(is_next).unwrap_or(lines.len())
    };
    let section_end = end(start, 0);
    let section = key(&lines[start])?;
    let indentation = (start + 1..section_end).find_map(|line| level(&lines[line]));
    let of_entry = indentation.and_then(|indentation| {
        let is_start =
            |line: &usize| level(&lines[*line]) == Some(indentation) && key(&lines[*line]).is_some();
        let first = (start + 1..=at).rev().find(is_start)?;
        let key = key(&lines[first]);
        Some(Entry { lines: first..end(first, indentation), section: section.clone(), indentation, key })
    });
    // An entry that was omitted already cannot cause another error.
    let is_there = |entry: &Entry| !lines[entry.lines.start].contains("Fn::Transform");
    let whole = Entry { lines: start..section_end, section, indentation: 0, key: None };
    of_entry.into_iter().chain([whole]).find(is_there)
}

/// The number of spaces before the content of a line; `None` for lines without content, and those that start with a tab.
fn level(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ');
    let is_content = !content.trim().is_empty() && !content.starts_with(['#', '\t']);
    is_content.then_some(line.len() - content.len())
}

/// The key at the start of a line.
fn key(line: &str) -> Option<String> {
    let (key, _) = line.trim().split_once(':')?;
    let key = key.trim().trim_matches(['"', '\'']);
    let is_name =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    is_name.then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> (String, Vec<usize>) {
        let (text, errors) = readable(text).unwrap();
        (text.into_owned(), errors.iter().map(|error| error.line).collect())
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out() {
        let text = "Resources:\n  A:\n    Type: 'x' y\n    Properties: {}\n  B:\n    Type: T\n";
        let (text, lines) = errors(text);
        assert_eq!(lines, [3]);
        assert_eq!(text.lines().count(), 6);
        assert!(
            text.contains("  A: {Type: {'Fn::Transform'") && text.contains("  B:\n    Type: T"),
            "{text}"
        );
    }

    #[test]
    fn tabs_sections_and_several_errors() {
        let (text, lines) = errors("Resources:\n  A:\n\tType: T\n  B: {Type: T}\n");
        assert!(text.contains("B: {Type: T}"), "{text}");
        assert_eq!(lines, [3]);
        let (text, lines) = errors("Description: 'a' (b)\nResources:\n  B: {Type: T}\n");
        assert_eq!((text.as_str(), lines), ("\nResources:\n  B: {Type: T}\n", vec![1]));
        let (text, lines) =
            errors("Parameters:\n  P: 'a' b\n  Q: 'a' b\nResources:\n  B: {Type: T}\n  C: [a\n");
        assert_eq!(lines, [2, 3, 6], "{text}");
        assert!(text.contains("Fn::Transform: {Name") && text.contains("B: {Type: T}"), "{text}");
    }

    #[test]
    fn text_outside_of_entries_is_not_repaired() {
        assert!(readable("[[[").is_err());
        assert!(readable("").is_ok());
    }

    #[test]
    fn any_number_of_entries_is_left_out_in_linear_time() {
        let many: String =
            (0..6_000).map(|n| format!("  A{n}: 'a' b\n  B{n}:\n    Type: T\n  C{n}: [a\n")).collect();
        let started = std::time::Instant::now();
        let (text, lines) =
            errors(&format!("Parameters:\n  P: 'a' b\nResources:\n{many}Outputs:\n  O: {{\n"));
        assert_eq!(lines.len(), 12_002);
        assert_eq!(lines[..4], [2, 4, 7, 8]);
        assert!(text.contains("\n  B5999:\n    Type: T\n"));
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    }
}
