//! Paths of values, as people write them and as the registry writes them.

use std::borrow::Cow;

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use super::edit::Step;
use super::lists::{self, Kind};
use super::node::{Node, scalar_text};

/// The maximum number of characters of an element's description in a path. The element itself is shown completely.
const MAX_LABEL: usize = 48;

/// Returns the path as people write it: `ProductionVariants[Main].InstanceType`. An element of a set that is added or removed
/// stands for itself, so its list is named.
pub(crate) fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for (number, step) in path.iter().enumerate() {
        match step {
            Step::Key(name) => {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(name);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Name(name) => text.push_str(&format!("[{name}]")),
            Step::Item(item) if number + 1 < path.len() => text.push_str(&format!("[{}]", label(item))),
            Step::Item(_) => {}
        }
    }
    text
}

/// Returns a short description of an element that has no name.
pub(crate) fn label(node: &Node) -> String {
    let mut words = Vec::new();
    scalars(node, &mut words);
    let text = words.join(" ");
    match text.char_indices().nth(MAX_LABEL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn scalars(node: &Node, words: &mut Vec<String>) {
    match node {
        Node::Leaf { value, .. } => words.push(match super::node::variable(value) {
            Some(name) => format!("${{{name}}}"),
            None => match value.get("Fn::Sub") {
                Some(format) => scalar_text(format).into_owned(),
                None => scalar_text(value).into_owned(),
            },
        }),
        Node::Map(map) => map.values().for_each(|inner| scalars(inner, words)),
        Node::Named { items, .. } => items.values().for_each(|inner| scalars(inner, words)),
        Node::List(items) | Node::Set(items) => items.iter().for_each(|inner| scalars(inner, words)),
        Node::Document(inner) => scalars(inner, words),
    }
}

/// Returns the path as the registry writes it: `A/*/B`.
pub(crate) fn in_registry(path: &[Step]) -> String {
    let steps: Vec<&str> = path
        .iter()
        .map(|step| match step {
            Step::Key(name) => name.as_str(),
            _ => "*",
        })
        .collect();
    steps.join("/")
}

/// Returns the JSON pointer to what a path names in a value as it is written, as far as it can be followed.
pub(crate) fn pointer(path: &[Step], value: &JsonValue) -> String {
    let (mut pointer, mut value) = (String::new(), value);
    for step in path {
        let next = match step {
            Step::Key(name) => value.get(name).map(|inner| (name.clone(), inner)),
            Step::Index(index) => value.get(index).map(|inner| (index.to_string(), inner)),
            Step::Name(name) => value.as_array().and_then(|items| {
                let is_it = |item: &JsonValue| {
                    item.as_object()
                        .is_some_and(|map| map.values().any(|member| member.as_str() == Some(name)))
                };
                items.iter().position(is_it).map(|at| (at.to_string(), &items[at]))
            }),
            Step::Item(_) => None,
        };
        let Some((step, inner)) = next else { break };
        pointer::push(&mut pointer, &step);
        value = inner;
    }
    pointer
}

/// Returns a JSON pointer below properties as people write a path; intrinsic functions are left out, and elements of lists are
/// called by their names.
pub(crate) fn of_pointer(pointer: &str, value: &JsonValue) -> String {
    let (mut text, mut value, mut name) = (String::new(), value, String::new());
    for step in pointer::steps(pointer).map(Cow::into_owned) {
        if step.starts_with("Fn::") {
            break;
        }
        match value {
            JsonValue::Array(items) => {
                let index = step.parse::<usize>().unwrap_or_default();
                match lists::kind(&name, None, items) {
                    Kind::Named { names, .. } => {
                        text.push_str(&format!("[{}]", names.get(index).map_or("", String::as_str)));
                    }
                    _ => text.push_str(&format!("[{index}]")),
                }
                value = items.get(index).unwrap_or(&JsonValue::Null);
            }
            _ => {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(&step);
                value = value.get(&step).unwrap_or(&JsonValue::Null);
                name = step;
            }
        }
    }
    text
}
