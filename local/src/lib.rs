//! A simulation of CloudFormation on this machine: it creates, updates and deletes stacks in the same order as CloudFormation,
//! with the same events, statuses and messages. A resource is only a record of its properties and attributes; no service runs
//! it. Every resource type of the registry is supported.
//!
//! The modules: `state` contains the data and stores it, `template` reads and evaluates templates, `engine` performs operations
//! on stacks, `api` implements the operations of each service (CloudFormation, S3, STS, SSM, Secrets Manager, Service Quotas,
//! Cloud Control), and `endpoint` is the HTTP server. The deployer does not depend on this crate. There is code for a single
//! resource type only where the registry's schema does not contain enough information.

mod api;
mod endpoint;
mod engine;
mod faults;
mod state;
mod template;

pub use endpoint::{Local, Options};
pub use faults::{
    CustomResource, FaultAction, Faults, HookFault, HookMode, HookTarget, RequestFault, RequestFaultKind,
    ResourceFault,
};
