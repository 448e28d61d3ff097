//! The changes of a change set.

use aws_sdk_cloudformation::types::ResourceChange;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use stackwright_schemas::held::{Held, HeldList, held_lists};

use crate::events::non_empty;
use crate::secret::Secrets;
use crate::status::{ChangeAction, PolicyAction, Replacement, RequiresRecreation};

/// The change of one resource in a change set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The action for the resource.
    pub action: ChangeAction,
    /// The logical ID. For a resource of a nested stack, the logical ID of the stack and a slash precede it.
    pub logical_id: String,
    /// The physical ID, if the resource exists.
    pub physical_id: Option<String>,
    /// The type of the resource.
    pub resource_type: String,
    /// Whether the resource is replaced; `None` for actions other than a modification.
    pub replacement: Option<Replacement>,
    /// The action for a resource that is removed from the stack or replaced.
    pub policy_action: Option<PolicyAction>,
    /// The properties that change.
    pub properties: Vec<ChangedProperty>,
    /// Elements of lists that an update deletes, such as the instance groups of a HyperPod cluster.
    #[serde(default)]
    pub deleted_elements: Vec<DeletedElement>,
}

/// An element of a list of a resource that holds data or runs work, and that the new list leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeletedElement {
    /// The property and the name of the element: `InstanceGroups.workers`. Without a name, the property changes and
    /// CloudFormation does not report its values, so any element may be deleted.
    pub path: String,
    /// The kind of loss.
    pub loses: Held,
}

impl Change {
    /// Returns the names of the properties that cause a replacement.
    pub fn replacement_causes(&self) -> impl Iterator<Item = &str> {
        let causes =
            self.properties.iter().filter(|one| one.requires_recreation != RequiresRecreation::Never);
        causes.map(|one| one.name.as_str())
    }
}

/// A property of a resource that a change set changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangedProperty {
    /// The name of the property, or that of an attribute of the resource such as `Metadata` or `Tags`.
    pub name: String,
    /// Whether the change of the property replaces the resource.
    pub requires_recreation: RequiresRecreation,
    /// The current value; `None` if the property is not set, or its value is not known.
    pub before: Option<String>,
    /// The new value; `None` if the property is removed, or its value is known only after the deployment.
    pub after: Option<String>,
    /// The parameter or the resource whose change causes this change.
    pub caused_by: Option<String>,
}

/// Reads a change of the AWS SDK. `path` precedes the logical ID.
pub(crate) fn read_change(change: &ResourceChange, path: &str, secrets: &Secrets<'_>) -> Change {
    let logical_id = format!("{path}{}", change.logical_resource_id().unwrap_or_default());
    let mut properties: Vec<_> = change
        .details()
        .iter()
        .filter_map(|detail| Some((detail, detail.target()?)))
        .map(|(detail, target)| ChangedProperty {
            name: non_empty(target.name())
                .or_else(|| target.attribute().map(|attribute| attribute.to_string()))
                .unwrap_or_default(),
            requires_recreation: target.requires_recreation().map_or("Never", |one| one.as_str()).into(),
            before: non_empty(target.before_value()),
            after: non_empty(target.after_value()),
            caused_by: non_empty(detail.causing_entity()),
        })
        .collect();
    let deleted_elements = deleted_elements(change, &properties);
    for one in &mut properties {
        secrets.mask_property(&logical_id, &one.name, &mut one.before);
        secrets.mask_property(&logical_id, &one.name, &mut one.after);
    }
    Change {
        action: change.action().map_or("", |action| action.as_str()).into(),
        logical_id,
        physical_id: non_empty(change.physical_resource_id()),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        replacement: change.replacement().map(|replacement| replacement.as_str().into()),
        policy_action: change.policy_action().map(|action| action.as_str().into()),
        properties,
        deleted_elements,
    }
}

/// Returns the elements of lists that a modification deletes, by the properties before and after that a change set has
/// with `IncludePropertyValues`.
fn deleted_elements(change: &ResourceChange, properties: &[ChangedProperty]) -> Vec<DeletedElement> {
    if change.action().map(|action| action.as_str()) != Some("Modify") {
        return Vec::new();
    }
    let read = |context: Option<&str>| -> Option<Json> {
        let context: Json = serde_json::from_str(context?).ok()?;
        context.get("Properties").cloned()
    };
    let sides = read(change.before_context()).zip(read(change.after_context()));
    let of_list = |list: &'static HeldList| {
        let names = match &sides {
            Some((before, after)) => list
                .removed(&before[&list.property], &after[&list.property])
                .into_iter()
                .map(|name| format!("{}.{name}", list.property))
                .collect(),
            None if properties.iter().any(|one| one.name == list.property) => vec![list.property.clone()],
            None => Vec::new(),
        };
        names.into_iter().map(|path| DeletedElement { path, loses: list.holds })
    };
    held_lists(change.resource_type().unwrap_or_default()).flat_map(of_list).collect()
}
