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
    /// Quota codes by instance type and use (`hosting`, `training`, `spot_training`, `processing`, `transform`,
    /// `warm_pool`, `hyperpod_cluster`, `notebook`).
    pub sagemaker: BTreeMap<String, BTreeMap<String, String>>,
    /// The codes of EC2's vCPU quotas, by the name of the quota.
    pub ec2: BTreeMap<String, String>,
    /// Quotas that do not depend on an instance type, by the name of the quota.
    pub others: BTreeMap<String, Quota>,
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
        assert_eq!(quotas().sagemaker["ml.g5.2xlarge"]["hosting"], "L-9614C779");
    }
}
