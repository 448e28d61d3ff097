//! Reads intrinsic functions in templates: the function that a value contains, and the elements that it refers to.

use std::borrow::Cow;

use serde_json::Value as JsonValue;

/// Returns the name, such as `Fn::Sub`, and the argument of the intrinsic function that a value is; `None` for any
/// other value.
#[inline]
pub fn function(value: &JsonValue) -> Option<(&str, &JsonValue)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (name, argument) = map.iter().next()?;
    // A loop is not a function: it represents several members.
    let is_function = name == "Ref" || name.starts_with("Fn::") && !name.starts_with("Fn::ForEach");
    is_function.then_some((name, argument))
}

/// Returns a scalar as the text that CloudFormation makes of it: a string as it is, a number or a boolean in JSON.
pub fn scalar_text(value: &JsonValue) -> Cow<'_, str> {
    match value {
        JsonValue::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Returns the children of a value, each with its step in a JSON pointer, which is not escaped: the key in an object,
/// or the index in an array. Other values have no children.
pub fn children(value: &JsonValue) -> impl Iterator<Item = (Cow<'_, str>, &JsonValue)> {
    let named =
        value.as_object().into_iter().flatten().map(|(name, inner)| (Cow::Borrowed(name.as_str()), inner));
    let numbered = value
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(number, inner)| (Cow::Owned(number.to_string()), inner));
    named.chain(numbered)
}

/// Returns whether a value is an object or an array. Only these contain functions.
#[inline]
pub fn is_container(value: &JsonValue) -> bool {
    value.is_object() || value.is_array()
}

/// Calls `work` with a JSON pointer to which a step is added, and removes the step afterwards. Returns what `work`
/// returned. The step is escaped here.
pub fn below<R>(pointer: &mut String, step: &str, work: impl FnOnce(&mut String) -> R) -> R {
    let length = pointer.len();
    crate::pointer::push(pointer, step);
    let result = work(pointer);
    pointer.truncate(length);
    result
}

/// A part of the string of an `Fn::Sub`, as [`parts`] returns it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'a> {
    /// Literal text.
    Literal(&'a str),
    /// A variable: the text between `${` and `}`, such as `AWS::Region` or `Topic.TopicArn`, without spaces around it.
    Variable(&'a str),
}

/// Returns a literal as a part of the string of an `Fn::Sub`: `${Name}` becomes `${!Name}`.
///
/// ```
/// use stackwright_synth::function::{escape, unescape};
///
/// assert_eq!(escape("echo ${HOME}"), "echo ${!HOME}");
/// assert_eq!(unescape("echo ${!HOME}"), "echo ${HOME}");
/// ```
pub fn escape(literal: &str) -> String {
    literal.replace("${", "${!")
}

/// Returns the literal of a string of `Fn::Sub` without variables.
pub fn unescape(format: &str) -> String {
    format.replace("${!", "${")
}

/// Splits the string of an `Fn::Sub` into its parts. `${!Name}` is the literal `${Name}`.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        if let Some(literal) = name.strip_prefix('!') {
            parts.push(Part::Literal(&rest[..start + 2]));
            parts.push(Part::Literal(literal));
            parts.push(Part::Literal("}"));
        } else {
            parts.push(Part::Literal(&rest[..start]));
            parts.push(Part::Variable(name.trim()));
        }
        rest = &rest[start + length + 1..];
    }
    parts.push(Part::Literal(rest));
    parts.retain(|part| *part != Part::Literal(""));
    parts
}

/// Calls `found` with every reference in a value, by `Ref`, `Fn::GetAtt` or `Fn::Sub`: the logical ID or the name of a
/// pseudo parameter, the attribute of an `Fn::GetAtt` (empty if it is not a literal), and the JSON pointer of the
/// function.
///
/// `pointer` is the pointer of the value. It is unchanged afterwards.
pub fn references<'v>(
    value: &'v JsonValue,
    pointer: &mut String,
    found: &mut impl FnMut(&'v str, Option<Cow<'v, str>>, &str),
) {
    match function(value) {
        Some(("Ref", JsonValue::String(id))) => found(id, None, pointer),
        Some(("Fn::GetAtt", JsonValue::Array(arguments))) => {
            if let [JsonValue::String(id), attribute @ ..] = arguments.as_slice() {
                // The attribute may consist of several parts, or be a parameter.
                let steps: Option<Vec<_>> = attribute.iter().map(JsonValue::as_str).collect();
                let attribute = steps.map(|steps| Cow::Owned(steps.join(".")));
                found(id, Some(attribute.unwrap_or(Cow::Borrowed(""))), pointer);
            }
            for inner in arguments.iter().skip(1) {
                references(inner, pointer, found);
            }
        }
        Some(("Fn::GetAtt", JsonValue::String(path))) => {
            let (id, attribute) = path.split_once('.').unwrap_or((path, ""));
            found(id, Some(Cow::Borrowed(attribute)), pointer);
        }
        Some(("Fn::Sub", argument)) => {
            let (format, variables) = match argument {
                JsonValue::Array(arguments) => (arguments.first(), arguments.get(1)),
                format => (Some(format), None),
            };
            for part in format.and_then(JsonValue::as_str).map(parts).unwrap_or_default() {
                let Part::Variable(name) = part else { continue };
                if variables.is_some_and(|variables| variables.get(name).is_some()) {
                    continue;
                }
                match name.split_once('.') {
                    Some((id, attribute)) => found(id, Some(Cow::Borrowed(attribute)), pointer),
                    None => found(name, None, pointer),
                }
            }
            if let Some(variables) = variables {
                below(pointer, "Fn::Sub", |pointer| references(variables, pointer, found));
            }
        }
        _ => {
            for (step, inner) in children(value).filter(|(_, inner)| is_container(inner)) {
                below(pointer, &step, |pointer| references(inner, pointer, found));
            }
        }
    }
}
