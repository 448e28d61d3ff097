//! The changes of the resources of a stack.

use std::collections::BTreeMap;

use serde_json::{Value as JsonValue, json};
use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::held::{HeldList, held_lists};
use stackwright_schemas::registry;
use stackwright_synth::SourceLocation;
use stackwright_synth::StackArtifact;

use super::consequence;
use super::edit::{Change, Edit, Step, edits};
use super::effective::{Effective, ValueInput};
use super::model::{Because, PropertyChange, Recreation, RemovedElement, ResourceAction, ResourceChange};
use super::node::Node;
use super::{path, sam, unknown};
use crate::globals;

/// Two versions of a stack.
pub(crate) struct Sides<'a> {
    pub old: &'a StackArtifact,
    pub new: &'a StackArtifact,
    pub before: Effective<'a>,
    pub after: Effective<'a>,
    /// Parameters, mappings and conditions that differ.
    pub inputs: BTreeMap<&'a str, ValueInput>,
    /// The former logical IDs of resources that a stack refactor keeps, by the new one. `old` has the new ones already.
    pub moved: &'a BTreeMap<String, String>,
}

impl Sides<'_> {
    /// Returns the line that sets what a pointer of the new template names; of the old one if there is no new one.
    pub fn location(&self, pointer: &str, is_new: bool) -> Option<SourceLocation> {
        let stack = if is_new { self.new } else { self.old };
        stack.provenance.find(pointer).cloned()
    }
}

impl Sides<'_> {
    /// Returns whether the section `Globals` of SAM differs for the type of a resource.
    fn globals_differ(&self, body: &JsonValue) -> bool {
        globals::defaults(self.before.template, body) != globals::defaults(self.after.template, body)
    }
}

/// Returns the properties of a resource in the form in which they are compared.
pub(crate) fn properties(type_name: &str, value: &JsonValue) -> Node {
    let kind = registry::resource_type(type_name);
    let empty = json!({});
    let value = if value.is_null() { &empty } else { value };
    Node::of(value, "", kind.map(|kind| kind.schema()))
}

/// Returns a resource that only one of the templates deploys.
pub(crate) fn on_one_side(sides: &Sides<'_>, id: &str, body: &JsonValue, is_new: bool) -> ResourceChange {
    let resource_type = body["Type"].as_str().unwrap_or_default().to_owned();
    let (effective, action) =
        if is_new { (&sides.after, ResourceAction::Added) } else { (&sides.before, ResourceAction::Removed) };
    let node = properties(&resource_type, &effective.properties(body));
    let list = match &node {
        Node::Map(map) => map
            .iter()
            .map(|(name, value)| {
                let json = Some(value.json());
                let (before, after) = if is_new { (None, json) } else { (json, None) };
                change(name.clone(), before, after)
            })
            .collect(),
        _ => Vec::new(),
    };
    ResourceChange {
        action,
        consequence: if is_new { Consequence::Created } else { consequence::of_removal(body) },
        properties: list,
        condition: undecided(effective, body),
        location: sides.location(&format!("/Resources/{id}"), is_new),
        ..ResourceChange::new(id, &resource_type)
    }
}

/// Returns the condition of a resource, if it is not known whether it holds.
fn undecided(effective: &Effective<'_>, body: &JsonValue) -> Option<String> {
    let condition = body.get("Condition").and_then(JsonValue::as_str)?;
    effective.is_deployed(body).is_none().then(|| condition.to_owned())
}

fn change(path: String, before: Option<JsonValue>, after: Option<JsonValue>) -> PropertyChange {
    PropertyChange {
        path,
        before,
        after,
        is_order: false,
        is_element: false,
        recreation: Recreation::Never,
        because: None,
        location: None,
    }
}

/// Returns an edit as a change of a property.
pub(crate) fn property(edit: &Edit) -> PropertyChange {
    let (before, after) = edit.change.sides();
    PropertyChange {
        is_order: matches!(edit.change, Change::Reordered(..)),
        is_element: matches!(edit.path.last(), Some(Step::Item(_))),
        ..change(path::shown(&edit.path), before, after)
    }
}

