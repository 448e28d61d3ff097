//! Errors of a validator as problems: which of them are reported, with which message and which fix.

use std::collections::HashSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value as JsonValue;
use stackwright_schemas::registry::{self, Bound};

use super::compiled::Compiled;
use super::keywords::{BELOW, strings};
use super::kind::{Kind, kind};
use super::message::{Message, brief, known, wanted_name, wants};
use crate::check::findings::{nearest_name, rename};
use crate::check::rules::Rule;
use crate::check::rules::schema as rules;
use crate::check::text::{Piece, Text};
use crate::check::value::{function, holds_unresolved, is_unresolved, items, shown};
use crate::check::view::View;
use crate::diagnostic::Fix;

/// The problem of a value, with the steps that lead to the value.
pub(super) struct Problem {
    pub rule: &'static Rule,
    pub path: Vec<String>,
    pub message: String,
    pub help: String,
    pub fix: Option<Fix>,
    /// Whether a source confirms that the service rejects the value.
    pub is_confirmed: bool,
}

/// The origin of a schema, which determines how its conditions treat values that are not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The registry of AWS: its conditions may reject a value that is not known.
    Registry,
    /// The data of this project: its conditions accept values that are not known.
    Constraint,
}

/// Returns the problems of a value, according to a schema.
pub(super) fn validate(
    compiled: &Compiled,
    instance: &JsonValue,
    view: &View<'_>,
    trust: Trust,
) -> Vec<Problem> {
    let mut found = Vec::new();
    compiled.errors(instance, &mut |path, error| {
        let schema = schema_at(registry::Schema::of(compiled.document()), &path);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                if unresolved_on_the_way(instance, &path).is_none() {
                    found.extend(unexpected.iter().filter_map(|name| unknown(name, schema, &path)));
                }
            }
            ValidationErrorKind::UniqueItems => found.extend(duplicate(error.instance(), &path)),
            _ => {
                let message = match unresolved_on_the_way(instance, &path) {
                    Some((value, whole)) if whole == path.len() => unresolved(error, value, schema, view),
                    Some(_) => None,
                    None if trust == Trust::Registry && is_undecided(error, instance) => None,
                    None => known(error, schema, &path),
                };
                found.extend(message.map(|message| problem(error, path, message)));
            }
        }
    });
    found
}

fn problem(error: &ValidationError<'_>, mut path: Vec<String>, (rule, message, help): Message) -> Problem {
    // A keyword of the project's own may name the property below.
    let message = match message.split_once(BELOW) {
        Some((step, message)) => {
            path.push(step.to_owned());
            message.to_owned()
        }
        None => message,
    };
    let fix = renamed(error, &help);
    Problem { rule, path, message, help: help.unwrap_or_default(), fix, is_confirmed: true }
}

/// The change to the allowed value that was certainly intended.
fn renamed(error: &ValidationError<'_>, help: &Option<String>) -> Option<Fix> {
    let ValidationErrorKind::Enum { options } = error.kind() else { return None };
    let given = error.instance().as_str().filter(|_| help.is_some())?;
    rename(given, strings(options).into_iter())
}

/// Returns whether a branch of a condition reports an error about an object in which something is not known.
fn is_undecided(error: &ValidationError<'_>, instance: &JsonValue) -> bool {
    let decided_elsewhere = ["/then/", "/else/", "/not", "/if/"];
    decided_elsewhere.iter().any(|step| error.schema_path().as_str().contains(step))
        && holds_unresolved(instance)
}

/// Returns the item of a list that repeats one before it. Empty texts are defaults of optional parameters.
fn duplicate(list: &JsonValue, path: &[String]) -> Option<Problem> {
    let mut seen = HashSet::new();
    let all = items(list).enumerate();
    let mut comparable = all.filter(|(_, item)| !item.is_null() && *item != "");
    let (number, item) = comparable.find(|(_, item)| !seen.insert(item.to_string()))?;
    let path = path.iter().cloned().chain([number.to_string()]).collect();
    let message = format!("{} is in this list twice", brief_or_function(item));
    Some(Problem {
        rule: &rules::WRONG_COMBINATION,
        path,
        message,
        help: "remove one of the two".into(),
        fix: None,
        is_confirmed: true,
    })
}

