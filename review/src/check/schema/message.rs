//! The messages about known values that are not valid: the rule, the message and the help.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as JsonValue;
use stackwright_schemas::registry::Bound;
use stackwright_schemas::{nearest, registry};

use super::keywords::listed;
use crate::check::rules::Rule;
use crate::check::rules::schema as rules;
use crate::check::value::{holds_unresolved, number, shown};

/// A rule, a message, and how to fix it.
pub(super) type Message = (&'static Rule, String, Option<String>);

/// Returns the message about a known value that is not valid, at a path.
pub(super) fn known(
    error: &ValidationError<'_>,
    schema: Option<registry::Schema<'_>>,
    path: &[String],
) -> Option<Message> {
    let value: &JsonValue = error.instance();
    let has_macro = value.as_object().is_some_and(|map| map.keys().any(|key| key.starts_with("Fn::")));
    Some(match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let first = unexpected.iter().find(|name| !name.starts_with("Fn::"))?;
            (&rules::UNKNOWN_PROPERTY, format!("there is no property `{first}`"), None)
        }
        ValidationErrorKind::Required { .. } if has_macro => return None,
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (&rules::MISSING_PROPERTY, format!("the property `{name}` is missing"), None)
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            let given = shown(value);
            if options.contains(&given) {
                return None;
            }
            let help = if value.is_boolean() && options.iter().any(|option| is_yaml_boolean(option)) {
                Some(format!("quote the value: YAML reads a word such as `OFF` without quotes as {given}"))
            } else if options.len() <= 12 {
                Some(format!("use {}", options.join(", ")))
            } else {
                nearest(&given, options.iter().map(String::as_str))
                    .map(|one| format!("the most similar name is {one}"))
            };
            (&rules::VALUE_NOT_ALLOWED, format!("`{given}` is not allowed here"), help)
        }
        ValidationErrorKind::Constant { expected_value } if !holds_unresolved(value) => {
            let message = format!("`{}` is not allowed here", shown(value));
            (&rules::VALUE_NOT_ALLOWED, message, Some(format!("use {}", shown(expected_value))))
        }
        ValidationErrorKind::Custom { keyword, message: pattern }
            if keyword == "pattern" || keyword == "format" =>
        {
            (
                &rules::PATTERN_MISMATCH,
                format!("{} does not match the pattern of the property", brief(value)),
                Some(format!("use a value that matches `{pattern}`")),
            )
        }
        // A null is reported as such.
        ValidationErrorKind::Type { .. } if value.is_null() => return None,
        ValidationErrorKind::Type { kind } => {
            if converts(value, kind) {
                return out_of_range(value, schema?);
            }
            (&rules::WRONG_TYPE, format!("{} is not {}", brief(value), wanted_name(kind)), None)
        }
        ValidationErrorKind::Custom { keyword, message } if !has_macro => {
            let rule = match keyword.as_str() {
                "atLeast" | "atMost" | "numberIn" | "notAbove" | "entriesBytes" => &rules::OUT_OF_RANGE,
                "requiredOr" => &rules::MISSING_PROPERTY,
                "namesMatch" | "partsMatch" | "jsonText" => &rules::PATTERN_MISMATCH,
                _ => &rules::WRONG_COMBINATION,
            };
            (rule, message.clone(), None)
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if !holds_unresolved(value) =>
        {
            return alternatives(context, schema, path);
        }
        ValidationErrorKind::OneOfMultipleValid { .. } if !holds_unresolved(value) => {
            let message = "these properties exclude each other: more than one of the alternatives is given";
            (&rules::WRONG_COMBINATION, message.into(), None)
        }
        ValidationErrorKind::Not { .. } | ValidationErrorKind::Contains if !holds_unresolved(value) => {
            (&rules::WRONG_COMBINATION, "this combination is not allowed".into(), None)
        }
        ValidationErrorKind::PropertyNames { error } => {
            (&rules::UNKNOWN_PROPERTY, format!("a name is not allowed here: {error}"), None)
        }
        kind => return of_limit(kind, error, path, has_macro),
    })
}

