//! Deploys stacks through CloudFormation change sets.
//!
//! The crate has three layers:
//! - [`Connection`] and [`Connections`] hold the clients for an account and region.
//! - One module for each concern has functions that take a connection: [`prepare`] creates a change set, [`execute`]
//!   executes it, [`diagnose`] finds the cause of a failure, [`detect_drift`] compares, [`recover`] performs a recovery
//!   action, and so on.
//! - [`Orchestrator`] works on several stacks in the order of their dependencies: it plans, deploys and deletes them,
//!   and asks for approvals through the trait [`Prompt`].
//!
//! The crate does not print, does not evaluate rules about templates, and keeps no state of its own. What happens is
//! reported as [`Progress`].

mod advice;
mod approval;
mod assets;
mod attributes;
mod backend;
mod change;
mod change_set;
mod connection;
mod deletion;
mod deployed;
mod diagnosis;
mod drift;
mod error;
mod events;
mod execution;
mod import;
mod import_template;
mod lookup;
mod messages;
mod orchestrator;
mod order;
mod parameters;
pub mod permissions;
mod plan;
mod poller;
mod prediction;
mod preparation;
mod prompt;
mod quotas;
mod recovery;
mod refactor;
mod request;
mod retained;
mod secret;
mod selection;
mod status;
mod upload;
mod validation;
mod waiting;

use std::time::Duration;

pub use approval::{Approval, ApprovalKind, ApprovalPolicy, RequiredApproval};
pub use attributes::AttributeChange;
pub use backend::Backend;
pub use change::{Change, ChangedProperty, DeletedElement};
pub use change_set::{ChangeSet, discard};
pub use connection::{Connection, Connections, Profile};
pub use deletion::{DeletedResource, DeletionPreview, Disposition, LostKey, deletion_preview, destroy};
pub use deployed::{DeployedStack, deployed_stack};
pub use diagnosis::{Diagnosis, diagnose};
pub use drift::{Drift, DriftedResource, PropertyDifference, detect_drift};
pub use error::DeployError;
pub use events::ResourceEvent;
pub use execution::{Outcome, execute, keep_unchanged};
pub use futures_util::future::LocalBoxFuture;
pub use import::{Import, ImportReport, import_report};
pub use lookup::{StackDescription, describe_stack};
pub use orchestrator::{Cancellation, Deleted, Orchestrator, Settings};
pub use order::{FinishedStack, Order, StackResult, run_in_order};
pub use parameters::{ParameterNote, ParameterReason};
pub use plan::{Plan, PlannedOutcome, PlannedStack};
pub use prediction::{ChangeOutcome, ComparePrediction, ComparedVersions, PredictionDifference};
pub use preparation::{ContinueMode, Options, Prepared, prepare};
pub use prompt::{NoPrompt, Prompt, Question};
pub use quotas::{QuotaId, quota_values};
pub use recovery::{RecoveryAction, RecoveryOption, StackCondition, cancel, condition, recover};
pub use refactor::{ResourceLocation, ResourceMove, refactor, renames};
pub use secret::Secrets;
pub use selection::StackSelection;
pub use stackwright_schemas::consequence::Consequence;
pub use stackwright_schemas::held::Held;

pub use status::{
    AnnotationSeverity, ChangeAction, DriftStatus, Phase, PolicyAction, Replacement, RequiresRecreation,
    ResourceStatus, StackStatus,
};
pub use validation::{Annotation, ValidationFailure};

/// Receives progress reports.
pub(crate) type Report<'a> = &'a dyn Fn(Progress);

/// The messages that a deployment reports while it is running.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The credentials belong to the account of the stack.
    Connected {
        /// The ID of the account that the credentials belong to.
        account: String,
        /// The region of the connection, such as `us-east-1`.
        region: String,
    },
    /// The bucket for assets was created.
    BucketCreated {
        /// The name of the bucket.
        bucket: String,
    },
    /// The upload of an asset has started.
    Uploading {
        /// The object key of the asset in the bucket for assets.
        key: String,
        /// The size of the asset in bytes.
        bytes: u64,
    },
    /// A part of a large asset was uploaded.
    Uploaded {
        /// The object key of the asset in the bucket for assets.
        key: String,
        /// The number of bytes that were uploaded so far.
        uploaded: u64,
        /// The size of the asset in bytes.
        bytes: u64,
    },
    /// Another operation on the stack is running, and the deployment waits for its end.
    WaitingForOperation {
        /// The status of the stack.
        status: StackStatus,
    },
    /// Nothing has been reported for some time.
    StillWaiting {
        /// The activity that the deployment waits for.
        activity: String,
        /// The time for which it has been waiting.
        elapsed: Duration,
        /// The last failed attempt of a request since the previous report; `None` if there was none.
        last_error: Option<String>,
    },
    /// The empty stack that a failed first deployment left is being deleted.
    DeletingEmptyStack,
    /// A stack refactor would rename resources, if it is approved.
    RenamesPlanned {
        /// The resources that are renamed or moved, with their old and new logical IDs.
        moves: Vec<ResourceMove>,
    },
    /// A stack refactor renames or moves resources.
    Refactoring {
        /// The resources that are renamed or moved, with their old and new logical IDs.
        moves: Vec<ResourceMove>,
    },
    /// The stack refactor has succeeded.
    Refactored {
        /// The resources that are renamed or moved, with their old and new logical IDs.
        moves: Vec<ResourceMove>,
    },
    /// The change set of the stack can be created only later. This is the stack as it is deployed now.
    Deferred(Option<Box<DeployedStack>>),
    /// CloudFormation is creating the change set.
    CreatingChangeSet,
    /// The change set cannot be compared with what the templates predict. The deployment continues.
    NotCompared {
        /// The reason why the change set cannot be compared.
        reason: String,
    },
    /// The change set is ready.
    ChangeSetCreated(Box<ChangeSet>),
    /// The change set is being executed.
    Executing {
        /// The number of resources that change.
        changes: usize,
        /// The duration of the previous operation on the stack, as an estimate; `None` if it is not known.
        last_took: Option<Duration>,
    },
    /// The preview of the deletion of the stack.
    DeletionPlanned(Box<DeletionPreview>),
    /// The deployment succeeded, but the outputs and the attributes of the stack could not be read.
    OutputsUnavailable {
        /// The error of the request that failed.
        reason: String,
    },
    /// An operation that gives additional information cannot be called. The deployment continues without it.
    OperationUnavailable {
        /// The operation, for example `DescribeEvents`.
        operation: &'static str,
        /// The error that AWS or the endpoint returns for the operation.
        reason: String,
    },
    /// An unwanted change set could not be deleted.
    ChangeSetNotDeleted {
        /// The name of the change set.
        change_set: String,
        /// The error of the request that failed.
        reason: String,
    },
    /// An attribute of the stack that is not part of the template was changed.
    AttributeChanged(AttributeChange),
    /// An event of a resource.
    Event(ResourceEvent),
}
