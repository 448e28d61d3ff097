//! Diagnostics for people: each with the lines of source that said it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use stackwright_synth::SourceLocation;

use super::Report;
use crate::diagnostic::{Diagnostic, Severity};

/// The diagnostics as text. `source` gives the text of a source file where it can be had; `styled` adds colours.
pub fn text(report: &Report, source: impl Fn(&str) -> Option<String>, styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        let excerpt = diagnostic.location.as_ref().and_then(|place| Some((place, source(&place.file)?)));
        let related =
            diagnostic.related.as_ref().and_then(|(how, place)| Some((how, place, source(&place.file)?)));
        text.push_str(&one(diagnostic, excerpt.as_ref(), related.as_ref(), &renderer));
        text.push_str("\n\n");
    }
    text.push_str(&report.summary());
    text.push('\n');
    text
}

fn one(
    diagnostic: &Diagnostic,
    excerpt: Option<&(&SourceLocation, String)>,
    related: Option<&(&String, &SourceLocation, String)>,
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
        (Some((place, source)), _) => {
            let annotation = AnnotationKind::Primary.span(span(source, place)).label(&subject);
            group = group.element(Snippet::source(source).path(place.file.as_ref()).annotation(annotation));
        }
        (None, Some(place)) => {
            let origin = annotate_snippets::Origin::path(place.file.as_ref())
                .line(place.line as usize)
                .char_column(place.column as usize);
            group = group.element(origin).element(Level::NOTE.message(&subject));
        }
        (None, None) => group = group.element(Level::NOTE.message(&subject)),
    }
    if let Some((how, place, source)) = related {
        let annotation = AnnotationKind::Context.span(span(source, place)).label(how.as_str());
        group = group.element(Snippet::source(source).path(place.file.as_ref()).annotation(annotation));
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

/// The bytes of the word that a place points at.
fn span(source: &str, place: &SourceLocation) -> std::ops::Range<usize> {
    let line_start: usize =
        source.split_inclusive('\n').take(place.line.saturating_sub(1) as usize).map(str::len).sum();
    let line = source[line_start..].lines().next().unwrap_or_default();
    let column =
        line.char_indices().nth(place.column.saturating_sub(1) as usize).map_or(line.len(), |(at, _)| at);
    // A name of Rust ends sooner than a value of a template.
    let ends_name = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let ends_value = |letter: char| letter.is_whitespace() || ",]}\"'".contains(letter);
    let rest = &line[column..];
    let word = if place.file.ends_with(".rs") { rest.find(ends_name) } else { rest.find(ends_value) };
    // Of a key, its name.
    let word = rest[..word.unwrap_or(rest.len())].trim_end_matches(':').len();
    // Where no word stands, the character; behind the end of the line, nothing.
    let length = if word == 0 { line[column..].chars().next().map_or(0, char::len_utf8) } else { word };
    let start = line_start + column;
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        vec![Diagnostic {
            help: Some("use 1024 or 2048".into()),
            resource: Some("Scorer".into()),
            path: "/Resources/Scorer/Properties/Variants/0/MemorySizeInMB".into(),
            location: Some(SourceLocation { file: "src/main.rs".into(), line: 2, column: 6 }),
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
    fn says_when_and_why() {
        insta::assert_snapshot!(text(&crate::report::example::report(), |_| None, false));
    }
}
