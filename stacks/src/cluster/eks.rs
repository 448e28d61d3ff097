//! Clusters with Amazon EKS.

use std::marker::PhantomData;

use stackwright_resources::sagemaker::cluster::{ClusterOrchestratorEksConfig, Orchestrator};
use stackwright_synth::{IntoValue, Value};

use super::group::{AllOrNothing, Continuous, GroupSettings, Purchase, kubernetes_settings, node_settings};
use super::kubernetes::EksClusterHandle;
use super::nodes::NodeGroup;
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::{HyperPodCluster, Settings};
use crate::iam::RoleReference;
use crate::network::NetworkHandle;

/// A group that starts without nodes and that Karpenter scales. It has neither a training plan nor deep health checks, and its
/// subnets are in one zone.
///
/// ```
/// use stackwright_stacks::cluster::KarpenterGroup;
///
/// KarpenterGroup::new("burst", "ml.g5.8xlarge").volume_gb(200);
/// KarpenterGroup::spot("burst-spot", "ml.g5.8xlarge");
/// ```
#[derive(Clone, Debug)]
pub struct KarpenterGroup {
    group: GroupSettings,
}

impl KarpenterGroup {
    /// Creates a group of on-demand instances.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>) -> Self {
        let mut group = GroupSettings::new(name, instance_type, 0);
        group.scaled = true;
        Self { group }
    }

    /// Creates a group of spot instances.
    ///
    /// Not confirmed: AWS's page about node classes allows on-demand capacity only, and its newer page about spot allows spot
    /// capacity.
    #[track_caller]
    pub fn spot(name: &str, instance_type: impl IntoValue<String>) -> Self {
        let mut group = Self::new(name, instance_type);
        group.group.purchase = Purchase::Spot;
        group
    }
}

node_settings!([] KarpenterGroup);

kubernetes_settings!([] KarpenterGroup);

/// A cluster that Amazon EKS schedules.
#[derive(Clone, Debug)]
pub struct Eks<P = AllOrNothing> {
    eks: EksClusterHandle,
    groups: Vec<GroupSettings>,
    karpenter: bool,
    continuous: bool,
    tiered_storage: Option<Value<i64>>,
    provisioning: PhantomData<P>,
}

impl<P> Eks<P> {
    fn of(eks: &EksClusterHandle, continuous: bool) -> Self {
        Self {
            eks: eks.clone(),
            groups: Vec::new(),
            karpenter: false,
            continuous,
            tiered_storage: None,
            provisioning: PhantomData,
        }
    }
}

impl HyperPodCluster<Eks> {
    /// Creates a cluster whose nodes belong to an EKS cluster: all nodes, or none. The dependencies of HyperPod have to be
    /// installed in the EKS cluster before (see [`EksCluster`](super::EksCluster)).
    ///
    /// ```
    /// use stackwright_stacks::cluster::{EksCluster, HyperPodCluster, KubernetesVersion, NodeGroup};
    /// use stackwright_stacks::network::{InterfaceEndpoint, Network};
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("research");
    /// # let stack = app.stack("Cluster").region("us-east-1");
    /// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2).endpoints(InterfaceEndpoint::HYPERPOD_EKS));
    /// let eks = stack.add("Eks", EksCluster::new(&network, KubernetesVersion::V1_34));
    /// stack.add("Cluster", HyperPodCluster::eks(&eks, &network).group(NodeGroup::new("train", "ml.p5.48xlarge", 4)));
    /// # app.synth()?;
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn eks(eks: &EksClusterHandle, network: &NetworkHandle) -> Self {
        Self { settings: Settings::in_network(network), kind: Eks::of(eks, false) }
    }
}

impl HyperPodCluster<Eks<Continuous>> {
    /// Creates a cluster whose nodes belong to an EKS cluster, with continuous provisioning: nodes are added when capacity
    /// becomes available, and failures appear as cluster events.
    ///
    /// ```
    /// use stackwright_stacks::cluster::{EksCluster, HyperPodCluster, KubernetesVersion, NodeGroup};
    /// use stackwright_stacks::network::{InterfaceEndpoint, Network};
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("research");
    /// # let stack = app.stack("Cluster").region("us-east-1");
    /// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2).endpoints(InterfaceEndpoint::HYPERPOD_EKS));
    /// let eks = stack.add("Eks", EksCluster::new(&network, KubernetesVersion::V1_34));
    /// let cluster = HyperPodCluster::eks_continuous(&eks, &network).group(NodeGroup::spot("spot", "ml.g5.12xlarge", 2));
    /// stack.add("Cluster", cluster);
    /// # app.synth()?;
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn eks_continuous(eks: &EksClusterHandle, network: &NetworkHandle) -> Self {
        Self { settings: Settings::in_network(network), kind: Eks::of(eks, true) }
    }

    /// Adds a group that Karpenter scales, and enables autoscaling with a separate role. Keep at least one other group for
    /// the system's pods.
    pub fn karpenter(mut self, group: KarpenterGroup) -> Self {
        self.kind.karpenter = true;
        self.kind.groups.push(group.group);
        self
    }

    /// Lets Karpenter add and delete nodes with a role of yours, by its handle or ARN, and creates none. Its trust policy names
    /// `hyperpod.sagemaker.amazonaws.com`, and it allows `sagemaker:BatchAddClusterNodes` and `sagemaker:BatchDeleteClusterNodes`.
    #[track_caller]
    pub fn karpenter_role(mut self, role: impl Into<RoleReference>) -> Self {
        self.settings.karpenter_role = Some(role.into());
        self
    }
}

impl<P> HyperPodCluster<Eks<P>> {
    /// Adds a group of nodes.
    pub fn group(mut self, group: impl Into<NodeGroup<P>>) -> Self {
        self.kind.groups.push(group.into().into_group());
        self
    }

    /// Keeps checkpoints in the memory of the nodes first (managed tiered checkpointing): the share of memory in percent, 0 to
    /// 100.
    #[track_caller]
    pub fn tiered_storage(mut self, memory_percent: impl IntoValue<i64>) -> Self {
        self.kind.tiered_storage = Some(memory_percent.into().with_caller_location());
        self
    }
}

impl<P> Eks<P> {
    pub(super) fn cluster(&self) -> &EksClusterHandle {
        &self.eks
    }
}

impl<P> RunsScripts for Eks<P> {}

impl<P> Orchestrate for Eks<P> {
    fn plan(&self) -> Plan {
        let config = ClusterOrchestratorEksConfig::new(self.eks.arn());
        Plan {
            groups: self.groups.clone(),
            orchestrator: Some(Orchestrator::new().eks(config)),
            continuous: self.continuous,
            is_eks: true,
            karpenter: self.karpenter,
            tiered_storage: self.tiered_storage.clone(),
            before: self.eks.ready().to_vec(),
            needs_script: true,
            ..Plan::default()
        }
    }
}
