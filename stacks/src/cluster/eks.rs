//! Clusters with Amazon EKS.

use std::marker::PhantomData;

use stackwright_resources::sagemaker::cluster::{ClusterOrchestratorEksConfig, Orchestrator};
use stackwright_synth::{IntoValue, Value};

use super::group::{AllOrNothing, Continuous, GroupSettings, Purchase};
use super::kubernetes::EksClusterHandle;
use super::nodes::NodeGroup;
use super::options::{KubernetesNodeOptions, NodeOptions, NodeSoftwareOptions};
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::{HyperPodCluster, Settings};
use crate::iam::RoleReference;
use crate::network::NetworkHandle;

/// An instance group that starts without nodes and that the autoscaler Karpenter scales, for
/// [`HyperPodCluster::karpenter`]. It supports neither a training plan nor deep health checks, and its subnets have to be
/// in one Availability Zone.
///
/// ```
/// use stackwright_stacks::cluster::{KarpenterGroup, NodeOptions};
///
/// KarpenterGroup::new("burst", "ml.g5.8xlarge").volume_gb(200);
/// KarpenterGroup::spot("burst-spot", "ml.g5.8xlarge");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct KarpenterGroup {
    group: GroupSettings,
}

impl KarpenterGroup {
    /// Creates a group of on-demand instances with its name and its instance type, such as `ml.g5.8xlarge`.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>) -> Self {
        let mut group = GroupSettings::new(name, instance_type, 0);
        group.scaled = true;
        Self { group }
    }

    /// Creates a group of spot instances with its name and its instance type, such as `ml.g5.8xlarge`.
    ///
    /// It is not confirmed that HyperPod accepts such a group: of the pages of the SageMaker Developer Guide, the one about
    /// node classes of Karpenter allows on-demand capacity only, and the newer one about spot instances allows them.
    #[track_caller]
    pub fn spot(name: &str, instance_type: impl IntoValue<String>) -> Self {
        let mut group = Self::new(name, instance_type);
        group.group.purchase = Purchase::Spot;
        group
    }
}

impl NodeOptions for KarpenterGroup {
    fn settings(&mut self) -> &mut GroupSettings {
        &mut self.group
    }
}

impl NodeSoftwareOptions for KarpenterGroup {}
impl KubernetesNodeOptions for KarpenterGroup {}

/// The orchestrator Amazon EKS: the type parameter of a [`HyperPodCluster`] whose nodes belong to an EKS cluster. The
/// parameter `P` is the provisioning of nodes, [`AllOrNothing`] or [`Continuous`].
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
    /// Creates a cluster whose nodes belong to an EKS cluster. If not all nodes can be created, the creation of the cluster
    /// fails. The Helm chart of HyperPod has to be installed in the EKS cluster first (see
    /// [`EksCluster`](super::EksCluster)).
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
    /// becomes available, and failures appear as cluster events. The Helm chart of HyperPod has to be installed in the EKS
    /// cluster first (see [`EksCluster`](super::EksCluster)).
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

    /// Adds a group that Karpenter scales, and enables autoscaling by Karpenter (`AutoScaling`) with a separate role. At
    /// least one other group is needed, for the pods of the system. By default, no group is scaled.
    pub fn karpenter(mut self, group: KarpenterGroup) -> Self {
        self.kind.karpenter = true;
        self.kind.groups.push(group.group);
        self
    }

    /// Sets an existing role for Karpenter, by its handle or ARN, instead of a new role. Its trust policy has to name
    /// `hyperpod.sagemaker.amazonaws.com`. It has to allow `sagemaker:BatchAddClusterNodes` and
    /// `sagemaker:BatchDeleteClusterNodes`, and `kms:CreateGrant` and `kms:DescribeKey` on the keys of encrypted volumes.
    /// Without a group that Karpenter scales, the call has no effect.
    #[track_caller]
    pub fn karpenter_role(mut self, role: impl Into<RoleReference>) -> Self {
        self.settings.karpenter_role = Some(role.into());
        self
    }
}

impl<P> HyperPodCluster<Eks<P>> {
    /// Adds an instance group (`InstanceGroups`). A cluster without groups, or with two groups of the same name, is an
    /// error.
    pub fn group(mut self, group: impl Into<NodeGroup<P>>) -> Self {
        self.kind.groups.push(group.into().into_group());
        self
    }

    /// Enables managed tiered checkpointing (`TieredStorageConfig`), which keeps checkpoints in the memory of the nodes
    /// before it writes them to S3. The argument is the share of the memory for checkpoints, 0 to 100 percent. By default,
    /// it is disabled.
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
