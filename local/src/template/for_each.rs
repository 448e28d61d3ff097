//! `Fn::ForEach` of the language extensions: what it stands for is written out before anything else is looked at.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::api::error::ServiceError;
use crate::template::evaluate::Scope;
use crate::template::{StackTemplate, scalar_text, single};

/// What begins the name of a loop.
pub(crate) const LOOP: &str = "Fn::ForEach";

/// The sections in which loops may stand.
const SECTIONS: [&str; 3] = ["Conditions", "Resources", "Outputs"];

/// How deep loops and values are followed into each other.
const MAX_DEPTH: usize = 200;

/// Whether a template has loops anywhere.
pub(crate) fn has_loops(template: &StackTemplate) -> bool {
    fn inside(value: &Json) -> bool {
        match value {
            Json::Object(map) => map.iter().any(|(name, value)| name.starts_with(LOOP) || inside(value)),
            Json::Array(items) => items.iter().any(inside),
            _ => false,
        }
    }
    SECTIONS.iter().filter_map(|name| template.top(name)).any(inside)
}

/// The template with its loops written out, as text.
pub(crate) fn expand_loops(template: &StackTemplate, scope: &Scope<'_>) -> Result<String, ServiceError> {
    let mut sections = template.sections().clone();
    for name in SECTIONS {
        if let Some(section) = sections.get_mut(name) {
            *section = expand(section, &BTreeMap::new(), scope, 0).map_err(ServiceError::validation)?;
        }
    }
    sections.remove("Transform");
    Ok(Json::Object(sections).to_string())
}

/// The names of loops and what they stand for.
pub(crate) type Names = BTreeMap<String, String>;

fn expand(value: &Json, names: &Names, scope: &Scope<'_>, depth: usize) -> Result<Json, String> {
    if depth > MAX_DEPTH {
        return Err("Template error: it is nested too deeply".into());
    }
    Ok(match value {
        Json::Object(map) => {
            if let Some(("Ref", name)) = single(map)
                && let Some(item) = name.as_str().and_then(|name| names.get(name))
            {
                return Ok(item.clone().into());
            }
            let mut written = Map::new();
            for (name, value) in map {
                if !name.starts_with(LOOP) {
                    written.insert(replaced(name, names), expand(value, names, scope, depth + 1)?);
                    continue;
                }
                for (name, value) in iterations(name, value, names, scope, depth)? {
                    if written.insert(name.clone(), value).is_some() {
                        return Err(format!("Template error: {LOOP} makes {name} twice"));
                    }
                }
            }
            written.into()
        }
        Json::Array(items) => {
            let items: Result<Vec<Json>, String> =
                items.iter().map(|item| expand(item, names, scope, depth + 1)).collect();
            items?.into()
        }
        Json::String(text) => replaced(text, names).into(),
        other => other.clone(),
    })
}

/// What a loop makes, turn by turn.
fn iterations(
    name: &str,
    written: &Json,
    names: &Names,
    scope: &Scope<'_>,
    depth: usize,
) -> Result<Vec<(String, Json)>, String> {
    let wrong = || {
        format!(
            "Template error: {name} has to be a list of an identifier, a collection and an object of what it makes"
        )
    };
    let [Json::String(identifier), collection, body @ Json::Object(_)] =
        written.as_array().map(Vec::as_slice).ok_or_else(wrong)?
    else {
        return Err(wrong());
    };
    // A collection may come of the loop around it.
    let collection = expand(collection, names, scope, depth + 1)?;
    let items = match scope.value(&collection)? {
        Some(Json::Array(items)) => items,
        Some(Json::String(text)) => text.split(',').map(|item| item.trim().into()).collect(),
        _ => return Err(wrong()),
    };
    let mut made = Vec::new();
    for item in &items {
        let mut inside = names.clone();
        inside.insert(identifier.clone(), scalar_text(item));
        if let Json::Object(body) = expand(body, &inside, scope, depth + 1)? {
            made.extend(body);
        }
    }
    Ok(made)
}

/// A text in which the names of loops are what they stand for: `${Name}` as it is, `&{Name}` without what no logical id has.
fn replaced(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    for (name, item) in names {
        text = text.replace(&format!("${{{name}}}"), item);
        if text.contains("&{") {
            let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
            text = text.replace(&format!("&{{{name}}}"), &plain);
        }
    }
    text
}
