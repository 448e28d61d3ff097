//! Changes to a resource that is already in the stack.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use stackwright_schemas::registry::{self, ResourceType};

use super::{Comparison, ExpectedChange, Recreation, context, recreation, same};
use crate::state::{Change, ChangeAction, PolicyAction, Replacement, Resource};
use crate::template::evaluate::KNOWN_AFTER_APPLY;
use crate::template::{is_custom, references, scalar_text};

/// The attributes of a resource other than its properties whose changes are reported.
const ATTRIBUTES: [&str; 5] =
    ["Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy"];

/// The properties of a resource before and after the change, and both as change sets show them.
struct Sides<'a> {
    before: &'a Map<String, Json>,
    after: &'a Map<String, Json>,
    shown_before: Map<String, Json>,
    shown_after: Map<String, Json>,
}

/// The details of a change, and what they mean for the resource.
#[derive(Default)]
struct Details {
    all: Vec<Json>,
    scope: BTreeSet<&'static str>,
    is_replaced: bool,
    may_be_replaced: bool,
}

impl Comparison<'_> {
    /// Returns the change to a resource, if there is one, and what it means for references to the resource.
    pub(super) fn modified(
        &self,
        present: &Resource,
        written: &Json,
        properties: &Map<String, Json>,
    ) -> Option<(Change, ExpectedChange)> {
        let before = if self.desired.reverts_drift { &present.live } else { &present.properties };
        let sides = Sides {
            before,
            after: properties,
            shown_before: self.shown_before(present, before),
            shown_after: self.desired.template.shown(written, properties),
        };
        let mut details = Details::default();
        let names: BTreeSet<&String> = before.keys().chain(properties.keys()).collect();
        for name in names {
            self.property(present, written, &sides, name, &mut details);
        }
        self.attributes(present, written, &mut details);
        self.stack_tags(present, &mut details);
        details.change(present, written, &sides)
    }

    /// Adds what changes in a property.
    fn property(
        &self,
        present: &Resource,
        written: &Json,
        sides: &Sides<'_>,
        name: &str,
        details: &mut Details,
    ) {
        let side = |side: &Map<String, Json>| side.get(name).cloned().unwrap_or_default();
        let (before, after) = (side(sides.before), side(sides.after));
        if same(&before, &after) {
            return;
        }
        let kind = registry::resource_type(&present.type_name);
        let recreates = match name {
            // CloudFormation rejects this change when the update runs. What a change set shows for it is not confirmed.
            "ServiceToken" if is_custom(&present.type_name) => Recreation::Never,
            _ => recreation(kind, name, &before, &after),
        };
        let is_dynamic = after.to_string().contains(KNOWN_AFTER_APPLY);
        let cause = self.cause(present, written, name, is_dynamic);
        match recreates {
            Recreation::Always if cause.is_certain => details.is_replaced = true,
            Recreation::Always | Recreation::Conditionally => details.may_be_replaced = true,
            Recreation::Never => {}
        }
        let is_tags = kind.and_then(ResourceType::tag_property) == Some(name);
        let attribute = if is_tags { "Tags" } else { "Properties" };
        details.scope.insert(attribute);
        let mut target = json!({
            "Attribute": attribute,
            "RequiresRecreation": recreates.name(),
            "Path": format!("/Properties/{name}"),
            "AttributeChangeType": match (before.is_null(), after.is_null()) {
                (true, _) => "Add",
                (_, true) => "Remove",
                _ => "Modify",
            },
        });
        if !is_tags {
            target["Name"] = name.into();
        }
        // The value of a property that a service never returns is not shown either.
        if kind.is_none_or(|kind| !kind.is_write_only(name)) {
            for (side, key) in [(&sides.shown_before, "BeforeValue"), (&sides.shown_after, "AfterValue")] {
                if let Some(value) = side.get(name) {
                    target[key] = scalar_text(value).into();
                }
            }
        }
        details.all.push(json!({
            "Target": target,
            "Evaluation": if is_dynamic { "Dynamic" } else { "Static" },
            "ChangeSource": cause.source,
            "CausingEntity": cause.entity,
        }));
    }

    /// Why a property changes.
    fn cause(&self, present: &Resource, written: &Json, name: &str, is_dynamic: bool) -> Cause {
        let (raw, raw_before) = (&written["Properties"][name], &present.written["Properties"][name]);
        let mentioned = references(raw);
        let expected = self.expected.borrow();
        let parameter = mentioned.iter().find(|one| self.changed_parameters.contains(&one.name));
        let resource = mentioned.iter().find(|one| expected.contains_key(&one.name));
        let (source, entity) = match (raw == raw_before, parameter, resource) {
            (true, Some(parameter), _) => ("ParameterReference", Some(parameter.name.clone())),
            (_, _, Some(one)) if is_dynamic => match &one.attribute {
                Some(attribute) => ("ResourceAttribute", Some(format!("{}.{attribute}", one.name))),
                None => ("ResourceReference", Some(one.name.clone())),
            },
            _ => ("DirectModification", None),
        };
        // It is certain that an unknown value changes only if it is certain that the resource that returns it is replaced.
        let is_replaced = |id: &String| expected.get(id) == Some(&ExpectedChange::Created);
        let is_certain = !is_dynamic || resource.is_some_and(|one| is_replaced(&one.name));
        Cause { source, entity, is_certain }
    }

    /// Adds the changes of attributes other than the properties.
    fn attributes(&self, present: &Resource, written: &Json, details: &mut Details) {
        for name in ATTRIBUTES {
            if written.get(name) != present.written.get(name) {
                details.scope.insert(name);
                details.all.push(json!({
                    "Target": { "Attribute": name, "RequiresRecreation": "Never" },
                    "Evaluation": "Static",
                    "ChangeSource": "DirectModification",
                }));
            }
        }
    }

    /// Adds the change of the stack's tags, which a resource inherits.
    fn stack_tags(&self, present: &Resource, details: &mut Details) {
        let kind = registry::resource_type(&present.type_name);
        let is_taggable = kind.and_then(ResourceType::tag_property).is_some();
        if self.has_new_tags && is_taggable && details.scope.insert("Tags") {
            details.all.push(json!({
                "Target": { "Attribute": "Tags", "RequiresRecreation": "Never" },
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }));
        }
    }
}

