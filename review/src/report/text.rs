//! Diagnostics for people: each with the lines of source that said it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use stackwright_synth::Place;

use crate::diagnostic::{Diagnostic, Severity};

/// The diagnostics as text. `source` gives the text of a source file where it can be had; `styled` adds colours.
pub fn text(diagnostics: &[Diagnostic], source: impl Fn(&str) -> Option<String>, styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in diagnostics {
        let excerpt = diagnostic.location.as_ref().and_then(|place| Some((place, source(&place.file)?)));
        let related =
            diagnostic.related.as_ref().and_then(|(how, place)| Some((how, place, source(&place.file)?)));
        text.push_str(&one(diagnostic, excerpt.as_ref(), related.as_ref(), &renderer));
        text.push_str("\n\n");
    }
    text.push_str(&summary(diagnostics));
    text.push('\n');
    text
}

fn one(
    diagnostic: &Diagnostic,
    excerpt: Option<&(&Place, String)>,
    related: Option<&(&String, &Place, String)>,
    renderer: &Renderer,
) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let subject = diagnostic.subject();
    let title = level.primary_title(&diagnostic.message).id(&diagnostic.id);
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
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The bytes of the word that a place points at.
fn span(source: &str, place: &Place) -> std::ops::Range<usize> {
    let line_start: usize =
        source.split_inclusive('\n').take(place.line.saturating_sub(1) as usize).map(str::len).sum();
    let line = source[line_start..].lines().next().unwrap_or_default();
    let column =
        line.char_indices().nth(place.column.saturating_sub(1) as usize).map_or(line.len(), |(at, _)| at);
    let word = line[column..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len() - column);
    let start = line_start + column;
    start..(start + word.max(1)).min(source.len()).max(start)
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity, one: &str| match diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == severity)
        .count()
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        many => Some(format!("{many} {one}s")),
    };
    let parts: Vec<_> = [count(Severity::Error, "error"), count(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() { "nothing found".into() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic() -> Diagnostic {
        Diagnostic {
            id: "registry-value".into(),
            severity: Severity::Error,
            message: "6000 is not allowed here".into(),
            help: Some("use 1024 or 2048".into()),
            stack: "DevTest".into(),
            resource: Some("Scorer".into()),
            path: "/Resources/Scorer/Properties/Variants/0/MemorySizeInMB".into(),
            location: Some(Place { file: "src/main.rs".into(), line: 2, column: 6 }),
            related: None,
        }
    }

    #[test]
    fn points_at_the_word() {
        let source = "fn main() {\n    .memory(6000)\n}\n".to_owned();
        let shown = text(&[diagnostic()], |_| Some(source.clone()), false);
        assert_eq!(
            shown,
            "error[registry-value]: 6000 is not allowed here
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
        let shown = text(&[diagnostic()], |_| None, false);
        assert!(shown.contains("--> src/main.rs:2:6") && shown.contains("DevTest/Scorer"), "{shown}");
        for changed in ["", "x", "\n", "ä\nöäüß\n"] {
            text(&[diagnostic()], |_| Some(changed.to_owned()), false);
        }
    }
}
