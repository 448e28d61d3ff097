//! Failures of resources whose reasons are known: their causes, and where to find details.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

#[derive(Deserialize)]
struct Failures {
    failures: Vec<Failure>,
}

/// The kind of the cause of a failed resource.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FailureCause {
    /// AWS does not have enough capacity.
    Capacity,
    /// A value of the resource does not fit.
    Configuration,
    /// Something that the resource needs was not ready or was missing.
    Dependencies,
    /// The network does not allow a connection.
    Network,
    /// A permission is missing.
    Permissions,
    /// A service quota is exhausted.
    Quota,
    /// A script of the user failed.
    Script,
}

/// A known failure of a resource, which its status reason (`ResourceStatusReason`) contains.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    #[serde(rename = "type")]
    type_name: String,
    texts: Vec<String>,
    /// The kind of the cause.
    pub cause: FailureCause,
    /// The explanation of the failure, and where to find details, in sentences. `{logs}` stands for the log group of the
    /// resource.
    pub hint: String,
}

/// Returns the known failure that the status reason of a resource of this type contains; `None` if it contains none.
///
/// ```
/// use stackwright_schemas::failures::{FailureCause, failure};
///
/// let reason = "Insufficient capacity in the Availability Zone";
/// assert_eq!(failure("AWS::SageMaker::Cluster", reason).unwrap().cause, FailureCause::Capacity);
/// ```
pub fn failure(type_name: &str, reason: &str) -> Option<&'static Failure> {
    static FAILURES: OnceLock<Failures> = OnceLock::new();
    let known = FAILURES.get_or_init(|| embedded(include_str!("../facts/failures.json")));
    let reason = reason.to_lowercase();
    known
        .failures
        .iter()
        .filter(|one| one.type_name == type_name)
        .find(|one| one.texts.iter().any(|text| reason.contains(text.as_str())))
}

#[cfg(test)]
mod tests {
    use super::{FailureCause, failure};

    #[test]
    fn capacity_is_distinguished_from_scripts() {
        let cause = |reason: &str| failure("AWS::SageMaker::Cluster", reason).map(|one| one.cause);
        let script = "Instance i-0123456789abcdef0 failed to provision with the following error: \"Lifecycle scripts did not \
                      run successfully. Ensure the scripts exist in provided S3 path, are accessible, and run without errors.\"";
        assert_eq!(cause(script), Some(FailureCause::Script));
        assert_eq!(
            cause("We currently do not have sufficient capacity for the requested instance types."),
            Some(FailureCause::Capacity)
        );
        assert_eq!(cause("No subnets in the capacity AZ"), Some(FailureCause::Capacity));
        assert_eq!(
            cause("The maximum number of instances ml.p5.48xlarge has been reached"),
            Some(FailureCause::Quota)
        );
        assert_eq!(cause("Something else"), None);
        assert!(failure("AWS::S3::Bucket", script).is_none());
    }
}
