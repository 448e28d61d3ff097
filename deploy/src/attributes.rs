//! The attributes of a stack that are not part of its template, and how a deployment changes them.
//!
//! The rule: what the program does not set is not touched. What a deployment changes is shown in the plan, and needs an
//! approval if it removes something.
//!
//! | attribute | owner | what a deployment does |
//! |---|---|---|
//! | tags | the program, for the keys that it sets | sets them; other tags stay, unless `prune_tags` is set |
//! | termination protection | the program, if it sets it | enables or disables it; else leaves it |
//! | stack policy | the account | nothing |
//! | notification topics | the account | nothing: the request does not name any |
//! | rollback configuration | the account | nothing: CloudFormation keeps the triggers of the stack |
//! | service role | the account | nothing: CloudFormation uses the role of the stack |
//! | timeout of the creation | – | nothing: it only applies to `CreateStack` |

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_cloudformation::types::{Stack, Tag};
use serde::{Deserialize, Serialize};
use stackwright_synth::StackArtifact;

use crate::approval::ApprovalKind;

/// A change to an attribute of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "attribute")]
#[non_exhaustive]
pub enum AttributeChange {
    /// Termination protection is enabled or disabled.
    TerminationProtection {
        /// Whether termination protection is enabled after the change.
        enabled: bool,
    },
    /// A tag is added, changed or removed.
    Tag {
        /// The key of the tag.
        key: String,
        /// The current value; `None` if the tag is added.
        before: Option<String>,
        /// The new value; `None` if the tag is removed.
        after: Option<String>,
    },
}

impl AttributeChange {
    /// Returns the kind of approval that the change needs.
    pub(crate) fn needs_approval(&self) -> Option<ApprovalKind> {
        match self {
            Self::TerminationProtection { enabled: false } => Some(ApprovalKind::TerminationProtection),
            Self::Tag { after: None, .. } => Some(ApprovalKind::Tags),
            _ => None,
        }
    }
}

impl fmt::Display for AttributeChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TerminationProtection { enabled: true } => {
                formatter.write_str("termination protection: disabled → enabled")
            }
            Self::TerminationProtection { enabled: false } => {
                formatter.write_str("termination protection: enabled → disabled")
            }
            Self::Tag { key, before: None, after: Some(after) } => {
                write!(formatter, "tag {key}: added, {after}")
            }
            Self::Tag { key, before: Some(before), after: Some(after) } => {
                write!(formatter, "tag {key}: {before} → {after}")
            }
            Self::Tag { key, after: None, .. } => write!(formatter, "tag {key}: removed"),
        }
    }
}

/// The tags of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags {
    /// The tags that the stack has afterwards; `None` leaves them as they are.
    pub tags: Option<BTreeMap<String, String>>,
    pub changes: Vec<AttributeChange>,
}

/// Decides the tags of a stack.
pub(crate) fn tags(stack: &StackArtifact, existing: Option<&Stack>, prune: bool) -> Tags {
    let current: BTreeMap<String, String> = existing
        .into_iter()
        .flat_map(Stack::tags)
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        // Tags with this prefix belong to AWS, and cannot be set.
        .filter(|(key, _)| !key.starts_with("aws:"))
        .collect();
    let mut wanted = if prune { BTreeMap::new() } else { current.clone() };
    wanted.extend(stack.tags.iter().map(|(key, value)| (key.clone(), value.clone())));
    if wanted == current {
        // An empty list would remove all tags.
        let tags = (!current.is_empty()).then_some(current);
        return Tags { tags, changes: Vec::new() };
    }
    let keys: std::collections::BTreeSet<&String> = current.keys().chain(wanted.keys()).collect();
    let changes = keys
        .into_iter()
        .filter(|key| current.get(*key) != wanted.get(*key))
        .map(|key| AttributeChange::Tag {
            key: key.clone(),
            before: current.get(key).cloned(),
            after: wanted.get(key).cloned(),
        })
        .collect();
    // A new stack has all its tags from the program, which is not a change.
    let changes = if existing.is_some() { changes } else { Vec::new() };
    Tags { tags: Some(wanted), changes }
}

/// Returns the tags in the form that the AWS SDK accepts.
pub(crate) fn sdk_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Returns the change to termination protection, if the program sets it and the stack differs.
pub(crate) fn termination_protection(
    stack: &StackArtifact,
    existing: Option<&Stack>,
) -> Option<AttributeChange> {
    let enabled = stack.termination_protection?;
    let current = existing.is_some_and(|stack| stack.enable_termination_protection == Some(true));
    (enabled != current).then_some(AttributeChange::TerminationProtection { enabled })
}
