//! What every instance group has.

use stackwright_resources::sagemaker::cluster::{
    ClusterCapacityRequirements, ClusterInstanceGroup, ClusterKubernetesConfig, ClusterKubernetesTaint,
    ClusterLifeCycleConfig, ClusterNetworkInterface, ClusterSlurmConfig, DeepHealthCheckType, Effect,
    InstanceRequirements, InterfaceType, NodeType, VpcConfig,
};
use stackwright_schemas::ec2_network::network_facts;
use stackwright_synth::{CallerLocation, IntoValue, Json, Map, Value};

use super::storage::{SharedStorage, Volumes};
use super::update::SoftwareUpdate;
use crate::network::NetworkHandle;

/// The marker of a cluster without continuous provisioning, the default of HyperPod: if not all nodes can be created, the
/// creation of the cluster fails.
#[derive(Clone, Copy, Debug)]
pub struct AllOrNothing;

/// The marker of a cluster with continuous provisioning (`NodeProvisioningMode: Continuous`): nodes are added while others
/// are still missing, and failures appear as cluster events.
#[derive(Clone, Copy, Debug)]
pub struct Continuous;

/// A health check that runs on the accelerators and the network of a node before jobs run on it.
///
/// The API has a third check, `MultiNodeTrainingValidation`, which CloudFormation does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeepHealthCheck {
    /// Stress tests of the hardware of one node.
    InstanceStress,
    /// Tests of the network between nodes.
    InstanceConnectivity,
}

/// The checks in the form that CloudFormation expects.
pub(super) fn deep_health_checks(checks: &[DeepHealthCheck]) -> Vec<Value<DeepHealthCheckType>> {
    let written = |check: &DeepHealthCheck| match check {
        DeepHealthCheck::InstanceStress => DeepHealthCheckType::InstanceStress.into(),
        DeepHealthCheck::InstanceConnectivity => DeepHealthCheckType::InstanceConnectivity.into(),
    };
    checks.iter().map(written).collect()
}

/// The instance types of a group.
#[derive(Clone, Debug)]
pub(super) enum Types {
    One(Value<String>),
    /// Several types, in the order of their priority.
    Several(Vec<Value<String>>),
}

/// The capacity that the instances of a group use.
#[derive(Clone, Debug)]
pub(super) enum Purchase {
    OnDemand,
    Spot,
    TrainingPlan(Value<String>),
}

/// The effect of a Kubernetes taint of a node on pods that do not tolerate the taint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaintEffect {
    /// No new pods are scheduled on the node.
    NoSchedule,
    /// New pods are scheduled on the node only if no other node is suitable.
    PreferNoSchedule,
    /// No new pods are scheduled on the node, and running pods are evicted.
    NoExecute,
}

/// The settings of an instance group of any orchestrator.
#[derive(Clone, Debug)]
pub struct GroupSettings {
    pub(super) name: String,
    pub(super) location: CallerLocation,
    pub(super) types: Types,
    pub(super) count: Value<i64>,
    pub(super) minimum: Option<Value<i64>>,
    pub(super) purchase: Purchase,
    pub(super) threads_per_core: Value<i64>,
    pub(super) volumes: Volumes,
    pub(super) shared: Vec<SharedStorage>,
    pub(super) image: Option<Value<String>>,
    pub(super) release: Option<Value<String>>,
    pub(super) deep_health_checks: Vec<DeepHealthCheck>,
    pub(super) network: Option<NetworkHandle>,
    /// The ID of the zone that the group's capacity is in.
    pub(super) zone_id: Option<String>,
    pub(super) efa_only: bool,
    pub(super) update: Option<SoftwareUpdate>,
    /// Whether Karpenter changes the number of instances.
    pub(super) scaled: bool,
    pub(super) slurm: Option<(NodeType, Option<Value<String>>)>,
    pub(super) labels: Vec<(String, Value<String>)>,
    pub(super) taints: Vec<(String, Option<String>, TaintEffect)>,
}

impl GroupSettings {
    #[track_caller]
    pub(super) fn new(name: &str, instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self {
            name: name.to_owned(),
            location: std::panic::Location::caller(),
            types: Types::One(crate::instance_type::checked(instance_type)),
            count: count.into().with_caller_location(),
            minimum: None,
            purchase: Purchase::OnDemand,
            // If the property is missing, an update through CloudFormation may reset it, so it is always written. The
            // console sets 1 too.
            threads_per_core: 1.into(),
            volumes: Volumes::default(),
            shared: Vec::new(),
            image: None,
            release: None,
            deep_health_checks: Vec::new(),
            network: None,
            zone_id: None,
            efa_only: false,
            update: None,
            scaled: false,
            slurm: None,
            labels: Vec::new(),
            taints: Vec::new(),
        }
    }

    /// Creates the settings of a group whose instances a training plan reserved.
    #[track_caller]
    pub(super) fn planned(
        name: &str,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
        training_plan_arn: impl IntoValue<String>,
    ) -> Self {
        let example = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
        let plan = crate::arn::checked(training_plan_arn, "sagemaker", example);
        Self { purchase: Purchase::TrainingPlan(plan), ..Self::new(name, instance_type, count) }
    }

    /// Returns the first instance type, if it is known now.
    pub(super) fn known_type(&self) -> Option<&str> {
        match &self.types {
            Types::One(name) => name.as_literal()?.as_str(),
            Types::Several(names) => names.first()?.as_literal()?.as_str(),
        }
    }

