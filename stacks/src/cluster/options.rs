//! The setters that kinds of instance groups share, as traits.

use stackwright_synth::IntoValue;

use super::group::{DeepHealthCheck, GroupSettings, TaintEffect};
use super::storage::SharedStorage;
use super::update::{PatchTime, RollingBatches, SoftwareUpdate};
use crate::key::EncryptionKey;
use crate::launch::ScheduleExpression;
use crate::network::NetworkHandle;

/// The setters of every instance group: its threads, volumes and network.
///
/// ```
/// use stackwright_stacks::cluster::{NodeOptions, ServiceNodes};
///
/// ServiceNodes::new("controller", "ml.m5.4xlarge").volume_gb(200).threads_per_core(2);
/// ```
pub trait NodeOptions: Sized {
    /// Returns the settings that the other methods change.
    #[doc(hidden)]
    fn settings(&mut self) -> &mut GroupSettings;

    /// Sets the number of threads of each core (`ThreadsPerCore`): 1 (the default) disables simultaneous
    /// multithreading, 2 enables it. Instance types without multithreading accept 1 only.
    #[track_caller]
    fn threads_per_core(mut self, threads: impl IntoValue<i64>) -> Self {
        self.settings().threads_per_core = threads.into().with_caller_location();
        self
    }

    /// Adds an EBS volume of this size in GB, 1 to 16,384, to each node (`VolumeSizeInGB`). It is mounted at `/opt/sagemaker`. By default,
    /// there is no additional volume.
    #[track_caller]
    fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.settings().volumes.size = Some(size.into().with_caller_location());
        self
    }

    /// Encrypts the root volume and the additional volume with this key of AWS KMS (`VolumeKmsKeyId`). Without it, they are encrypted
    /// with the default key of the stack, or with a key of AWS.
    #[track_caller]
    fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.settings().volumes.key = Some(key.into());
        self
    }

    /// Places the nodes of this group in other subnets and security groups than the cluster's
    /// (`OverrideVpcConfig`), for example in the Availability Zone of its reserved capacity. The network cannot be
    /// changed after the group is created. The default is the network of the cluster.
    fn network(mut self, network: &NetworkHandle) -> Self {
        self.settings().network = Some(network.clone());
        self
    }
}

/// The setters of instance groups that run jobs: health checks, and the zone of reserved capacity.
///
/// ```
/// use stackwright_stacks::cluster::{DeepHealthCheck, JobNodeOptions, WorkerGroup};
///
/// let plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
/// let group: WorkerGroup = WorkerGroup::planned("train", "ml.p5.48xlarge", 16, plan);
/// group.capacity_zone_id("use1-az4").deep_health_checks([DeepHealthCheck::InstanceStress]);
/// ```
pub trait JobNodeOptions: NodeOptions {
    /// States the Availability Zone of the reserved capacity by its ID, such as `use1-az4`. If the subnets of the group are
    /// known to be in other zones, it is an error. The setting adds nothing to the template.
    fn capacity_zone_id(mut self, id: impl Into<String>) -> Self {
        self.settings().zone_id = Some(id.into());
        self
    }

    /// Sets the deep health checks that run on each node before jobs run on it (`OnStartDeepHealthChecks`). They take one to
    /// two hours on instances with GPUs or Trainium, and can be run again by the API operation `StartClusterHealthCheck`.
    /// By default, there are none.
    fn deep_health_checks(mut self, checks: impl IntoIterator<Item = DeepHealthCheck>) -> Self {
        let set = &mut self.settings().deep_health_checks;
        set.clear();
        for check in checks {
            if !set.contains(&check) {
                set.push(check);
            }
        }
        self
    }
}

