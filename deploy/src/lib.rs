//! Deploys stacks through CloudFormation change sets.
//!
//! What lives here: the connection to AWS, assets, change sets, events. What never does: rules about templates,
//! printing, and text for people beyond error messages. What happens is told as [`Progress`].

mod assets;
mod change_set;
mod connection;
mod error;
mod events;
mod stack;

pub use change_set::{Change, ChangeSet};
pub use connection::{Connection, Profile};
pub use error::DeployError;
pub use events::ResourceEvent;
pub use stack::{Options, Outcome};

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
    /// CloudFormation makes the change set.
    MakingChangeSet {
        /// Its name.
        name: String,
    },
    /// The change set runs.
    Executing,
    /// Something happened to a resource.
    Event(ResourceEvent),
}
