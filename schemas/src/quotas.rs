//! Names, codes and default values of service quotas.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// What is known of quotas.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Quotas {
    /// When the codes were read.
    pub as_of: String,
    /// Where the codes were read.
    pub source: String,
    /// Default values by the quota's name. A quota that is not here has a default that is not known.
    pub defaults: BTreeMap<String, u64>,
    /// Where the defaults were read.
    pub defaults_source: String,
    /// The default of every quota of training jobs on demand.
    pub training_default: u64,
    /// Codes by instance type and use (`hosting`, `training`, `spot_training`, `processing`, `transform`, `warm_pool`,
    /// `hyperpod_cluster`, `notebook`).
    pub sagemaker: BTreeMap<String, BTreeMap<String, String>>,
    /// Codes of EC2's quotas of vCPUs by name.
    pub ec2: BTreeMap<String, String>,
}

/// The table.
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
        for code in all {
            assert!(code.starts_with("L-") && code.len() == 10, "{code}");
        }
        assert_eq!(quotas().sagemaker["ml.g5.2xlarge"]["hosting"], "L-9614C779");
    }
}
