//! Clusters of restricted instance groups, in which AWS runs customization of its Nova models.

use stackwright_resources::sagemaker::cluster::{
    ClusterOrchestratorEksConfig, ClusterRestrictedInstanceGroup, EnvironmentConfig, FSxLustreConfig,
    FSxLustreDeletionPolicy, Orchestrator, RestrictedInstanceGroupsConfig, SharedEnvironmentConfig,
    VpcConfig,
};
use stackwright_synth::{IntoValue, Value};

use super::file_system::LustreThroughput;
use super::group::{GroupSettings, Purchase, Types, deep_health_checks};
use super::kubernetes::EksClusterHandle;
use super::options::{JobNodeOptions, NodeOptions};
use super::plan::{Orchestrate, Plan};
use super::{HyperPodCluster, Settings};
use crate::network::NetworkHandle;

/// The throughput of the file system of a restricted group, in MB/s for each TiB, and its size.
#[derive(Clone, Debug)]
struct Storage {
    size_gib: Value<i64>,
    throughput: Value<i64>,
}

impl Storage {
    #[track_caller]
    fn new(size_gib: impl IntoValue<i64>, throughput: LustreThroughput) -> Self {
        Self {
            size_gib: size_gib.into().with_caller_location(),
            throughput: Value::from(throughput.number()).with_caller_location(),
        }
    }

    fn config(&self) -> FSxLustreConfig {
        FSxLustreConfig::new().size_in_gi_b(&self.size_gib).per_unit_storage_throughput(&self.throughput)
    }
}

/// A restricted instance group, which AWS manages: it supports no scripts, no labels, no custom AMI, and no spot capacity.
///
/// It becomes an entry of `RestrictedInstanceGroups`.
///
/// ```
/// use stackwright_stacks::cluster::RestrictedGroup;
///
/// RestrictedGroup::new("train", "ml.p5.48xlarge", 4);
/// // Capacity of a training plan:
/// RestrictedGroup::planned(
///     "planned",
///     "ml.p5.48xlarge",
///     4,
///     "arn:aws:sagemaker:us-east-1:123456789012:training-plan/november",
/// );
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RestrictedGroup {
    pub(super) group: GroupSettings,
    storage: Option<Storage>,
}

impl RestrictedGroup {
    /// Creates a group with a name, an instance type, such as `ml.p5.48xlarge`, and a number of instances. A second group
    /// of the same name in the cluster is an error.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self { group: GroupSettings::new(name, instance_type, count), storage: None }
    }

    /// Creates a group whose instances a SageMaker training plan reserved, by the plan's ARN. An ARN of another service is an
    /// error at the caller's line.
    #[track_caller]
    pub fn planned(
        name: &str,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
        training_plan_arn: impl IntoValue<String>,
    ) -> Self {
        Self { group: GroupSettings::planned(name, instance_type, count, training_plan_arn), storage: None }
    }

    /// Adds an FSx for Lustre file system to the group (`FSxLustreConfig`): its size in GiB, 1,200 to 100,800, and its
    /// throughput. By default, there is none.
    #[track_caller]
    pub fn lustre(mut self, size_gib: impl IntoValue<i64>, throughput: LustreThroughput) -> Self {
        self.storage = Some(Storage::new(size_gib, throughput));
        self
    }

    /// Returns the group in the form that CloudFormation expects.
    fn resource(&self, role: &Value<String>) -> ClusterRestrictedInstanceGroup {
        let instance_type = match &self.group.types {
            Types::One(name) => name.clone(),
            Types::Several(names) => names.first().cloned().unwrap_or_else(|| "".into()),
        };
        let mut group = ClusterRestrictedInstanceGroup::new()
            .execution_role(role)
            .instance_count(&self.group.count)
            .instance_group_name(self.group.name.as_str())
            .instance_type(instance_type)
            .threads_per_core(&self.group.threads_per_core);
        let volumes = self.group.volumes.configs();
        if !volumes.is_empty() {
            group = group.instance_storage_configs(volumes);
        }
        if let Purchase::TrainingPlan(arn) = &self.group.purchase {
            group = group.training_plan_arn(arn);
        }
        if !self.group.deep_health_checks.is_empty() {
            group = group.on_start_deep_health_checks(deep_health_checks(&self.group.deep_health_checks));
        }
        if let Some(network) = &self.group.network {
            group = group.override_vpc_config(
                VpcConfig::new()
                    .security_group_ids(network.security_group_ids())
                    .subnets(network.subnet_ids()),
            );
        }
        if let Some(storage) = &self.storage {
            group = group.environment_config(EnvironmentConfig::new().f_sx_lustre_config(storage.config()));
        }
        group
    }
}

