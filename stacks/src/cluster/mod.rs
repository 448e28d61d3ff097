//! SageMaker HyperPod clusters: Slurm or Amazon EKS on nodes that HyperPod watches, repairs and replaces.
//!
//! The type parameter of [`HyperPodCluster`] is its orchestrator, so that settings that the orchestrator does not
//! support have no setters:
//!
//! | constructor | for |
//! |---|---|
//! | [`HyperPodCluster::slurm`] | Slurm, all nodes or none |
//! | [`HyperPodCluster::slurm_continuous`] | Slurm, nodes are added when capacity becomes available |
//! | [`HyperPodCluster::slurm_by_scripts`] | Slurm that lifecycle scripts configure, as before HyperPod had an API for it |
//! | [`HyperPodCluster::eks`] | Amazon EKS, all nodes or none |
//! | [`HyperPodCluster::eks_continuous`] | Amazon EKS, nodes are added when capacity becomes available; spot, flexible groups, Karpenter |
//! | [`HyperPodCluster::restricted`] | restricted instance groups on Amazon EKS, for the customization of Nova models |
//!
//! The rules come from the SageMaker Developer Guide and the registry schema of `AWS::SageMaker::Cluster`;
//! assumptions that no source confirms are listed in `docs/clusters.md`.

mod addon;
mod eks;
mod file_system;
mod governance;
mod group;
mod job;
mod kubernetes;
mod lifecycle;
mod monitoring;
mod nodes;
mod options;
mod plan;
mod restricted;
pub(crate) mod role;
mod scripted;
mod slurm;
mod storage;
mod update;

use stackwright_resources::Tag;
use stackwright_resources::sagemaker::cluster::{
    AutoScalerType, ClusterAutoScalingConfig, ClusterLifeCycleConfig, Mode, NodeProvisioningMode,
    NodeRecovery, TieredStorageConfig, VpcConfig,
};
use stackwright_resources::sagemaker::{Cluster, ClusterHandle};
use stackwright_synth::intrinsic::stack_name;
use stackwright_synth::{Construct, Handle, IntoValue, ResourceOptions, Scope, Value, sub};

use crate::defaults;
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings, Statement};
use crate::network::NetworkHandle;
use crate::s3::S3Location;

pub use addon::{
    HyperPodAddons, HyperPodAddonsHandle, InferenceOperator, MetricLevel, Observability, PodRole,
};
pub use eks::{Eks, KarpenterGroup};
pub use file_system::{LustreFileSystem, LustreHandle, LustreThroughput};
pub use governance::{ClusterPolicy, ComputeAllocation, TaskGovernance};
pub use group::{AllOrNothing, Continuous, DeepHealthCheck, TaintEffect};
pub use job::{ClusterJob, EksJob, RecipeJob, SlurmJob};
pub use kubernetes::{EksCluster, EksClusterHandle, KubernetesVersion};
pub use lifecycle::{LifecycleScripts, SharedUser};
pub use monitoring::ClusterMonitoring;
pub use nodes::{ClusterInstanceGroup, ForKubernetes, ForSlurm, NodeGroup, WorkerGroup};
pub use options::{JobNodeOptions, KubernetesNodeOptions, MountOptions, NodeOptions, NodeSoftwareOptions};
pub use restricted::{Restricted, RestrictedGroup};
pub use scripted::ScriptedSlurm;
pub use slurm::{AccountingDatabase, ServiceNodes, Slurm, SlurmStrategy};
pub use storage::SharedStorage;
pub use update::{NodeShare, PatchTime, RollingBatches};

use group::GroupSettings;
use lifecycle::Hook;
use plan::{Orchestrate, Plan, RunsScripts};

/// The longest name of a cluster.
const NAME_CHARACTERS: usize = 63;

