//! The edits of a text that a fix consists of. No edit crosses the end of a line.

use serde_json::Value as JsonValue;
use stackwright_synth::{StackArtifact, pointer};

use super::source::{Place, Source, is_word, occurrences};

/// The short form of `Fn::Sub`, as it is written before a string.
const SUB: &str = "!Sub ";

/// The replacement of a part of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub new: String,
}

impl Edit {
    fn insert(at: usize, new: String) -> Self {
        Self { start: at, end: at, new }
    }
}

/// Returns the edit that replaces a name. The place is that of a value, or of the key of a list or an object.
pub(super) fn rename(source: &Source<'_>, place: Place, is_key: bool, from: &str, to: &str) -> Option<Edit> {
    let before = &source.text[place.start..place.at];
    let at = if is_key { key_before(before, from).map(|at| place.start + at) } else { None };
    let at = at.or_else(|| Some(place.at + name_after(&source.text[place.at..place.end], from)?))?;
    Some(Edit { start: at, end: at + from.len(), new: to.to_owned() })
}

/// Returns where a key starts that is followed only by its colon and the tag or the anchor of its value.
fn key_before(before: &str, key: &str) -> Option<usize> {
    let mut rest = before.trim_end();
    // A line can be the whole text: what is not needed is not searched.
    while !rest.ends_with(':') {
        let (start, word) = rest.rsplit_once([' ', '\t'])?;
        word.starts_with(['!', '&']).then_some(())?;
        rest = start.trim_end();
    }
    let rest = rest.strip_suffix(':')?.trim_end();
    let rest = rest.strip_suffix(['"', '\'']).unwrap_or(rest);
    let at = rest.len().checked_sub(key.len())?;
    (rest.get(at..)? == key && is_word(rest, at, key.len())).then_some(at)
}

/// Returns where a name starts in the text from the start of a value or a key: at once, after a quotation mark or a tag, or
/// at the only occurrence in the rest of the line that is not in a comment.
fn name_after(rest: &str, name: &str) -> Option<usize> {
    let mut at = 0;
    while rest[at..].starts_with(['!', '&']) {
        let (word, after) = rest[at..].split_once([' ', '\t'])?;
        at += word.len() + 1 + (after.len() - after.trim_start().len());
    }
    at += usize::from(rest[at..].starts_with(['"', '\'']));
    if rest[at..].starts_with(name) && is_word(rest, at, name.len()) {
        return Some(at);
    }
    let code = match rest
        .strip_prefix('"')
        .or_else(|| rest.strip_prefix('\''))
        .and_then(|inner| inner.find(&rest[..1]))
    {
        // Of a string with quotation marks, the part up to the next one.
        Some(length) => &rest[..=length],
        None => rest.split(" #").next().unwrap_or(rest),
    };
    let mut found = occurrences(code, name);
    found.next().filter(|_| found.next().is_none())
}

/// Returns the edit that makes a string the argument of `Fn::Sub`.
pub(super) fn sub(source: &Source<'_>, place: Place) -> Option<Edit> {
    let rest = &source.text[place.at..place.end];
    if source.is_json {
        let end = source.quoted_end(place)?;
        let new = format!("{{\"Fn::Sub\": {}}}", &source.text[place.at..end]);
        return rest.contains("${").then_some(Edit { start: place.at, end, new });
    }
    let before = &source.text[place.start..place.at];
    if before.trim().is_empty() {
        return source.line_before(place).and_then(sub_before_line);
    }
    // A tag before the string belongs to another function, and an anchor to other uses of the string.
    let starts_value = before.ends_with([' ', '\t', '[', '{', ','])
        && before.trim_end().ends_with([':', '-', ',', '[', '{']);
    (starts_value && rest.contains("${")).then(|| Edit::insert(place.at, SUB.to_owned()))
}

