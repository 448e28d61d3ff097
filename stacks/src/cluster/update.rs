//! When and how HyperPod updates the software of nodes.

use stackwright_resources::sagemaker::cluster::{
    AlarmDetails, AutoPatchConfig, CapacitySizeConfig, DeploymentConfig, PatchingStrategy,
    RollingUpdatePolicy, ScheduledUpdateConfig,
};
use stackwright_synth::{IntoValue, Value};

use crate::duration::Seconds;

/// A number of nodes of an instance group, as a count or as a share of the group (`CapacitySizeConfig`).
///
/// ```
/// use stackwright_stacks::cluster::NodeShare;
///
/// NodeShare::percent(25);
/// NodeShare::nodes(2);
/// ```
#[derive(Clone, Debug)]
pub struct NodeShare {
    kind: &'static str,
    value: Value<i64>,
}

impl NodeShare {
    /// Returns a number of nodes, at least 1.
    #[track_caller]
    pub fn nodes(count: impl IntoValue<i64>) -> Self {
        Self { kind: "INSTANCE_COUNT", value: count.into().with_caller_location() }
    }

    /// Returns a share of the group's nodes in percent, 1 to 100.
    #[track_caller]
    pub fn percent(share: impl IntoValue<i64>) -> Self {
        Self { kind: "CAPACITY_PERCENTAGE", value: share.into().with_caller_location() }
    }

    fn config(&self) -> CapacitySizeConfig {
        CapacitySizeConfig::new().type_(self.kind).value(&self.value)
    }
}

/// How an update of the AMI proceeds through the nodes of an instance group: in batches, with a rollback if an alarm enters
/// `ALARM`.
///
/// It becomes `DeploymentConfig`.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::cluster::{NodeShare, RollingBatches};
///
/// RollingBatches::new(NodeShare::percent(25)).wait(Duration::from_mins(10));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RollingBatches {
    batch: NodeShare,
    rollback_batch: Option<NodeShare>,
    wait: Option<Value<i64>>,
    alarms: Vec<Value<String>>,
}

impl RollingBatches {
    /// Creates batches of at most this number of nodes, without a waiting time and without alarms.
    pub fn new(batch: NodeShare) -> Self {
        Self { batch, rollback_batch: None, wait: None, alarms: Vec::new() }
    }

    /// Sets how many nodes a rollback changes at a time (`RollbackMaximumBatchSize`). Without this call, the property is not
    /// set.
    pub fn rollback_batch(mut self, batch: NodeShare) -> Self {
        self.rollback_batch = Some(batch);
        self
    }

    /// Sets the waiting time after each batch (`WaitIntervalInSeconds`), at most one hour. During this time, HyperPod
    /// monitors the alarms of [`rollback_on`](Self::rollback_on). Without this call, the property is not set.
    #[track_caller]
    pub fn wait(mut self, time: impl Into<Seconds>) -> Self {
        self.wait = Some(time.into().0.with_caller_location());
        self
    }

    /// Adds a CloudWatch alarm, given by its name, that rolls the update back when it enters `ALARM`. There are at most ten
    /// alarms; by default, there are none. The role of the nodes gets `cloudwatch:DescribeAlarms`.
    #[track_caller]
    pub fn rollback_on(mut self, alarm_name: impl IntoValue<String>) -> Self {
        self.alarms.push(alarm_name.into().with_caller_location());
        self
    }

    pub(super) fn has_alarms(&self) -> bool {
        !self.alarms.is_empty()
    }

    fn config(&self) -> DeploymentConfig {
        let mut policy = RollingUpdatePolicy::new(self.batch.config());
        if let Some(batch) = &self.rollback_batch {
            policy = policy.rollback_maximum_batch_size(batch.config());
        }
        let mut config = DeploymentConfig::new().rolling_update_policy(policy);
        if let Some(wait) = &self.wait {
            config = config.wait_interval_in_seconds(wait);
        }
        if self.has_alarms() {
            let alarms: Vec<_> = self.alarms.iter().map(AlarmDetails::new).collect();
            config = config.auto_rollback_configuration(alarms);
        }
        config
    }
}

/// When HyperPod updates the AMI of the nodes.
#[derive(Clone, Debug)]
pub(super) enum SoftwareUpdate {
    /// At the times of a cron expression.
    Scheduled { cron: Value<String>, batches: Option<RollingBatches> },
    /// Security patches, when nodes are idle.
    Patched { strategy: PatchTime, batches: Option<RollingBatches> },
}

/// When HyperPod installs security patches on the nodes of an instance group (`PatchingStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatchTime {
    /// Each node is patched as soon as no job runs on it. Until then, it gets no new jobs.
    WhenIdle,
    /// All nodes of the group are patched at the same time, when no job runs on any of them. Until then, they get no new
    /// jobs.
    WhenAllIdle,
}

impl SoftwareUpdate {
    pub(super) fn batches(&self) -> Option<&RollingBatches> {
        match self {
            Self::Scheduled { batches, .. } | Self::Patched { batches, .. } => batches.as_ref(),
        }
    }

    pub(super) fn scheduled(&self) -> Option<ScheduledUpdateConfig> {
        let Self::Scheduled { cron, batches } = self else { return None };
        let config = ScheduledUpdateConfig::new(cron);
        Some(match batches {
            Some(batches) => config.deployment_config(batches.config()),
            None => config,
        })
    }

    pub(super) fn patched(&self) -> Option<AutoPatchConfig> {
        let Self::Patched { strategy, batches } = self else { return None };
        let config = AutoPatchConfig::new(match strategy {
            PatchTime::WhenIdle => PatchingStrategy::WhenIdle,
            PatchTime::WhenAllIdle => PatchingStrategy::WhenAllIdle,
        });
        Some(match batches {
            Some(batches) => config.deployment_config(batches.config()),
            None => config,
        })
    }
}
