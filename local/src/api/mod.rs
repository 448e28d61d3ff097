//! The services that the endpoint answers for: each reads a request, works with the engine, and writes an answer.

pub(crate) mod cloud_control;
pub(crate) mod cloudformation;
pub(crate) mod error;
pub(crate) mod query;
pub(crate) mod s3;
pub(crate) mod secrets_manager;
pub(crate) mod service_quotas;
pub(crate) mod ssm;
pub(crate) mod sts;