/// Returns the message about a value that exceeds a limit.
fn of_limit(
    kind: &ValidationErrorKind,
    error: &ValidationError<'_>,
    path: &[String],
    has_macro: bool,
) -> Option<Message> {
    let value: &JsonValue = error.instance();
    Some(match kind {
        ValidationErrorKind::Maximum { limit } => range(value, "too large", format!("use at most {limit}")),
        ValidationErrorKind::Minimum { limit } => range(value, "too small", format!("use at least {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            range(value, "too large", format!("use a value below {limit}"))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            range(value, "too small", format!("use a value above {limit}"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            let is_hyper_parameter = path.iter().rev().skip(1).any(|step| step == "HyperParameters");
            let alternative = if is_hyper_parameter {
                ", or pass a longer value as a file beside the script or in an input channel"
            } else {
                ""
            };
            range(value, "too long", format!("use at most {limit} characters{alternative}"))
        }
        ValidationErrorKind::MinLength { limit } => {
            range(value, "too short", format!("use at least {limit} characters"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            count("list", "long", format!("use at most {limit} items"))
        }
        ValidationErrorKind::MinItems { limit } => {
            count("list", "short", format!("use at least {limit} items"))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            count("object", "large", format!("use at most {limit} entries"))
        }
        ValidationErrorKind::MinProperties { .. } if has_macro => return None,
        ValidationErrorKind::MinProperties { limit } => {
            count("object", "small", format!("use at least {limit} entries"))
        }
        _ => return None,
    })
}

/// Returns whether YAML 1.1 reads a word without quotes as a boolean.
pub(in crate::check) fn is_yaml_boolean(word: &str) -> bool {
    ["on", "off", "yes", "no", "true", "false"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn range(value: &JsonValue, how: &str, help: String) -> Message {
    (&rules::OUT_OF_RANGE, format!("{} is {how}", brief(value)), Some(help))
}

fn count(what: &str, how: &str, help: String) -> Message {
    (&rules::OUT_OF_RANGE, format!("the {what} is too {how}"), Some(help))
}

/// If no alternative matches: the properties that are missing if each alternative only misses one, or else the error of the
/// alternative that matches best.
fn alternatives(
    context: &[Vec<ValidationError<'_>>],
    schema: Option<registry::Schema<'_>>,
    path: &[String],
) -> Option<Message> {
    let missing: Vec<&str> = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            ValidationErrorKind::Required { property } => property.as_str(),
            _ => None,
        })
        .collect();
    if missing.len() == context.iter().flatten().count() {
        let message = format!("one of {} is missing", listed(&missing));
        return Some((&rules::MISSING_PROPERTY, message, None));
    }
    if let Some(given) = split_over(context) {
        let names: Vec<&str> = given.iter().map(String::as_str).collect();
        return Some((&rules::WRONG_COMBINATION, format!("{} exclude each other", listed(&names)), None));
    }
    let depth = |errors: &&Vec<ValidationError<'_>>| {
        let deepest = errors.iter().map(|error| error.instance_path().as_str().len()).max();
        (deepest, std::cmp::Reverse(errors.len()))
    };
    let messages: Vec<Message> =
        context.iter().max_by_key(depth)?.iter().filter_map(|error| known(error, schema, path)).collect();
    // If the errors of the best match do not count, there is nothing to report.
    messages.into_iter().next()
}

/// Properties each of which one of the alternatives has, and no alternative has all of them.
fn split_over(context: &[Vec<ValidationError<'_>>]) -> Option<BTreeSet<String>> {
    let mut refused = Vec::new();
    for errors in context {
        let [error] = errors.as_slice() else { return None };
        let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else { return None };
        refused.push(unexpected);
    }
    let all: BTreeSet<String> = refused.iter().copied().flatten().cloned().collect();
    let is_accepted = |name: &String| refused.iter().any(|unexpected| !unexpected.contains(name));
    (all.len() > 1 && all.iter().all(is_accepted)).then_some(all)
}

/// Compares a number or a boolean that is written as a string with bounds and allowed values, because the schema only
/// reports that it is a string.
fn out_of_range(value: &JsonValue, schema: registry::Schema<'_>) -> Option<Message> {
    let given = number(value)?;
    let most = schema.bound(Bound::Maximum).and_then(JsonValue::as_f64);
    let least = schema.bound(Bound::Minimum).and_then(JsonValue::as_f64);
    let allowed: Vec<String> = schema.enumeration().map(shown).collect();
    if let Some(most) = most.filter(|most| given > *most) {
        return Some(range(value, "too large", format!("use at most {most}")));
    }
    if let Some(least) = least.filter(|least| given < *least) {
        return Some(range(value, "too small", format!("use at least {least}")));
    }
    let is_text = value.is_string();
    (is_text && !allowed.is_empty() && !allowed.contains(&shown(value))).then(|| {
        let help = (allowed.len() <= 12).then(|| format!("use {}", allowed.join(", ")));
        (&rules::VALUE_NOT_ALLOWED, format!("`{}` is not allowed here", shown(value)), help)
    })
}

/// Returns whether CloudFormation converts the value to the type of the property.
fn converts(value: &JsonValue, wanted: &TypeKind) -> bool {
    match value {
        JsonValue::String(text) => {
            wants(wanted, "boolean") && matches!(text.as_str(), "true" | "false" | "True" | "False")
                || wants(wanted, "integer") && text.parse::<i64>().is_ok()
                || wants(wanted, "number") && text.parse::<f64>().is_ok()
        }
        JsonValue::Number(_) | JsonValue::Bool(_) => wants(wanted, "string"),
        _ => false,
    }
}

pub(super) fn wants(wanted: &TypeKind, name: &str) -> bool {
    match wanted {
        TypeKind::Single(kind) => kind.to_string() == name,
        TypeKind::Multiple(kinds) => kinds.iter().any(|kind| kind.to_string() == name),
    }
}

pub(super) fn wanted_name(kind: &TypeKind) -> String {
    let name = |name: String| match name.as_str() {
        "array" => "a list".to_owned(),
        "null" => name,
        "integer" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    match kind {
        TypeKind::Single(kind) => name(kind.to_string()),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| name(kind.to_string())).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// Returns a value in a message: what is long is named only.
pub(super) fn brief(value: &JsonValue) -> String {
    match value {
        JsonValue::Object(_) => "an object".to_owned(),
        JsonValue::Array(_) => "a list".to_owned(),
        JsonValue::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        other => other.to_string(),
    }
}
