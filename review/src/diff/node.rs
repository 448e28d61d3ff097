//! The canonical form of a template value, in which two values are compared.
//!
//! What CloudFormation or the service treats alike is alike here: the spellings of an intrinsic function, a number and
//! the string that holds it, JSON text and its layout, one action and a list of one action. Lists of named elements are
//! keyed by the name, and lists whose order has no meaning are sets.

use indexmap::IndexMap;
use serde_json::{Map, Value as JsonValue, json};
use stackwright_schemas::registry::Schema;
pub(crate) use stackwright_synth::function::scalar_text;
use stackwright_synth::function::{escape, function};

use super::lists::{self, Kind};
use crate::check::text::{Piece, Text};

/// Values that nest deeper are compared as they are written. The readers of templates allow no deeper ones.
const MAX_DEPTH: usize = 256;

/// The placeholder for values that are known at deployment while JSON text is parsed. No template has these characters.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// A value in the form in which it is compared.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A scalar, or a text that holds intrinsic functions, in one spelling.
    Leaf {
        /// The value in its canonical spelling.
        value: JsonValue,
        /// Whether `1` differs from `"1"`, as it does in a document that a service reads.
        strict: bool,
    },
    /// An object.
    Map(IndexMap<String, Node>),
    /// A list whose order matters.
    List(Vec<Node>),
    /// A list of elements that are named by one of their members.
    Named {
        /// The elements by name, in the order in which they are written.
        items: IndexMap<String, Node>,
        /// Whether their order matters.
        ordered: bool,
    },
    /// A list whose order has no meaning.
    Set(Vec<Node>),
    /// A text that holds JSON.
    Document(Box<Node>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf { value: one, strict: a }, Self::Leaf { value: other, strict: b }) => {
                same_scalar(one, other, *a || *b)
            }
            (Self::Map(one), Self::Map(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Set(one), Self::Set(other)) => same_set(one, other),
            (Self::Named { items: one, ordered }, Self::Named { items: other, .. }) => {
                one == other && (!ordered || one.keys().eq(other.keys()))
            }
            (Self::Named { items, .. }, Self::List(list)) | (Self::List(list), Self::Named { items, .. }) => {
                items.values().eq(list)
            }
            (Self::Document(one), Self::Document(other)) => one == other,
            _ => self.is_empty_list() && other.is_empty_list(),
        }
    }
}

fn same_set(one: &[Node], other: &[Node]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut left: Vec<&Node> = other.iter().collect();
    one.iter().all(|item| {
        let at = left.iter().position(|candidate| *candidate == item);
        at.map(|at| left.swap_remove(at)).is_some()
    })
}

/// Returns whether two scalars are the same to CloudFormation, which takes `"1"` for `1`.
fn same_scalar(one: &JsonValue, other: &JsonValue, strict: bool) -> bool {
    one == other || !strict && is_scalar(one) && is_scalar(other) && scalar_text(one) == scalar_text(other)
}

fn is_scalar(value: &JsonValue) -> bool {
    matches!(value, JsonValue::String(_) | JsonValue::Number(_) | JsonValue::Bool(_))
}

/// The position of a value, as far as its meaning depends on the position.
#[derive(Clone, Copy)]
struct Location<'a> {
    /// The name of the nearest property around it.
    name: &'a str,
    schema: Option<Schema<'a>>,
    /// Whether the value is in a document that a service reads.
    strict: bool,
    depth: usize,
}

impl Node {
    /// Builds the node of a value of a template. `schema` is the registry's schema of it, which states whether the order of a
    /// list has a meaning.
    pub(crate) fn of(value: &JsonValue, name: &str, schema: Option<Schema<'_>>) -> Self {
        read(value, Location { name, schema, strict: false, depth: 0 })
    }

    /// Returns the value as JSON, in its canonical spelling. A document is the JSON that it holds.
    pub fn json(&self) -> JsonValue {
        match self {
            Self::Leaf { value, .. } => value.clone(),
            Self::Map(map) => {
                JsonValue::Object(map.iter().map(|(name, node)| (name.clone(), node.json())).collect())
            }
            Self::List(items) | Self::Set(items) => items.iter().map(Self::json).collect(),
            Self::Named { items, .. } => items.values().map(Self::json).collect(),
            Self::Document(document) => document.json(),
        }
    }

    /// Returns whether the value is a list without elements.
    pub fn is_empty_list(&self) -> bool {
        match self {
            Self::List(items) | Self::Set(items) => items.is_empty(),
            Self::Named { items, .. } => items.is_empty(),
            _ => false,
        }
    }

