//! Values as text. Shortened values keep the part that distinguishes two values.

use serde_json::Value as JsonValue;

use crate::diff::model::{Because, PropertyChange, Recreation};
use crate::diff::node::variable;
use crate::visible::visible;

/// Texts that are longer than this, on both sides, are shown as far as they differ.
const LONG: usize = 72;

/// The number of equal characters that are shown around the difference of two long strings.
const CONTEXT: usize = 16;

/// Returns a value in one line.
pub(crate) fn shown(value: &JsonValue) -> String {
    match value {
        JsonValue::String(text) if text.is_empty() => "\"\"".into(),
        JsonValue::String(text) => one_line(text),
        other => match (variable(other), &other["Fn::Sub"]) {
            (Some(name), _) => format!("${{{}}}", one_line(&name)),
            (None, JsonValue::String(format)) => one_line(format),
            _ => one_line(&other.to_string()),
        },
    }
}

fn one_line(text: &str) -> String {
    visible(&text.replace('\n', "\\n")).into_owned()
}

/// Two values, each in a line. The common parts of long values are replaced by `…`.
pub(crate) fn pair(before: &JsonValue, after: &JsonValue) -> (String, String) {
    let (one, other) = (shown(before), shown(after));
    if one.chars().count().max(other.chars().count()) <= LONG {
        // `1` and `"1"` differ in a document.
        return if one == other { (before.to_string(), after.to_string()) } else { (one, other) };
    }
    if one == other {
        return (before.to_string(), after.to_string());
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let most = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let part = |text: &[char]| {
        let from = start.saturating_sub(CONTEXT);
        let to = (text.len() - end + CONTEXT).min(text.len());
        let inner: String = text[from..to].iter().collect();
        let ellipsis = |is_cut: bool| if is_cut { "…" } else { "" };
        format!("{}{inner}{}", ellipsis(from > 0), ellipsis(to < text.len()))
    };
    (part(&one), part(&other))
}

/// Returns the lines in which two strings differ: removed lines with `-`, and added lines with `+`.
pub(crate) fn lines(change: &PropertyChange) -> Option<Vec<(char, usize, String)>> {
    let (Some(JsonValue::String(one)), Some(JsonValue::String(other))) = (&change.before, &change.after)
    else {
        return None;
    };
    if !one.trim_end().contains('\n') && !other.trim_end().contains('\n') {
        return None;
    }
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split('\n').collect(), other.split('\n').collect());
    let start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let most = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let numbered = |lines: &[&str], sign: char| -> Vec<(char, usize, String)> {
        let inner = &lines[start..lines.len() - end];
        inner
            .iter()
            .enumerate()
            .map(|(number, line)| (sign, start + number + 1, visible(line).into_owned()))
            .collect()
    };
    let mut found = numbered(&one, '-');
    found.extend(numbered(&other, '+'));
    Some(found)
}

/// Returns a change in one line, without what follows from it: `InstanceType: ml.g5.2xlarge → ml.g6.2xlarge`.
pub(crate) fn property_line(change: &PropertyChange) -> String {
    let PropertyChange { path, before, after, .. } = change;
    let path = visible(path);
    let line = match (before, after) {
        _ if change.is_order => {
            format!("{path}: order {} → {}", names(before.as_ref()), names(after.as_ref()))
        }
        (Some(before), Some(after)) => {
            let (before, after) = pair(before, after);
            format!("{path}: {before} → {after}")
        }
        (None, Some(after)) => format!("{path}: + {}", shown(after)),
        (Some(before), None) => format!("{path}: - {}", shown(before)),
        (None, None) => format!("{path}: known after deployment"),
    };
    match reason(change) {
        Some(reason) => format!("{line} ({reason})"),
        None => line,
    }
}

/// A change as it is shown.
pub(crate) enum Line {
    /// In one line.
    One(String),
    /// A path, and the lines of a text that differ: sign, number, line.
    Several(String, Vec<(char, usize, String)>),
}

/// The changes of one line of the output: added and removed elements of one list are in one line.
pub(crate) fn grouped<'a>(changes: impl IntoIterator<Item = &'a PropertyChange>) -> Vec<Line> {
    let mut found = Vec::new();
    let mut group: Vec<&PropertyChange> = Vec::new();
    let flush = |group: &mut Vec<&PropertyChange>, found: &mut Vec<Line>| {
        if !group.is_empty() {
            found.push(Line::One(elements(group)));
            group.clear();
        }
    };
    for change in changes {
        let is_same = |first: &&PropertyChange| {
            first.path == change.path
                && first.recreation == change.recreation
                && first.because == change.because
        };
        if !group.first().is_none_or(is_same) || !change.is_element {
            flush(&mut group, &mut found);
        }
        match lines(change) {
            _ if change.is_element => group.push(change),
            Some(lines) => found.push(Line::Several(visible(&change.path).into_owned(), lines)),
            None => found.push(Line::One(property_line(change))),
        }
    }
    flush(&mut group, &mut found);
    found
}

/// Elements of one list that are added and removed.
fn elements(group: &[&PropertyChange]) -> String {
    let first = group[0];
    let removed: Vec<&JsonValue> = group.iter().filter_map(|change| change.before.as_ref()).collect();
    let added: Vec<&JsonValue> = group.iter().filter_map(|change| change.after.as_ref()).collect();
    if let ([before], [after]) = (removed.as_slice(), added.as_slice()) {
        let one = PropertyChange {
            before: Some((*before).clone()),
            after: Some((*after).clone()),
            is_element: false,
            ..first.clone()
        };
        return property_line(&one);
    }
    let signed = |sign: char, values: &[&JsonValue]| -> Vec<String> {
        values.iter().map(|value| format!("{sign} {}", shown(value))).collect()
    };
    let list = [signed('-', &removed), signed('+', &added)].concat().join(", ");
    match reason(first) {
        Some(reason) => format!("{}: {list} ({reason})", visible(&first.path)),
        None => format!("{}: {list}", visible(&first.path)),
    }
}

fn names(value: Option<&JsonValue>) -> String {
    let names = value.and_then(JsonValue::as_array).into_iter().flatten().filter_map(JsonValue::as_str);
    visible(&names.collect::<Vec<_>>().join(", ")).into_owned()
}

/// Returns the cause of a change, and whether it replaces the resource.
fn reason(change: &PropertyChange) -> Option<String> {
    let because = change.because.as_ref().map(|because| match because {
        Because::Input(input, name) => format!("by the {} {name}", input.name()),
        Because::Replacement(id, true) => format!("{id} is replaced"),
        Because::Replacement(id, false) => format!("{id} may be replaced"),
    });
    let recreation = match change.recreation {
        Recreation::Always => Some("requires replacement".to_owned()),
        Recreation::Conditionally => Some("may require replacement".to_owned()),
        Recreation::Never => None,
    };
    let because: Option<String> = because.map(|text| visible(&text).into_owned());
    let parts: Vec<String> = because.into_iter().chain(recreation).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_different_values_are_never_shown_as_equal() {
        let long = "x".repeat(300);
        let (one, other) = pair(&json!(format!("{long}a{long}")), &json!(format!("{long}b{long}")));
        assert_ne!(one, other);
        assert!(one.chars().count() < 40 && one.starts_with('…') && one.ends_with('…'), "{one}");
        assert_eq!(pair(&json!(1), &json!("1")), ("1".to_owned(), "\"1\"".to_owned()));
        let (one, other) = pair(&json!([long.clone()]), &json!([long.clone(), long]));
        assert_ne!(one, other);
    }
}
