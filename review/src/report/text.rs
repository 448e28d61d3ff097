//! Diagnostics for people: each with the source lines that set the value.

use std::collections::HashMap;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use stackwright_synth::SourceLocation;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// The number of diagnostics of one rule that are shown in full; of further ones, only the number is shown.
const MAX_OF_A_RULE: usize = 5;

/// The maximum number of bytes of a line that are shown: a template can consist of one line.
const MAX_LINE: usize = 400;

/// Returns the diagnostics as text. `source` returns the text of a source file where it can be read; `styled` adds colors for a
/// terminal.
pub fn text(report: &Report, source: impl Fn(&str) -> Option<String>, styled: bool) -> String {
    text_up_to(report, source, styled, None)
}

/// Returns the diagnostics as text, with a limit on the number of diagnostics that are shown in full; of one rule, at most five
/// are. What is not shown is counted by rule at the end.
pub fn text_up_to(
    report: &Report,
    source: impl Fn(&str) -> Option<String>,
    styled: bool,
    limit: Option<usize>,
) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let mut files = Files { source, texts: HashMap::new() };
    let mut shown: HashMap<&str, usize> = HashMap::new();
    let mut left_out: Vec<(&str, Severity, usize)> = Vec::new();
    let mut number = 0;
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        let of_rule = shown.entry(diagnostic.id.as_ref()).or_default();
        if limit.is_some_and(|limit| number >= limit || *of_rule >= MAX_OF_A_RULE) {
            let rule = (diagnostic.id.as_ref(), diagnostic.severity);
            match left_out.iter_mut().find(|(id, severity, _)| (*id, *severity) == rule) {
                Some((.., count)) => *count += 1,
                None => left_out.push((rule.0, rule.1, 1)),
            }
            continue;
        }
        *of_rule += 1;
        number += 1;
        let excerpt = diagnostic.location.as_ref().and_then(|location| files.excerpt(location));
        let related = diagnostic.related.as_ref();
        let related = related.and_then(|one| Some((one.label.as_str(), files.excerpt(&one.location)?)));
        text.push_str(&one(diagnostic, excerpt.as_ref(), related.as_ref(), &renderer));
        text.push_str("\n\n");
    }
    for (id, severity, count) in &left_out {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}[{id}]: {count} more", severity.name());
    }
    if !left_out.is_empty() {
        text.push_str("`--max-findings 0` shows all of them\n\n");
    }
    text.push_str(&report.summary());
    text.push('\n');
    text
}

/// Source files, each read once.
struct Files<S> {
    source: S,
    texts: HashMap<String, Option<File>>,
}

/// A source file with the start of each line.
struct File {
    text: String,
    starts: Vec<usize>,
    is_ascii: bool,
}

impl File {
    fn new(text: String) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let is_ascii = text.is_ascii();
        Self { text, starts, is_ascii }
    }

    /// Returns a line by its number, without its end. A file that changed since may be shorter.
    fn line(&self, number: usize) -> &str {
        let start = self.starts[number - 1];
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        self.text[start..end].trim_end_matches('\r')
    }
}

/// One line of a source file or a part of it, and the bytes of it that a diagnostic points at.
struct Excerpt {
    file: String,
    number: usize,
    line: String,
    span: std::ops::Range<usize>,
    /// The column of the word, if only a part of the line is shown.
    column: Option<usize>,
}

impl<S: Fn(&str) -> Option<String>> Files<S> {
    fn excerpt(&mut self, location: &SourceLocation) -> Option<Excerpt> {
        let name = location.file.to_string();
        if !self.texts.contains_key(&name) {
            let read = (self.source)(&name).map(File::new);
            self.texts.insert(name.clone(), read);
        }
        let file = self.texts.get(&name)?.as_ref()?;
        let number = (location.line.max(1) as usize).min(file.starts.len());
        let line = file.line(number);
        let is_there = number == location.line.max(1) as usize;
        let span = if is_there { span(line, location, file.is_ascii) } else { 0..0 };
        let (part, column) = match part(line, &span) {
            part if part.len() == line.len() => (part, None),
            part => (part, Some(location.column as usize)),
        };
        let within = |at: usize| at.clamp(part.start, part.end) - part.start;
        Some(Excerpt {
            file: name,
            number,
            line: line[part.clone()].to_owned(),
            span: within(span.start)..within(span.end),
            column,
        })
    }
}

/// Returns the part of a line that is shown: all of it, or of a long one what is around the word, so that the time for many
/// diagnostics of one line is limited.
fn part(line: &str, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    if line.len() <= MAX_LINE {
        return 0..line.len();
    }
    let boundary = |at: usize| (0..=at).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let start = boundary(span.start.saturating_sub(MAX_LINE / 4));
    start..boundary((start + MAX_LINE).min(line.len()))
}

impl Excerpt {
    /// Returns the location as text, if the snippet does not show it.
    fn origin(&self) -> Option<annotate_snippets::Origin<'_>> {
        let origin = annotate_snippets::Origin::path(&self.file).line(self.number);
        self.column.map(|column| origin.char_column(column))
    }

    fn snippet(&self, kind: AnnotationKind, label: &str) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let annotation = kind.span(self.span.clone()).label(label.to_owned());
        let file = self.column.is_none().then_some(&self.file);
        Snippet::source(&self.line).line_start(self.number).path(file).annotation(annotation)
    }
}

