//! The differences between two values: edits with paths, and their application.

use indexmap::IndexMap;
use serde_json::Value as JsonValue;

use super::node::Node;

/// Sets with more elements than this on both sides are compared without a search for similar ones.
const MAX_PAIRED: usize = 64;

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// A member of an object.
    Key(String),
    /// An element of a list: its index in the old list, or in the new one if it was added.
    Index(usize),
    /// An element of a list by its name.
    Name(String),
    /// An element of a set: what it was, or what it is if it was added.
    Item(Box<Node>),
}

/// The change of the value at a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// There was none.
    Added(Node),
    /// There is none any more.
    Removed(Node),
    /// It is another.
    Replaced(Node, Node),
    /// The elements of a list have another order, by their names.
    Reordered(Vec<String>, Vec<String>),
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    pub path: Vec<Step>,
    pub change: Change,
}

/// Returns every difference between two values.
pub(crate) fn edits(old: &Node, new: &Node) -> Vec<Edit> {
    let mut found = Vec::new();
    compare(old, new, &mut Vec::new(), &mut found);
    found
}

fn compare(old: &Node, new: &Node, path: &mut Vec<Step>, found: &mut Vec<Edit>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Node::Map(one), Node::Map(other)) if is_function(one) == is_function(other) => {
            compare_keyed(one, other, Step::Key, path, found);
        }
        (Node::Named { items: one, ordered }, Node::Named { items: other, .. }) => {
            compare_keyed(one, other, Step::Name, path, found);
            let after = kept_order(one, other);
            if *ordered && !after.into_iter().eq(other.keys()) {
                let names = |items: &IndexMap<String, Node>| items.keys().cloned().collect();
                found.push(Edit { path: path.clone(), change: Change::Reordered(names(one), names(other)) });
            }
        }
        // An empty list has no names; it is one of named elements where the other is.
        (Node::Named { items, .. }, empty) if empty.is_empty_list() => {
            compare_keyed(items, &IndexMap::new(), Step::Name, path, found);
        }
        (empty, Node::Named { items, .. }) if empty.is_empty_list() => {
            compare_keyed(&IndexMap::new(), items, Step::Name, path, found);
        }
        (Node::Set(one), Node::Set(other)) => compare_sets(one, other, path, found),
        (Node::Document(one), Node::Document(other)) => compare(one, other, path, found),
        _ => match (list(old), list(new)) {
            (Some(one), Some(other)) => compare_lists(&one, &other, path, found),
            _ => found.push(Edit { path: path.clone(), change: Change::Replaced(old.clone(), new.clone()) }),
        },
    }
}

/// Returns the name of the intrinsic function that an object is.
fn is_function(map: &IndexMap<String, Node>) -> Option<&str> {
    let (name, _) = map.first().filter(|_| map.len() == 1)?;
    name.starts_with("Fn::").then_some(name.as_str())
}

fn list(node: &Node) -> Option<Vec<&Node>> {
    match node {
        Node::List(items) => Some(items.iter().collect()),
        Node::Named { items, .. } => Some(items.values().collect()),
        _ => None,
    }
}

/// Names in the order in which [`apply`] leaves them.
fn kept_order<'a>(old: &'a IndexMap<String, Node>, new: &'a IndexMap<String, Node>) -> Vec<&'a String> {
    let kept = old.keys().filter(|name| new.contains_key(*name));
    kept.chain(new.keys().filter(|name| !old.contains_key(*name))).collect()
}

fn compare_keyed(
    old: &IndexMap<String, Node>,
    new: &IndexMap<String, Node>,
    step: fn(String) -> Step,
    path: &mut Vec<Step>,
    found: &mut Vec<Edit>,
) {
    for name in kept_union(old, new) {
        path.push(step(name.clone()));
        match (old.get(name), new.get(name)) {
            (Some(one), Some(other)) => compare(one, other, path, found),
            (Some(one), None) => {
                found.push(Edit { path: path.clone(), change: Change::Removed(one.clone()) })
            }
            (None, Some(other)) => {
                found.push(Edit { path: path.clone(), change: Change::Added(other.clone()) })
            }
            (None, None) => {}
        }
        path.pop();
    }
}

