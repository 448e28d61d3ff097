//! The closed sets of values that CloudFormation uses, as enums: statuses, change actions, replacement.
//!
//! AWS adds values from time to time. Each enum keeps such a value as `Other`, so that it is shown as it was received.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How far an operation has come, according to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The stack waits for a change set to be executed.
    Review,
    /// The operation is running.
    InProgress,
    /// The operation has succeeded.
    Complete,
    /// The operation has failed.
    Failed,
    /// The status was added to CloudFormation after this program was written.
    Unknown,
}

/// Defines an enum of texts, with the conversions that every such enum needs.
macro_rules! text_enum {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`.")] $variant,)*
            /// A value that AWS added after this program was written.
            Other(String),
        }

        impl $name {
            /// Returns the text that AWS uses for the value.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(String::deserialize(deserializer)?.as_str()))
            }
        }
    };
}

/// Defines an enum of statuses, each with the phase of the operation that it stands for.
macro_rules! status_enum {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal => $phase:ident,)* }) => {
        text_enum! { $(#[$attribute])* $name { $($variant = $text,)* } }

        impl $name {
            /// Returns how far the operation has come.
            pub fn phase(&self) -> Phase {
                match self {
                    $(Self::$variant => Phase::$phase,)*
                    Self::Other(_) => Phase::Unknown,
                }
            }

            /// Returns whether the operation is running. An unknown status counts as one of a running operation.
            pub fn is_in_progress(&self) -> bool {
                matches!(self.phase(), Phase::InProgress | Phase::Unknown)
            }

            /// Returns whether the status is one of a failure.
            pub fn is_failed(&self) -> bool {
                self.phase() == Phase::Failed
            }
        }
    };
}

status_enum! {
    /// The status of a stack (`StackStatus` in the CloudFormation API).
    StackStatus {
        ReviewInProgress = "REVIEW_IN_PROGRESS" => Review,
        CreateInProgress = "CREATE_IN_PROGRESS" => InProgress,
        CreateFailed = "CREATE_FAILED" => Failed,
        CreateComplete = "CREATE_COMPLETE" => Complete,
        RollbackInProgress = "ROLLBACK_IN_PROGRESS" => InProgress,
        RollbackFailed = "ROLLBACK_FAILED" => Failed,
        RollbackComplete = "ROLLBACK_COMPLETE" => Complete,
        DeleteInProgress = "DELETE_IN_PROGRESS" => InProgress,
        DeleteFailed = "DELETE_FAILED" => Failed,
        DeleteComplete = "DELETE_COMPLETE" => Complete,
        UpdateInProgress = "UPDATE_IN_PROGRESS" => InProgress,
        UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => InProgress,
        UpdateComplete = "UPDATE_COMPLETE" => Complete,
        UpdateFailed = "UPDATE_FAILED" => Failed,
        UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS" => InProgress,
        UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED" => Failed,
        UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => InProgress,
        UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE" => Complete,
        ImportInProgress = "IMPORT_IN_PROGRESS" => InProgress,
        ImportComplete = "IMPORT_COMPLETE" => Complete,
        ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS" => InProgress,
        ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED" => Failed,
        ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE" => Complete,
    }
}

impl StackStatus {
    /// Returns whether a deployment that ended with this status has succeeded.
    pub fn is_deployed(&self) -> bool {
        matches!(self, Self::CreateComplete | Self::UpdateComplete | Self::ImportComplete)
    }

    /// Returns whether the operation that leads to this status undoes another one.
    pub fn is_rollback(&self) -> bool {
        matches!(
            self,
            Self::RollbackInProgress
                | Self::RollbackFailed
                | Self::RollbackComplete
                | Self::UpdateRollbackInProgress
                | Self::UpdateRollbackFailed
                | Self::UpdateRollbackCompleteCleanupInProgress
                | Self::UpdateRollbackComplete
                | Self::ImportRollbackInProgress
                | Self::ImportRollbackFailed
                | Self::ImportRollbackComplete
        )
    }
}

status_enum! {
    /// The status of a resource in an event: of the resource itself (`ResourceStatus` in the CloudFormation API), of a
    /// hook (`HookStatus`), or of a validation before the deployment (`ValidationStatus`, with the prefix `VALIDATION_`).
    ResourceStatus {
        CreateInProgress = "CREATE_IN_PROGRESS" => InProgress,
        CreateFailed = "CREATE_FAILED" => Failed,
        CreateComplete = "CREATE_COMPLETE" => Complete,
        DeleteInProgress = "DELETE_IN_PROGRESS" => InProgress,
        DeleteFailed = "DELETE_FAILED" => Failed,
        DeleteComplete = "DELETE_COMPLETE" => Complete,
        DeleteSkipped = "DELETE_SKIPPED" => Complete,
        UpdateInProgress = "UPDATE_IN_PROGRESS" => InProgress,
        UpdateFailed = "UPDATE_FAILED" => Failed,
        UpdateComplete = "UPDATE_COMPLETE" => Complete,
        UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => InProgress,
        ImportInProgress = "IMPORT_IN_PROGRESS" => InProgress,
        ImportFailed = "IMPORT_FAILED" => Failed,
        ImportComplete = "IMPORT_COMPLETE" => Complete,
        ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS" => InProgress,
        ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED" => Failed,
        ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE" => Complete,
        ExportInProgress = "EXPORT_IN_PROGRESS" => InProgress,
        ExportFailed = "EXPORT_FAILED" => Failed,
        ExportComplete = "EXPORT_COMPLETE" => Complete,
        ExportRollbackInProgress = "EXPORT_ROLLBACK_IN_PROGRESS" => InProgress,
        ExportRollbackFailed = "EXPORT_ROLLBACK_FAILED" => Failed,
        ExportRollbackComplete = "EXPORT_ROLLBACK_COMPLETE" => Complete,
        RollbackInProgress = "ROLLBACK_IN_PROGRESS" => InProgress,
        RollbackFailed = "ROLLBACK_FAILED" => Failed,
        RollbackComplete = "ROLLBACK_COMPLETE" => Complete,
        UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS" => InProgress,
        UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED" => Failed,
        UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE" => Complete,
        UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => InProgress,
        ReviewInProgress = "REVIEW_IN_PROGRESS" => InProgress,
        HookInProgress = "HOOK_IN_PROGRESS" => InProgress,
        HookCompleteSucceeded = "HOOK_COMPLETE_SUCCEEDED" => Complete,
        HookCompleteFailed = "HOOK_COMPLETE_FAILED" => Failed,
        HookFailed = "HOOK_FAILED" => Failed,
        ValidationFailed = "VALIDATION_FAILED" => Failed,
        ValidationSkipped = "VALIDATION_SKIPPED" => Complete,
    }
}

impl ResourceStatus {
    /// Returns whether the status is one of a hook.
    pub fn is_of_hook(&self) -> bool {
        matches!(
            self,
            Self::HookInProgress | Self::HookCompleteSucceeded | Self::HookCompleteFailed | Self::HookFailed
        )
    }
}

text_enum! {
    /// What a change set does with a resource (`ChangeAction` in the CloudFormation API).
    ChangeAction {
        Add = "Add",
        Modify = "Modify",
        Remove = "Remove",
        Import = "Import",
        Dynamic = "Dynamic",
        SyncWithActual = "SyncWithActual",
    }
}

text_enum! {
    /// Whether a change replaces the resource (`Replacement` in the CloudFormation API).
    Replacement {
        Yes = "True",
        No = "False",
        Conditional = "Conditional",
    }
}

text_enum! {
    /// What a change set does with a resource that leaves the stack (`PolicyAction` in the CloudFormation API).
    PolicyAction {
        Delete = "Delete",
        Retain = "Retain",
        Snapshot = "Snapshot",
        ReplaceAndDelete = "ReplaceAndDelete",
        ReplaceAndRetain = "ReplaceAndRetain",
        ReplaceAndSnapshot = "ReplaceAndSnapshot",
    }
}

impl PolicyAction {
    /// Returns whether the resource remains in the account.
    pub fn is_retained(&self) -> bool {
        matches!(self, Self::Retain | Self::ReplaceAndRetain)
    }
}

text_enum! {
    /// Whether a change of a property replaces its resource (`RequiresRecreation` in the CloudFormation API).
    RequiresRecreation {
        Never = "Never",
        Conditionally = "Conditionally",
        Always = "Always",
    }
}

text_enum! {
    /// The result of drift detection for a resource (`StackResourceDriftStatus` in the CloudFormation API).
    DriftStatus {
        InSync = "IN_SYNC",
        Modified = "MODIFIED",
        Deleted = "DELETED",
        NotChecked = "NOT_CHECKED",
        Unknown = "UNKNOWN",
        Unsupported = "UNSUPPORTED",
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types as sdk;

    use super::*;

    #[test]
    fn every_value_of_the_api_has_a_variant() {
        for text in sdk::StackStatus::values() {
            assert!(!matches!(StackStatus::from(*text), StackStatus::Other(_)), "{text}");
        }
        for text in sdk::ResourceStatus::values().iter().chain(sdk::HookStatus::values()) {
            assert!(!matches!(ResourceStatus::from(*text), ResourceStatus::Other(_)), "{text}");
        }
        for text in sdk::ValidationStatus::values() {
            let text = format!("VALIDATION_{text}");
            assert!(!matches!(ResourceStatus::from(text.as_str()), ResourceStatus::Other(_)), "{text}");
        }
        for text in sdk::ChangeAction::values() {
            assert!(!matches!(ChangeAction::from(*text), ChangeAction::Other(_)), "{text}");
        }
        for text in sdk::PolicyAction::values() {
            assert!(!matches!(PolicyAction::from(*text), PolicyAction::Other(_)), "{text}");
        }
        for text in sdk::StackResourceDriftStatus::values() {
            assert!(!matches!(DriftStatus::from(*text), DriftStatus::Other(_)), "{text}");
        }
    }

    #[test]
    fn the_phase_agrees_with_the_suffix_of_the_name() {
        for text in sdk::StackStatus::values() {
            let status = StackStatus::from(*text);
            assert_eq!(status.is_failed(), text.ends_with("_FAILED"), "{text}");
            let is_in_progress = text.ends_with("_IN_PROGRESS") && *text != "REVIEW_IN_PROGRESS";
            assert_eq!(status.is_in_progress(), is_in_progress, "{text}");
            assert_eq!(status.is_rollback(), text.contains("ROLLBACK"), "{text}");
        }
        assert!(StackStatus::from("SOMETHING_NEW").is_in_progress());
        assert_eq!(StackStatus::from("SOMETHING_NEW").to_string(), "SOMETHING_NEW");
    }
}
