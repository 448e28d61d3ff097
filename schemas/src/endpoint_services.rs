//! The names of the services that interface endpoints of a VPC connect to.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The prefix that names have in every region of the partition `aws`.
const USUAL: &str = "com.amazonaws";

/// Returns the part of the service name of an interface endpoint that precedes the region: `com.amazonaws` except for some
/// services of some partitions. `service` is the last part of the name, such as `ecr.api`.
///
/// ```
/// use stackwright_schemas::endpoint_services::name_prefix;
///
/// assert_eq!(name_prefix("eu-central-1", "ecr.api"), "com.amazonaws");
/// assert_eq!(name_prefix("cn-north-1", "ecr.api"), "cn.com.amazonaws");
/// assert_eq!(name_prefix("cn-north-1", "logs"), "com.amazonaws");
/// ```
pub fn name_prefix(region: &str, service: &str) -> &'static str {
    #[derive(Deserialize)]
    struct Exception {
        regions: Vec<String>,
        prefix: String,
        services: Vec<String>,
    }
    #[derive(Deserialize)]
    struct File {
        prefixes: Vec<Exception>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    let file: &File = FILE.get_or_init(|| embedded(include_str!("../facts/endpoint_services.json")));
    let is_named = |list: &[String], name: &str| list.iter().any(|one| one == name);
    let exception =
        file.prefixes.iter().find(|one| is_named(&one.regions, region) && is_named(&one.services, service));
    exception.map_or(USUAL, |one| one.prefix.as_str())
}
