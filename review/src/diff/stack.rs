//! Two versions of one stack.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as JsonValue, json};
use stackwright_synth::{StackArtifact, Template};

use super::edit::{Edit, Step, edits};
use super::effective::{Effective, Input, changed_inputs};
use super::model::{AssetChange, PropertyChange, ResourceChange, StackAction, StackDiff};
use super::node::Node;
use super::resource::{self, Sides};
use super::{chain, notes, rename, security};

/// What differs in a stack that is in both assemblies; `None` if nothing does.
pub(crate) fn compare(old: &StackArtifact, new: &StackArtifact, names_matter: bool) -> Option<StackDiff> {
    let settings = if names_matter { settings(old, new) } else { Vec::new() };
    let assets = assets(old, new);
    if old.template == new.template && settings.is_empty() && assets.is_empty() {
        return None;
    }
    let mut found = between(old, new, StackAction::Modified);
    found.settings = settings;
    found.assets = assets;
    if old.environment != new.environment || old.name != new.name {
        found.notes.push(
            "The stack has another name, account or region: `deploy` creates a new stack, and the old one stays until \
             it is destroyed."
                .into(),
        );
    }
    let is_empty = found.settings.is_empty()
        && found.sections.is_empty()
        && found.resources.is_empty()
        && found.assets.is_empty();
    (!is_empty).then_some(found)
}

/// A stack that is in one of the assemblies only: everything in it is created, or goes.
pub(crate) fn one_sided(stack: &StackArtifact, action: StackAction) -> StackDiff {
    let mut empty = stack.clone();
    empty.template = Template::default();
    empty.assets.clear();
    let (old, new) = if action == StackAction::Added { (&empty, stack) } else { (stack, &empty) };
    let mut found = between(old, new, action);
    found.assets = assets(old, new);
    if action == StackAction::Removed {
        found.notes.push(format!(
            "The program no longer has this stack. `deploy` leaves it as it is; `destroy {}` of the old program deletes it.",
            stack.id
        ));
    }
    found
}

fn between(old: &StackArtifact, new: &StackArtifact, action: StackAction) -> StackDiff {
    let sides = Sides {
        old,
        new,
        before: Effective::new(old),
        after: Effective::new(new),
        inputs: changed_inputs(&old.template, &new.template),
    };
    let mut changes = resources(&sides);
    rename::recognize(&sides, &mut changes);
    chain::follow(&sides, &mut changes);
    notes::add(&sides, &mut changes);
    let security = security::changes(&sides, &changes);
    changes.sort_by_key(|change| change.consequence);
    let sections = sections(&sides);
    let mut found = StackDiff {
        id: new.id.clone(),
        name: new.name.clone(),
        action,
        settings: Vec::new(),
        sections,
        resources: changes,
        assets: Vec::new(),
        security,
        notes: Vec::new(),
    };
    if action == StackAction::Modified {
        found.notes = inputs(&sides);
    }
    found
}

fn resources(sides: &Sides<'_>) -> Vec<ResourceChange> {
    let deployed = |effective: &Effective<'_>, body: &JsonValue| effective.is_deployed(body) != Some(false);
    let before: BTreeMap<&str, &JsonValue> = sides.before.template.resources().collect();
    let mut found = Vec::new();
    for (id, body) in sides.after.template.resources() {
        let old = before.get(id).filter(|old| deployed(&sides.before, old));
        match (old, deployed(&sides.after, body)) {
            (Some(old), true) => found.extend(resource::on_both_sides(sides, id, old, body)),
            (None, true) => found.push(resource::on_one_side(sides, id, body, true)),
            (Some(old), false) => found.push(resource::on_one_side(sides, id, old, false)),
            (None, false) => {}
        }
    }
    let after: BTreeSet<&str> = sides.after.template.resources().map(|(id, _)| id).collect();
    for (id, body) in sides.before.template.resources() {
        if !after.contains(id) && deployed(&sides.before, body) {
            found.push(resource::on_one_side(sides, id, body, false));
        }
    }
    found
}