    /// Returns whether instances of the group may be of a type, if that is known now. The answer for a group of several types
    /// is known only for types that it does not have.
    pub(super) fn may_have(&self, instance_type: &str) -> Option<bool> {
        match &self.types {
            Types::One(name) => Some(name.as_literal()?.as_str()? == instance_type),
            Types::Several(names) => {
                let is_other =
                    |name: &Value<String>| name.as_literal().is_some_and(|name| name != instance_type);
                names.iter().all(is_other).then_some(false)
            }
        }
    }

    /// Returns the number of instances, if it is known now.
    pub(super) fn known_count(&self) -> Option<u64> {
        self.count.as_literal()?.as_u64()
    }

    /// Returns the number of addresses that the group uses in its subnets, if it is known. Each EFA interface of a
    /// Slurm node uses one, and a P5 node of EKS uses 81 (50 for pods, 31 for EFA).
    pub(super) fn addresses(&self, is_eks: bool) -> Option<u64> {
        let facts = network_facts(self.known_type()?)?;
        let cards = u64::from(facts.efa_max_interfaces.max(1));
        let each = if is_eks { cards - 1 + 50 } else { cards };
        Some(each * self.known_count()?)
    }

    /// Returns the group in the form that CloudFormation expects.
    pub(super) fn resource(
        &self,
        role: &Value<String>,
        lifecycle: Option<ClusterLifeCycleConfig>,
        shared: &[SharedStorage],
    ) -> ClusterInstanceGroup {
        let mut group = ClusterInstanceGroup::new()
            .execution_role(role)
            .instance_count(&self.count)
            .instance_group_name(self.name.as_str())
            .threads_per_core(&self.threads_per_core);
        group = match &self.types {
            Types::One(name) => group.instance_type(name),
            Types::Several(names) => group.instance_requirements(InstanceRequirements::new(names.clone())),
        };
        if let Some(minimum) = &self.minimum {
            group = group.min_instance_count(minimum);
        }
        group = match &self.purchase {
            Purchase::OnDemand => group,
            Purchase::Spot => {
                group.capacity_requirements(ClusterCapacityRequirements::new().spot(Json::object([])))
            }
            Purchase::TrainingPlan(arn) => group.training_plan_arn(arn),
        };
        if let Some(lifecycle) = lifecycle {
            group = group.life_cycle_config(lifecycle);
        }
        group = self.with_storage(group, shared);
        group = self.with_software(group);
        group = self.with_network(group);
        self.with_orchestrator(group)
    }

    fn with_storage(&self, group: ClusterInstanceGroup, shared: &[SharedStorage]) -> ClusterInstanceGroup {
        let mut storage = self.volumes.configs();
        // A file system of the group replaces the one of the same kind that the cluster mounts on every group.
        let of_cluster =
            shared.iter().filter(|one| self.shared.iter().all(|own| own.is_lustre() != one.is_lustre()));
        storage.extend(self.shared.iter().chain(of_cluster).map(SharedStorage::config));
        if storage.is_empty() { group } else { group.instance_storage_configs(storage) }
    }

    fn with_software(&self, mut group: ClusterInstanceGroup) -> ClusterInstanceGroup {
        if let Some(image) = &self.image {
            group = group.image_id(image);
        }
        if let Some(release) = &self.release {
            group = group.image_release_version(release);
        }
        if let Some(update) = &self.update {
            if let Some(config) = update.scheduled() {
                group = group.scheduled_update_config(config);
            }
            if let Some(config) = update.patched() {
                group = group.auto_patch_config(config);
            }
        }
        if !self.deep_health_checks.is_empty() {
            let checks = deep_health_checks(&self.deep_health_checks);
            group = group.on_start_deep_health_checks(checks);
        }
        group
    }

    fn with_network(&self, mut group: ClusterInstanceGroup) -> ClusterInstanceGroup {
        if let Some(network) = &self.network {
            group = group.override_vpc_config(
                VpcConfig::new()
                    .security_group_ids(network.security_group_ids())
                    .subnets(network.subnet_ids()),
            );
        }
        if self.efa_only {
            group = group.network_interface(ClusterNetworkInterface::new(InterfaceType::EfaOnly));
        }
        group
    }

    fn with_orchestrator(&self, mut group: ClusterInstanceGroup) -> ClusterInstanceGroup {
        if let Some((kind, partition)) = &self.slurm {
            let mut config = ClusterSlurmConfig::new(kind.clone());
            if let Some(partition) = partition {
                config = config.partition_names([partition]);
            }
            group = group.slurm_config(config);
        }
        if self.labels.is_empty() && self.taints.is_empty() {
            return group;
        }
        let mut config = ClusterKubernetesConfig::new();
        if !self.labels.is_empty() {
            let labels = self.labels.iter().fold(Map::default(), |map, (key, value)| map.set(key, value));
            config = config.labels(labels);
        }
        if !self.taints.is_empty() {
            let taints: Vec<ClusterKubernetesTaint> = self.taints.iter().map(taint).collect();
            config = config.taints(taints);
        }
        group.kubernetes_config(config)
    }
}

fn taint((key, value, effect): &(String, Option<String>, TaintEffect)) -> ClusterKubernetesTaint {
    let effect = match effect {
        TaintEffect::NoSchedule => Effect::NoSchedule,
        TaintEffect::PreferNoSchedule => Effect::PreferNoSchedule,
        TaintEffect::NoExecute => Effect::NoExecute,
    };
    let taint = ClusterKubernetesTaint::new().key(key.as_str()).effect(effect);
    match value {
        Some(value) => taint.value(value.as_str()),
        None => taint,
    }
}
