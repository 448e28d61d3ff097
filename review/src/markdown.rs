//! Markdown: strings from templates within a document, and documents that fit into a comment on a code host.

use std::fmt::Write as _;

use crate::visible::{is_unsafe_character, visible};

/// The maximum number of characters that GitHub accepts in a comment.
pub const GITHUB_LIMIT: usize = 65_536;

/// The maximum number of characters that GitLab accepts in a note.
pub const GITLAB_LIMIT: usize = 1_000_000;

/// The maximum number of characters of the sentence that names the omitted parts.
const RESERVE: usize = 1_000;

/// The maximum number of parts that this sentence names.
const MAX_NAMES: usize = 12;

/// A part of a document, which is omitted as a whole if it does not fit.
///
/// ```
/// use stackwright_review::markdown::{MarkdownPart, limited};
///
/// let parts = vec![MarkdownPart::new("the summary", "one\n"), MarkdownPart::new("the details", "x".repeat(5_000))];
/// let text = limited(parts, 2_000, "`stackwright plan` shows it.");
/// assert!(text.starts_with("one\n") && text.contains("the details. `stackwright plan` shows it."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct MarkdownPart {
    name: String,
    text: String,
    parts: Vec<Self>,
}

impl MarkdownPart {
    /// Creates a part from a name and a text in Markdown. The name completes the sentence "Left out: …".
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), parts: Vec::new() }
    }

    /// Adds parts that follow this one, and that are omitted together with it.
    pub fn followed_by(mut self, parts: Vec<Self>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// Returns the number of characters of the part and of those that follow it.
    fn length(&self) -> usize {
        self.text.chars().count() + self.parts.iter().map(Self::length).sum::<usize>()
    }
}

/// Returns a document of at most `limit` characters. Parts at the end that do not fit are omitted, and the document
/// names them. `elsewhere` is the sentence that states where they are shown.
pub fn limited(parts: Vec<MarkdownPart>, limit: usize, elsewhere: &str) -> String {
    let mut text = String::new();
    let mut left_out: Vec<String> = Vec::new();
    let mut length = 0;
    // A document that fits needs no sentence about omitted parts.
    let reserve = if parts.iter().map(MarkdownPart::length).sum::<usize>() <= limit { 0 } else { RESERVE };
    let mut waiting: Vec<MarkdownPart> = parts.into_iter().rev().collect();
    while let Some(part) = waiting.pop() {
        let more = part.text.chars().count();
        if length + more + reserve > limit {
            left_out.push(part.name);
        } else {
            length += more;
            text.push_str(&part.text);
            waiting.extend(part.parts.into_iter().rev());
        }
    }
    if !left_out.is_empty() {
        let number = left_out.len();
        let mut names = left_out.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join(", ");
        if number > MAX_NAMES {
            let _ = write!(names, " and {} more", number - MAX_NAMES);
        }
        let names: String = names.chars().take(RESERVE - 300).collect();
        let _ = writeln!(
            text,
            "\n> **Left out, because a comment takes {limit} characters:** {names}. {elsewhere}"
        );
    }
    text
}

/// Returns a text inside a cell of a table, or in a line.
pub(crate) fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // A text from a template neither mentions a person nor links an issue.
            '@' => escaped.push_str("&#64;"),
            '\n' | '\r' => escaped.push(' '),
            other if is_unsafe_character(other) => escaped.extend(other.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a text as code inside a cell of a table, whatever it holds.
pub(crate) fn code(text: &str) -> String {
    let text = visible(&text.replace(['\n', '\r'], " ")).replace('|', "\\|");
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A space keeps a backtick of the text apart from the fence.
    let space = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped() {
        assert_eq!(cell("a|b\n<img> @all *x*"), "a\\|b &lt;img&gt; &#64;all \\*x\\*");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("\u{1b}[8m\u{202e}"), "`\\u{1b}[8m\\u{202e}`");
    }
}
