//! The settings that all fleets share.

use std::ops::RangeInclusive;
use std::time::Duration;

use stackwright_resources::ec2::placement_group::Strategy;
use stackwright_synth::{IntoValue, Value};

use super::scaling::{GpuTracking, IdleSwitchOff, InstanceRefresh, LifecycleHook, Prepared, ScheduledSize};
use super::{GpuFleet, UserData};
use crate::duration::Seconds;
use crate::iam::{RoleOptions, RoleSettings};
use crate::key::EncryptionKey;

/// The settings of every fleet.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub minimum: Value<i64>,
    pub maximum: Value<i64>,
    pub efa: bool,
    pub placement: Option<Strategy>,
    pub root_gb: Value<i64>,
    pub key: Option<EncryptionKey>,
    pub user_data: UserData,
    pub local_disks: bool,
    pub agent: bool,
    pub schedule: Vec<ScheduledSize>,
    pub hooks: Vec<LifecycleHook>,
    pub refresh: Option<InstanceRefresh>,
    pub lifetime: Option<Value<i64>>,
    pub warm_up: Option<Value<i64>>,
    pub prepared: Option<Prepared>,
    pub tracking: Option<GpuTracking>,
    pub idle: Option<IdleSwitchOff>,
    pub role: RoleSettings,
    pub profile: Option<Value<String>>,
    pub protected: bool,
    pub tags: Vec<(String, Value<String>)>,
    /// The ID of the zone that the capacity is in.
    pub zone_id: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            minimum: 0.into(),
            maximum: 1.into(),
            efa: false,
            placement: None,
            root_gb: 200.into(),
            key: None,
            user_data: UserData::new(),
            local_disks: false,
            agent: false,
            schedule: Vec::new(),
            hooks: Vec::new(),
            refresh: None,
            lifetime: None,
            warm_up: None,
            prepared: None,
            tracking: None,
            idle: None,
            role: RoleSettings::default(),
            profile: None,
            protected: false,
            tags: Vec::new(),
            zone_id: None,
        }
    }
}

impl<C> GpuFleet<C> {
    /// Sets the minimum and the maximum number of instances. The default is `0..=1`.
    #[track_caller]
    pub fn instances(mut self, bounds: RangeInclusive<u32>) -> Self {
        self.settings.minimum = Value::from(i64::from(*bounds.start())).with_caller_location();
        self.settings.maximum = Value::from(i64::from(*bounds.end())).with_caller_location();
        self
    }

    /// Adds an EFA interface on each network card of the instances that supports EFA. The network has to have one
    /// subnet (EFA does not cross zones) and a security group that allows all traffic from itself (see
    /// [`Network::efa`](crate::network::Network::efa)).
    pub fn efa(mut self) -> Self {
        self.settings.efa = true;
        self
    }

    /// Launches the instances into a cluster placement group, close together in one zone, for the lowest latency.
    /// Capacity for large instances is scarcer in such a group.
    pub fn cluster_placement(mut self) -> Self {
        self.settings.placement = Some(Strategy::Cluster);
        self
    }

    /// Sets the size of the root volume in GB. The default is 200.
    #[track_caller]
    pub fn root_volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.settings.root_gb = size.into().with_caller_location();
        self
    }

    /// Encrypts the volumes with this key of AWS KMS, instead of the stack's default key or a key of AWS. The key has to let
    /// EC2 Auto Scaling use it: [`PrivateKey::allow_auto_scaling`](crate::PrivateKey::allow_auto_scaling).
    #[track_caller]
    pub fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Runs scripts and cloud-init documents when an instance starts for the first time. Several calls add up.
    #[track_caller]
    pub fn user_data(mut self, parts: impl Into<UserData>) -> Self {
        self.settings.user_data.extend(parts.into());
        self
    }

    /// Joins the local NVMe disks to one striped volume at `/local`. Its data is lost when an instance stops.
    pub fn stripe_local_disks(mut self) -> Self {
        self.settings.local_disks = true;
        self
    }

    /// Publishes the utilization of GPUs, memory and disks in the namespace `GpuFleet` with the CloudWatch agent.
    pub fn gpu_metrics(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// Adds a scheduled action that changes the minimum and the maximum number of instances, for example to 0 at
    /// night.
    pub fn schedule(mut self, size: ScheduledSize) -> Self {
        self.settings.schedule.push(size);
        self
    }

    /// Scales the fleet to 0 instances when no GPU was used more than `below_percent` for the given time. The metric
    /// comes from the CloudWatch agent, which is installed on the instances. Set a minimum of 0 instances, or the
    /// group starts them again.
    #[track_caller]
    pub fn switch_off_when_idle(mut self, below_percent: impl IntoValue<f64>, time: Duration) -> Self {
        self.settings.agent = true;
        let below = below_percent.into().with_caller_location();
        self.settings.idle = Some(IdleSwitchOff { below, time });
        self
    }

    /// Keeps the average GPU utilization near this target in percent. The metric comes from the CloudWatch agent,
    /// which is installed on the instances.
    #[track_caller]
    pub fn track_gpu_utilization(mut self, percent: impl IntoValue<f64>) -> Self {
        self.settings.agent = true;
        self.settings.tracking = Some(GpuTracking { percent: percent.into().with_caller_location() });
        self
    }

    /// Adds a lifecycle hook, which pauses instances when they are launched or terminated until a signal is sent.
    pub fn lifecycle_hook(mut self, hook: LifecycleHook) -> Self {
        self.settings.hooks.push(hook);
        self
    }

    /// Replaces instances when their launch template has changed. Without it, only new instances have the new template.
    pub fn instance_refresh(mut self, refresh: InstanceRefresh) -> Self {
        self.settings.refresh = Some(refresh);
        self
    }

    /// Sets the maximum lifetime of an instance, 1 to 365 days, after which it is replaced.
    #[track_caller]
    pub fn maximum_lifetime(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.lifetime = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the time after the launch of an instance from which its metrics are included in scaling.
    #[track_caller]
    pub fn instance_warm_up(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.warm_up = Some(time.into().0.with_caller_location());
        self
    }

    /// Uses the instance profile with this ARN instead of creating one.
    #[track_caller]
    pub fn instance_profile(mut self, arn: impl IntoValue<String>) -> Self {
        self.settings.profile = Some(arn.into().with_caller_location());
        self
    }

    /// Protects instances from being terminated when the fleet scales in.
    pub fn protect_from_scale_in(mut self) -> Self {
        self.settings.protected = true;
        self
    }

    /// Adds a tag to the fleet and its instances.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.settings.tags.push((key.into(), value.into().with_caller_location()));
        self
    }
}

impl<C> RoleOptions for GpuFleet<C> {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}
