//! Deploys stacks through CloudFormation change sets.
//!
//! What lives here: the connection to AWS, assets, change sets, events. What never does: rules about templates,
//! printing, and text for people beyond error messages. What happens is told as [`Progress`].

mod approval;
mod assets;
mod change_set;
mod connection;
mod destroy;
mod diagnosis;
mod drift;
mod error;
mod events;
mod import;
mod order;
pub mod permissions;
mod plan;
mod poller;
mod problem;
mod recover;
mod secret;
mod stack;

use std::time::Duration;

pub use approval::{Approval, Concern, Danger};
pub use change_set::{Change, ChangeSet, PropertyChange};
pub use connection::{Connection, Profile};
pub use destroy::{Remains, Status};
pub use diagnosis::Diagnosis;
pub use drift::{Drift, DriftedResource};
pub use error::DeployError;
pub use events::ResourceEvent;
pub use import::Import;
pub use order::{Done, in_order};
pub use plan::{Plan, PlannedStack, Verdict};
pub use problem::{Annotation, Problem};
pub use recover::{Remedy, Standing, Way};
pub use stack::{Options, Outcome, Prepared};

/// What happens on the way, as it happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The bucket for assets was made.
    BucketMade {
        /// Its name.
        bucket: String,
    },
    /// An asset is uploaded.
    Uploading {
        /// The object's key.
        key: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// Another operation on the stack is waited for.
    WaitingFor {
        /// The stack's status.
        status: String,
    },
    /// The remains of a first deployment that failed are deleted: nothing is in them.
    ClearingShell,
    /// CloudFormation makes the change set.
    MakingChangeSet,
    /// The change set runs.
    Executing {
        /// How long the operation before took: as good a guess as there is.
        last_took: Option<Duration>,
    },
    /// The stack is as it should be, and could not be looked at: its outputs and its protection are not known.
    Unread {
        /// Why.
        reason: String,
    },
    /// A call that tells more is not to be had: it goes on without what it would tell.
    Unavailable {
        /// The call.
        operation: &'static str,
        /// Why.
        reason: String,
    },
    /// Something happened to a resource.
    Event(ResourceEvent),
}