fn one(
    diagnostic: &Diagnostic,
    excerpt: Option<&Excerpt>,
    related: Option<&(&str, Excerpt)>,
    renderer: &Renderer,
) -> String {
    let level = match diagnostic.severity {
        _ if diagnostic.acknowledged.is_some() => Level::INFO.with_name("acknowledged"),
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let subject = diagnostic.subject();
    let title = level.primary_title(&diagnostic.message).id(diagnostic.id.as_ref());
    let mut group = Group::with_title(title);
    match (excerpt, &diagnostic.location) {
        (Some(excerpt), _) => {
            group = group.elements(excerpt.origin());
            group = group.element(excerpt.snippet(AnnotationKind::Primary, &subject));
        }
        (None, Some(location)) => {
            let origin = annotate_snippets::Origin::path(location.file.as_ref())
                .line(location.line as usize)
                .char_column(location.column as usize);
            group = group.element(origin).element(Level::NOTE.message(&subject));
        }
        (None, None) => group = group.element(Level::NOTE.message(&subject)),
    }
    if let Some((how, excerpt)) = related {
        group = group.elements(excerpt.origin());
        group = group.element(excerpt.snippet(AnnotationKind::Context, how));
    }
    if let Some(when) = &diagnostic.when {
        group = group.element(Level::NOTE.message(format!("where {when}")));
    }
    match (&diagnostic.acknowledged, &diagnostic.help) {
        (Some(reason), _) => group = group.element(Level::NOTE.with_name("reason").message(reason)),
        (None, Some(help)) => group = group.element(Level::HELP.message(help)),
        (None, None) => {}
    }
    renderer.render(&[group])
}

/// Returns the bytes of a line that are the word at a location.
fn span(line: &str, location: &SourceLocation, is_ascii: bool) -> std::ops::Range<usize> {
    let column = location.column.saturating_sub(1) as usize;
    let column = match is_ascii {
        true => column.min(line.len()),
        false => line.char_indices().nth(column).map_or(line.len(), |(at, _)| at),
    };
    // A name of Rust ends sooner than a value of a template.
    let ends_name = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let ends_value = |letter: char| letter.is_whitespace() || ",]}\"'".contains(letter);
    let rest = &line[column..];
    let word = if location.file.ends_with(".rs") { rest.find(ends_name) } else { rest.find(ends_value) };
    // Of a key, its name.
    let word = rest[..word.unwrap_or(rest.len())].trim_end_matches(':').len();
    // Without a word at the location, the character is marked; after the end of the line, nothing is.
    let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
    column..column + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        vec![Diagnostic {
            help: Some("use 1024 or 2048".into()),
            resource: Some("Scorer".into()),
            path: "/Resources/Scorer/Properties/Variants/0/MemorySizeInMB".into(),
            location: Some(SourceLocation::new("src/main.rs", 2, 6)),
            ..Diagnostic::error("value-not-allowed", "DevTest".into(), "6000 is not allowed here".into())
        }]
        .into()
    }

    #[test]
    fn points_at_the_word() {
        let source = "fn main() {\n    .memory(6000)\n}\n".to_owned();
        let shown = text(&report(), |_| Some(source.clone()), false);
        assert_eq!(
            shown,
            "error[value-not-allowed]: 6000 is not allowed here
 --> src/main.rs:2:6
  |
2 |     .memory(6000)
  |      ^^^^^^ DevTest/Scorer: Variants[0].MemorySizeInMB
  |
  = help: use 1024 or 2048

1 error
"
        );
    }

    #[test]
    fn does_without_the_source_and_survives_one_that_changed() {
        let shown = text(&report(), |_| None, false);
        assert!(shown.contains("--> src/main.rs:2:6") && shown.contains("DevTest/Scorer"), "{shown}");
        for changed in ["", "x", "\n", "ä\nöäüß\n", "\n     \u{feff}", "\n     →→"] {
            text(&report(), |_| Some(changed.to_owned()), false);
        }
    }

    #[test]
    fn of_a_long_line_the_part_with_the_word_is_shown_at_its_column() {
        let mut one = report();
        let line = format!("{} 6000{}", "ä".repeat(5_000), "x".repeat(900_000));
        one.diagnostics[0].location = Some(SourceLocation::new("t.yaml", 1, 5_002));
        let shown = text(&one, |_| Some(line.clone()), false);
        assert!(shown.contains("--> t.yaml:1:5002") && shown.contains("6000x"), "{shown}");
        assert!(shown.len() < 3 * MAX_LINE, "{}", shown.len());
    }

    #[test]
    fn repeated_findings_are_counted() {
        let many: Vec<_> = (0..200).map(|_| report().diagnostics.remove(0)).collect();
        let shown = text_up_to(&many.into(), |_| None, false, Some(100));
        assert!(shown.contains("error[value-not-allowed]: 195 more"), "{shown}");
        assert!(shown.contains("200 errors"));
    }

    #[test]
    fn names_the_condition_and_the_reason() {
        insta::assert_snapshot!(text(&crate::report::example::report(), |_| None, false));
    }
}
