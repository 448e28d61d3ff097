//! What a comparison finds: data, which the views show.

use serde_json::Value as JsonValue;
use stackwright_schemas::held::{Held, held};
use stackwright_synth::SourceLocation;

use super::effective::ValueInput;
use super::sam::created_type;
use super::security::SecurityChange;

/// What differs between two assemblies.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Diff {
    /// The stacks that differ, in the order of the new assembly; those that are gone come last.
    pub stacks: Vec<StackDiff>,
    /// How many stacks are the same.
    pub unchanged: usize,
    /// Resources that have another logical ID or are in another stack, which CloudFormation takes for other resources. A
    /// stack refactor keeps them.
    pub moves: Vec<MovedResource>,
}

/// A resource under another logical ID or in another stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MovedResource {
    /// The ID of the stack in which it is.
    pub from_stack: String,
    /// Its logical ID there.
    pub from_id: String,
    /// The ID of the stack in which the new version has it.
    pub to_stack: String,
    /// Its logical ID there.
    pub to_id: String,
}

/// What becomes of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackAction {
    /// It is only in the new assembly.
    Added,
    /// It is only in the old assembly. Nothing deletes it but `destroy`.
    Removed,
    /// It is in both and differs.
    Modified,
}

/// What differs in one stack.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StackDiff {
    /// The stack's ID in the app.
    pub id: String,
    /// The stack's name.
    pub name: String,
    /// What becomes of it.
    pub action: StackAction,
    /// Changes of the stack itself: environment, tags, termination protection, dependencies.
    pub settings: Vec<PropertyChange>,
    /// Changes of sections other than `Resources`: parameters, mappings, conditions, outputs and so on.
    pub sections: Vec<PropertyChange>,
    /// Changes of resources, the most severe first.
    pub resources: Vec<ResourceChange>,
    /// Files that are uploaded.
    pub assets: Vec<AssetChange>,
    /// What changes for who may do what, what reaches what, and what is encrypted.
    pub security: Vec<SecurityChange>,
    /// What a reviewer should know of the stack.
    pub notes: Vec<String>,
}

/// What CloudFormation does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceAction {
    /// It is created.
    Added,
    /// It is deleted, or leaves the stack.
    Removed,
    /// It stays in the stack under its logical ID.
    Modified,
    /// It has another logical ID and is otherwise the same, which CloudFormation takes for another resource.
    Renamed,
    /// It has another logical ID, and a stack refactor keeps it, because the program names its former ID.
    Moved,
}

/// The consequence of a change for a resource, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Consequence {
    /// CloudFormation refuses the update.
    Refused,
    /// The resource is replaced by another one.
    Replaced,
    /// The resource is deleted.
    Deleted,
    /// The resource may be replaced; CloudFormation or the service decides.
    MayBeReplaced,
    /// The resource leaves the stack and stays in the account.
    Retained,
    /// The resource is deleted after a snapshot of it is taken.
    Snapshot,
    /// The resource is created.
    Created,
    /// The resource is updated in place.
    Updated,
    /// The resource is kept under another logical ID.
    Moved,
    /// Only what CloudFormation itself keeps of it changes: `Metadata`, `DependsOn`, policies.
    AttributesOnly,
    /// Written differently, and the same in a deployment with the default of every parameter.
    Unchanged,
}

impl Consequence {
    /// All consequences, the most severe first.
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::Replaced,
        Self::Deleted,
        Self::MayBeReplaced,
        Self::Retained,
        Self::Snapshot,
        Self::Created,
        Self::Updated,
        Self::Moved,
        Self::AttributesOnly,
        Self::Unchanged,
    ];

    /// In words: `is replaced`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "is refused by CloudFormation",
            Self::Replaced => "is replaced",
            Self::Deleted => "is deleted",
            Self::MayBeReplaced => "may be replaced",
            Self::Retained => "leaves the stack and is kept",
            Self::Snapshot => "is deleted after a snapshot",
            Self::Created => "is created",
            Self::Updated => "is updated in place",
            Self::Moved => "is kept",
            Self::AttributesOnly => "changes in the stack only",
            Self::Unchanged => "is the same with the default of every parameter",
        }
    }

    /// As a word for programs: `replaced`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::Deleted => "deleted",
            Self::MayBeReplaced => "may-be-replaced",
            Self::Retained => "retained",
            Self::Snapshot => "snapshot",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Moved => "moved",
            Self::AttributesOnly => "attributes-only",
            Self::Unchanged => "unchanged",
        }
    }

    /// The sign before a resource in a list: `+`, `-`, `~`, `±`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Refused => "!",
            Self::Replaced | Self::MayBeReplaced => "±",
            Self::Deleted | Self::Retained | Self::Snapshot => "-",
            Self::Created => "+",
            Self::Updated => "~",
            Self::Moved => "→",
            Self::AttributesOnly | Self::Unchanged => "·",
        }
    }
}

/// Whether a change of a property replaces the resource, according to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Recreation {
    /// The property is updated in place.
    Never,
    /// The service decides, or the value may turn out to be the same.
    Conditionally,
    /// The resource is replaced.
    Always,
}

/// Why a property changes although it is written as before, or what its new value is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// A parameter, mapping or condition, by name.
    Input(ValueInput, String),
    /// A resource that is replaced, by its logical ID; whether that is certain.
    Replacement(String, bool),
}

