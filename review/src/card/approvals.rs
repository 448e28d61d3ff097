//! The approvals that `deploy` will ask for, as far as templates determine them.

use std::fmt;

use stackwright_schemas::held::{changes_network, changes_permissions};

use crate::diff::{Consequence, Diff, ResourceAction, ResourceChange, StackAction, StackDiff};

/// The change that an approval permits. Its text (`Display`) is the value for `--approve`.
///
/// ```
/// use stackwright_review::card::ApprovedChange;
///
/// assert_eq!(ApprovedChange::Deletion("Models".into()).to_string(), "deletion=Models");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApprovedChange {
    /// The replacement of the resource with this logical ID.
    Replacement(String),
    /// The deletion of the resource with this logical ID.
    Deletion(String),
    /// The deletion of an element of a resource, such as a table of a database.
    ElementDeletion {
        /// The logical ID of the resource.
        resource: String,
        /// The property and the element.
        path: String,
    },
    /// Changes of permissions.
    Permissions,
    /// Changes of network access.
    Network,
    /// The end of the stack's termination protection.
    TerminationProtection,
    /// The removal of tags of the stack.
    Tags,
    /// A stack refactor that renames resources.
    Rename,
}

impl fmt::Display for ApprovedChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replacement(id) => write!(formatter, "replacement={id}"),
            Self::Deletion(id) => write!(formatter, "deletion={id}"),
            Self::ElementDeletion { resource, path } => write!(formatter, "deletion={resource}.{path}"),
            Self::Permissions => formatter.write_str("permissions"),
            Self::Network => formatter.write_str("network"),
            Self::TerminationProtection => formatter.write_str("termination-protection"),
            Self::Tags => formatter.write_str("tags"),
            Self::Rename => formatter.write_str("rename"),
        }
    }
}

/// An approval that `deploy` will ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpectedApproval {
    /// The stack's ID.
    pub stack: String,
    /// What the approval permits.
    pub approval: ApprovedChange,
    /// A sentence that states the reason.
    pub reason: String,
    /// Whether data is lost, or traffic or workloads are interrupted. Such a change needs its own approval in
    /// addition to `--yes`.
    pub is_dangerous: bool,
}

impl ExpectedApproval {
    /// Returns the options of `deploy` that approve the change.
    pub fn words(&self) -> String {
        format!("--approve {}", self.approval)
    }
}

/// Returns the approvals that a change needs, the dangerous ones first, each once for a stack.
pub(crate) fn required(diff: &Diff) -> Vec<ExpectedApproval> {
    let mut found: Vec<ExpectedApproval> = Vec::new();
    // A stack that is no longer in the program is not touched by `deploy`.
    for stack in diff.stacks.iter().filter(|stack| stack.action != StackAction::Removed) {
        for change in &stack.resources {
            danger(stack, change, &mut found);
        }
        let ids = |of: fn(&str) -> bool| -> Vec<&str> {
            let is_touched = |change: &&ResourceChange| {
                !matches!(change.consequence, Consequence::Unchanged) && of(&change.resource_type)
            };
            stack.resources.iter().filter(is_touched).map(|change| change.logical_id.as_str()).collect()
        };
        for (approval, ids) in [
            (ApprovedChange::Permissions, ids(changes_permissions)),
            (ApprovedChange::Network, ids(changes_network)),
        ] {
            if !ids.is_empty() {
                found.push(ExpectedApproval {
                    stack: stack.id.clone(),
                    reason: format!("{approval} change by {}", ids.join(", ")),
                    approval,
                    is_dangerous: false,
                });
            }
        }
        settings(stack, &mut found);
        found.extend(renames(stack));
    }
    found.sort_by_key(|one| !one.is_dangerous);
    found
}

fn danger(stack: &StackDiff, change: &ResourceChange, found: &mut Vec<ExpectedApproval>) {
    // Of a renamed resource, the old one is deleted.
    let id = change.old_id();
    for element in &change.deleted_elements {
        let path = &element.path;
        found.push(ExpectedApproval {
            stack: stack.id.clone(),
            approval: ApprovedChange::ElementDeletion { resource: id.to_owned(), path: path.clone() },
            reason: format!(
                "deletion of {path} of {id} ({}), which {}",
                change.resource_type,
                element.holds.predicate()
            ),
            is_dangerous: true,
        });
    }
    let Some(held) = change.holds else { return };
    let (kind, approval) = match change.consequence {
        Consequence::Replaced | Consequence::MayBeReplaced => {
            ("replacement", ApprovedChange::Replacement(id.to_owned()))
        }
        Consequence::Deleted | Consequence::Snapshot => ("deletion", ApprovedChange::Deletion(id.to_owned())),
        _ => return,
    };
    found.push(ExpectedApproval {
        stack: stack.id.clone(),
        approval,
        reason: format!("{kind} of {id} ({}), which {}", change.resource_type, held.predicate()),
        is_dangerous: true,
    });
}

/// Attributes of the stack itself that need an approval.
fn settings(stack: &StackDiff, found: &mut Vec<ExpectedApproval>) {
    let mut add = |approval: ApprovedChange, reason: &str| {
        let one = ExpectedApproval {
            stack: stack.id.clone(),
            approval,
            reason: reason.to_owned(),
            is_dangerous: false,
        };
        if !found.contains(&one) {
            found.push(one);
        }
    };
    for change in &stack.settings {
        if change.path == "TerminationProtection" && change.after == Some(false.into()) {
            add(ApprovedChange::TerminationProtection, "termination protection of the stack is disabled");
        }
        if change.path.starts_with("Tags") && change.after.is_none() {
            add(ApprovedChange::Tags, "tags are removed from the stack");
        }
    }
}

/// Returns the stack refactor with which `deploy` gives resources other logical IDs.
fn renames(stack: &StackDiff) -> Option<ExpectedApproval> {
    let is_renamed = |change: &&ResourceChange| change.action == ResourceAction::Moved;
    let names: Vec<String> = stack.resources.iter().filter(is_renamed).map(ResourceChange::name).collect();
    (!names.is_empty()).then(|| ExpectedApproval {
        stack: stack.id.clone(),
        approval: ApprovedChange::Rename,
        reason: format!("a stack refactor renames {}", names.join(", ")),
        is_dangerous: false,
    })
}
