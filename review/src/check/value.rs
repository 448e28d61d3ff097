//! Queries of values of a template, which return only values that are known before deployment.

use serde_json::Value as JsonValue;
use stackwright_synth::function::scalar_text;
pub(crate) use stackwright_synth::function::{below, children, function, is_container};

use super::cursor::Tree;

/// Returns whether a value is known only when it is deployed.
pub(crate) fn is_unresolved(value: &JsonValue) -> bool {
    match value {
        JsonValue::Object(_) => function(value).is_some() || is_pipeline_variable(value),
        JsonValue::String(text) => is_dynamic(text),
        _ => false,
    }
}

/// Returns whether a string contains a dynamic reference, which CloudFormation reads from SSM or Secrets Manager.
pub(crate) fn is_dynamic(text: &str) -> bool {
    // Most strings have no brace, and one letter is found faster than a word.
    text.contains('{') && text.contains("{{resolve:")
}

/// Returns whether a value is one that a SageMaker pipeline inserts when it runs.
fn is_pipeline_variable(value: &JsonValue) -> bool {
    let Some(map) = value.as_object().filter(|map| map.len() == 1) else { return false };
    map.iter().all(|(key, value)| match key.as_str() {
        // A property or an event may have the same name.
        "Get" => value.is_string(),
        key => matches!(key, "Std:Join" | "Std:JsonGet" | "Std:Map"),
    })
}

/// Returns whether anything in a value is known only when it is deployed.
pub(crate) fn holds_unresolved(value: &JsonValue) -> bool {
    is_unresolved(value)
        || match value {
            JsonValue::Object(map) => map.values().any(holds_unresolved),
            JsonValue::Array(items) => items.iter().any(holds_unresolved),
            _ => false,
        }
}

/// Returns whether a property is there.
pub(crate) fn is_set(value: &JsonValue) -> bool {
    !value.is_null()
}

/// Returns a string that is known.
pub(crate) fn string(value: &JsonValue) -> Option<&str> {
    value.as_str().filter(|text| !is_dynamic(text))
}

/// Returns a number that is known; CloudFormation takes it as a string too.
pub(crate) fn number(value: &JsonValue) -> Option<f64> {
    match value {
        JsonValue::Number(number) => number.as_f64(),
        JsonValue::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Returns a boolean that is known; CloudFormation takes it as a string too.
pub(crate) fn boolean(value: &JsonValue) -> Option<bool> {
    match value {
        JsonValue::Bool(value) => Some(*value),
        JsonValue::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        JsonValue::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Returns the elements of a list that is known.
pub(crate) fn items<'x, T: Tree<'x>>(value: T) -> impl Iterator<Item = T> {
    value.items()
}

/// Returns the entries of an object that is known.
pub(crate) fn entries<'x, T: Tree<'x>>(value: T) -> impl Iterator<Item = (&'x str, T)> {
    Some(value).filter(|value| !is_unresolved(value.json())).into_iter().flat_map(Tree::members)
}

/// Returns the value that a path leads to; null where there is none.
pub(crate) fn at<'x, T: Tree<'x>>(value: T, path: &[&str]) -> T {
    path.iter().fold(value, |value, step| value.member(step))
}

/// Returns the values that a path leads to; `*` is every item of a list.
pub(crate) fn values<'x, T: Tree<'x>>(value: T, path: &[&str]) -> Vec<T> {
    match path.split_first() {
        None => vec![value],
        Some((&"*", rest)) => items(value).flat_map(|item| values(item, rest)).collect(),
        Some((step, rest)) => values(value.member(step), rest),
    }
}

/// Returns the elements of a value that is either one or a list, as IAM has it.
pub(crate) fn one_or_many<'x, T: Tree<'x>>(value: T) -> impl Iterator<Item = T> {
    let json = value.json();
    let one = (!json.is_array() && !json.is_null()).then_some(value);
    one.into_iter().chain(items(value))
}

/// Returns a value as text: a string without quotes.
pub(crate) fn shown(value: &JsonValue) -> String {
    scalar_text(value).into_owned()
}