/// One change of a property.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PropertyChange {
    /// The path, as people write it: `ProductionVariants[Main].InstanceType`.
    pub path: String,
    /// What it was, opened where it is text that holds JSON; `None` if there was nothing.
    pub before: Option<JsonValue>,
    /// What it is; `None` if there is nothing.
    pub after: Option<JsonValue>,
    /// Whether only the order of a list changes: then `before` and `after` are the names of its elements.
    pub is_order: bool,
    /// Whether it is an element of a list whose order has no meaning.
    pub is_element: bool,
    /// Whether the change replaces the resource.
    pub recreation: Recreation,
    /// What the change comes from, where it is not written at the property itself.
    pub because: Option<Because>,
    /// The line that sets the new value.
    pub location: Option<SourceLocation>,
}

/// What happens to a resource.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceChange {
    /// The logical ID.
    pub logical_id: String,
    /// The type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// What CloudFormation does.
    pub action: ResourceAction,
    /// What follows from it.
    pub consequence: Consequence,
    /// The properties that change. For a resource that is created or deleted, all of them.
    pub properties: Vec<PropertyChange>,
    /// Attributes of the resource that change, such as `DeletionPolicy`, `Metadata` or `DependsOn`.
    pub attributes: Vec<PropertyChange>,
    /// Differences in what is written that make none with the default of every parameter.
    pub written: Vec<PropertyChange>,
    /// What a replacement or a deletion loses or interrupts.
    pub holds: Option<Held>,
    /// Elements that an update deletes because they are no longer in a list, such as the instance groups of a HyperPod
    /// cluster.
    pub deleted_elements: Vec<RemovedElement>,
    /// The logical ID that it had.
    pub renamed_from: Option<String>,
    /// The condition that decides whether it is deployed, where that is not known.
    pub condition: Option<String>,
    /// What a reviewer should know of it.
    pub notes: Vec<String>,
    /// Why the update will fail, as CloudFormation or the service documents it.
    pub failures: Vec<String>,
    /// The line that adds the resource.
    pub location: Option<SourceLocation>,
}

/// An element of a list of a resource that holds data or runs work, and that the new list leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedElement {
    /// The property and the name of the element, as `--approve deletion=ID.PATH` takes them: `InstanceGroups.workers`.
    pub path: String,
    /// What is lost or interrupted.
    pub holds: Held,
}

/// A file that is uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetChange {
    /// The key of the file that was uploaded before.
    pub before: Option<String>,
    /// The key of the file that is uploaded now.
    pub after: Option<String>,
    /// The files in the archive that differ; `None` where the content of one of the two is not there, or is no archive.
    pub files: Option<Vec<FileChange>>,
}

/// A file in an archive, by its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileChange {
    /// Only the new archive has it.
    Added(String),
    /// Only the old archive has it.
    Removed(String),
    /// It has another content or other permissions.
    Modified(String),
}

impl FileChange {
    /// The name of the file, after a sign: `+`, `-` or `~`.
    pub fn signed(&self) -> (char, &str) {
        match self {
            Self::Added(name) => ('+', name),
            Self::Removed(name) => ('-', name),
            Self::Modified(name) => ('~', name),
        }
    }
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Every change of a resource, with its stack.
    pub fn resources(&self) -> impl Iterator<Item = (&StackDiff, &ResourceChange)> {
        self.stacks.iter().flat_map(|stack| stack.resources.iter().map(move |change| (stack, change)))
    }

    /// Whether somebody may do more than before.
    pub fn permissions_broadened(&self) -> bool {
        self.stacks.iter().flat_map(|stack| &stack.security).any(SecurityChange::is_broadened)
    }
}

impl ResourceChange {
    /// A change of a resource that the new version has, without what changes.
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

    /// The logical ID of the resource that CloudFormation deletes, replaces or updates.
    pub(crate) fn old_id(&self) -> &str {
        match (&self.action, &self.renamed_from) {
            (ResourceAction::Renamed, Some(old)) => old,
            _ => &self.logical_id,
        }
    }

    /// The logical ID, with the one that it had: `Old → New`.
    pub(crate) fn name(&self) -> String {
        match &self.renamed_from {
            Some(old) => format!("{old} → {}", self.logical_id),
            None => self.logical_id.clone(),
        }
    }

    /// The changes that are shown of a resource: of one that is created or deleted, no properties.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &PropertyChange> {
        let is_kept = matches!(self.action, ResourceAction::Modified | ResourceAction::Moved);
        let properties = if is_kept { self.properties.as_slice() } else { &[] };
        properties.iter().chain(&self.attributes)
    }

    /// The changes that replace the resource, or may.
    pub fn causes(&self) -> impl Iterator<Item = &PropertyChange> {
        self.properties.iter().filter(|change| change.recreation != Recreation::Never)
    }

    /// What is lost or interrupted, if the consequence loses or interrupts it.
    pub fn endangers(&self) -> Option<Held> {
        let is_gone = matches!(
            self.consequence,
            Consequence::Replaced | Consequence::MayBeReplaced | Consequence::Deleted
        );
        self.holds.filter(|_| is_gone)
    }
}