/// A SageMaker HyperPod cluster. The type parameter `K` is its orchestrator: [`Slurm`], [`ScriptedSlurm`], [`Eks`] or
/// [`Restricted`].
///
/// The construct creates a role with least privilege for the nodes, unless
/// [`role`](crate::iam::RoleOptions::role) sets an existing one, and sets every property that an update would
/// otherwise reset. The cluster is deleted before its role and its network. Groups are written in the order of their
/// names, so that the order of calls does not change the template.
///
/// It becomes `AWS::SageMaker::Cluster` and `AWS::IAM::Role`. If the name, the network or the EKS cluster is changed,
/// CloudFormation replaces the cluster.
///
/// ```
/// use stackwright_stacks::cluster::{HyperPodCluster, NodeOptions, ServiceNodes, WorkerGroup};
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Cluster").region("us-east-1");
/// let network = stack.add(
///     "Network",
///     Network::isolated("10.0.0.0/16", 1).zone_ids(["use1-az4"]).efa().endpoints(InterfaceEndpoint::HYPERPOD_SLURM),
/// );
/// let cluster = stack.add(
///     "Cluster",
///     HyperPodCluster::slurm(&network, ServiceNodes::new("controller", "ml.m5.4xlarge").volume_gb(200))
///         .login(ServiceNodes::new("login", "ml.m5.2xlarge").volume_gb(200))
///         .workers(WorkerGroup::new("train", "ml.p5.48xlarge", 4).volume_gb(500)),
/// );
/// stack.output("ClusterArn", cluster.arn());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HyperPodCluster<K> {
    settings: Settings,
    kind: K,
}

/// The settings that every cluster has.
#[derive(Clone, Debug)]
struct Settings {
    network: NetworkHandle,
    name: Option<Value<String>>,
    role: RoleSettings,
    /// The role that Karpenter adds and deletes nodes with, if the program sets one.
    karpenter_role: Option<RoleReference>,
    node_recovery: bool,
    shared: Vec<SharedStorage>,
    scripts: Option<LifecycleScripts>,
    monitoring: Option<ClusterMonitoring>,
    tags: Vec<(String, Value<String>)>,
}

impl Settings {
    fn in_network(network: &NetworkHandle) -> Self {
        Self {
            network: network.clone(),
            name: None,
            role: RoleSettings::default(),
            karpenter_role: None,
            node_recovery: true,
            shared: Vec::new(),
            scripts: None,
            monitoring: None,
            tags: Vec::new(),
        }
    }
}

impl<K> HyperPodCluster<K> {
    /// Sets the cluster's name (`ClusterName`): at most 63 letters, digits and hyphens. The default is `STACK-ID`, the
    /// stack's name and the construct's ID; a longer default is an error. If the name is changed, CloudFormation
    /// replaces the cluster.
    #[track_caller]
    pub fn name(mut self, name: impl IntoValue<String>) -> Self {
        self.settings.name = Some(name.into().with_caller_location());
        self
    }

    /// Sets whether HyperPod reboots and replaces faulty nodes automatically (`NodeRecovery`). The default is `true`,
    /// which Karpenter requires. Nodes without accelerators are not replaced.
    pub fn node_recovery(mut self, is_automatic: bool) -> Self {
        self.settings.node_recovery = is_automatic;
        self
    }

    /// Adds monitoring: SNS topics are notified of unhealthy nodes, failures and changes of the cluster's status, alarms are
    /// added, and the retention of the cluster's logs is set. By default, a cluster is not monitored, and its logs are kept
    /// for ever.
    pub fn monitor(mut self, monitoring: ClusterMonitoring) -> Self {
        self.settings.monitoring = Some(monitoring);
        self
    }

    /// Adds a tag to the cluster, in addition to the tags of the stack (`Tags`). A second call for the same key replaces
    /// the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.settings.tags, key, value.into().with_caller_location());
        self
    }
}

