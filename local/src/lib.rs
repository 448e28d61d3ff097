//! A CloudFormation endpoint on loopback, to rehearse on: stacks are made, changed and deleted as CloudFormation does it,
//! in its order, with its events, statuses and words, and every resource type of the registry exists as a record.
//! Nothing runs behind it.
//!
//! What lives here: the query protocol of CloudFormation, as much of S3, STS, SSM and the Cloud Control API as a
//! deployment needs, the state behind them, and [`Faults`]. What never does: anything that the deployer depends on, and
//! any line for a single resource type where the registry's schema says enough.

mod cloud;
mod cloud_control;
mod cloudformation;
mod engine;
mod error;
mod evaluate;
mod faults;
mod for_each;
mod hook;
mod inputs;
mod plan;
mod query;
mod refactor;
mod resource;
mod s3;
mod server;
mod services;
mod stack_set;
mod template;

pub use faults::{
    Faults, HookFault, HookMode, HookTarget, On, RequestFault, RequestFaultKind, ResourceFault,
};
pub use server::{Local, Options};
