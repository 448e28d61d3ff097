//! Changes of permissions, network access and encryption.

mod exposure;
mod network;
mod statement;

use serde_json::Value as JsonValue;
use stackwright_synth::StackArtifact;

use super::effective::Effective;
use super::model::{ResourceAction, ResourceChange};
use super::resource::{Sides, properties};

pub use statement::Permission;

/// The effect of a change on permissions or protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effect {
    /// The change adds permissions or access, or removes a protection.
    Broadened,
    /// The permissions differ, and it is not known whether they are broader or narrower.
    Changed,
    /// The change removes permissions or access, or adds a protection.
    Narrowed,
}

impl Effect {
    /// Returns the stable name for programs: `broadened`, `changed` or `narrowed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broadened => "broadened",
            Self::Changed => "changed",
            Self::Narrowed => "narrowed",
        }
    }
}

/// The subject of a security change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subject {
    /// Permissions of principals.
    Permissions,
    /// Network access.
    Network,
    /// Access for everybody.
    PublicAccess,
    /// Encryption of data.
    Encryption,
}

impl Subject {
    /// Returns the stable name for programs: `permissions`, `network`, `public-access` or `encryption`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permissions => "permissions",
            Self::Network => "network",
            Self::PublicAccess => "public-access",
            Self::Encryption => "encryption",
        }
    }
}

/// A change of permissions, network access or encryption.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SecurityChange {
    /// The subject of the change.
    pub subject: Subject,
    /// The effect of the change.
    pub effect: Effect,
    /// The logical ID of the resource.
    pub logical_id: String,
    /// The path of the property.
    pub path: String,
    /// A description of the old or new state, such as `allows s3:PutObject on arn:aws:s3:::b/*`.
    pub what: String,
}

impl SecurityChange {
    /// Returns whether the change gives permissions or access that did not exist before.
    pub fn is_broadened(&self) -> bool {
        self.effect == Effect::Broadened && self.subject == Subject::Permissions
    }
}

/// Returns the security changes among changes of resources, what becomes possible first.
pub(crate) fn changes(sides: &Sides<'_>, resources: &[ResourceChange]) -> Vec<SecurityChange> {
    let mut found = Vec::new();
    for change in resources {
        let old = (change.action != ResourceAction::Added)
            .then(|| values(&sides.before, change.old_id()))
            .flatten()
            .unwrap_or_default();
        let new = (change.action != ResourceAction::Removed)
            .then(|| values(&sides.after, &change.logical_id))
            .flatten()
            .unwrap_or_default();
        statement::compare(change, &old, &new, &mut found);
        network::compare(change, &old, &new, &mut found);
        if change.action == ResourceAction::Modified {
            exposure::compare(change, &mut found);
        }
    }
    found.sort_by_key(|change| (change.effect, change.subject));
    found
}

/// Returns every statement of the policies of a stack, in a deployment with the default of every parameter.
pub fn permissions(stack: &StackArtifact) -> Vec<Permission> {
    let effective = Effective::new(stack, None);
    let resources = stack.template.resources().filter(|(_, body)| effective.is_deployed(body) != Some(false));
    resources
        .flat_map(|(id, body)| {
            let kind = body["Type"].as_str().unwrap_or_default();
            let value = properties(kind, &effective.properties(body)).json();
            statement::permissions(id, &value)
        })
        .collect()
}

/// Returns the properties of a resource, in which every string with a JSON document is replaced by the document.
fn values(effective: &Effective<'_>, id: &str) -> Option<JsonValue> {
    let body = effective.template.resource(id).filter(|body| effective.is_deployed(body) != Some(false))?;
    let kind = body["Type"].as_str().unwrap_or_default();
    Some(properties(kind, &effective.properties(body)).json())
}

/// Adds a security change of a resource.
fn add(
    found: &mut Vec<SecurityChange>,
    change: &ResourceChange,
    (subject, effect): (Subject, Effect),
    path: &str,
    what: String,
) {
    let one = SecurityChange {
        subject,
        effect,
        logical_id: change.logical_id.clone(),
        path: path.to_owned(),
        what,
    };
    if !found.contains(&one) {
        found.push(one);
    }
}