/// Every section but the resources, compared as it is written.
fn sections(sides: &Sides<'_>) -> Vec<PropertyChange> {
    let mut found = Vec::new();
    let node = |template: &Template, name: &str| {
        template.sections().get(name).map(|value| Node::of(value, name, None))
    };
    let (old, new) = (sides.before.template, sides.after.template);
    let names: BTreeSet<&String> = old.sections().keys().chain(new.sections().keys()).collect();
    for name in names.into_iter().filter(|name| *name != "Resources") {
        let empty = || Node::Map(indexmap::IndexMap::new());
        let (one, other) = (node(old, name), node(new, name));
        let pair = match (one, other) {
            // Of a section that is new or gone, each entry is.
            (None, Some(other @ Node::Map(_))) => (empty(), other),
            (Some(one @ Node::Map(_)), None) => (one, empty()),
            (Some(one), Some(other)) => (one, other),
            (one, other) => {
                let json = |node: &Option<Node>| node.as_ref().map(Node::json);
                let edit = Edit {
                    path: vec![Step::Key(name.clone())],
                    change: match (one.clone(), other.clone()) {
                        (Some(one), _) => super::edit::Change::Removed(one),
                        (None, Some(other)) => super::edit::Change::Added(other),
                        (None, None) => continue,
                    },
                };
                found.push(PropertyChange {
                    before: json(&one),
                    after: json(&other),
                    ..resource::property(&edit)
                });
                continue;
            }
        };
        for edit in edits(&pair.0, &pair.1) {
            let mut path = vec![Step::Key(name.clone())];
            path.extend(edit.path);
            let mut change = resource::property(&Edit { path, change: edit.change });
            let is_new = change.after.is_some();
            change.location = sides.place(&format!("/{}", change.path.replace('.', "/")), is_new);
            found.push(change);
        }
    }
    found
}

/// What the stack itself is set to.
fn settings(old: &StackArtifact, new: &StackArtifact) -> Vec<PropertyChange> {
    let of = |stack: &StackArtifact| {
        let mut dependencies = stack.dependencies.clone();
        dependencies.sort_unstable();
        let settings = json!({
            "Account": stack.environment.account,
            "Region": stack.environment.region,
            "StackName": stack.name,
            "Tags": stack.tags,
            "TerminationProtection": stack.termination_protection,
            "DependsOn": dependencies,
        });
        Node::of(&settings, "", None)
    };
    edits(&of(old), &of(new)).iter().map(resource::property).collect()
}

/// Files that are uploaded, by their keys: the same content has the same key.
fn assets(old: &StackArtifact, new: &StackArtifact) -> Vec<AssetChange> {
    let keys = |stack: &StackArtifact| -> BTreeSet<String> {
        stack.assets.iter().map(|asset| asset.object_key.clone()).collect()
    };
    let (before, after) = (keys(old), keys(new));
    let mut gone: Vec<&String> = before.difference(&after).collect();
    let mut found = Vec::new();
    for key in after.difference(&before) {
        // A file of the same kind that is gone was probably this one.
        let kind = |key: &str| key.split_once('.').map(|(_, kind)| kind.to_owned());
        let partner =
            gone.iter().position(|other| kind(other) == kind(key)).map(|at| gone.remove(at).clone());
        found.push(AssetChange { before: partner, after: Some(key.clone()) });
    }
    found.extend(gone.into_iter().map(|key| AssetChange { before: Some(key.clone()), after: None }));
    found
}

/// What to know of parameters and exports that change.
fn inputs(sides: &Sides<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let before: BTreeMap<&str, &JsonValue> = sides.before.template.section("Parameters").collect();
    for (name, parameter) in sides.after.template.section("Parameters") {
        match before.get(name) {
            None if parameter.get("Default").is_none() => found
                .push(format!("The new parameter `{name}` has no default: `deploy` needs a value for it.")),
            Some(old)
                if sides.inputs.get(name) == Some(&Input::Parameter) && old.get("Default").is_some() =>
            {
                found.push(format!(
                    "The default of the parameter `{name}` changes. A stack that is deployed keeps the value that it \
                     has; give the parameter a value in `deploy` to change it."
                ));
            }
            _ => {}
        }
    }
    let exports = |template: &Template| -> BTreeMap<String, JsonValue> {
        let outputs = template.section("Outputs");
        outputs
            .filter_map(|(_, output)| {
                let name = output.get("Export")?.get("Name")?;
                Some((name.to_string(), output["Value"].clone()))
            })
            .collect()
    };
    let after = exports(sides.after.template);
    for (name, value) in exports(sides.before.template) {
        if after.get(&name) != Some(&value) {
            found.push(format!(
                "The export {name} changes or is removed. CloudFormation refuses that while another stack imports it."
            ));
        }
    }
    found
}