impl<K: RunsScripts> HyperPodCluster<K> {
    /// Sets the scripts that run on each new node (`LifeCycleConfig`). They are uploaded with the stack's assets, and
    /// the role of the nodes may read them. The default depends on the orchestrator: no scripts, or scripts without
    /// steps where HyperPod requires a script.
    pub fn scripts(mut self, scripts: LifecycleScripts) -> Self {
        self.settings.scripts = Some(scripts);
        self
    }
}

impl<K> RoleOptions for HyperPodCluster<K> {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.settings.role
    }
}

/// Reports errors of the groups that do not depend on their values.
fn check_groups(plan: &Plan, settings: &Settings, scope: &Scope<'_>) {
    if plan.groups.is_empty() {
        scope.error(
            "cluster-without-groups",
            "the cluster has no instance groups".into(),
            "add at least one".into(),
            None,
        );
    }
    for (index, group) in plan.groups.iter().enumerate() {
        if plan.groups[..index].iter().any(|other| other.name == group.name) {
            scope.error(
                "cluster-group-name",
                format!("two groups of the cluster have the name `{}`", group.name),
                "give each group a different name".into(),
                Some(group.location),
            );
        }
        let network = group.network.as_ref().unwrap_or(&settings.network);
        if let Some(zone) = &group.zone_id {
            network.check_zone(
                zone,
                &format!("the capacity of the group `{}`", group.name),
                group.location,
                scope,
            );
        }
    }
    if let Some((name, location)) = &plan.invalid_dns_name {
        let (message, help) = storage::invalid_dns_name(name);
        scope.error("invalid-dns-name", message, help, Some(*location));
    }
    for (name, location) in &plan.unresolved_partitions {
        scope.error(
            "cluster-partition",
            format!("the partition of the group `{name}` is not known when `provisioning_parameters.json` is written"),
            "use a literal: CloudFormation does not resolve values in this file".into(),
            Some(*location),
        );
    }
    check_addresses(plan, settings, scope);
}

/// Reports a subnet that is too small for its nodes: its address block can never be changed.
fn check_addresses(plan: &Plan, settings: &Settings, scope: &Scope<'_>) {
    // By default, HyperPod places all groups in one subnet of the list.
    let Some(free) = settings.network.addresses() else { return };
    let needed: u64 = plan
        .groups
        .iter()
        .filter(|group| group.network.is_none())
        .filter_map(|group| group.addresses(plan.is_eks))
        .sum();
    if needed > u64::from(free) {
        scope.error(
            "cluster-subnet-too-small",
            format!("the nodes need {needed} IP addresses, and the smallest subnet has {free}"),
            "use a larger address block, or assign groups to other subnets with `.network(…)`".into(),
            None,
        );
    }
}

/// Adds dependencies to a cluster, each once.
fn depending_on(mut cluster: Cluster, handles: Vec<Handle>) -> Cluster {
    let mut added: Vec<Handle> = Vec::new();
    for handle in handles {
        if !added.contains(&handle) {
            cluster = cluster.depends_on(&handle);
            added.push(handle);
        }
    }
    cluster
}

/// The name that the program sets, or one that consists of the stack's name and the construct's ID.
fn cluster_name(given: Option<&Value<String>>, scope: &Scope<'_>) -> Value<String> {
    if let Some(name) = given {
        return name.clone();
    }
    let name = format!("{}-{}", scope.stack_name(), scope.id());
    if name.len() > NAME_CHARACTERS {
        scope.error(
            "cluster-name",
            format!(
                "`{name}` is longer than {NAME_CHARACTERS} characters, the maximum for the name of a cluster"
            ),
            "set a shorter name with `.name(…)`".into(),
            None,
        );
    }
    sub!("{}-{}", stack_name(), scope.id())
}

/// The lifecycle scripts of a cluster, which are uploaded with the stack.
struct AddedScripts {
    config: ClusterLifeCycleConfig,
    location: S3Location,
    /// The permissions that the scripts need.
    statements: Option<Statement>,
}

