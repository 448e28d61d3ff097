//! IAM: policies as values, and the roles that constructs run with.

mod permissions;
mod role;
mod statement;

pub use role::{ExecutionRole, RoleOptions, RoleReference, RoleSettings};
pub use statement::{ConditionOperator, PolicyDocument, Statement};

pub(crate) use permissions::{
    arn, container, group_and_packages, metrics, network_interfaces, pass_to_sagemaker, use_key,
};
pub(crate) use role::{BuiltRole, RoleNeeded, versioned_policy};