fn kept_union<'a>(
    old: &'a IndexMap<String, Node>,
    new: &'a IndexMap<String, Node>,
) -> impl Iterator<Item = &'a String> {
    old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)))
}

/// Compares lists element by element: equal elements at the start and the end are skipped, and the others are compared
/// in pairs.
fn compare_lists(old: &[&Node], new: &[&Node], path: &mut Vec<Step>, found: &mut Vec<Edit>) {
    let start = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let most = old.len().min(new.len()) - start;
    let end =
        old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
    let (one, other) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let pairs = one.len().min(other.len());
    for (number, (one, other)) in one.iter().zip(other).enumerate() {
        path.push(Step::Index(start + number));
        compare(one, other, path, found);
        path.pop();
    }
    let mut add = |index: usize, change: Change| {
        path.push(Step::Index(index));
        found.push(Edit { path: path.clone(), change });
        path.pop();
    };
    for (number, item) in one.iter().enumerate().skip(pairs) {
        add(start + number, Change::Removed((*item).clone()));
    }
    for (number, item) in other.iter().enumerate().skip(pairs) {
        add(start + number, Change::Added((*item).clone()));
    }
}

fn compare_sets(old: &[Node], new: &[Node], path: &mut Vec<Step>, found: &mut Vec<Edit>) {
    let mut added: Vec<&Node> = new.iter().collect();
    let mut removed: Vec<&Node> = Vec::new();
    for item in old {
        match added.iter().position(|candidate| *candidate == item) {
            Some(at) => drop(added.remove(at)),
            None => removed.push(item),
        }
    }
    let is_small = removed.len() <= MAX_PAIRED && added.len() <= MAX_PAIRED;
    for item in removed {
        path.push(Step::Item(Box::new(item.clone())));
        let partner = is_small.then(|| most_similar(item, &added)).flatten();
        match partner {
            Some(at) => compare(item, added.remove(at), path, found),
            None => found.push(Edit { path: path.clone(), change: Change::Removed(item.clone()) }),
        }
        path.pop();
    }
    for item in added {
        path.push(Step::Item(Box::new(item.clone())));
        found.push(Edit { path: path.clone(), change: Change::Added(item.clone()) });
        path.pop();
    }
}

/// Returns the element that is probably the same one, changed: an object of which at least half is alike.
fn most_similar(item: &Node, candidates: &[&Node]) -> Option<usize> {
    let (at, similarity) = candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| (at, similarity(item, candidate)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (similarity >= 0.5).then_some(at)
}

/// Returns the similarity of two objects, from 0 (different) to 1 (equal).
fn similarity(one: &Node, other: &Node) -> f64 {
    let (Node::Map(one), Node::Map(other)) = (one, other) else { return 0.0 };
    let all = kept_union(one, other).count().max(1);
    let alike: f64 = one
        .iter()
        .filter_map(|(name, value)| other.get(name).map(|there| (value, there)))
        .map(|(value, there)| if value == there { 1.0 } else { partly(value, there) })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "numbers of members are small")]
    let all = all as f64;
    alike / all
}

/// Returns the similarity of two members, from 0 to 1; for sets, the share of common elements.
fn partly(one: &Node, other: &Node) -> f64 {
    match (one, other) {
        (Node::Set(one), Node::Set(other)) if one.iter().any(|item| other.contains(item)) => 0.75,
        (Node::Map(_), Node::Map(_)) => similarity(one, other),
        _ => 0.0,
    }
}

impl Change {
    /// Returns the value before and after, as JSON in canonical spelling.
    pub fn sides(&self) -> (Option<JsonValue>, Option<JsonValue>) {
        let names = |names: &Vec<String>| Some(JsonValue::from(names.clone()));
        match self {
            Self::Added(new) => (None, Some(new.json())),
            Self::Removed(old) => (Some(old.json()), None),
            Self::Replaced(old, new) => (Some(old.json()), Some(new.json())),
            Self::Reordered(old, new) => (names(old), names(new)),
        }
    }
}