impl NodeOptions for RestrictedGroup {
    fn settings(&mut self) -> &mut GroupSettings {
        &mut self.group
    }
}

impl JobNodeOptions for RestrictedGroup {}

/// The orchestrator of restricted instance groups: the type parameter of a [`HyperPodCluster`] in which AWS runs the
/// customization of Nova models.
#[derive(Clone, Debug)]
pub struct Restricted {
    eks: EksClusterHandle,
    groups: Vec<RestrictedGroup>,
    shared: Option<(Storage, FSxLustreDeletionPolicy)>,
}

impl HyperPodCluster<Restricted> {
    /// Creates a cluster of restricted instance groups, with an EKS cluster as orchestrator, in a network. The cluster
    /// supports neither scripts, spot capacity, Karpenter nor task governance.
    ///
    /// ```
    /// use stackwright_stacks::cluster::{EksCluster, HyperPodCluster, KubernetesVersion, RestrictedGroup};
    /// use stackwright_stacks::network::{InterfaceEndpoint, Network};
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("research");
    /// # let stack = app.stack("Cluster").region("us-east-1");
    /// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 2).endpoints(InterfaceEndpoint::HYPERPOD_EKS));
    /// let eks = stack.add("Eks", EksCluster::new(&network, KubernetesVersion::V1_34));
    /// let cluster = HyperPodCluster::restricted(&eks, &network).group(RestrictedGroup::new("train", "ml.p5.48xlarge", 4));
    /// stack.add("Cluster", cluster);
    /// # app.synth()?;
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn restricted(eks: &EksClusterHandle, network: &NetworkHandle) -> Self {
        let kind = Restricted { eks: eks.clone(), groups: Vec::new(), shared: None };
        Self { settings: Settings::in_network(network), kind }
    }

    /// Adds a restricted instance group (`RestrictedInstanceGroups`). A cluster without groups, or with two groups of the
    /// same name, is an error.
    pub fn group(mut self, group: RestrictedGroup) -> Self {
        self.kind.groups.push(group);
        self
    }

    /// Adds one FSx for Lustre file system for all groups: its size in GiB, 1,200 to 100,800, its throughput, and
    /// whether the file system is kept when no group uses it any more. By default, there is none.
    #[track_caller]
    pub fn shared_lustre(
        mut self,
        size_gib: impl IntoValue<i64>,
        throughput: LustreThroughput,
        is_kept: bool,
    ) -> Self {
        let storage = Storage::new(size_gib, throughput);
        let policy =
            if is_kept { FSxLustreDeletionPolicy::Keep } else { FSxLustreDeletionPolicy::DeleteIfNotUsed };
        self.kind.shared = Some((storage, policy));
        self
    }
}

impl Orchestrate for Restricted {
    fn plan(&self) -> Plan {
        let mut groups = self.groups.clone();
        groups.sort_by(|one, other| one.group.name.cmp(&other.group.name));
        Plan {
            groups: groups.iter().map(|group| group.group.clone()).collect(),
            restricted: groups,
            orchestrator: Some(Orchestrator::new().eks(ClusterOrchestratorEksConfig::new(self.eks.arn()))),
            restricted_config: self.shared.as_ref().map(|(storage, policy)| {
                RestrictedInstanceGroupsConfig::new(
                    SharedEnvironmentConfig::new(policy.clone()).f_sx_lustre_config(storage.config()),
                )
            }),
            is_eks: true,
            before: self.eks.ready().to_vec(),
            ..Plan::default()
        }
    }
}

/// Returns the groups in the form that CloudFormation expects.
pub(super) fn resources(
    groups: &[RestrictedGroup],
    role: &Value<String>,
) -> Vec<ClusterRestrictedInstanceGroup> {
    groups.iter().map(|group| group.resource(role)).collect()
}
