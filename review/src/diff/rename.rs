//! Renames: a resource that is deleted, and one of the same type and properties that is created.

use std::collections::BTreeMap;

use serde_json::{Value as JsonValue, json};
use stackwright_synth::function::{Part, function, parts};

use super::model::{ResourceAction, ResourceChange};
use super::resource::{Sides, properties};

/// More candidates of one type than this are not compared with each other.
const MAX_CANDIDATES: usize = 500;

/// Turns pairs of a removed and an added resource that are the same into renames.
pub(crate) fn recognize(sides: &Sides<'_>, changes: &mut Vec<ResourceChange>) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let ids = |changes: &[ResourceChange], action: ResourceAction| -> Vec<(String, String)> {
        let chosen = changes.iter().filter(|change| change.action == action);
        chosen.map(|change| (change.logical_id.clone(), change.resource_type.clone())).collect()
    };
    let removed = ids(changes, ResourceAction::Removed);
    let added = ids(changes, ResourceAction::Added);
    if removed.is_empty() || added.is_empty() || removed.len().max(added.len()) > MAX_CANDIDATES {
        return;
    }
    let body = |effective: &super::effective::Effective<'_>, id: &str, kind: &str| {
        let found = effective.template.resources().find(|(known, _)| *known == id);
        found.map(|(_, body)| properties(kind, &effective.value(&body["Properties"])).json())
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
            let wanted = old_body.as_ref().map(|body| renamed(body, &names));
            let mut same = new.iter().filter(|(id, other, body)| {
                kind == other && *body == wanted && !names.values().any(|taken| taken == *id)
            });
            // Two that are alike are not told apart.
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
        added.notes.push(format!(
            "It is `{old_id}` under another logical ID. CloudFormation creates a new resource and removes the old one. \
             To keep the resource, move it with a stack refactor (CreateStackRefactor) before you deploy, or keep the \
             logical ID."
        ));
        added.renamed_from = Some(old_id);
    }
}

/// A value with references to renamed resources put right.
fn renamed(value: &JsonValue, names: &BTreeMap<String, String>) -> JsonValue {
    if names.is_empty() {
        return value.clone();
    }
    let new = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    match function(value) {
        Some(("Ref", JsonValue::String(id))) => json!({ "Ref": new(id) }),
        Some(("Fn::GetAtt", JsonValue::Array(arguments))) => {
            let mut arguments = arguments.clone();
            if let Some(JsonValue::String(id)) = arguments.first_mut() {
                *id = new(id);
            }
            json!({ "Fn::GetAtt": arguments })
        }
        Some(("Fn::Sub", JsonValue::String(format))) => {
            let text: String = parts(format)
                .into_iter()
                .map(|part| match part {
                    Part::Literal(literal) => literal.replace("${", "${!"),
                    Part::Variable(name) => match name.split_once('.') {
                        Some((id, attribute)) => format!("${{{}.{attribute}}}", new(id)),
                        None => format!("${{{}}}", new(name)),
                    },
                })
                .collect();
            json!({ "Fn::Sub": text })
        }
        _ => match value {
            JsonValue::Object(map) => JsonValue::Object(
                map.iter().map(|(name, inner)| (name.clone(), renamed(inner, names))).collect(),
            ),
            JsonValue::Array(items) => items.iter().map(|inner| renamed(inner, names)).collect(),
            other => other.clone(),
        },
    }
}
