//! Validates each request against the service model of the API before the operation handles it: required members, values of
//! enumerations, lengths, ranges and patterns. `constraints.json` is an extract of botocore's service model.
//! `local/tests/operations.py` compares it with the model, and writes it if `UPDATE_CONSTRAINTS` is set.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::api::error::ServiceError;
use crate::template::scalar_text;

/// The constraints of the operations by their names.
static OPERATIONS: LazyLock<BTreeMap<String, Shape>> =
    LazyLock::new(|| serde_json::from_str(include_str!("constraints.json")).unwrap_or_default());

/// The constraint of a value.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shape {
    kind: Kind,
    required: Vec<String>,
    members: BTreeMap<String, Shape>,
    item: Option<Box<Shape>>,
    #[serde(rename = "enum")]
    values: Vec<String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<Pattern>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Structure,
    List,
    Map,
    Integer,
    Boolean,
    String,
}

/// A regular expression that matches a whole string.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct Pattern {
    text: String,
    /// `None` if the engine does not support its syntax.
    validator: Option<jsonschema::Validator>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let schema = serde_json::json!({ "pattern": format!("^(?:{text})$") });
        Self { validator: jsonschema::draft7::new(&schema).ok(), text }
    }
}

/// Rejects a request that the model does not allow.
pub(super) fn check(action: &str, form: &Map<String, Json>) -> Result<(), ServiceError> {
    let Some(shape) = OPERATIONS.get(action) else { return Ok(()) };
    let mut problems = Vec::new();
    shape.members_of(form, "", &mut problems);
    let errors = match problems.len() {
        0 => return Ok(()),
        1 => "1 validation error".to_owned(),
        number => format!("{number} validation errors"),
    };
    Err(ServiceError::validation(format!("{errors} detected: {}", problems.join("; "))))
}

impl Shape {
    fn members_of(&self, given: &Map<String, Json>, path: &str, problems: &mut Vec<String>) {
        for name in self.required.iter().filter(|name| !given.contains_key(*name)) {
            let at = joined(path, name);
            problems
                .push(format!("Value null at '{at}' failed to satisfy constraint: Member must not be null"));
        }
        for (name, shape) in &self.members {
            if let Some(value) = given.get(name) {
                shape.value(value, &joined(path, name), problems);
            }
        }
    }

    fn value(&self, value: &Json, path: &str, problems: &mut Vec<String>) {
        let problem = match (self.kind, value) {
            (Kind::Structure, Json::Object(members)) => return self.members_of(members, path, problems),
            (Kind::List | Kind::Map, value) => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                for (number, item) in items.iter().enumerate() {
                    if let Some(shape) = &self.item {
                        shape.value(item, &format!("{path}.{}.member", number + 1), problems);
                    }
                }
                self.bounds(items.len(), "have length")
            }
            (Kind::Integer, value) => match scalar_text(value).parse::<i64>() {
                Ok(number) => self.bounds(number, "have value"),
                Err(_) => Some("be a number".to_owned()),
            },
            (Kind::Boolean, value) => match scalar_text(value).to_lowercase().as_str() {
                "true" | "false" => None,
                _ => Some("be a boolean".to_owned()),
            },
            (Kind::String, Json::String(text)) => self.text(text),
            // If a list or an object is set where the model requires a string, or the reverse, the member counts as not set.
            _ => None,
        };
        if let Some(constraint) = problem {
            let shown = scalar_text(value);
            problems.push(format!(
                "Value '{shown}' at '{path}' failed to satisfy constraint: Member must {constraint}"
            ));
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        if !self.values.is_empty() && !self.values.iter().any(|one| one == text) {
            return Some(format!("satisfy enum value set: [{}]", self.values.join(", ")));
        }
        self.bounds(text.chars().count(), "have length").or_else(|| {
            let pattern = self.pattern.as_ref()?;
            let fails = pattern.validator.as_ref().is_some_and(|one| !one.is_valid(&text.into()));
            fails.then(|| format!("satisfy regular expression pattern: {}", pattern.text))
        })
    }

    fn bounds(&self, number: impl TryInto<i64>, what: &str) -> Option<String> {
        let number = number.try_into().unwrap_or(i64::MAX);
        match (self.min, self.max) {
            (Some(min), _) if number < min => Some(format!("{what} greater than or equal to {min}")),
            (_, Some(max)) if number > max => Some(format!("{what} less than or equal to {max}")),
            _ => None,
        }
    }
}

/// Returns the path of a member, with names as the service writes them.
fn joined(path: &str, name: &str) -> String {
    let name = super::lower_first(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(action: &str, form: Json) -> String {
        let Json::Object(form) = form else { panic!("a form is an object") };
        check(action, &form).map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn every_pattern_is_applied() {
        fn walk(shape: &Shape, found: &mut usize) {
            if let Some(pattern) = &shape.pattern {
                assert!(pattern.validator.is_some(), "{}", pattern.text);
                *found += 1;
            }
            shape.members.values().chain(shape.item.as_deref()).for_each(|inner| walk(inner, found));
        }
        let mut found = 0;
        OPERATIONS.values().for_each(|shape| walk(shape, &mut found));
        assert!(found > 50, "{found}");
    }

    #[test]
    fn a_refusal_names_everything_that_is_wrong() {
        let message = refusal(
            "CreateStack",
            json!({ "OnFailure": "MAYBE", "TimeoutInMinutes": "0", "Tags": [{ "Key": "k" }] }),
        );
        assert_eq!(
            message,
            "4 validation errors detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null; \
             Value 'MAYBE' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, \
             ROLLBACK, DELETE]; Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null; \
             Value '0' at 'timeoutInMinutes' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        let named = |name: &str| refusal("ListChangeSets", json!({ "StackName": name }));
        assert_eq!(named("arn:aws:cloudformation:us-east-1:1:stack/a/1"), "");
        assert!(named("a b").contains("regular expression pattern"));
        assert!(named("").contains("greater than or equal to 1"));
    }
}
