//! Renames: a resource that is deleted, and one of the same type and properties that is created.

use std::collections::BTreeMap;

use serde_json::Value as JsonValue;
use stackwright_schemas::consequence::Consequence;
use stackwright_synth::rename_references;

use super::model::{MovedResource, ResourceAction, ResourceChange};
use super::resource::{Sides, properties};
use super::stack::Draft;

/// More candidates of one type than this are not compared with each other.
const MAX_CANDIDATES: usize = 500;

/// Notes for each resource that a stack refactor renames its new logical ID and the consequence.
pub(crate) fn moved(sides: &Sides<'_>, changes: &mut Vec<ResourceChange>) {
    for (new, old) in sides.moved {
        let at = changes.iter().position(|it| it.logical_id == *new).or_else(|| {
            let body = sides.after.template.resource(new)?;
            let mut change = ResourceChange::new(new, body["Type"].as_str().unwrap_or_default());
            change.consequence = Consequence::Moved;
            change.location = sides.location(&format!("/Resources/{new}"), true);
            changes.push(change);
            Some(changes.len() - 1)
        });
        // A resource that is not deployed in both versions is created or deleted.
        let Some(change) = at.map(|at| &mut changes[at]).filter(|it| it.action == ResourceAction::Modified)
        else {
            continue;
        };
        change.action = ResourceAction::Moved;
        change.renamed_from = Some(old.clone());
        if matches!(change.consequence, Consequence::Unchanged | Consequence::AttributesOnly) {
            change.consequence = Consequence::Moved;
        }
    }
}

/// Turns pairs of a removed and an added resource that are the same into renames.
pub(crate) fn recognize(sides: &Sides<'_>, changes: &mut Vec<ResourceChange>) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let ids = |changes: &[ResourceChange], action: ResourceAction| -> Vec<(String, String)> {
        let is_deployed = |change: &&ResourceChange| change.consequence != Consequence::Unchanged;
        let chosen = changes.iter().filter(is_deployed).filter(|change| change.action == action);
        chosen.map(|change| (change.logical_id.clone(), change.resource_type.clone())).collect()
    };
    let removed = ids(changes, ResourceAction::Removed);
    let added = ids(changes, ResourceAction::Added);
    if removed.is_empty() || added.is_empty() || removed.len().max(added.len()) > MAX_CANDIDATES {
        return;
    }
    let body = |effective: &super::effective::Effective<'_>, id: &str, kind: &str| {
        let found = effective.template.resource(id);
        found.map(|body| properties(kind, &effective.value(&body["Properties"])).json())
    };
    let old: Vec<_> = removed.iter().map(|(id, kind)| (id, kind, body(&sides.before, id, kind))).collect();
    let new: Vec<_> = added.iter().map(|(id, kind)| (id, kind, body(&sides.after, id, kind))).collect();
    // A resource may refer to one that is renamed too: what is found once helps to find the next.
    loop {
        let before = names.len();
        for (old_id, kind, old_body) in &old {
            if names.contains_key(*old_id) {
                continue;
            }
            let wanted = old_body.as_ref().map(|body| rename_references(body, &names));
            let mut same = new.iter().filter(|(id, other, body)| {
                kind == other && *body == wanted && !names.values().any(|taken| taken == *id)
            });
            // Two equal resources cannot be distinguished.
            if let (Some((id, ..)), None) = (same.next(), same.next()) {
                names.insert((*old_id).clone(), (*id).clone());
            }
        }
        if names.len() == before {
            break;
        }
    }
    for (old_id, new_id) in names {
        let removed =
            changes.iter().position(|it| it.logical_id == old_id && it.action == ResourceAction::Removed);
        let Some(removed) = removed.map(|at| changes.remove(at)) else { continue };
        let added =
            changes.iter_mut().find(|it| it.logical_id == new_id && it.action == ResourceAction::Added);
        let Some(added) = added else { continue };
        added.action = ResourceAction::Renamed;
        added.consequence = removed.consequence;
        added.properties.clear();
        added.notes.push(if is_named_by_content(&old_id, &new_id) {
            format!(
                "It is `{old_id}` under another logical ID, which ends in a hash of its content, as the CDK writes it: \
                 CloudFormation creates a new resource and removes the old one."
            )
        } else {
            format!(
                "It is `{old_id}` under another logical ID. CloudFormation creates a new resource and removes the old one. \
                 To keep the resource, name the former ID of its construct in the program (`.formerly(\"{old_id}\")`), or \
                 rename the deployed one first (`stackwright refactor`)."
            )
        });
        added.renamed_from = Some(old_id);
    }
}

