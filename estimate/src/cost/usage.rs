//! Stated usage: how much of a resource is used.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::money::Rate;

/// The usage of resources, by logical ID or by `STACK.LOGICAL-ID`.
///
/// ```
/// use stackwright_estimate::cost::Usage;
///
/// let usage = Usage::from_json(r#"{"resources": {"Endpoint": {"requests_per_month": 30000}}}"#);
/// assert!(usage.is_ok());
/// assert!(Usage::from_json(r#"{"resources": {"Endpoint": {"requests": 30000}}}"#).is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Usage(BTreeMap<String, ResourceUsage>);

/// The usage of one resource. What is not stated is not assumed, except for the utilization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ResourceUsage {
    /// Requests a month.
    pub requests_per_month: Option<u64>,
    /// Milliseconds of a request.
    pub duration_ms: Option<u64>,
    /// The share of the way from the least to the most capacity, percent.
    pub utilization_percent: Option<u32>,
    /// Stored gigabytes.
    pub gigabytes: Option<u64>,
    /// Gigabytes that are transferred or processed a month.
    pub gigabytes_per_month: Option<u64>,
    /// Hours a month (notebooks, applications).
    pub hours_per_month: Option<u64>,
    /// Minutes of a run of a job.
    pub minutes_per_run: Option<u64>,
    /// Runs of a job a month.
    pub runs_per_month: Option<u64>,
    /// Models of a multi-model endpoint, for the comparison with an endpoint for each.
    pub models: Option<u64>,
}

/// A usage document is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("the usage is not valid: {0}")]
pub struct UsageError(#[from] serde_json::Error);

impl Usage {
    /// Reads `{"resources": {"LOGICAL-ID": {"requests_per_month": 30000, …}}}`.
    ///
    /// # Errors
    ///
    /// If the document is no such JSON, or names a member that does not exist.
    pub fn from_json(text: &str) -> Result<Self, UsageError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            resources: BTreeMap<String, ResourceUsage>,
        }
        Ok(Self(serde_json::from_str::<Document>(text)?.resources))
    }

    /// Adds the usage of a resource.
    pub fn insert(&mut self, resource: impl Into<String>, usage: ResourceUsage) {
        self.0.insert(resource.into(), usage);
    }

    pub(super) fn of(&self, stack: &str, resource: &str) -> ResourceUsage {
        let named = self.0.get(&format!("{stack}.{resource}"));
        named.or_else(|| self.0.get(resource)).cloned().unwrap_or_default()
    }
}

impl ResourceUsage {
    pub(super) fn utilization(&self) -> Option<Rate> {
        self.utilization_percent.map(Rate::percent)
    }
}
