//! A CloudFormation endpoint on loopback, to rehearse on: stacks are made, changed and deleted as CloudFormation does it,
//! in its order, with its events, statuses and words, and every resource type of the registry exists as a record.
//! Nothing runs behind it.
//!
//! What lives here: the query protocol of CloudFormation, as much of S3, STS, SSM and the Cloud Control API as a
//! deployment needs, the state behind them, and [`Faults`]. What never does: anything that the deployer depends on, and
//! any line for a single resource type where the registry's schema says enough.

mod api;
mod endpoint;
mod engine;
mod faults;
mod state;
mod template;

pub use endpoint::{Local, Options};
pub use faults::{
    CustomResource, Faults, HookFault, HookMode, HookTarget, On, RequestFault, RequestFaultKind,
    ResourceFault,
};
