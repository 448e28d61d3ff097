//! Instance groups whose nodes run jobs: those of Slurm and of Kubernetes, with one set of constructors and setters.

use std::marker::PhantomData;

use stackwright_resources::sagemaker::cluster::NodeType;
use stackwright_synth::IntoValue;

use super::group::{AllOrNothing, Continuous, GroupSettings, Purchase, Types};
use super::options::{JobNodeOptions, KubernetesNodeOptions, MountOptions, NodeOptions, NodeSoftwareOptions};

/// The marker of instance groups that run Slurm jobs: the type parameter `K` of [`ClusterInstanceGroup`].
#[derive(Clone, Copy, Debug)]
pub struct ForSlurm;

/// The marker of instance groups whose nodes belong to a Kubernetes cluster: the type parameter `K` of
/// [`ClusterInstanceGroup`].
#[derive(Clone, Copy, Debug)]
pub struct ForKubernetes;

/// An instance group whose nodes run Slurm jobs.
///
/// [`ClusterInstanceGroup::new`] uses on-demand capacity, [`ClusterInstanceGroup::planned`] uses a training plan.
///
/// ```
/// use stackwright_stacks::cluster::{JobNodeOptions, WorkerGroup};
///
/// WorkerGroup::new("train", "ml.p5.48xlarge", 4).partition("research");
/// let plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
/// WorkerGroup::planned("planned", "ml.p5.48xlarge", 16, plan).capacity_zone_id("use1-az4");
/// ```
pub type WorkerGroup<P = AllOrNothing> = ClusterInstanceGroup<ForSlurm, P>;

/// An instance group whose nodes belong to a Kubernetes cluster.
///
/// [`ClusterInstanceGroup::new`] uses on-demand capacity, [`ClusterInstanceGroup::planned`] uses a training plan, and
/// [`ClusterInstanceGroup::spot`] uses spot capacity.
///
/// ```
/// use stackwright_stacks::cluster::{NodeGroup, NodeOptions};
///
/// NodeGroup::new("system", "ml.m5.2xlarge", 2).volume_gb(200);
/// NodeGroup::spot("spot", "ml.g5.12xlarge", 2).or_types(["ml.g6.12xlarge"]);
/// let plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
/// NodeGroup::planned("p5", "ml.p5.48xlarge", 4, plan);
/// ```
pub type NodeGroup<P = AllOrNothing> = ClusterInstanceGroup<ForKubernetes, P>;

/// An instance group whose nodes run jobs: a [`WorkerGroup`] of Slurm, or a [`NodeGroup`] of Kubernetes.
///
/// It becomes an entry of `InstanceGroups`.
///
/// ```
/// use stackwright_stacks::cluster::{ClusterInstanceGroup, ForKubernetes, ForSlurm};
///
/// let workers: ClusterInstanceGroup<ForSlurm> = ClusterInstanceGroup::new("train", "ml.p5.48xlarge", 4);
/// let nodes: ClusterInstanceGroup<ForKubernetes> = ClusterInstanceGroup::new("system", "ml.m5.2xlarge", 2);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterInstanceGroup<K, P = AllOrNothing> {
    group: GroupSettings,
    marker: PhantomData<(K, P)>,
}

impl<K> ClusterInstanceGroup<K> {
    /// Creates a group with a name, an instance type, such as `ml.p5.48xlarge`, and a number of on-demand instances. A
    /// second group of the same name in the cluster is an error.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self { group: GroupSettings::new(name, instance_type, count), marker: PhantomData }
    }

    /// Creates a group whose instances a SageMaker training plan reserved, by the plan's ARN. State the Availability Zone of
    /// the plan with [`capacity_zone_id`](JobNodeOptions::capacity_zone_id), and place the group in a subnet of that zone with
    /// [`network`](NodeOptions::network). An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn planned(
        name: &str,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
        training_plan_arn: impl IntoValue<String>,
    ) -> Self {
        let group = GroupSettings::planned(name, instance_type, count, training_plan_arn);
        Self { group, marker: PhantomData }
    }
}

impl ClusterInstanceGroup<ForKubernetes, Continuous> {
    /// Creates a group with a name, an instance type, such as `ml.g5.12xlarge`, and a number of spot instances. The group
    /// requires a cluster with continuous provisioning, and cannot be changed to on-demand capacity later.
    #[track_caller]
    pub fn spot(name: &str, instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        let mut group = ClusterInstanceGroup::new(name, instance_type, count).continuous();
        group.group.purchase = Purchase::Spot;
        group
    }
}

impl<P> ClusterInstanceGroup<ForSlurm, P> {
    /// Adds the nodes to the Slurm partition with this name. The default is a partition with the name of the group.
    /// HyperPod's default partition `dev` always contains all nodes.
    #[track_caller]
    pub fn partition(mut self, name: impl IntoValue<String>) -> Self {
        self.group.slurm = Some((NodeType::Compute, Some(name.into().with_caller_location())));
        self
    }
}

impl<K, P> ClusterInstanceGroup<K, P> {
    pub(super) fn into_group(self) -> GroupSettings {
        self.group
    }

    fn continuous(self) -> ClusterInstanceGroup<K, Continuous> {
        ClusterInstanceGroup { group: self.group, marker: PhantomData }
    }

    /// Sets the number of nodes that must be available for the group to be `InService` (`MinInstanceCount`). If they are not
    /// available after three hours, the group is rolled back. The setting requires a cluster with continuous provisioning.
    /// Without this call, the property is not set.
    #[track_caller]
    pub fn minimum_count(self, nodes: impl IntoValue<i64>) -> ClusterInstanceGroup<K, Continuous> {
        let mut group = self.continuous();
        group.group.minimum = Some(nodes.into().with_caller_location());
        group
    }

    /// Allows other instance types as well, which are tried in this order after the first (`InstanceRequirements`). The
    /// setting requires a cluster with continuous provisioning.
    #[track_caller]
    pub fn or_types(
        self,
        others: impl IntoIterator<Item = impl IntoValue<String>>,
    ) -> ClusterInstanceGroup<K, Continuous> {
        let mut group = self.continuous();
        let mut names = match &group.group.types {
            Types::One(name) => vec![name.clone()],
            Types::Several(names) => names.clone(),
        };
        for other in others {
            names.push(crate::instance_type::checked(other));
        }
        group.group.types = Types::Several(names);
        group
    }

    /// Uses EFA-only network interfaces on the nodes, which need no IP addresses (`InterfaceType`). By default, each
    /// EFA interface has one.
    pub fn efa_only(mut self) -> Self {
        self.group.efa_only = true;
        self
    }
}

impl<K> From<ClusterInstanceGroup<K, AllOrNothing>> for ClusterInstanceGroup<K, Continuous> {
    fn from(group: ClusterInstanceGroup<K, AllOrNothing>) -> Self {
        group.continuous()
    }
}

impl<K, P> NodeOptions for ClusterInstanceGroup<K, P> {
    fn settings(&mut self) -> &mut GroupSettings {
        &mut self.group
    }
}

impl<K, P> JobNodeOptions for ClusterInstanceGroup<K, P> {}
impl<K, P> NodeSoftwareOptions for ClusterInstanceGroup<K, P> {}
impl<P> MountOptions for ClusterInstanceGroup<ForSlurm, P> {}
impl<P> KubernetesNodeOptions for ClusterInstanceGroup<ForKubernetes, P> {}
