//! Applies edits to a value. Tests use it to verify that a comparison finds all differences.

use indexmap::IndexMap;

use super::edit::{Change, Edit, Step};
use super::node::Node;

/// Returns the old value with edits applied; `None` where they are not edits of it.
pub(crate) fn apply(old: &Node, edits: &[Edit]) -> Option<Node> {
    let all: Vec<(&[Step], &Change)> =
        edits.iter().map(|edit| (edit.path.as_slice(), &edit.change)).collect();
    apply_all(old, &all)
}

fn apply_all(old: &Node, edits: &[(&[Step], &Change)]) -> Option<Node> {
    if edits.is_empty() {
        return Some(old.clone());
    }
    if let [([], Change::Replaced(before, after))] = edits {
        return (before == old).then(|| after.clone());
    }
    match old {
        Node::Document(document) => Some(Node::Document(Box::new(apply_all(document, edits)?))),
        Node::Map(map) => Some(Node::Map(apply_keyed(map, edits)?)),
        Node::Named { items, ordered }
            if edits.iter().all(|(path, _)| !matches!(path.first(), Some(Step::Index(_)))) =>
        {
            let mut items = apply_keyed(items, edits)?;
            let order = edits.iter().find_map(|(path, change)| match change {
                Change::Reordered(_, after) if path.is_empty() => Some(after),
                _ => None,
            });
            if let Some(order) = order {
                items.sort_by_cached_key(|name, _| order.iter().position(|known| known == name));
            }
            Some(Node::Named { items, ordered: *ordered })
        }
        Node::Named { items, .. } => {
            apply_to_list(&items.values().cloned().collect::<Vec<_>>(), edits).map(Node::List)
        }
        empty if empty.is_empty_list() && matches!(edits.first(), Some(([Step::Name(_), ..], _))) => {
            Some(Node::Named { items: apply_keyed(&IndexMap::new(), edits)?, ordered: false })
        }
        Node::List(items) => apply_to_list(items, edits).map(Node::List),
        Node::Set(items) => apply_to_set(items, edits).map(Node::Set),
        _ => None,
    }
}

/// Returns the edits below a step.
fn below<'a>(edits: &[(&'a [Step], &'a Change)], step: &Step) -> Vec<(&'a [Step], &'a Change)> {
    let inner = edits.iter().filter_map(|(path, change)| {
        let (first, rest) = path.split_first()?;
        let is_whole = rest.is_empty() && matches!(change, Change::Added(_) | Change::Removed(_));
        (first == step && !is_whole).then_some((rest, *change))
    });
    inner.collect()
}

fn apply_keyed(old: &IndexMap<String, Node>, edits: &[(&[Step], &Change)]) -> Option<IndexMap<String, Node>> {
    let mut new = IndexMap::new();
    let name_of = |step: &Step| match step {
        Step::Key(name) | Step::Name(name) => Some(name.clone()),
        _ => None,
    };
    for (name, value) in old {
        let is_removed = edits.iter().any(|(path, change)| {
            matches!((path, change), ([step], Change::Removed(_)) if name_of(step).as_ref() == Some(name))
        });
        if is_removed {
            continue;
        }
        let mut inner = below(edits, &Step::Key(name.clone()));
        inner.extend(below(edits, &Step::Name(name.clone())));
        new.insert(name.clone(), apply_all(value, &inner)?);
    }
    for (path, change) in edits {
        if let ([step], Change::Added(value)) = (path, change) {
            new.insert(name_of(step)?, value.clone());
        }
    }
    Some(new)
}

fn apply_to_list(old: &[Node], edits: &[(&[Step], &Change)]) -> Option<Vec<Node>> {
    let mut new = Vec::new();
    for (index, value) in old.iter().enumerate() {
        let is_removed = edits
            .iter()
            .any(|(path, change)| matches!((path, change), ([Step::Index(at)], Change::Removed(_)) if *at == index));
        if !is_removed {
            new.push(apply_all(value, &below(edits, &Step::Index(index)))?);
        }
    }
    for (path, change) in edits {
        if let ([Step::Index(at)], Change::Added(value)) = (path, change) {
            new.insert((*at).min(new.len()), value.clone());
        }
    }
    Some(new)
}

fn apply_to_set(old: &[Node], edits: &[(&[Step], &Change)]) -> Option<Vec<Node>> {
    let mut new: Vec<Node> = old.to_vec();
    let mut done: Vec<&Node> = Vec::new();
    for (path, change) in edits {
        let (Step::Item(item), rest) = path.split_first()? else { return None };
        if let (true, Change::Added(value)) = (rest.is_empty(), change) {
            new.push(value.clone());
            continue;
        }
        if done.contains(&item.as_ref()) {
            continue;
        }
        let at = new.iter().position(|candidate| candidate == item.as_ref())?;
        if rest.is_empty() && matches!(change, Change::Removed(_)) {
            new.remove(at);
        } else {
            done.push(item);
            new[at] = apply_all(item, &below(edits, &Step::Item(item.clone())))?;
        }
    }
    Some(new)
}