/// Why a property changes.
struct Cause {
    source: &'static str,
    entity: Option<String>,
    /// Whether the property changes for certain.
    is_certain: bool,
}

impl Details {
    fn change(
        self,
        present: &Resource,
        written: &Json,
        sides: &Sides<'_>,
    ) -> Option<(Change, ExpectedChange)> {
        if self.all.is_empty() {
            return None;
        }
        let (replacement, expected) = match (self.is_replaced, self.may_be_replaced) {
            (true, _) => (Replacement::Yes, ExpectedChange::Created),
            (false, true) => (Replacement::Conditional, ExpectedChange::MayBeReplaced),
            _ => (Replacement::No, ExpectedChange::Updated),
        };
        let policy = match written["UpdateReplacePolicy"].as_str() {
            Some("Retain" | "RetainExceptOnCreate") => PolicyAction::ReplaceAndRetain,
            Some("Snapshot") => PolicyAction::ReplaceAndSnapshot,
            _ => PolicyAction::ReplaceAndDelete,
        };
        let change = Change {
            physical_id: Some(present.physical_id.clone()),
            replacement: Some(replacement),
            scope: self.scope.into_iter().map(str::to_owned).collect(),
            details: self.all,
            policy_action: self.is_replaced.then_some(policy),
            before: Some(context(&sides.shown_before)),
            after: Some(context(&sides.shown_after)),
            ..Change::of(ChangeAction::Modify, &present.logical_id, &present.type_name)
        };
        Some((change, expected))
    }
}
