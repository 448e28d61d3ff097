//! The consequences of changes of properties and resources, according to the registry.

use serde_json::Value as JsonValue;
use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::held::is_snapshot_by_default;
use stackwright_schemas::registry::{self, ResourceType};

use super::edit::{Change, Edit, Step};
use super::model::Recreation;
use super::node::Node;
use super::path;

/// Returns whether an edit of a resource's properties replaces it.
pub(crate) fn recreation(kind: Option<&ResourceType>, edit: &Edit) -> Recreation {
    let Some(kind) = kind else { return Recreation::Never };
    if let Change::Reordered(..) = edit.change {
        return at(kind, &path::in_registry(&edit.path));
    }
    let whole = at(kind, &path::in_registry(&edit.path));
    if whole == Recreation::Always {
        return whole;
    }
    let sides = match &edit.change {
        Change::Added(node) | Change::Removed(node) => [Some(node), None],
        Change::Replaced(one, other) => [Some(one), Some(other)],
        Change::Reordered(..) => [None, None],
    };
    let inner = |list: &str| {
        pointers(kind, list).filter_map(|pointer| below(&pointer, &edit.path)).any(|rest| {
            let steps: Vec<&str> = rest.split('/').collect();
            let [one, other] = sides;
            let (one, other) =
                (one.and_then(|node| find(node, &steps)), other.and_then(|node| find(node, &steps)));
            one != other
        })
    };
    if inner("createOnlyProperties") {
        Recreation::Always
    } else if whole == Recreation::Conditionally || inner("conditionalCreateOnlyProperties") {
        Recreation::Conditionally
    } else {
        Recreation::Never
    }
}

/// Returns whether another value of a property replaces the resource. `property` is `A/B`, with `*` for elements of lists.
pub(crate) fn at(kind: &ResourceType, property: &str) -> Recreation {
    if kind.is_create_only(property) {
        Recreation::Always
    } else if kind.is_conditionally_create_only(property) {
        Recreation::Conditionally
    } else {
        Recreation::Never
    }
}

fn pointers<'a>(kind: &'a ResourceType, list: &str) -> impl Iterator<Item = String> + use<'a> {
    let list = kind.document()[list].as_array().into_iter().flatten();
    list.filter_map(|pointer| {
        pointer.as_str()?.strip_prefix("/properties/").map(|it| it.replace("/properties/", "/"))
    })
}

/// Returns the rest of a registry path below a path.
fn below(pointer: &str, path: &[Step]) -> Option<String> {
    let property = path::in_registry(path);
    pointer.strip_prefix(&property)?.strip_prefix('/').map(str::to_owned)
}

fn find<'n>(node: &'n Node, steps: &[&str]) -> Option<&'n Node> {
    match steps.split_first() {
        None => Some(node),
        Some((&"*", _)) => Some(node),
        Some((step, rest)) => find(node.get(step)?, rest),
    }
}

/// Returns the consequence for a resource that is removed from the template.
pub(crate) fn of_removal(resource: &JsonValue) -> Consequence {
    policy(resource, "DeletionPolicy", of_default_deletion(resource))
}

/// Returns the consequence for the old resource of a replacement.
pub(crate) fn of_replaced(resource: &JsonValue) -> Consequence {
    policy(resource, "UpdateReplacePolicy", Consequence::Deleted)
}

fn policy(resource: &JsonValue, name: &str, default: Consequence) -> Consequence {
    match resource[name].as_str() {
        Some("Retain" | "RetainExceptOnCreate") => Consequence::Retained,
        Some("Snapshot") => Consequence::Snapshot,
        Some(_) => Consequence::Deleted,
        None => default,
    }
}

/// Returns the consequence for a resource that is removed from its stack, if the template states no policy.
fn of_default_deletion(resource: &JsonValue) -> Consequence {
    let type_name = resource["Type"].as_str().unwrap_or_default();
    if is_snapshot_by_default(type_name, &resource["Properties"]) {
        Consequence::Snapshot
    } else {
        Consequence::Deleted
    }
}

/// Returns the name that the user gave a resource, if that is what identifies it: one of the same name cannot be created while it
/// exists.
pub(crate) fn fixed_name(type_name: &str, properties: &JsonValue) -> Option<String> {
    let kind = registry::resource_type(type_name)?;
    let given = |name: &str| properties[name].as_str().map(str::to_owned);
    let parts: Option<Vec<String>> =
        kind.primary_identifier().map(|name| given(name).filter(|_| !kind.is_read_only(name))).collect();
    if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
        return Some(parts.join("|"));
    }
    // An ARN contains the name of the resource: the property with the name of the type.
    let short = type_name.rsplit("::").next().unwrap_or_default();
    [format!("{short}Name"), "Name".to_owned()]
        .iter()
        .filter(|name| kind.is_create_only(name))
        .find_map(|name| given(name))
}