impl AddedScripts {
    /// Adds the scripts that are given, or else the ones that the nodes need. `None` if nodes need no script.
    fn of(plan: &Plan, given: Option<LifecycleScripts>, scope: &mut Scope<'_>) -> Option<Self> {
        let scripts = given.or_else(|| plan.needs_script.then(LifecycleScripts::new))?;
        let by_scripts = plan.parameters.is_some();
        let scripts = if by_scripts { scripted::configuring(scripts) } else { scripts };
        let statements = scripts.statements();
        let hook = if plan.is_eks || by_scripts { Hook::OnCreate } else { Hook::OnInitComplete };
        let script = scripts.entry().to_owned();
        let uploaded = scope.add("Scripts", scripts.into_asset(plan.parameters.clone(), scope));
        let location = S3Location::new(uploaded.bucket(), format!("{}/", uploaded.prefix()));
        Some(Self { config: hook.config(&script, &uploaded), location, statements })
    }
}

/// Adds the role with which Karpenter scales the nodes, or returns the one that is given.
fn karpenter_role(plan: &Plan, given: Option<RoleReference>, scope: &mut Scope<'_>) -> RoleReference {
    let needed = RoleNeeded {
        id: "Karpenter".into(),
        service: "hyperpod.sagemaker",
        policy: "Nodes",
        statements: role::of_karpenter(plan),
    };
    let trusted = role::trusted_by("hyperpod.sagemaker");
    RoleSettings::given(given).build_trusting(trusted, needed, scope).role
}

/// Sets the properties that depend on the orchestrator.
fn with_plan(mut cluster: Cluster, plan: &Plan) -> Cluster {
    if let Some(config) = plan.restricted_config.clone() {
        cluster = cluster.restricted_instance_groups_config(config);
    }
    if let Some(orchestrator) = plan.orchestrator.clone() {
        cluster = cluster.orchestrator(orchestrator);
    }
    if plan.continuous {
        cluster = cluster.node_provisioning_mode(NodeProvisioningMode::Continuous);
    }
    cluster
}

impl<K: Orchestrate> Construct for HyperPodCluster<K> {
    type Handle = HyperPodHandle<K>;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> HyperPodHandle<K> {
        let mut plan = self.kind.plan();
        let settings = self.settings;
        plan.groups.sort_by(|one, other| one.name.cmp(&other.name));
        let restricted = plan.restricted.iter_mut().map(|group| &mut group.group);
        for group in plan.groups.iter_mut().chain(restricted) {
            group.volumes.key = defaults::encryption_key(group.volumes.key.take(), scope);
        }
        check_groups(&plan, &settings, scope);
        let name = cluster_name(settings.name.as_ref(), scope);
        let scripts = AddedScripts::of(&plan, settings.scripts.clone(), scope);
        let location = scripts.as_ref().map(|scripts| &scripts.location);
        let metrics = scripts.as_ref().and_then(|scripts| scripts.statements.clone());
        let needed = RoleNeeded {
            id: "Role".into(),
            service: "sagemaker",
            policy: "Nodes",
            statements: role::of_nodes(&name, &plan, location).into_iter().chain(metrics).collect(),
        };
        let BuiltRole { role, policy } =
            settings.role.clone().build_trusting(role::trusted_by("sagemaker"), needed, scope);
        let groups: Vec<_> = plan
            .groups
            .iter()
            .map(|group| {
                group.resource(
                    role.arn(),
                    scripts.as_ref().map(|scripts| scripts.config.clone()),
                    &settings.shared,
                )
            })
            .collect();
        let mut cluster = Cluster::new()
            .cluster_name(&name)
            .node_recovery(if settings.node_recovery { NodeRecovery::Automatic } else { NodeRecovery::None })
            .vpc_config(
                VpcConfig::new()
                    .security_group_ids(settings.network.security_group_ids())
                    .subnets(settings.network.subnet_ids()),
            );
        cluster = if plan.restricted.is_empty() {
            cluster.instance_groups(groups)
        } else {
            cluster.restricted_instance_groups(restricted::resources(&plan.restricted, role.arn()))
        };
        cluster = with_plan(cluster, &plan);
        let karpenter_role =
            plan.karpenter.then(|| karpenter_role(&plan, settings.karpenter_role.clone(), scope));
        if let Some(role) = &karpenter_role {
            cluster = cluster.cluster_role(role.arn()).auto_scaling(
                ClusterAutoScalingConfig::new(Mode::Enable).auto_scaler_type(AutoScalerType::Karpenter),
            );
        }
        if let Some(share) = &plan.tiered_storage {
            cluster = cluster.tiered_storage_config(
                TieredStorageConfig::new(Mode::Enable).instance_memory_allocation_percentage(share),
            );
        }
        if !settings.tags.is_empty() {
            let tags: Vec<_> =
                settings.tags.iter().map(|(key, value)| Tag::new(key.as_str(), value)).collect();
            cluster = cluster.tags(tags);
        }
        // CloudFormation deletes in the reverse order: a network interface that still exists after its network or its
        // role is deleted blocks the deletion.
        let networks =
            plan.groups.iter().filter_map(|group| group.network.as_ref()).chain([&settings.network]);
        let mut before: Vec<Handle> = plan.before.iter().cloned().chain(policy).collect();
        before.extend(networks.flat_map(|network| network.ready().iter().cloned()));
        let cluster = scope.add_default(depending_on(cluster, before));
        let monitoring = settings.monitoring.as_ref();
        let retention_role =
            monitoring.map(|monitoring| monitoring.add(&cluster.cluster_arn(), &name, scope));
        HyperPodHandle {
            cluster,
            name,
            role,
            karpenter_role,
            retention_role,
            groups: plan.groups,
            kind: self.kind,
        }
    }
}

