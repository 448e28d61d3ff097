//! The services that the endpoint implements: each reads a request, calls the engine, and returns a response.

pub(crate) mod cloud_control;
pub(crate) mod cloudformation;
pub(crate) mod error;
pub(crate) mod query;
pub(crate) mod s3;
pub(crate) mod secrets_manager;
pub(crate) mod service_quotas;
pub(crate) mod ssm;
pub(crate) mod sts;