/// The setters of instance groups whose software you choose: the AMI, and when it is updated.
///
/// ```
/// use stackwright_stacks::cluster::{NodeSoftwareOptions, PatchTime, ServiceNodes};
///
/// ServiceNodes::new("controller", "ml.m5.4xlarge").update_at("cron(0 3 ? * SUN *)", None);
/// ServiceNodes::new("login", "ml.m5.2xlarge").patch(PatchTime::WhenIdle, None);
/// ```
pub trait NodeSoftwareOptions: NodeOptions {
    /// Sets a custom AMI for the nodes, by its ID, such as `ami-0123456789abcdef0` (`ImageId`). The AMI has to be unencrypted,
    /// owned by the same account, and based on an AMI of HyperPod. The default is the latest AMI of HyperPod.
    #[track_caller]
    fn image_id(mut self, ami: impl IntoValue<String>) -> Self {
        self.settings().image = Some(crate::arn::with_prefix(ami, "ami-", "an AMI"));
        self
    }

    /// Sets the release of HyperPod's AMI, such as `1.2.3` (`ImageReleaseVersion`). The default is the latest.
    #[track_caller]
    fn image_release(mut self, version: impl IntoValue<String>) -> Self {
        self.settings().release = Some(version.into().with_caller_location());
        self
    }

    /// Updates the AMI of the nodes at the times of a cron expression, such as `cron(0 3 ? * SUN *)`
    /// (`ScheduledUpdateConfig`). `batches` is a [`RollingBatches`], or `None` for an update without
    /// `DeploymentConfig`. By default, the AMI is updated only on request. It replaces [`patch`](Self::patch).
    #[track_caller]
    fn update_at(
        mut self,
        cron: impl Into<ScheduleExpression>,
        batches: impl Into<Option<RollingBatches>>,
    ) -> Self {
        let (cron, batches) = (cron.into().0, batches.into());
        self.settings().update = Some(SoftwareUpdate::Scheduled { cron, batches });
        self
    }

    /// Installs security patches on the nodes at the time that HyperPod chooses by a [`PatchTime`] (`AutoPatchConfig`).
    /// `batches` is a [`RollingBatches`], or `None` for patches without `DeploymentConfig`. By default, patches are
    /// installed only on request. It replaces [`update_at`](Self::update_at).
    fn patch(mut self, time: PatchTime, batches: impl Into<Option<RollingBatches>>) -> Self {
        let batches = batches.into();
        self.settings().update = Some(SoftwareUpdate::Patched { strategy: time, batches });
        self
    }
}

/// The setter of instance groups on which HyperPod mounts file systems: those of clusters with Slurm.
///
/// ```
/// use stackwright_stacks::cluster::{MountOptions, ServiceNodes, SharedStorage};
///
/// let home = SharedStorage::open_zfs("fs-0123456789abcdef1.fsx.us-east-1.amazonaws.com");
/// ServiceNodes::new("login", "ml.m5.2xlarge").mount(home);
/// ```
pub trait MountOptions: NodeOptions {
    /// Mounts a shared file system on the nodes of this group. It replaces the file system of the same kind (FSx for
    /// Lustre or FSx for OpenZFS) that the cluster mounts on every group. By default, a group mounts the file
    /// systems of the cluster.
    fn mount(mut self, storage: SharedStorage) -> Self {
        let shared = &mut self.settings().shared;
        shared.retain(|other| other.is_lustre() != storage.is_lustre());
        shared.push(storage);
        self
    }
}

/// The setters of instance groups whose nodes belong to a Kubernetes cluster: labels and taints.
///
/// ```
/// use stackwright_stacks::cluster::{KubernetesNodeOptions, NodeGroup, TaintEffect};
///
/// let group: NodeGroup = NodeGroup::new("train", "ml.p5.48xlarge", 4);
/// group.label("team", "research").taint("dedicated", "research", TaintEffect::NoSchedule);
/// ```
pub trait KubernetesNodeOptions: NodeOptions {
    /// Adds a label to the Kubernetes nodes of this group, such as `team` with the value `vision`. By default, a group
    /// has only the labels that HyperPod sets.
    #[track_caller]
    fn label(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.settings().labels.push((key.into(), value.into().with_caller_location()));
        self
    }

    /// Adds a taint to the Kubernetes nodes of this group: its key, its value or `None`, and its effect. By default,
    /// there are no taints.
    fn taint(
        mut self,
        key: impl Into<String>,
        value: impl Into<Option<&'static str>>,
        effect: TaintEffect,
    ) -> Self {
        self.settings().taints.push((key.into(), value.into().map(str::to_owned), effect));
        self
    }
}