/// Returns a resource that both templates deploy; `None` if nothing of it differs.
pub(crate) fn on_both_sides(
    sides: &Sides<'_>,
    id: &str,
    old: &JsonValue,
    new: &JsonValue,
) -> Option<ResourceChange> {
    if old == new && (sides.inputs.is_empty() || !uses_inputs(sides, new)) && !sides.globals_differ(new) {
        return None;
    }
    let (old_type, new_type) = (&old["Type"], &new["Type"]);
    let resource_type = new_type.as_str().unwrap_or_default().to_owned();
    let kind = registry::resource_type(&resource_type);
    let (before, after) = (sides.before.properties(old), sides.after.properties(new));
    let effective = edits(&properties(&resource_type, &before), &properties(&resource_type, &after));
    let written = edits(
        &properties(&resource_type, &old["Properties"]),
        &properties(&resource_type, &new["Properties"]),
    );
    let base = format!("/Resources/{id}/Properties");
    let mut list: Vec<PropertyChange> = effective
        .iter()
        .map(|edit| {
            let recreation = consequence::recreation(kind, edit);
            let mut change = property(edit);
            change.recreation = recreation;
            change.because = because(sides, edit, &written, new, old);
            change.location = location(sides, &base, edit, old, new);
            let top = change.path.split(['.', '[']).next().unwrap_or_default();
            if sam::is_create_only(&resource_type, top) {
                change.recreation = Recreation::Always;
            }
            change
        })
        .collect();
    unknown::add(sides, id, kind, [&before, &after], &mut list);
    let attributes: Vec<PropertyChange> = attributes(old, new);
    let mut found = ResourceChange {
        deleted_elements: deleted_elements(&resource_type, &before, &after),
        // CloudFormation does nothing for what the CDK notes about its own usage.
        consequence: match of(&list, &attributes) {
            Consequence::Updated if resource_type == "AWS::CDK::Metadata" => Consequence::AttributesOnly,
            other => other,
        },
        written: if list.is_empty() { written.iter().map(property).collect() } else { Vec::new() },
        properties: list,
        attributes,
        condition: undecided(&sides.after, new),
        location: sides.location(&format!("/Resources/{id}"), true),
        ..ResourceChange::new(id, &resource_type)
    };
    if old_type != new_type {
        found.consequence = Consequence::Refused;
        found.failures.push(format!(
            "CloudFormation refuses to change the type of a resource ({} to {}). Give the new resource another logical \
             ID.",
            old_type.as_str().unwrap_or_default(),
            found.resource_type
        ));
    }
    let is_empty = found.properties.is_empty() && found.attributes.is_empty() && found.written.is_empty();
    (!is_empty || found.consequence == Consequence::Refused).then_some(found)
}

/// Returns the elements that an update deletes because they leave their lists.
fn deleted_elements(resource_type: &str, before: &JsonValue, after: &JsonValue) -> Vec<RemovedElement> {
    let of_list = |list: &'static HeldList| {
        let names = list.removed(&before[&list.property], &after[&list.property]);
        names
            .into_iter()
            .map(|name| RemovedElement { path: format!("{}.{name}", list.property), holds: list.holds })
    };
    held_lists(resource_type).flat_map(of_list).collect()
}

/// Returns a resource that neither of the templates deploys with the default of every parameter; `None` if nothing of it differs.
pub(crate) fn not_deployed(
    sides: &Sides<'_>,
    id: &str,
    old: Option<&JsonValue>,
    new: Option<&JsonValue>,
) -> Option<ResourceChange> {
    let body = new.or(old)?;
    let resource_type = body["Type"].as_str().unwrap_or_default();
    let (mut written, mut changed) = (Vec::new(), Vec::new());
    let action = match (old, new) {
        (Some(old), Some(new)) => {
            let of = |body: &JsonValue| properties(resource_type, &body["Properties"]);
            written = edits(&of(old), &of(new)).iter().map(property).collect();
            changed = attributes(old, new);
            if written.is_empty() && changed.is_empty() && old["Type"] == new["Type"] {
                return None;
            }
            ResourceAction::Modified
        }
        (None, _) => ResourceAction::Added,
        (_, None) => ResourceAction::Removed,
    };
    let condition = body["Condition"].as_str().unwrap_or_default();
    Some(ResourceChange {
        action,
        written,
        attributes: changed,
        notes: vec![format!(
            "It is not deployed with the default of every parameter, because the condition `{condition}` is false."
        )],
        location: sides.location(&format!("/Resources/{id}"), new.is_some()),
        ..ResourceChange::new(id, resource_type)
    })
}

