//! The usage of resources, as users state it.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use stackwright_synth::Assembly;

use super::jobs;
use super::money::Rate;

/// The member of a resource's `Metadata` that states its usage, with the members of [`ResourceUsage`].
pub const USAGE_MEMBER: &str = "stackwright-usage";

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

/// The usage of one resource. Values that are not set are unknown, except for the utilization, which has a default.
///
/// ```
/// use std::time::Duration;
/// use stackwright_estimate::cost::ResourceUsage;
///
/// let usage = ResourceUsage::new().requests_per_month(30_000).duration(Duration::from_millis(120));
/// assert_eq!(usage.duration_ms, Some(120));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use]
pub struct ResourceUsage {
    /// The number of requests per month; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_month: Option<u64>,
    /// The duration of a request in milliseconds; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The position of the typical capacity between the minimum (0) and the maximum (100), in percent; `None` is the value of the
    /// options, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization_percent: Option<u32>,
    /// The stored data in gigabytes; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gigabytes: Option<u64>,
    /// The transferred or processed data in gigabytes per month; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gigabytes_per_month: Option<u64>,
    /// The number of hours per month in which a notebook or an application runs; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours_per_month: Option<u64>,
    /// The duration of a run of a job in minutes; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_per_run: Option<u64>,
    /// The number of tokens that a run of a training job trains on; `None` is unknown. With the model in the `Metadata` of the
    /// job, the expected cost of a run is computed from the estimate of its duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_run: Option<u64>,
    /// The number of steps of a run of a training job, instead of tokens; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_per_run: Option<u64>,
    /// The model FLOPs utilization of a training job in percent. The default is the range of published runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfu_percent: Option<u32>,
    /// The number of runs of a job per month; `None` is unknown, so that no monthly cost of the job is computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_per_month: Option<u64>,
    /// The number of models of a multi-model endpoint, for the comparison with one endpoint for each model; `None` adds no
    /// comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<u64>,
}

/// The error of a usage document that is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the usage is not valid: {0}")]
pub struct UsageError(#[from] serde_json::Error);

impl Usage {
    /// Parses `{"resources": {"LOGICAL-ID": {"requests_per_month": 30000, …}}}`.
    ///
    /// # Errors
    ///
    /// Returns an error if the document is not JSON of this form, or contains an unknown member.
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

    /// Returns the names that are neither a resource nor a job of an assembly, in their order.
    pub(super) fn unknown_names(&self, assembly: &Assembly) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        for stack in assembly.stacks.iter().filter(|_| !self.0.is_empty()) {
            let mut known: BTreeSet<String> = BTreeSet::new();
            for (id, resource) in stack.template.resources() {
                known.extend([id.to_owned(), format!("{}.{id}", stack.id)]);
                known.extend(jobs::names(&resource["Properties"], id));
            }
            names.retain(|name| !known.contains(*name));
        }
        names
    }

    pub(super) fn of(&self, stack: &str, resource: &str) -> ResourceUsage {
        let named = self.0.get(&format!("{stack}.{resource}"));
        named.or_else(|| self.0.get(resource)).cloned().unwrap_or_default()
    }
}

impl ResourceUsage {
    /// Creates a usage without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// States the number of requests per month.
    pub fn requests_per_month(mut self, number: u64) -> Self {
        self.requests_per_month = Some(number);
        self
    }

    /// States the duration of a request, which is stored in milliseconds.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration_ms = u64::try_from(duration.as_millis()).ok();
        self
    }

    /// Sets the typical capacity: its position between the minimum (0) and the maximum (100), in percent. The default
    /// is 50.
    pub fn utilization_percent(mut self, percent: u32) -> Self {
        self.utilization_percent = Some(percent);
        self
    }

    /// States the amount of stored data in gigabytes.
    pub fn gigabytes(mut self, number: u64) -> Self {
        self.gigabytes = Some(number);
        self
    }

    /// States the amount of transferred or processed data in gigabytes per month.
    pub fn gigabytes_per_month(mut self, number: u64) -> Self {
        self.gigabytes_per_month = Some(number);
        self
    }

    /// States the number of hours per month in which a notebook or an application runs.
    pub fn hours_per_month(mut self, number: u64) -> Self {
        self.hours_per_month = Some(number);
        self
    }

    /// States the duration of a run of each job of the resource, which is stored in whole minutes.
    pub fn run_duration(mut self, duration: Duration) -> Self {
        self.minutes_per_run = Some(duration.as_secs().div_ceil(60));
        self
    }

    /// States the number of tokens that a run of a training job trains on. The expected cost is then computed from
    /// the model that the job states.
    pub fn tokens_per_run(mut self, number: u64) -> Self {
        self.tokens_per_run = Some(number);
        self
    }

    /// States the number of steps of a run of a training job, instead of tokens.
    pub fn steps_per_run(mut self, number: u64) -> Self {
        self.steps_per_run = Some(number);
        self
    }

    /// States the model FLOPs utilization of a training job, in percent. The default is the range of published runs.
    pub fn mfu_percent(mut self, percent: u32) -> Self {
        self.mfu_percent = Some(percent);
        self
    }

    /// States the number of runs per month of each job of the resource.
    pub fn runs_per_month(mut self, number: u64) -> Self {
        self.runs_per_month = Some(number);
        self
    }

    /// States the number of models of a multi-model endpoint.
    pub fn models(mut self, number: u64) -> Self {
        self.models = Some(number);
        self
    }

    /// Returns the usage that the `Metadata` of a resource states.
    pub(super) fn of_metadata(metadata: &Json) -> Option<Result<Self, UsageError>> {
        let statement = metadata.get(USAGE_MEMBER)?;
        Some(Self::deserialize(statement).map_err(UsageError::from))
    }

    /// Returns this usage, in which values that are not set come from another one.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            requests_per_month: self.requests_per_month.or(other.requests_per_month),
            duration_ms: self.duration_ms.or(other.duration_ms),
            utilization_percent: self.utilization_percent.or(other.utilization_percent),
            gigabytes: self.gigabytes.or(other.gigabytes),
            gigabytes_per_month: self.gigabytes_per_month.or(other.gigabytes_per_month),
            hours_per_month: self.hours_per_month.or(other.hours_per_month),
            minutes_per_run: self.minutes_per_run.or(other.minutes_per_run),
            tokens_per_run: self.tokens_per_run.or(other.tokens_per_run),
            steps_per_run: self.steps_per_run.or(other.steps_per_run),
            mfu_percent: self.mfu_percent.or(other.mfu_percent),
            runs_per_month: self.runs_per_month.or(other.runs_per_month),
            models: self.models.or(other.models),
        }
    }

    pub(super) fn utilization(&self) -> Option<Rate> {
        self.utilization_percent.map(|percent| Rate::percent(percent.min(100)))
    }
}

/// Messages about the stated usage: names that do not exist, and statements in `Metadata` that are not valid.
pub(super) fn problems(usage: &Usage, assembly: &Assembly) -> Vec<String> {
    let mut problems: Vec<String> = usage
        .unknown_names(assembly)
        .into_iter()
        .map(|name| format!("the usage names `{name}`, and no stack has such a resource or job"))
        .collect();
    for stack in &assembly.stacks {
        for (id, resource) in stack.template.resources() {
            if let Some(Err(error)) = ResourceUsage::of_metadata(&resource["Metadata"]) {
                problems.push(format!(
                    "`{USAGE_MEMBER}` in the Metadata of {}.{id} is ignored: {error}",
                    stack.id
                ));
            }
        }
    }
    problems
}
