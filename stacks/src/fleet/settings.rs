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
    /// Sets the minimum and the maximum number of instances (`MinSize` and `MaxSize`). The default is `0..=1`. The
    /// fleet starts with the minimum.
    #[track_caller]
    pub fn instances(mut self, bounds: RangeInclusive<u32>) -> Self {
        self.settings.minimum = Value::from(i64::from(*bounds.start())).with_caller_location();
        self.settings.maximum = Value::from(i64::from(*bounds.end())).with_caller_location();
        self
    }

    /// Adds an EFA interface on each network card of the instances that supports EFA. By default, instances have one interface
    /// without EFA. The network has to have a security group that allows all traffic from itself
    /// ([`Network::efa`](crate::network::Network::efa)).
    ///
    /// An instance type without EFA, or a network with several subnets (EFA does not cross Availability Zones), is an error.
    pub fn efa(mut self) -> Self {
        self.settings.efa = true;
        self
    }

    /// Launches the instances into a cluster placement group, close together in one Availability Zone, for the lowest latency
    /// between them. Capacity for large instances is scarcer in such a group. By default, there is no placement group. A
    /// network with several subnets is an error.
    pub fn cluster_placement(mut self) -> Self {
        self.settings.placement = Some(Strategy::Cluster);
        self
    }

    /// Sets the size of the root volume in GB (`VolumeSize`). The default is 200.
    #[track_caller]
    pub fn root_volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.settings.root_gb = size.into().with_caller_location();
        self
    }

    /// Encrypts the root volumes with this key of AWS KMS, instead of the stack's default key or a key of AWS. The key policy
    /// has to allow EC2 Auto Scaling to use the key:
    /// [`PrivateKey::allow_auto_scaling`](crate::PrivateKey::allow_auto_scaling).
    #[track_caller]
    pub fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Adds scripts and cloud-init documents that run when an instance starts for the first time, after those that
    /// other settings of the fleet need (`UserData`).
    #[track_caller]
    pub fn user_data(mut self, parts: impl Into<UserData>) -> Self {
        self.settings.user_data.extend(parts.into());
        self
    }

    /// Combines the local NVMe disks into one striped volume (RAID 0) at `/local`. The data is lost when an instance stops. By
    /// default, the disks are not mounted.
    pub fn stripe_local_disks(mut self) -> Self {
        self.settings.local_disks = true;
        self
    }

    /// Installs the CloudWatch agent, which publishes the utilization of GPUs, memory and disks in the namespace `GpuFleet`.
    /// The role gets `cloudwatch:PutMetricData` for that namespace, and `ec2:DescribeTags`. By default, the agent is not
    /// installed.
    pub fn gpu_metrics(mut self) -> Self {
        self.settings.agent = true;
        self
    }

    /// Adds a scheduled action that changes the minimum and the maximum number of instances, for example to 0 at night
    /// (`AWS::AutoScaling::ScheduledAction`).
    pub fn schedule(mut self, size: ScheduledSize) -> Self {
        self.settings.schedule.push(size);
        self
    }

    /// Scales the fleet to 0 instances when the utilization of every GPU was below `below_percent`, 0 to 100, for the given
    /// time, which is rounded up to a multiple of five minutes. The minimum number of instances has to be 0; otherwise the
    /// group starts instances again. It installs the CloudWatch agent ([`gpu_metrics`](Self::gpu_metrics)). By default, an idle
    /// fleet is not scaled.
    #[track_caller]
    pub fn switch_off_when_idle(mut self, below_percent: impl IntoValue<f64>, time: Duration) -> Self {
        self.settings.agent = true;
        let below = below_percent.into().with_caller_location();
        self.settings.idle = Some(IdleSwitchOff { below, time });
        self
    }

    /// Adds a target tracking policy that keeps the average GPU utilization near this target, 0 to 100 percent. It installs the
    /// CloudWatch agent ([`gpu_metrics`](Self::gpu_metrics)). By default, no policy changes the number of instances.
    #[track_caller]
    pub fn track_gpu_utilization(mut self, percent: impl IntoValue<f64>) -> Self {
        self.settings.agent = true;
        self.settings.tracking = Some(GpuTracking { percent: percent.into().with_caller_location() });
        self
    }

    /// Adds a lifecycle hook, which pauses instances when they are launched or terminated
    /// (`LifecycleHookSpecificationList`). By default, there are none.
    pub fn lifecycle_hook(mut self, hook: LifecycleHook) -> Self {
        self.settings.hooks.push(hook);
        self
    }

    /// Replaces instances when their launch template has changed. By default, only instances that start later have the new
    /// template.
    pub fn instance_refresh(mut self, refresh: InstanceRefresh) -> Self {
        self.settings.refresh = Some(refresh);
        self
    }

    /// Sets the maximum lifetime of an instance, 1 to 365 days, after which it is replaced (`MaxInstanceLifetime`). By default,
    /// there is no limit.
    #[track_caller]
    pub fn maximum_lifetime(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.lifetime = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the time after the launch of an instance from which scaling policies use its metrics (`DefaultInstanceWarmup`). By
    /// default, the property is not set.
    #[track_caller]
    pub fn instance_warm_up(mut self, time: impl Into<Seconds>) -> Self {
        self.settings.warm_up = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets an existing instance profile, by its ARN, such as `arn:aws:iam::123456789012:instance-profile/Training`. By
    /// default, the construct creates a profile and a role; with this call, the settings of the role ([`RoleOptions`])
    /// have no effect.
    #[track_caller]
    pub fn instance_profile(mut self, arn: impl IntoValue<String>) -> Self {
        self.settings.profile = Some(arn.into().with_caller_location());
        self
    }

    /// Protects new instances from being terminated when the fleet scales in (`NewInstancesProtectedFromScaleIn`). By default,
    /// they are not protected.
    pub fn protect_from_scale_in(mut self) -> Self {
        self.settings.protected = true;
        self
    }

    /// Adds a tag to the Auto Scaling group, its instances and their volumes (`Tags`). A second call for the
    /// same key replaces the value. The default of the tag `Name` is `STACK/ID`.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.settings.tags, key, value.into().with_caller_location());
        self
    }
}

impl<C> RoleOptions for GpuFleet<C> {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}
