//! The closed sets of values that CloudFormation uses, as enums: statuses, change actions, replacement.
//!
//! AWS adds values from time to time. Each enum keeps such a value as `Other`, so that it is shown as it was received.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The phase of an operation that a status states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The stack waits for a change set to be executed.
    Review,
    /// The operation is running.
    InProgress,
    /// The operation has ended successfully; the operation can also be a rollback.
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
            /// The known values, as AWS writes them.
            pub const KNOWN: &[&str] = &[$($text),*];

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

/// Defines an enum of statuses, each with the phase of its operation.
macro_rules! status_enum {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal => $phase:ident,)* }) => {
        text_enum! { $(#[$attribute])* $name { $($variant = $text,)* } }

        impl $name {
            /// Returns the phase of the operation.
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

            /// Returns whether the status states that the operation has failed.
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

    /// Returns whether the operation that leads to this status rolls another operation back.
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

impl From<&StackStatus> for ResourceStatus {
    /// Converts the status of a stack to the status in an event of the stack itself.
    fn from(status: &StackStatus) -> Self {
        Self::from(status.as_str())
    }
}

impl ResourceStatus {
    /// Returns whether the operation that leads to this status rolls another operation back.
    pub fn is_rollback(&self) -> bool {
        matches!(
            self,
            Self::ImportRollbackInProgress
                | Self::ImportRollbackFailed
                | Self::ImportRollbackComplete
                | Self::ExportRollbackInProgress
                | Self::ExportRollbackFailed
                | Self::ExportRollbackComplete
                | Self::RollbackInProgress
                | Self::RollbackFailed
                | Self::RollbackComplete
                | Self::UpdateRollbackInProgress
                | Self::UpdateRollbackFailed
                | Self::UpdateRollbackComplete
                | Self::UpdateRollbackCompleteCleanupInProgress
        )
    }

    /// Returns whether the status is one of a hook.
    pub fn is_of_hook(&self) -> bool {
        matches!(
            self,
            Self::HookInProgress | Self::HookCompleteSucceeded | Self::HookCompleteFailed | Self::HookFailed
        )
    }
}

text_enum! {
    /// The action of a change set for a resource (`ChangeAction` in the CloudFormation API).
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
    /// The action of a change set for a resource that is removed from the stack (`PolicyAction` in the CloudFormation
    /// API).
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

text_enum! {
    /// The severity of a finding of a CloudFormation Hook (`AnnotationSeverityLevel` in the CloudFormation API).
    AnnotationSeverity {
        Informational = "INFORMATIONAL",
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
        Critical = "CRITICAL",
    }
}

text_enum! {
    /// The result of drift detection for a stack (`StackDriftStatus` in the CloudFormation API).
    StackDriftStatus {
        Drifted = "DRIFTED",
        InSync = "IN_SYNC",
        Unknown = "UNKNOWN",
        NotChecked = "NOT_CHECKED",
    }
}

text_enum! {
    /// The status of a change set (`ChangeSetStatus` in the CloudFormation API).
    ChangeSetStatus {
        CreatePending = "CREATE_PENDING",
        CreateInProgress = "CREATE_IN_PROGRESS",
        CreateComplete = "CREATE_COMPLETE",
        DeletePending = "DELETE_PENDING",
        DeleteInProgress = "DELETE_IN_PROGRESS",
        DeleteComplete = "DELETE_COMPLETE",
        DeleteFailed = "DELETE_FAILED",
        Failed = "FAILED",
    }
}

text_enum! {
    /// Whether a change set can be executed (`ExecutionStatus` in the CloudFormation API).
    ExecutionStatus {
        Unavailable = "UNAVAILABLE",
        Available = "AVAILABLE",
        ExecuteInProgress = "EXECUTE_IN_PROGRESS",
        ExecuteComplete = "EXECUTE_COMPLETE",
        ExecuteFailed = "EXECUTE_FAILED",
        Obsolete = "OBSOLETE",
    }
}

text_enum! {
    /// The purpose of a change set (`ChangeSetType` in the CloudFormation API).
    ChangeSetType {
        Create = "CREATE",
        Update = "UPDATE",
        Import = "IMPORT",
    }
}

text_enum! {
    /// The kind of an operation on a stack (`OperationType` in the CloudFormation API).
    OperationType {
        CreateStack = "CREATE_STACK",
        UpdateStack = "UPDATE_STACK",
        DeleteStack = "DELETE_STACK",
        ContinueRollback = "CONTINUE_ROLLBACK",
        Rollback = "ROLLBACK",
        CreateChangeset = "CREATE_CHANGESET",
    }
}

impl OperationType {
    /// Returns whether the operation rolls another one back.
    pub fn is_rollback(&self) -> bool {
        matches!(self, Self::Rollback | Self::ContinueRollback)
    }
}

text_enum! {
    /// The status of a stack refactor (`StackRefactorStatus` in the CloudFormation API).
    StackRefactorStatus {
        CreateInProgress = "CREATE_IN_PROGRESS",
        CreateComplete = "CREATE_COMPLETE",
        CreateFailed = "CREATE_FAILED",
        DeleteInProgress = "DELETE_IN_PROGRESS",
        DeleteComplete = "DELETE_COMPLETE",
        DeleteFailed = "DELETE_FAILED",
    }
}

text_enum! {
    /// Whether a stack refactor can be executed (`StackRefactorExecutionStatus` in the CloudFormation API).
    RefactorExecutionStatus {
        Unavailable = "UNAVAILABLE",
        Available = "AVAILABLE",
        Obsolete = "OBSOLETE",
        ExecuteInProgress = "EXECUTE_IN_PROGRESS",
        ExecuteComplete = "EXECUTE_COMPLETE",
        ExecuteFailed = "EXECUTE_FAILED",
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        RollbackComplete = "ROLLBACK_COMPLETE",
        RollbackFailed = "ROLLBACK_FAILED",
    }
}

text_enum! {
    /// The status of an operation on a stack set (`StackSetOperationStatus` in the CloudFormation API).
    StackSetOperationStatus {
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Stopping = "STOPPING",
        Stopped = "STOPPED",
        Queued = "QUEUED",
    }
}

text_enum! {
    /// The result of an operation on a stack set in one account and region (`StackSetOperationResultStatus` in the
    /// CloudFormation API).
    StackSetResultStatus {
        Pending = "PENDING",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Cancelled = "CANCELLED",
    }
}

text_enum! {
    /// The status of a stack in a stack set (`StackInstanceStatus` in the CloudFormation API).
    StackInstanceStatus {
        Current = "CURRENT",
        Outdated = "OUTDATED",
        Inoperable = "INOPERABLE",
    }
}
