//! The result of a comparison, as data that the output formats show.

use serde_json::Value as JsonValue;
use stackwright_schemas::consequence::Consequence;
use stackwright_schemas::held::{Held, held};
use stackwright_synth::SourceLocation;

use super::effective::ValueInput;
use super::sam::created_type;
use super::security::SecurityChange;

/// The differences between two assemblies.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Diff {
    /// The stacks that differ, in the order of the new assembly; removed stacks are last.
    pub stacks: Vec<StackDiff>,
    /// The number of stacks without differences.
    pub unchanged: usize,
    /// Resources whose logical ID or stack changes. CloudFormation treats them as other resources; a stack refactor
    /// keeps them.
    pub moves: Vec<MovedResource>,
}

/// A resource whose logical ID or stack changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MovedResource {
    /// The ID of the stack that contains it now.
    pub from_stack: String,
    /// The logical ID of the resource in the stack `from_stack`.
    pub from_id: String,
    /// The ID of the stack that contains it in the new version.
    pub to_stack: String,
    /// The logical ID of the resource in the stack `to_stack`.
    pub to_id: String,
}

/// The kind of change of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackAction {
    /// The stack is only in the new assembly.
    Added,
    /// The stack is only in the old assembly. Only `destroy` deletes it.
    Removed,
    /// The stack is in both assemblies and differs.
    Modified,
}

/// The differences of one stack.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StackDiff {
    /// The stack's ID in the app.
    pub id: String,
    /// The stack's name.
    pub name: String,
    /// The kind of change of the stack.
    pub action: StackAction,
    /// Changes of the stack itself: environment, tags, termination protection, dependencies.
    pub settings: Vec<PropertyChange>,
    /// Changes of sections other than `Resources`: parameters, mappings, conditions, outputs and so on.
    pub sections: Vec<PropertyChange>,
    /// Changes of resources, the most severe first.
    pub resources: Vec<ResourceChange>,
    /// The assets that change.
    pub assets: Vec<AssetChange>,
    /// Changes of permissions, network access and encryption.
    pub security: Vec<SecurityChange>,
    /// Notes about the stack for the reviewer.
    pub notes: Vec<String>,
}

/// The kind of change of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceAction {
    /// The resource is created.
    Added,
    /// The resource is deleted, or removed from the stack and retained.
    Removed,
    /// The resource is kept under its logical ID and differs.
    Modified,
    /// The resource has another logical ID and is otherwise equal. CloudFormation treats it as another resource.
    Renamed,
    /// The resource has another logical ID, and a stack refactor keeps it, because the program states its former ID.
    Moved,
}

/// Whether a change of a property replaces the resource, according to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Recreation {
    /// The property is updated in place.
    Never,
    /// The service determines whether the resource is replaced, or the new value may be equal to the old one.
    Conditionally,
    /// The resource is replaced.
    Always,
}

/// The cause of the change of a property that is not written at the property itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// A parameter, mapping or condition, by name.
    Input(ValueInput, String),
    /// A resource that is replaced, by its logical ID, and whether the replacement is certain.
    Replacement(String, bool),
}

/// A difference of one property, or of a part of it, between two versions of a stack.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PropertyChange {
    /// The path of the property in a readable form: `ProductionVariants[Main].InstanceType`.
    pub path: String,
    /// The old value; a string that contains JSON is parsed. `None` if there was no value.
    pub before: Option<JsonValue>,
    /// The new value, in the same form; `None` if there is no value.
    pub after: Option<JsonValue>,
    /// Whether only the order of a list changes: then `before` and `after` are the names of its elements.
    pub is_order: bool,
    /// Whether the path is that of an element of a list whose order has no meaning.
    pub is_element: bool,
    /// Whether the change replaces the resource.
    pub recreation: Recreation,
    /// The cause of the change, if it is not written at the property itself.
    pub because: Option<Because>,
    /// The line of the program or the template that sets the new value; `None` if it is not known.
    pub location: Option<SourceLocation>,
}

