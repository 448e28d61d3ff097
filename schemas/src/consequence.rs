//! The consequences that a change of a template has for a resource: the comparison of templates predicts them, and the change set
//! of a deployment reports them.

use serde::{Deserialize, Serialize};

/// The consequence of a change for a resource, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Consequence {
    /// CloudFormation refuses the update.
    Refused,
    /// The resource is replaced by another one.
    Replaced,
    /// The resource is deleted.
    Deleted,
    /// The resource may be replaced; CloudFormation or the service determines this during the update.
    MayBeReplaced,
    /// The resource is removed from the stack and retained in the account.
    Retained,
    /// The resource is deleted after a snapshot of it is created.
    Snapshot,
    /// The resource is created.
    Created,
    /// The resource is updated in place.
    Updated,
    /// The resource is kept under another logical ID.
    Moved,
    /// Only attributes that CloudFormation itself uses change: `Metadata`, `DependsOn`, policies.
    AttributesOnly,
    /// The template text differs, but the values are equal in a deployment with the default of every parameter.
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

    /// Returns the consequence in words, such as `is replaced`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "is refused by CloudFormation",
            Self::Replaced => "is replaced",
            Self::Deleted => "is deleted",
            Self::MayBeReplaced => "may be replaced",
            Self::Retained => "is removed from the stack and retained",
            Self::Snapshot => "is deleted after a snapshot",
            Self::Created => "is created",
            Self::Updated => "is updated in place",
            Self::Moved => "is kept",
            Self::AttributesOnly => "changes in the stack only",
            Self::Unchanged => "is the same with the default of every parameter",
        }
    }

    /// Returns the stable name for programs, such as `replaced`.
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

    /// Returns the sign before a resource in a list: `+`, `-`, `~` or `±`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_serialized_form() {
        for consequence in Consequence::ALL {
            let json = serde_json::to_value(consequence).expect("a consequence is serialized");
            assert_eq!(json, consequence.name());
            assert_eq!(serde_json::from_value::<Consequence>(json).expect("it is read"), consequence);
        }
        assert!(Consequence::ALL.is_sorted(), "the most severe is first");
    }
}