    /// Returns a member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(name),
            Self::Document(document) => document.get(name),
            _ => None,
        }
    }
}

fn read(value: &JsonValue, location: Location<'_>) -> Node {
    if location.depth > MAX_DEPTH {
        return Node::Leaf { value: value.clone(), strict: true };
    }
    match value {
        JsonValue::Object(map) => match function(value) {
            Some((name, argument)) => read_function(value, name, argument, location),
            None => read_map(map, location),
        },
        JsonValue::Array(items) => read_list(items, location),
        JsonValue::String(text) => {
            document(text, &[], location).unwrap_or_else(|| leaf(value.clone(), location))
        }
        _ => leaf(value.clone(), location),
    }
}

fn leaf(value: JsonValue, location: Location<'_>) -> Node {
    Node::Leaf { value, strict: location.strict }
}

fn read_map(map: &Map<String, JsonValue>, location: Location<'_>) -> Node {
    let member = |name: &str, value: &JsonValue| {
        let schema = location.schema.and_then(|schema| schema.property(name).or_else(|| schema.map_values()));
        // Names below `Principal` or `Condition` of a policy are not properties.
        let inner_name = if lists::is_free(location.name) { location.name } else { name };
        let inner = Location { name: inner_name, schema, depth: location.depth + 1, ..location };
        if lists::is_one_or_many(name, location.name, value) {
            return read_list(std::slice::from_ref(value), inner);
        }
        read(value, inner)
    };
    Node::Map(map.iter().map(|(name, value)| (name.clone(), member(name, value))).collect())
}

fn read_list(items: &[JsonValue], location: Location<'_>) -> Node {
    let schema = location.schema.and_then(|schema| schema.items());
    let inner = Location { schema, depth: location.depth + 1, ..location };
    let nodes: Vec<Node> = items.iter().map(|item| read(item, inner)).collect();
    match lists::kind(location.name, location.schema.as_ref(), items) {
        Kind::Ordered => Node::List(nodes),
        Kind::Unordered => {
            let mut set: Vec<Node> = Vec::new();
            for node in nodes {
                if !set.contains(&node) {
                    set.push(node);
                }
            }
            set.sort_by_cached_key(|node| node.json().to_string());
            Node::Set(set)
        }
        Kind::Named { names, ordered } => {
            Node::Named { items: names.into_iter().zip(nodes).collect(), ordered }
        }
    }
}

fn read_function(value: &JsonValue, name: &str, argument: &JsonValue, location: Location<'_>) -> Node {
    let is_text = matches!(name, "Ref" | "Fn::GetAtt" | "Fn::Sub" | "Fn::Join");
    if is_text {
        let text = Text::of(value);
        // A `Fn::Join` over something that is known later stays what it is.
        if text.hole() != Some(value) || matches!(name, "Ref" | "Fn::GetAtt") {
            return read_text(&text, location);
        }
    }
    if name == "Fn::ToJsonString" {
        let inner = Location { strict: true, schema: None, depth: location.depth + 1, ..location };
        return Node::Document(Box::new(read(argument, inner)));
    }
    // Branches of `Fn::If` are values of the property; arguments of other functions are not.
    let is_if = name == "Fn::If";
    let schema = if is_if { location.schema } else { None };
    let inner = Location {
        schema,
        depth: location.depth + 1,
        name: if is_if { location.name } else { name },
        ..location
    };
    let argument = match argument {
        JsonValue::Array(items) => Node::List(items.iter().map(|item| read(item, inner)).collect()),
        other => read(other, inner),
    };
    Node::Map(IndexMap::from([(name.to_owned(), argument)]))
}

/// Returns a text in one spelling: a string, a reference, `Fn::Sub` where every variable is a reference, `Fn::Join` otherwise.
fn read_text(text: &Text<'_>, location: Location<'_>) -> Node {
    let holes: Vec<JsonValue> = text
        .0
        .iter()
        .filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(canonical_hole(hole, location)),
            Piece::Known(_) => None,
        })
        .collect();
    if let Some(marked) = marked(text)
        && let Some(node) = document(&marked, &holes, location)
    {
        return node;
    }
    let mut holes = holes.into_iter();
    let pieces: Vec<JsonValue> = text
        .0
        .iter()
        .filter_map(|piece| match piece {
            Piece::Known(known) => Some(JsonValue::from(known.as_ref())),
            Piece::Hole(_) => holes.next(),
        })
        .collect();
    leaf(joined(pieces), location)
}

