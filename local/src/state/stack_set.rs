//! Stack sets: the same stack in many accounts and regions.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    Environment, Inputs, Millis, StackInstanceStatus, StackSetOperationStatus, StackSetResultStatus,
};
use crate::template::scalar_text;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StackSet {
    /// The name, a colon, and a unique suffix.
    pub id: String,
    pub name: String,
    pub region: String,
    pub is_deleted: bool,
    /// Whether it is deleted as soon as it has no instances, because its resource is deleted.
    pub is_deleted_when_empty: bool,
    /// `ClientRequestToken` of its creation.
    #[serde(default)]
    pub token: Option<String>,
    pub description: Option<String>,
    pub inputs: Inputs,
    /// Its settings as in the request: roles, the permission model and so on.
    pub settings: Map<String, Json>,
    pub instances: Vec<Instance>,
    /// The operations; the newest is last.
    pub operations: Vec<SetOperation>,
}

/// A stack of a stack set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub account: String,
    pub region: String,
    /// The stack's ARN, once it is created.
    pub stack: Option<String>,
    pub status: StackInstanceStatus,
    pub reason: Option<String>,
    /// The parameter overrides.
    pub overrides: IndexMap<String, String>,
    /// The ID of the last operation and the status of its result.
    pub last: (String, StackSetResultStatus),
}

impl StackSet {
    /// Returns an empty stack set.
    pub fn new(id: String, name: &str, region: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            region: region.to_owned(),
            is_deleted: false,
            is_deleted_when_empty: false,
            token: None,
            description: None,
            inputs: Inputs::default(),
            settings: Map::new(),
            instances: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// Returns whether the stack set has this name in this region.
    pub fn is_named(&self, name: &str, region: &str) -> bool {
        !self.is_deleted && self.name == name && self.region == region
    }
}

impl Instance {
    pub fn environment(&self) -> Environment<'_> {
        Environment { account: &self.account, region: &self.region }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SetAction {
    Create,
    Update,
    Delete,
}

/// An operation on a stack set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetOperation {
    pub id: String,
    pub action: SetAction,
    pub status: StackSetOperationStatus,
    pub created: Millis,
    pub ended: Option<Millis>,
    pub preferences: Json,
    /// Whether the stacks that it removes from the set are retained.
    pub retains: bool,
    /// The results in the order in which the operation processes them.
    pub results: Vec<OperationResult>,
}

/// The result of an operation in one account and region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OperationResult {
    pub account: String,
    pub region: String,
    pub status: StackSetResultStatus,
    pub reason: Option<String>,
}

impl OperationResult {
    pub fn environment(&self) -> Environment<'_> {
        Environment { account: &self.account, region: &self.region }
    }
}

impl SetOperation {
    pub fn is_ended(&self) -> bool {
        matches!(
            self.status,
            StackSetOperationStatus::Succeeded
                | StackSetOperationStatus::Failed
                | StackSetOperationStatus::Stopped
        )
    }

    /// Returns a count among the preferences, or a percentage of the accounts of a region.
    pub fn preferred(&self, name: &str, accounts: usize) -> Option<usize> {
        let number =
            |suffix: &str| scalar_text(&self.preferences[format!("{name}{suffix}")]).parse::<usize>().ok();
        number("Count").or_else(|| number("Percentage").map(|percent| accounts.saturating_mul(percent) / 100))
    }

    /// Returns the number of accounts of a region that an operation may process at a time. With strict failure tolerance, this
    /// number is at most one more than the number of failures that are still tolerated.
    fn concurrency(&self, accounts: usize, failed: usize) -> usize {
        let most = self.preferred("MaxConcurrent", accounts).unwrap_or(1).max(1);
        if self.preferences["ConcurrencyMode"] == "SOFT_FAILURE_TOLERANCE" {
            return most;
        }
        most.min((self.tolerance(accounts) + 1).saturating_sub(failed))
    }

    /// Returns the number of accounts of a region that may fail.
    fn tolerance(&self, accounts: usize) -> usize {
        self.preferred("FailureTolerance", accounts).unwrap_or(0)
    }

    /// Returns the results that may start now, as many as may run at a time.
    pub fn ready(&self) -> Vec<usize> {
        let is_parallel = self.preferences["RegionConcurrencyType"] == "PARALLEL";
        let mut regions: Vec<&str> = Vec::new();
        for one in &self.results {
            if !regions.contains(&one.region.as_str()) {
                regions.push(&one.region);
            }
        }
        let mut ready = Vec::new();
        for region in regions {
            let inside = || self.results.iter().enumerate().filter(|(_, one)| one.region == region);
            let count =
                |status: StackSetResultStatus| inside().filter(|(_, one)| one.status == status).count();
            let accounts = inside().count();
            let most = self.concurrency(accounts, count(StackSetResultStatus::Failed));
            let pending = inside()
                .filter(|(_, one)| one.status == StackSetResultStatus::Pending)
                .map(|(number, _)| number);
            ready.extend(pending.take(most.saturating_sub(count(StackSetResultStatus::Running))));
            let is_busy = count(StackSetResultStatus::Running) + count(StackSetResultStatus::Pending) > 0;
            if is_busy && !is_parallel {
                break;
            }
        }
        ready
    }

    /// Returns whether more accounts of a region have failed than the preferences tolerate.
    pub fn is_over(&self) -> bool {
        self.results.iter().any(|one| {
            let inside = || self.results.iter().filter(|other| other.region == one.region);
            let tolerated = self.tolerance(inside().count());
            inside().filter(|other| other.status == StackSetResultStatus::Failed).count() > tolerated
        })
    }
}
