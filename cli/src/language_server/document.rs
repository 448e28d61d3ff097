//! An open document, and positions in it in the units of the protocol: lines counted from 0, and UTF-16 code units.

use std::path::PathBuf;

use serde_json::{Value as JsonValue, json};
use stackwright_review::Diagnostic;
use stackwright_review::check::apply_fixes;
use stackwright_synth::SourceLocation;

/// An open document with its findings.
pub(super) struct Document {
    pub text: String,
    pub found: Vec<Diagnostic>,
}

impl Document {
    /// Returns the text after changes, each of which replaces a range or the whole text; `None` if a change is not
    /// possible.
    pub fn changed(&self, changes: &[JsonValue]) -> Option<String> {
        let mut text = self.text.clone();
        for change in changes {
            let new = change["text"].as_str()?;
            match change.get("range").filter(|range| !range.is_null()) {
                None => text = new.to_owned(),
                Some(range) => {
                    let (start, end) = (offset(&text, &range["start"])?, offset(&text, &range["end"])?);
                    text.get(start..end)?;
                    text.replace_range(start..end, new);
                }
            }
        }
        Some(text)
    }

    /// Returns the edits of the fix of a finding.
    pub fn edits(&self, uri: &str, one: &Diagnostic) -> Vec<JsonValue> {
        let fixed = apply_fixes(uri, &self.text, std::slice::from_ref(one));
        let line_break = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let edit = |change: &stackwright_review::check::LineChange| {
            let (number, end) = (change.line - 1, change.old.encode_utf16().count());
            json!({
                "range": { "start": { "line": number, "character": 0 }, "end": { "line": number, "character": end } },
                "newText": change.new.lines().collect::<Vec<_>>().join(line_break),
            })
        };
        fixed.changes.iter().map(edit).collect()
    }
}

/// Returns the offset of a position. A character behind the end of a line is the end of the line.
fn offset(text: &str, position: &JsonValue) -> Option<usize> {
    let line = usize::try_from(position["line"].as_u64()?).ok()?;
    let character = usize::try_from(position["character"].as_u64()?).ok()?;
    let start = match line {
        0 => 0,
        _ => match text.match_indices('\n').nth(line - 1) {
            Some((at, _)) => at + 1,
            // The end of the document can be given as the start of the line after it.
            None => return Some(text.len()),
        },
    };
    let content = text[start..].split(['\r', '\n']).next().unwrap_or_default();
    let mut units = 0;
    for (at, letter) in content.char_indices() {
        if units >= character {
            return Some(start + at);
        }
        units += letter.len_utf16();
    }
    Some(start + content.len())
}

/// Returns whether a text may be a template. An editor opens other files of these formats, too, such as workflows.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("AWSTemplateFormatVersion")
        || text.contains("AWS::")
        || text.contains("Resources") && text.contains("Type")
}

/// Returns the path of a document that is a file.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    let encoded = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    // `file:///c:/a` is `c:/a` on Windows.
    let is_drive = path.as_bytes().get(2) == Some(&b':') && path.starts_with('/');
    Some(PathBuf::from(if is_drive { path[1..].to_owned() } else { path }))
}

/// Returns the range from the position of a diagnostic to the end of its line.
pub(super) fn range(location: Option<&SourceLocation>, text: &str) -> JsonValue {
    let (line, column) = location.map_or((0, 0), |location| {
        (location.line.saturating_sub(1) as usize, location.column.saturating_sub(1) as usize)
    });
    let content = text.lines().nth(line).unwrap_or_default();
    let start: usize = content.chars().take(column).map(char::len_utf16).sum();
    let end = content.trim_end().encode_utf16().count().max(start);
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}