/// The change of a resource, with its consequence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceChange {
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The resource type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The kind of change.
    pub action: ResourceAction,
    /// The consequence of the change.
    pub consequence: Consequence,
    /// The properties that change. For a resource that is created or deleted, all of them.
    pub properties: Vec<PropertyChange>,
    /// Attributes of the resource that change, such as `DeletionPolicy`, `Metadata` or `DependsOn`.
    pub attributes: Vec<PropertyChange>,
    /// Differences in the template text that have no effect with the default of every parameter.
    pub written: Vec<PropertyChange>,
    /// The data or workload that a replacement or a deletion affects.
    pub holds: Option<Held>,
    /// Elements that an update deletes because they are no longer in a list, such as the instance groups of a HyperPod
    /// cluster.
    pub deleted_elements: Vec<RemovedElement>,
    /// The former logical ID, if it changes.
    pub renamed_from: Option<String>,
    /// The condition that determines whether the resource is deployed, if its result is not known.
    pub condition: Option<String>,
    /// Notes about the resource for the reviewer.
    pub notes: Vec<String>,
    /// Reasons why the update will fail, according to the documentation of CloudFormation or the service.
    pub failures: Vec<String>,
    /// The line of the program or the template that adds the resource; `None` if it is not known.
    pub location: Option<SourceLocation>,
}

/// An element of a list of a resource that contains data or runs workloads, and that is not in the new list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedElement {
    /// The property and the name of the element, in the form that `--approve deletion=ID.PATH` accepts:
    /// `InstanceGroups.workers`.
    pub path: String,
    /// The data or workload that is affected.
    pub holds: Held,
}

/// A change of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetChange {
    /// The object key of the old file; `None` if the old version does not have the asset.
    pub before: Option<String>,
    /// The object key of the new file; `None` if the new version does not have the asset.
    pub after: Option<String>,
    /// The files in the archive that differ; `None` if the content of one version is not available or is not an
    /// archive.
    pub files: Option<Vec<FileChange>>,
}

/// A change of a file in an archive, by the name of the file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileChange {
    /// Only the new archive contains the file.
    Added(String),
    /// Only the old archive contains the file.
    Removed(String),
    /// The content or the permissions of the file differ.
    Modified(String),
}

impl FileChange {
    /// Returns the sign of the change: `+`, `-` or `~`.
    pub fn sign(&self) -> char {
        match self {
            Self::Added(_) => '+',
            Self::Removed(_) => '-',
            Self::Modified(_) => '~',
        }
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        let (Self::Added(name) | Self::Removed(name) | Self::Modified(name)) = self;
        name
    }
}

impl Diff {
    /// Returns whether there are no differences.
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Returns every change of a resource, in the order of the stacks.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceChange> {
        self.stacks.iter().flat_map(|stack| &stack.resources)
    }

    /// Returns whether the change gives permissions or access that did not exist before.
    pub fn permissions_broadened(&self) -> bool {
        self.stacks.iter().flat_map(|stack| &stack.security).any(SecurityChange::is_broadened)
    }
}

impl ResourceChange {
    /// Returns a change of a resource that exists in the new version, without its differences.
    pub(crate) fn new(logical_id: &str, resource_type: &str) -> Self {
        Self {
            logical_id: logical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            action: ResourceAction::Modified,
            consequence: Consequence::Unchanged,
            properties: Vec::new(),
            attributes: Vec::new(),
            written: Vec::new(),
            holds: held(created_type(resource_type)),
            deleted_elements: Vec::new(),
            renamed_from: None,
            condition: None,
            notes: Vec::new(),
            failures: Vec::new(),
            location: None,
        }
    }

    /// Returns the logical ID of the resource that CloudFormation deletes, replaces or updates.
    pub(crate) fn old_id(&self) -> &str {
        match (&self.action, &self.renamed_from) {
            (ResourceAction::Renamed, Some(old)) => old,
            _ => &self.logical_id,
        }
    }

    /// Returns the logical ID, with the one that it had: `Old → New`.
    pub(crate) fn name(&self) -> String {
        match &self.renamed_from {
            Some(old) => format!("{old} → {}", self.logical_id),
            None => self.logical_id.clone(),
        }
    }

    /// Returns the changes that are shown of a resource: of one that is created or deleted, no properties.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &PropertyChange> {
        let is_kept = matches!(self.action, ResourceAction::Modified | ResourceAction::Moved);
        let properties = if is_kept { self.properties.as_slice() } else { &[] };
        properties.iter().chain(&self.attributes)
    }

    /// Returns the changes that replace the resource, or may replace it.
    pub fn causes(&self) -> impl Iterator<Item = &PropertyChange> {
        self.properties.iter().filter(|change| change.recreation != Recreation::Never)
    }

    /// Returns the data, traffic or workload that the consequence loses or interrupts; `None` if it loses and interrupts nothing.
    pub fn endangers(&self) -> Option<Held> {
        let is_gone = matches!(
            self.consequence,
            Consequence::Replaced | Consequence::MayBeReplaced | Consequence::Deleted
        );
        self.holds.filter(|_| is_gone)
    }
}
