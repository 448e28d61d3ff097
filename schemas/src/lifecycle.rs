//! The end of support of services, Lambda runtimes and versions of Kubernetes, with dates.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;
use crate::date::Date;

/// The end of support of a service that was shut down, will be shut down, or gets no new features.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ServiceSupport {
    /// The prefix of the names of its resource types, such as `AWS::QLDB::`.
    pub prefix: String,
    /// The stage of its end of support.
    #[serde(rename = "status")]
    pub stage: SupportStage,
    /// The date of this stage; `None` if AWS has not published one.
    pub since: Option<Date>,
}

/// The stage of a service's end of support.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SupportStage {
    /// The service was shut down.
    Ended,
    /// The service is closed to new customers and will be shut down.
    Ending,
    /// The service gets no new features.
    Maintenance,
}

/// A Lambda runtime and the dates of its deprecation.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Runtime {
    /// The identifier, such as `python3.9`.
    pub name: String,
    /// The date from which the runtime gets no updates; `None` if none is published.
    pub deprecated: Option<Date>,
    /// The date from which no function can be created with the runtime; `None` if none is published.
    pub block_create: Option<Date>,
    /// The date from which functions with the runtime cannot be updated; `None` if none is published.
    pub block_update: Option<Date>,
    /// The recommended successor of the runtime; `None` if AWS recommends none.
    pub successor: Option<String>,
}

/// The date on which these facts were read. The check treats a later end of support as not reached yet.
pub const READ: Date = Date::new(2026, 11, 26);

/// Returns the end of support of the service of a resource type; `None` if none is known.
///
/// ```
/// use stackwright_schemas::lifecycle::{SupportStage, service};
/// assert_eq!(service("AWS::QLDB::Ledger").unwrap().stage, SupportStage::Ended);
/// assert!(service("AWS::SageMaker::Endpoint").is_none());
/// ```
pub fn service(type_name: &str) -> Option<&'static ServiceSupport> {
    #[derive(Deserialize)]
    struct File {
        services: Vec<ServiceSupport>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/service_lifecycle.json")));
    file.services.iter().find(|service| type_name.starts_with(&service.prefix))
}

/// Returns a Lambda runtime, by its identifier such as `python3.12`; `None` for an unknown runtime.
///
/// ```
/// use stackwright_schemas::date::Date;
/// use stackwright_schemas::lifecycle::runtime;
///
/// let runtime = runtime("python3.7").unwrap();
/// assert_eq!(runtime.block_create, Some(Date::new(2024, 1, 9)));
/// ```
pub fn runtime(name: &str) -> Option<&'static Runtime> {
    runtimes().iter().find(|runtime| runtime.name == name)
}

/// Returns all Lambda runtimes, sorted by name.
pub fn runtimes() -> &'static [Runtime] {
    #[derive(Deserialize)]
    struct File {
        runtimes: Vec<Runtime>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/lambda_runtimes.json")));
    &file.runtimes
}

/// A version of Kubernetes on Amazon EKS, with the dates of its support.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct KubernetesVersion {
    /// The version, such as `1.33`.
    pub name: String,
    /// The last day of standard support. Extended support costs more for each hour of a cluster.
    pub standard_until: Date,
    /// The last day of extended support. Later, EKS creates no cluster of this version.
    pub extended_until: Date,
    /// Whether the documentation of HyperPod lists the version.
    pub hyperpod: bool,
}

/// Returns the known versions of Kubernetes on Amazon EKS, the oldest first.
///
/// ```
/// let versions = stackwright_schemas::lifecycle::kubernetes_versions();
/// assert!(versions.iter().any(|version| version.name == "1.33" && version.hyperpod));
/// ```
pub fn kubernetes_versions() -> &'static [KubernetesVersion] {
    #[derive(Deserialize)]
    struct File {
        versions: Vec<KubernetesVersion>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/kubernetes_versions.json")));
    &file.versions
}
