//! Services and Lambda runtimes that ended or will end, with dates.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// A service that ended, ends, or gets no new features.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Service {
    /// What the names of its resource types start with.
    pub prefix: String,
    /// What happens to it.
    pub status: Status,
    /// The date, where AWS gives one: `2025-07-31`.
    pub since: Option<String>,
}

/// What happens to a service.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It was shut down.
    Ended,
    /// It is closed to new customers and will be shut down.
    Ending,
    /// It gets no new features.
    Maintenance,
}

/// A Lambda runtime and the dates of its end; dates are `YYYY-MM-DD`.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Runtime {
    /// The identifier, such as `python3.9`.
    pub name: String,
    /// From when it gets no updates.
    pub deprecated: Option<String>,
    /// From when no function can be created with it.
    pub block_create: Option<String>,
    /// From when no function that has it can be updated.
    pub block_update: Option<String>,
    /// The runtime that takes its place.
    pub successor: Option<String>,
}

/// The date to which these facts were read: what ends later has not ended for the check.
pub const READ: &str = "2026-11-26";

/// What is known of the end of a resource type's service.
///
/// ```
/// use stackwright_schemas::lifecycle::{Status, service};
/// assert_eq!(service("AWS::QLDB::Ledger").unwrap().status, Status::Ended);
/// assert!(service("AWS::SageMaker::Endpoint").is_none());
/// ```
pub fn service(type_name: &str) -> Option<&'static Service> {
    #[derive(Deserialize)]
    struct File {
        services: Vec<Service>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/service_lifecycle.json")));
    file.services.iter().find(|service| type_name.starts_with(&service.prefix))
}

/// A Lambda runtime by its identifier.
///
/// ```
/// let runtime = stackwright_schemas::lifecycle::runtime("python3.7").unwrap();
/// assert_eq!(runtime.block_create.as_deref(), Some("2024-01-09"));
/// ```
pub fn runtime(name: &str) -> Option<&'static Runtime> {
    #[derive(Deserialize)]
    struct File {
        runtimes: Vec<Runtime>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/lambda_runtimes.json")));
    file.runtimes.iter().find(|runtime| runtime.name == name)
}