/// Returns whether two logical IDs differ only by the hash at their ends that the CDK computes of the content (`currentVersion`
/// of a function, the deployment of an API): another resource is intended then.
fn is_named_by_content(old_id: &str, new_id: &str) -> bool {
    const DIGITS: usize = 32;
    let parts = |id: &str| {
        let (name, hash) = id.split_at_checked(id.len().checked_sub(DIGITS)?)?;
        let is_hash = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_hash.then(|| name.to_owned())
    };
    parts(old_id).is_some_and(|name| parts(new_id).as_ref() == Some(&name))
}

/// Returns the resources that are renamed inside of a stack, and that CloudFormation takes for other ones.
pub(crate) fn moves(drafts: &[Option<Draft<'_>>]) -> Vec<MovedResource> {
    let mut found = Vec::new();
    for draft in drafts.iter().flatten() {
        for change in draft.changes.iter().filter(|change| change.action == ResourceAction::Renamed) {
            let old = change.renamed_from.as_ref();
            let old = old.filter(|old| !is_named_by_content(old, &change.logical_id));
            found.extend(old.map(|old| MovedResource {
                from_stack: draft.sides.new.id.clone(),
                from_id: old.clone(),
                to_stack: draft.sides.new.id.clone(),
                to_id: change.logical_id.clone(),
            }));
        }
    }
    found
}

/// Notes for a resource that leaves one stack and appears in another how it can be kept.
pub(crate) fn between_stacks(drafts: &mut [Option<Draft<'_>>]) -> Vec<MovedResource> {
    let candidates = |wanted: ResourceAction| -> Vec<(usize, String, String, JsonValue)> {
        let all = drafts.iter().enumerate().filter_map(|(at, draft)| Some((at, draft.as_ref()?)));
        let changes = all.flat_map(|(at, draft)| draft.changes.iter().map(move |change| (at, draft, change)));
        changes
            .filter(|(_, _, change)| change.action == wanted && change.consequence != Consequence::Unchanged)
            .filter_map(|(at, draft, change)| {
                let sides = &draft.sides;
                let side = if wanted == ResourceAction::Added { &sides.after } else { &sides.before };
                let body = side.template.resource(&change.logical_id)?;
                let value = properties(&change.resource_type, &side.value(&body["Properties"])).json();
                Some((at, change.logical_id.clone(), change.resource_type.clone(), value))
            })
            .collect()
    };
    let is_any = |wanted: ResourceAction| {
        drafts.iter().flatten().flat_map(|draft| &draft.changes).any(|change| change.action == wanted)
    };
    if !is_any(ResourceAction::Added) || !is_any(ResourceAction::Removed) {
        return Vec::new();
    }
    let (removed, added) = (candidates(ResourceAction::Removed), candidates(ResourceAction::Added));
    if removed.len().max(added.len()) > MAX_CANDIDATES {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for (from, old, kind, value) in &removed {
        let is_same = |(at, _, other, there): &&(usize, String, String, JsonValue)| {
            at != from && other == kind && there == value
        };
        let mut same = added.iter().filter(is_same);
        // Two equal resources cannot be distinguished.
        if let (Some((to, new, ..)), None) = (same.next(), same.next())
            && removed.iter().filter(|(_, _, other, there)| other == kind && there == value).count() == 1
        {
            notes.push((*from, old.clone(), *to, new.clone()));
        }
    }
    let mut moves = Vec::new();
    for (from, old, to, new) in notes {
        let id = |at: usize| drafts[at].as_ref().map(|draft| draft.sides.new.id.clone()).unwrap_or_default();
        moves.push(MovedResource {
            from_stack: id(from),
            from_id: old.clone(),
            to_stack: id(to),
            to_id: new.clone(),
        });
        let (source, target) = (format!("{}/{old}", id(from)), format!("{}/{new}", id(to)));
        for (at, logical_id, text) in [
            (from, &old, format!("It moves to another stack as `{target}`")),
            (to, &new, format!("It comes from another stack, where it is `{source}`")),
        ] {
            let changes = drafts[at].as_mut().map(|draft| draft.changes.iter_mut());
            for change in changes.into_iter().flatten().filter(|it| it.logical_id == *logical_id) {
                change.notes.push(format!(
                    "{text}. CloudFormation creates a new resource and removes the old one. To keep the resource, run \
                     `stackwright refactor --move {source}={target}` before you deploy."
                ));
            }
        }
    }
    moves
}