fn brief_or_function(value: &JsonValue) -> String {
    if function(value).is_some() { format!("`{value}`") } else { brief(value) }
}

/// Returns a property that the schema does not have. A macro or a loop is none.
fn unknown(name: &str, schema: Option<registry::Schema<'_>>, path: &[String]) -> Option<Problem> {
    let is_property = !name.starts_with("Fn::");
    let names = || schema.into_iter().flat_map(|at| at.properties().map(|(name, _)| name));
    let (help, fix) = nearest_name(name, names);
    is_property.then(|| Problem {
        rule: &rules::UNKNOWN_PROPERTY,
        path: path.iter().cloned().chain([name.to_owned()]).collect(),
        message: format!("there is no property `{name}`"),
        help,
        fix,
        is_confirmed: true,
    })
}

/// Returns the first value on the way that is known only later, and how many steps lead to it.
fn unresolved_on_the_way<'v>(instance: &'v JsonValue, path: &[String]) -> Option<(&'v JsonValue, usize)> {
    let mut value = instance;
    for number in 0..=path.len() {
        if is_unresolved(value) {
            return Some((value, number));
        }
        value = step_into(value, path.get(number)?)?;
    }
    None
}

pub(super) fn step_into<'v>(value: &'v JsonValue, step: &str) -> Option<&'v JsonValue> {
    match value {
        JsonValue::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    }
}

/// Returns the schema that a path leads to.
fn schema_at<'s>(schema: registry::Schema<'s>, path: &[String]) -> Option<registry::Schema<'s>> {
    path.iter().try_fold(schema.resolved(), |at, step| {
        let next = at.property(step).or_else(|| at.items()).or_else(|| at.map_values())?;
        Some(next.resolved())
    })
}

/// Returns the problem of a value that is known only at deployment: a wrong type, a wrong length, or no allowed value that it can
/// have.
fn unresolved(
    error: &ValidationError<'_>,
    value: &JsonValue,
    schema: Option<registry::Schema<'_>>,
    view: &View<'_>,
) -> Option<Message> {
    if let ValidationErrorKind::Custom { keyword, message } = error.kind()
        && keyword == "partsMatch"
    {
        return Some((&rules::PATTERN_MISMATCH, message.clone(), None));
    }
    let ValidationErrorKind::Type { kind: wanted } = error.kind() else {
        let ValidationErrorKind::Enum { options } = error.kind() else { return None };
        let text = Text::of(value);
        let known = text.0.iter().any(|piece| matches!(piece, Piece::Known(_)));
        let allowed = strings(options);
        if !known || allowed.iter().any(|option| text.can_be(option)) {
            return None;
        }
        let help = (allowed.len() <= 12).then(|| format!("use {}", allowed.join(", ")));
        return Some((
            &rules::VALUE_NOT_ALLOWED,
            "this string cannot be one of the allowed values".into(),
            help,
        ));
    };
    let scalar = ["string", "integer", "number", "boolean"].iter().any(|name| wants(wanted, name));
    let given = kind(value, view);
    let fits = match given {
        Kind::Any => true,
        Kind::Text => scalar,
        Kind::List => wants(wanted, "array"),
        Kind::Object => wants(wanted, "object"),
    };
    if !fits {
        let (name, argument) = function(value)?;
        let message = format!(
            "`{name}` of {} returns {}, and the property takes {}",
            shown(argument),
            given.name(),
            wanted_name(wanted)
        );
        return Some((&rules::WRONG_TYPE, message, None));
    }
    let most = schema?.bound(Bound::MaxLength)?.as_u64()?;
    let least = Text::of(value).least_characters();
    (given == Kind::Text && least as u64 > most).then(|| {
        let message = format!("this string has {least} characters or more");
        (&rules::OUT_OF_RANGE, message, Some(format!("use at most {most} characters")))
    })
}
