//! A CloudFormation endpoint on this machine: stacks are created, updated and deleted as CloudFormation does it, in the same
//! order, with the same events, statuses and messages. Resources of every type of the registry are records; nothing runs
//! behind them.
//!
//! The modules: `state` is the data and where it is kept, `template` reads and evaluates templates, `engine` performs
//! operations, `api` answers for each service (CloudFormation, S3, STS, SSM, Secrets Manager, Service Quotas,
//! Cloud Control), `endpoint` is
//! the HTTP server. Nothing that the deployer depends on is here, and no line for a single resource type where the
//! registry's schema contains enough.

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
