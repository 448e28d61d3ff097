//! Names, codes and default values of service quotas.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The service quotas that stacks for machine learning need, with their codes in Service Quotas.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Quotas {
    /// The date on which the quota codes were read.
    pub as_of: String,
    /// The source of the quota codes.
    pub source: String,
    /// Default values by the name of the quota. The default of a quota that is not listed is unknown.
    pub defaults: BTreeMap<String, u64>,
    /// The source of the default values.
    pub defaults_source: String,
    /// The default value of every quota of on-demand training jobs.
    pub training_default: u64,
    /// Quota codes by instance type and use.
    pub sagemaker: BTreeMap<String, BTreeMap<QuotaUse, String>>,
    /// The codes of EC2's vCPU quotas, by the name of the quota.
    pub ec2: BTreeMap<String, String>,
    /// Quotas that do not depend on an instance type, by the name of the quota.
    pub others: BTreeMap<String, Quota>,
}

/// A use of an ML instance type that has a quota of its own.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaUse {
    /// Endpoints.
    Hosting,
    /// Nodes of HyperPod clusters.
    HyperpodCluster,
    /// Spot nodes of HyperPod clusters.
    HyperpodClusterSpot,
    /// Notebook instances.
    Notebook,
    /// Processing jobs.
    Processing,
    /// Training jobs with managed spot training.
    SpotTraining,
    /// Training jobs.
    Training,
    /// Batch transform jobs.
    Transform,
    /// Warm pools of training jobs.
    WarmPool,
}

impl QuotaUse {
    /// Returns the words that the name of the quota has after the instance type, such as `endpoint usage` in
    /// `ml.g5.2xlarge for endpoint usage`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hosting => "endpoint usage",
            Self::HyperpodCluster => "cluster usage",
            Self::HyperpodClusterSpot => "cluster spot instance usage",
            Self::Notebook => "notebook instance usage",
            Self::Processing => "processing job usage",
            Self::SpotTraining => "spot training job usage",
            Self::Training => "training job usage",
            Self::Transform => "transform job usage",
            Self::WarmPool => "training warm pool usage",
        }
    }
}

/// A quota that does not depend on an instance type.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// The code of the service: `sagemaker`, `ec2` or `vpc`.
    pub service: String,
    /// The code of the quota, such as `L-9614C779`.
    pub code: String,
    /// AWS's default value; `None` if it is unknown.
    pub default: Option<u64>,
    /// The source of the default value; `None` if the default value is unknown.
    pub default_source: Option<String>,
}

/// Returns the table of quotas.
pub fn quotas() -> &'static Quotas {
    static TABLE: OnceLock<Quotas> = OnceLock::new();
    TABLE.get_or_init(|| embedded(include_str!("../facts/quotas.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_aws_form() {
        let all = quotas().sagemaker.values().flat_map(BTreeMap::values).chain(quotas().ec2.values());
        for code in all.chain(quotas().others.values().map(|quota| &quota.code)) {
            assert!(code.starts_with("L-") && code.len() == 10, "{code}");
        }
        assert!(
            quotas().others.values().all(|quota| quota.default.is_some() == quota.default_source.is_some())
        );
        assert_eq!(quotas().sagemaker["ml.g5.2xlarge"][&QuotaUse::Hosting], "L-9614C779");
    }
}
