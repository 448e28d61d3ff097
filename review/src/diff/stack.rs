//! Two versions of one stack.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as JsonValue, json};
use stackwright_synth::{StackArtifact, Template};

use super::edit::{Edit, Step, edits};
use super::effective::{Effective, ValueInput, changed_inputs};
use super::model::{PropertyChange, ResourceChange, StackAction, StackDiff};
use super::node::Node;
use super::resource::{self, Sides};
use super::{assets, chain, notes, rename, security, shown};

/// The known values of the parameters of a stack, by name. `None` is a value that CloudFormation hides (`NoEcho`).
pub type Parameters = BTreeMap<String, Option<String>>;

/// Two versions of a stack, ready to be compared.
pub(crate) struct Pair<'a> {
    /// The old version, with the new logical IDs of what a stack refactor renames.
    old: Cow<'a, StackArtifact>,
    new: Cow<'a, StackArtifact>,
    action: StackAction,
    names_matter: bool,
    /// The former logical IDs of what a stack refactor renames, by the new one.
    moved: BTreeMap<String, String>,
    /// The values of parameters, before and after, of a stack that is deployed.
    parameters: Option<(Parameters, Parameters)>,
}

impl<'a> Pair<'a> {
    /// Creates the pair of the versions of a stack that is in both assemblies.
    pub fn new(old: &'a StackArtifact, new: &'a StackArtifact, names_matter: bool) -> Self {
        let renamed = new.renamed_resources(&old.template);
        let old = if renamed.is_empty() {
            Cow::Borrowed(old)
        } else {
            let mut with_new_ids = old.clone();
            with_new_ids.template = old.template.with_renamed_resources(&renamed);
            Cow::Owned(with_new_ids)
        };
        Self {
            old,
            new: Cow::Borrowed(new),
            action: StackAction::Modified,
            names_matter,
            moved: renamed.into_iter().map(|(old, new)| (new, old)).collect(),
            parameters: None,
        }
    }

    /// Creates the pair for a stack that is only in one assembly: all its resources are created, or all are deleted.
    pub fn one_sided(stack: &'a StackArtifact, action: StackAction) -> Self {
        let mut empty = stack.clone();
        empty.template = Template::default();
        empty.assets.clear();
        let (stack, empty) = (Cow::Borrowed(stack), Cow::Owned(empty));
        let (old, new) = if action == StackAction::Added { (empty, stack) } else { (stack, empty) };
        Self { old, new, action, names_matter: true, moved: BTreeMap::new(), parameters: None }
    }

    /// Sets the values of parameters, before and after the change.
    pub fn with_parameters(mut self, before: Parameters, after: Parameters) -> Self {
        self.parameters = Some((before, after));
        self
    }

    /// Returns whether resources have to be compared.
    pub fn may_differ(&self) -> bool {
        let values_differ = self.parameters.as_ref().is_some_and(|(before, after)| before != after);
        !self.moved.is_empty() || values_differ || self.old.template != self.new.template
    }

    pub fn new_stack(&self) -> &StackArtifact {
        &self.new
    }
}

/// The comparison of a stack as long as changes of other stacks are added to it.
pub(crate) struct Draft<'a> {
    pub sides: Sides<'a>,
    pub changes: Vec<ResourceChange>,
    pair: &'a Pair<'a>,
}

impl<'a> Draft<'a> {
    /// Compares the resources of two versions; `None` if they cannot differ.
    pub fn of(pair: &'a Pair<'a>) -> Option<Self> {
        if !pair.may_differ() {
            return None;
        }
        let mut draft = Self::empty(pair);
        let sides = &draft.sides;
        let mut changes = resources(sides);
        rename::moved(sides, &mut changes);
        rename::recognize(sides, &mut changes);
        chain::follow(sides, &mut changes);
        draft.changes = changes;
        Some(draft)
    }

    /// Returns the comparison of a stack whose resources do not differ.
    pub fn empty(pair: &'a Pair<'a>) -> Self {
        let values = |side: fn(&(Parameters, Parameters)) -> &Parameters| pair.parameters.as_ref().map(side);
        let (before, after) = (
            Effective::new(&pair.old, values(|(before, _)| before)),
            Effective::new(&pair.new, values(|(_, after)| after)),
        );
        let inputs = changed_inputs(&before, &after);
        let sides = Sides { old: &pair.old, new: &pair.new, before, after, inputs, moved: &pair.moved };
        Self { sides, changes: Vec::new(), pair }
    }

