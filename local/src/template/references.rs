//! The references in a value of a template.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};
use stackwright_synth::function;

pub(crate) fn depends_on(resource: &Json) -> Vec<&str> {
    match &resource["DependsOn"] {
        Json::String(one) => vec![one],
        Json::Array(all) => all.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A name that something refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub name: String,
    /// The attribute of `Fn::GetAtt`; empty if it is a function.
    pub attribute: Option<String>,
}

/// Returns all references in a value.
pub(crate) fn references(value: &Json) -> Vec<Reference> {
    let mut found = Vec::new();
    function::references(value, &mut String::new(), &mut |name, attribute, _| {
        found.push(Reference { name: name.to_owned(), attribute: attribute.map(Cow::into_owned) });
    });
    found
}

/// Returns the only member of an object.
pub(crate) fn single(map: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut entries = map.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}

pub(crate) fn get_att(argument: &Json) -> Option<(String, String)> {
    match argument {
        Json::String(text) => {
            text.split_once('.').map(|(name, attribute)| (name.to_owned(), attribute.to_owned()))
        }
        Json::Array(parts) => Some((parts.first()?.as_str()?.to_owned(), parts.get(1)?.as_str()?.to_owned())),
        _ => None,
    }
}

/// Returns the string of an `Fn::Sub`, and the variables that it defines.
pub(crate) fn substitution(argument: &Json) -> (&str, Option<&Map<String, Json>>) {
    match argument {
        Json::String(text) => (text, None),
        Json::Array(parts) => {
            (parts.first().and_then(Json::as_str).unwrap_or_default(), parts.get(1).and_then(Json::as_object))
        }
        _ => ("", None),
    }
}