/// A HyperPod cluster that was added to a stack.
#[derive(Clone, Debug)]
pub struct HyperPodHandle<K> {
    cluster: ClusterHandle,
    name: Value<String>,
    role: RoleReference,
    karpenter_role: Option<RoleReference>,
    retention_role: Option<RoleReference>,
    groups: Vec<GroupSettings>,
    kind: K,
}

impl<K> HyperPodHandle<K> {
    /// Returns the cluster's ARN.
    pub fn arn(&self) -> Value<String> {
        self.cluster.cluster_arn()
    }

    /// Returns the cluster's name.
    pub fn name(&self) -> Value<String> {
        self.name.clone()
    }

    /// Returns the execution role of the nodes: the new one, or the existing one that the program set.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the role with which Karpenter adds and deletes nodes, or `None` if the cluster has no group that Karpenter
    /// scales.
    pub fn karpenter_role(&self) -> Option<&RoleReference> {
        self.karpenter_role.as_ref()
    }

    /// Returns the role with which EventBridge Scheduler sets the retention of the logs, or `None` if the cluster is not
    /// monitored.
    pub fn retention_role(&self) -> Option<&RoleReference> {
        self.retention_role.as_ref()
    }

    /// Returns the names of the instance groups in alphabetical order.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.name.as_str())
    }

    /// Returns the handle of the `AWS::SageMaker::Cluster`, for example for a resource that depends on the cluster.
    pub fn resource(&self) -> &ClusterHandle {
        &self.cluster
    }

    /// Returns the prefix of the name of the log group with the logs of nodes, `/aws/sagemaker/Clusters/NAME/`. The name ends
    /// in the ID of the cluster. The log streams `LifecycleConfig/GROUP/INSTANCE` contain the output of scripts;
    /// `SagemakerHealthMonitoringAgent/GROUP/INSTANCE` and `DeepHealthCheckResults/…` contain the results of health
    /// checks.
    pub fn log_group_prefix(&self) -> Value<String> {
        sub!("/aws/sagemaker/Clusters/{}/", &self.name)
    }
}