    /// Returns whether both assemblies contain the stack.
    pub fn is_modified(&self) -> bool {
        self.pair.action == StackAction::Modified
    }

    /// Returns the finished comparison; `None` if nothing differs.
    pub fn finish(self) -> Option<StackDiff> {
        let Self { sides, mut changes, pair } = self;
        notes::add(&sides, &mut changes);
        let security = security::changes(&sides, &changes);
        changes.sort_by_key(|change| change.consequence);
        let mut found = StackDiff {
            id: sides.new.id.clone(),
            name: sides.new.name.clone(),
            action: pair.action,
            settings: Vec::new(),
            sections: sections(&sides),
            resources: changes,
            assets: assets::changes(sides.old, sides.new),
            security,
            notes: Vec::new(),
        };
        match pair.action {
            StackAction::Modified => {
                if pair.names_matter {
                    found.settings = settings(sides.old, sides.new);
                }
                let is_empty = found.settings.is_empty()
                    && found.sections.is_empty()
                    && found.resources.is_empty()
                    && found.assets.is_empty();
                if is_empty {
                    return None;
                }
                found.notes = inputs(&sides, pair.parameters.is_some());
                let is_elsewhere =
                    sides.old.environment != sides.new.environment || sides.old.name != sides.new.name;
                if pair.names_matter && is_elsewhere {
                    found.notes.push(
                        "The stack has another name, account or region: `deploy` creates a new stack, and the old one \
                         stays until it is destroyed."
                            .into(),
                    );
                }
            }
            StackAction::Removed => found.notes.push(format!(
                "The program no longer has this stack. `deploy` does not change it; `destroy {}` of the old program \
                 deletes it.",
                sides.old.id
            )),
            StackAction::Added => {}
        }
        Some(found)
    }
}

/// Returns the differences of a stack whose resources do not differ; `None` if there are none.
pub(crate) fn unchanged_resources(pair: &Pair<'_>) -> Option<StackDiff> {
    let is_same = pair.old.assets.is_empty() && pair.new.assets.is_empty()
        || assets::changes(&pair.old, &pair.new).is_empty();
    if is_same && (!pair.names_matter || settings(&pair.old, &pair.new).is_empty()) {
        return None;
    }
    Draft::empty(pair).finish()
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
            (None, false) => {
                found.extend(resource::not_deployed(sides, id, before.get(id).copied(), Some(body)))
            }
        }
    }
    let after: BTreeSet<&str> = sides.after.template.resources().map(|(id, _)| id).collect();
    for (id, body) in sides.before.template.resources() {
        if after.contains(id) {
            continue;
        }
        if deployed(&sides.before, body) {
            found.push(resource::on_one_side(sides, id, body, false));
        } else {
            found.extend(resource::not_deployed(sides, id, Some(body), None));
        }
    }
    found
}

/// Returns every section but the resources, compared as it is written.
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
            change.location = sides.location(&format!("/{}", change.path.replace('.', "/")), is_new);
            found.push(change);
        }
    }
    found
}

/// Returns the settings of the stack itself.
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

/// Returns notes about parameters and exports that change.
fn inputs(sides: &Sides<'_>, is_deployed: bool) -> Vec<String> {
    let mut found = Vec::new();
    let before: BTreeMap<&str, &JsonValue> = sides.before.template.section("Parameters").collect();
    for (name, parameter) in sides.after.template.section("Parameters") {
        match before.get(name) {
            None if parameter.get("Default").is_none() => found
                .push(format!("The new parameter `{name}` has no default: `deploy` needs a value for it.")),
            Some(old)
                if !is_deployed
                    && sides.inputs.get(name) == Some(&ValueInput::Parameter)
                    && old.get("Default").is_some() =>
            {
                found.push(format!(
                    "The default of the parameter `{name}` changes. A stack that is deployed keeps the value that it \
                     has; give the parameter a value in `deploy` to change it."
                ));
            }
            _ => {}
        }
    }
    let exports = |template: &Template| -> Vec<(JsonValue, JsonValue)> {
        let outputs = template.section("Outputs");
        outputs
            .filter_map(|(_, output)| {
                let name = output.get("Export")?.get("Name")?;
                Some((Node::of(name, "", None).json(), output["Value"].clone()))
            })
            .collect()
    };
    let after = exports(sides.after.template);
    for (name, value) in exports(sides.before.template) {
        if !after.contains(&(name.clone(), value)) {
            found.push(format!(
                "The export {} changes or is removed. CloudFormation refuses that while another stack imports it.",
                shown(&name)
            ));
        }
    }
    found
}