/// Returns the consequence of changes of properties and attributes.
pub(crate) fn of(properties: &[PropertyChange], attributes: &[PropertyChange]) -> Consequence {
    match properties.iter().map(|change| change.recreation).max() {
        Some(Recreation::Always) => Consequence::Replaced,
        Some(Recreation::Conditionally) => Consequence::MayBeReplaced,
        Some(Recreation::Never) => Consequence::Updated,
        None if !attributes.is_empty() => Consequence::AttributesOnly,
        None => Consequence::Unchanged,
    }
}

fn uses_inputs(sides: &Sides<'_>, body: &JsonValue) -> bool {
    let mut used = sides.after.inputs(body);
    used.extend(body.get("Condition").and_then(JsonValue::as_str).map(str::to_owned));
    used.iter().any(|name| sides.inputs.contains_key(name.as_str()))
}

/// Everything of a resource that is no property.
fn attributes(old: &JsonValue, new: &JsonValue) -> Vec<PropertyChange> {
    let rest = |body: &JsonValue| {
        let members = body.as_object().into_iter().flatten();
        let kept = members.filter(|(name, _)| !matches!(name.as_str(), "Properties" | "Type"));
        let mut rest: JsonValue =
            JsonValue::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
        if let Some(one @ JsonValue::String(_)) = rest.get("DependsOn").cloned() {
            rest["DependsOn"] = json!([one]);
        }
        Node::of(&rest, "", None)
    };
    edits(&rest(old), &rest(new)).iter().map(property).collect()
}

/// Returns the cause of a change, if the property itself is written as before.
fn because(
    sides: &Sides<'_>,
    edit: &Edit,
    written: &[Edit],
    new: &JsonValue,
    old: &JsonValue,
) -> Option<Because> {
    let Some(Step::Key(name)) = edit.path.first() else { return None };
    let is_written =
        written.iter().any(|other| other.path.starts_with(&edit.path) || edit.path.starts_with(&other.path));
    if is_written {
        return None;
    }
    let resource_type = new["Type"].as_str().unwrap_or_default();
    let default = |template, body| globals::defaults(template, body).and_then(|part| part.get(name).cloned());
    if default(sides.before.template, old) != default(sides.after.template, new) {
        let part = resource_type.rsplit("::").next().unwrap_or_default();
        return Some(Because::Input(ValueInput::Globals, format!("{part}.{name}")));
    }
    let mut used = sides.after.inputs(&new["Properties"][name]);
    used.extend(sides.before.inputs(&old["Properties"][name]));
    // The condition of an `Fn::If` is described by the parameter that determines it.
    let of_kind =
        |kind: ValueInput| used.iter().find(|name| sides.inputs.get(name.as_str()) == Some(&kind)).cloned();
    [ValueInput::Parameter, ValueInput::Mapping, ValueInput::Condition]
        .into_iter()
        .find_map(|input| of_kind(input).map(|name| Because::Input(input, name)))
}

fn location(
    sides: &Sides<'_>,
    base: &str,
    edit: &Edit,
    old: &JsonValue,
    new: &JsonValue,
) -> Option<SourceLocation> {
    let is_new = !matches!(edit.change, Change::Removed(_));
    let body = if is_new { new } else { old };
    sides.location(&format!("{base}{}", path::pointer(&edit.path, &body["Properties"])), is_new)
}