/// The same for a string that starts on the line after a line: a block scalar after its indicator, or the value of a key.
fn sub_before_line((start, line): (usize, &str)) -> Option<Edit> {
    let code = line.split(" #").next().unwrap_or(line).trim_end();
    if code.ends_with(':') {
        return Some(Edit::insert(start + code.len(), format!(" {}", SUB.trim_end())));
    }
    let indicator = code.rfind([' ', '\t'])? + 1;
    let is_block = code[indicator..].starts_with(['|', '>'])
        && code[indicator + 1..].bytes().all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte));
    let starts_value = code[..indicator].trim_end().ends_with([':', '-']);
    (is_block && starts_value).then(|| Edit::insert(start + indicator, SUB.to_owned()))
}

/// Returns the edit that adds resources to the `DependsOn` of a resource.
pub(super) fn depend(source: &Source<'_>, stack: &StackArtifact, id: &str, on: &[&str]) -> Option<Edit> {
    let body = stack.template.resource(id)?;
    let place = |steps: &[&str]| {
        let at = stack.provenance.exactly(&pointer::of(["Resources", id].iter().chain(steps).copied()))?;
        source.place(at.line, at.column)
    };
    match body.get("DependsOn") {
        None => after_type(source, place(&["Type"])?, body["Type"].as_str()?, on),
        Some(JsonValue::String(known)) => {
            let place = place(&["DependsOn"])?;
            let end = source.string_end(place, known)?;
            let first = source.text[place.at..end].to_owned();
            let all: Vec<String> =
                std::iter::once(first).chain(on.iter().map(|id| item(source, id))).collect();
            Some(Edit { start: place.at, end, new: format!("[{}]", all.join(", ")) })
        }
        Some(JsonValue::Array(known)) => {
            let last = known.len().checked_sub(1)?;
            let place = place(&["DependsOn", &last.to_string()])?;
            let end = source.string_end(place, known[last].as_str()?)?;
            let before = &source.text[place.start..place.at];
            let line = source.line_break(place);
            let items = on.iter().map(|id| item(source, id));
            Some(match before.trim() {
                "-" if !source.is_json => {
                    Edit::insert(place.end, items.map(|item| format!("{line}{before}{item}")).collect())
                }
                "" => Edit::insert(end, items.map(|item| format!(",{line}{before}{item}")).collect()),
                _ => Edit::insert(end, items.map(|item| format!(", {item}")).collect()),
            })
        }
        Some(_) => None,
    }
}

/// Returns the edit that adds `DependsOn` after the type of a resource, on a line of its own if the type has one.
fn after_type(source: &Source<'_>, place: Place, type_name: &str, on: &[&str]) -> Option<Edit> {
    let end = source.string_end(place, type_name)?;
    let items: Vec<String> = on.iter().map(|id| item(source, id)).collect();
    let value = if let [one] = items.as_slice() { one.clone() } else { format!("[{}]", items.join(", ")) };
    let before = &source.text[place.start..place.at];
    let after = source.text[end..place.end].trim();
    let indentation = &before[..before.len() - before.trim_start().len()];
    let line = source.line_break(place);
    let key = before.trim().trim_end_matches(':').trim_end();
    let attribute =
        if source.is_json { format!("\"DependsOn\": {value}") } else { format!("DependsOn: {value}") };
    Some(match (source.is_json, key, after) {
        (true, "\"Type\"", ",") => Edit::insert(place.end, format!("{line}{indentation}{attribute},")),
        (true, "\"Type\"", "") => Edit::insert(end, format!(",{line}{indentation}{attribute}")),
        (false, "Type" | "\"Type\"" | "'Type'", after) if after.is_empty() || after.starts_with('#') => {
            Edit::insert(place.end, format!("{line}{indentation}{attribute}"))
        }
        _ => Edit::insert(end, format!(", {attribute}")),
    })
}

/// A logical ID as a string of the text's format.
fn item(source: &Source<'_>, id: &str) -> String {
    let words = ["yes", "no", "on", "off", "true", "false", "null"];
    let is_other = words.contains(&id.to_ascii_lowercase().as_str())
        || id.starts_with(|first: char| first.is_ascii_digit());
    if source.is_json || is_other { format!("\"{id}\"") } else { id.to_owned() }
}
