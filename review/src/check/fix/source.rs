//! The text of a template, in which fixes find names and strings by their positions.

use std::cell::RefCell;

/// The text of a template without a byte order mark.
pub(super) struct Source<'a> {
    pub text: &'a str,
    pub is_json: bool,
    is_ascii: bool,
    /// The start of each line.
    starts: Vec<usize>,
    /// The start of each character of the line that was used last, if the line is not ASCII.
    characters: RefCell<(usize, Vec<usize>)>,
}

/// A position in a text: the start and the end of its line, without the line break, and the position itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub start: usize,
    pub at: usize,
    pub end: usize,
}

impl<'a> Source<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            is_ascii: text.is_ascii(),
            is_json: text.trim_start().starts_with('{'),
            starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
            characters: RefCell::new((usize::MAX, Vec::new())),
        }
    }

    /// Returns the place of a line and a column, which start at 1.
    pub fn place(&self, line: u32, column: u32) -> Option<Place> {
        let (index, column) = ((line as usize).checked_sub(1)?, (column as usize).checked_sub(1)?);
        let start = *self.starts.get(index)?;
        let next = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        let line = self.text[start..next].trim_end_matches(['\r', '\n']);
        let end = start + line.len();
        let at = if self.is_ascii {
            start + column
        } else {
            // Each fix of a long line would count its characters again.
            let mut known = self.characters.borrow_mut();
            if known.0 != index {
                *known = (index, line.char_indices().map(|(at, _)| start + at).collect());
            }
            *known.1.get(column)?
        };
        (at < end).then_some(Place { start, at, end })
    }

    /// Returns the start and the content of the line before a place that is not empty and is no comment.
    pub fn line_before(&self, place: Place) -> Option<(usize, &'a str)> {
        let mut end = place.start;
        while end > 0 {
            let start = self.text[..end - 1].rfind('\n').map_or(0, |at| at + 1);
            let line = self.text[start..end].trim_end();
            if !line.is_empty() && !line.trim_start().starts_with('#') {
                return Some((start, line));
            }
            end = start;
        }
        None
    }

    /// Returns the line break at the end of a line; that of the file if the line is its last one.
    pub fn line_break(&self, place: Place) -> &'static str {
        let rest = &self.text[place.end..];
        let is_windows = rest.starts_with('\r') || rest.is_empty() && self.text.contains("\r\n");
        if is_windows { "\r\n" } else { "\n" }
    }

    /// Returns the end of a string with a known value that starts at a place and ends on the same line.
    pub fn string_end(&self, place: Place, value: &str) -> Option<usize> {
        let rest = &self.text[place.at..place.end];
        let quote = rest
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''))
            .map_or("", |quote| if quote == '"' { "\"" } else { "'" });
        let after = rest.strip_prefix(quote)?.strip_prefix(value)?.strip_prefix(quote)?;
        let is_end = after.is_empty() || after.starts_with([' ', '\t', ',', ']', '}', ':']);
        is_end.then(|| place.end - after.len())
    }

    /// Returns the end of a quoted string, whatever its value, that starts at a place and ends on the same line.
    pub fn quoted_end(&self, place: Place) -> Option<usize> {
        let rest = self.text[place.at..place.end].strip_prefix('"')?;
        let mut is_escaped = false;
        let end = rest.char_indices().find(|(_, letter)| {
            let is_end = !is_escaped && *letter == '"';
            is_escaped = !is_escaped && *letter == '\\';
            is_end
        });
        Some(place.at + 1 + end?.0 + 1)
    }
}

/// Returns where a name starts in a text as a whole word.
pub(super) fn occurrences<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(name).map(|(at, _)| at).filter(move |at| is_word(text, *at, name.len()))
}

/// Returns whether no letter or digit stands directly before or after a part of a text.
pub(super) fn is_word(text: &str, at: usize, length: usize) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = text[..at].chars().next_back();
    let after = text[at + length..].chars().next();
    length > 0 && !before.is_some_and(is_part) && !after.is_some_and(is_part)
}