fn canonical_hole(hole: &JsonValue, location: Location<'_>) -> JsonValue {
    match function(hole) {
        Some(("Ref", _)) => hole.clone(),
        Some(("Fn::GetAtt", argument)) => match attribute(argument) {
            Some((id, attribute)) => json!({ "Fn::GetAtt": [id, attribute] }),
            None => hole.clone(),
        },
        Some((name, argument)) => {
            let inner = Location { schema: None, depth: location.depth + 1, ..location };
            read_function(hole, name, argument, inner).json()
        }
        None => hole.clone(),
    }
}

/// Returns the logical ID and the attribute that an `Fn::GetAtt` names, if both are written out.
fn attribute(argument: &JsonValue) -> Option<(String, String)> {
    match argument {
        JsonValue::String(path) => path.split_once('.').map(|(id, name)| (id.to_owned(), name.to_owned())),
        JsonValue::Array(parts) => {
            let parts: Option<Vec<&str>> = parts.iter().map(JsonValue::as_str).collect();
            let parts = parts?;
            let (id, attribute) = parts.split_first()?;
            Some(((*id).to_owned(), attribute.join(".")))
        }
        _ => None,
    }
}

/// Pieces of a text as one value.
pub(crate) fn joined(pieces: Vec<JsonValue>) -> JsonValue {
    if let [only] = pieces.as_slice() {
        return only.clone();
    }
    let mut format = String::new();
    for piece in &pieces {
        match (piece, variable(piece)) {
            (JsonValue::String(known), _) => format.push_str(&escape(known)),
            (_, Some(name)) => format.push_str(&format!("${{{name}}}")),
            _ => return json!({ "Fn::Join": ["", pieces] }),
        }
    }
    if pieces.iter().all(JsonValue::is_string) {
        pieces.iter().filter_map(JsonValue::as_str).collect::<String>().into()
    } else {
        json!({ "Fn::Sub": format })
    }
}

/// Returns the name of a reference in an `Fn::Sub`.
pub(crate) fn variable(value: &JsonValue) -> Option<String> {
    match function(value)? {
        ("Ref", JsonValue::String(id)) => Some(id.clone()),
        ("Fn::GetAtt", argument) => attribute(argument).map(|(id, attribute)| format!("{id}.{attribute}")),
        _ => None,
    }
}

/// Returns the text with a mark for each hole; `None` where it cannot be JSON.
fn marked(text: &Text<'_>) -> Option<String> {
    if !text.start().trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (mut json, mut holes, mut in_string) = (String::new(), 0, false);
    for piece in &text.0 {
        match piece {
            Piece::Known(known) => {
                let mut escaped = false;
                for letter in known.chars() {
                    match letter {
                        _ if escaped => escaped = false,
                        '\\' if in_string => escaped = true,
                        '"' => in_string = !in_string,
                        _ => {}
                    }
                }
                json.push_str(known);
            }
            Piece::Hole(_) => {
                let mark = format!("{OPEN}{holes}{CLOSE}");
                json.push_str(&if in_string { mark } else { format!("\"{mark}\"") });
                holes += 1;
            }
        }
    }
    Some(json)
}

/// Parses a string that contains a JSON object or a JSON array.
fn document(text: &str, holes: &[JsonValue], location: Location<'_>) -> Option<Node> {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[']) || trimmed.len() < 2 {
        return None;
    }
    let mut value: JsonValue = serde_json::from_str(trimmed).ok()?;
    if !holes.is_empty() {
        put_back(&mut value, holes);
    }
    let inner = Location { strict: true, schema: None, depth: location.depth + 1, ..location };
    Some(Node::Document(Box::new(read(&value, inner))))
}

/// Replaces marks by the values that are known at deployment.
fn put_back(value: &mut JsonValue, holes: &[JsonValue]) {
    match value {
        JsonValue::Object(map) => map.values_mut().for_each(|inner| put_back(inner, holes)),
        JsonValue::Array(items) => items.iter_mut().for_each(|inner| put_back(inner, holes)),
        JsonValue::String(text) if text.contains(OPEN) => {
            let mut pieces: Vec<JsonValue> = Vec::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(OPEN) {
                let (number, after) = after.split_once(CLOSE).unwrap_or((after, ""));
                if !before.is_empty() {
                    pieces.push(before.into());
                }
                pieces.extend(number.parse::<usize>().ok().and_then(|number| holes.get(number)).cloned());
                rest = after;
            }
            if !rest.is_empty() {
                pieces.push(rest.into());
            }
            *value = joined(pieces);
        }
        _ => {}
    }
}
