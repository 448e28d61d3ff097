//! Clusters with Slurm, which HyperPod configures by its API.

use std::marker::PhantomData;

use stackwright_resources::sagemaker::cluster::{
    ClusterAccountingDatabase, ClusterOrchestratorSlurmConfig, NodeType, Orchestrator, SlurmConfigStrategy,
};
use stackwright_synth::{IntoValue, Value};

use super::group::{
    AllOrNothing, Continuous, GroupSettings, Purchase, Types, mount_settings, node_settings, worker_settings,
};
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::storage::SharedStorage;
use super::{HyperPodCluster, Settings};
use crate::network::NetworkHandle;

/// The nodes that run the Slurm controller, or the nodes that users log into.
///
/// ```
/// use stackwright_stacks::cluster::ServiceNodes;
///
/// ServiceNodes::new("controller", "ml.m5.4xlarge").volume_gb(200);
/// ```
#[derive(Clone, Debug)]
pub struct ServiceNodes {
    group: GroupSettings,
}

impl ServiceNodes {
    /// Creates a group with one node of this type, such as `ml.m5.4xlarge`.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>) -> Self {
        Self { group: GroupSettings::new(name, instance_type, 1) }
    }

    /// Sets the number of nodes.
    #[track_caller]
    pub fn count(mut self, nodes: impl IntoValue<i64>) -> Self {
        self.group.count = nodes.into().with_caller_location();
        self
    }
}

impl ServiceNodes {
    pub(super) fn into_group(self) -> GroupSettings {
        self.group
    }
}

impl<P> WorkerGroup<P> {
    pub(super) fn into_group(self) -> GroupSettings {
        self.group
    }
}

node_settings!(ServiceNodes);
mount_settings!(ServiceNodes);

/// Nodes that run Slurm jobs.
///
/// [`WorkerGroup::new`] uses on-demand capacity, [`WorkerGroup::planned`] uses a training plan.
///
/// ```
/// use stackwright_stacks::cluster::WorkerGroup;
///
/// WorkerGroup::new("train", "ml.p5.48xlarge", 4).partition("research");
/// let plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
/// WorkerGroup::planned("planned", "ml.p5.48xlarge", 16, plan);
/// ```
#[derive(Clone, Debug)]
pub struct WorkerGroup<P = AllOrNothing> {
    group: GroupSettings,
    provisioning: PhantomData<P>,
}

impl WorkerGroup {
    /// Creates a group with a number of on-demand instances of a type, such as `ml.p5.48xlarge`.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>, count: impl IntoValue<i64>) -> Self {
        Self { group: GroupSettings::new(name, instance_type, count), provisioning: PhantomData }
    }

    /// Creates a group whose instances a training plan reserved, by the plan's ARN. Put it into the subnet of the plan's
    /// zone with [`network`](Self::network).
    #[track_caller]
    pub fn planned(
        name: &str,
        instance_type: impl IntoValue<String>,
        count: impl IntoValue<i64>,
        training_plan_arn: impl IntoValue<String>,
    ) -> Self {
        let mut group = Self::new(name, instance_type, count);
        group.group.purchase = Purchase::TrainingPlan(training_plan_arn.into().with_caller_location());
        group
    }
}

impl<P> WorkerGroup<P> {
    /// Puts the nodes into a partition of this name. Without it, they are in the partition of the group's name; HyperPod's
    /// default partition `dev` holds all nodes in any case.
    #[track_caller]
    pub fn partition(mut self, name: impl IntoValue<String>) -> Self {
        self.group.slurm = Some((NodeType::Compute, Some(name.into().with_caller_location())));
        self
    }

    fn continuous(self) -> WorkerGroup<Continuous> {
        WorkerGroup { group: self.group, provisioning: PhantomData }
    }

    /// Puts the group into service as soon as this number of nodes is available. Only a cluster with continuous provisioning
    /// takes such a group.
    #[track_caller]
    pub fn minimum_count(self, nodes: impl IntoValue<i64>) -> WorkerGroup<Continuous> {
        let mut group = self.continuous();
        group.group.minimum = Some(nodes.into().with_caller_location());
        group
    }

    /// Allows other instance types as well, which are tried in this order after the first. Only a cluster with continuous
    /// provisioning takes such a group.
    pub fn or_types(self, others: impl IntoIterator<Item = impl Into<String>>) -> WorkerGroup<Continuous> {
        let mut group = self.continuous();
        group.group.add_types(others);
        group
    }
}

impl GroupSettings {
    /// Makes the group a flexible one. A type that is not known now cannot be in the list.
    pub(super) fn add_types(&mut self, others: impl IntoIterator<Item = impl Into<String>>) {
        let mut names: Vec<String> = match &self.types {
            Types::One(name) => {
                name.as_literal().and_then(|name| name.as_str()).map(str::to_owned).into_iter().collect()
            }
            Types::Several(names) => names.clone(),
        };
        names.extend(others.into_iter().map(Into::into));
        self.types = Types::Several(names);
    }
}

impl From<WorkerGroup<AllOrNothing>> for WorkerGroup<Continuous> {
    fn from(group: WorkerGroup<AllOrNothing>) -> Self {
        group.continuous()
    }
}

node_settings!(WorkerGroup<P>);
mount_settings!(WorkerGroup<P>);
worker_settings!(WorkerGroup<P>);

/// What HyperPod does with `slurm.conf` where it was changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlurmStrategy {
    /// Adds the settings of the template, and keeps all others. Running jobs are safe with this one only.
    Merge,
    /// Enforces the settings of the template; after a manual change, the next update fails and is rolled back.
    Managed,
    /// Enforces the settings of the template, and overwrites manual changes.
    Overwrite,
}

/// A database outside of the cluster for Slurm accounting: job history, associations, usage.
///
/// ```
/// use stackwright_stacks::cluster::AccountingDatabase;
///
/// AccountingDatabase::new(
///     "accounting.cluster-abc.us-east-1.rds.amazonaws.com",
///     "arn:aws:secretsmanager:us-east-1:123456789012:secret:accounting-AbCdEf",
///     "slurm_acct_db",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct AccountingDatabase {
    endpoint: Value<String>,
    secret_arn: Value<String>,
    name: Value<String>,
    port: Option<Value<i64>>,
}

impl AccountingDatabase {
    /// Creates it with the host name of a MySQL-compatible database, the ARN of the secret with user and password, and the
    /// name of the schema. Two clusters must not share a schema.
    #[track_caller]
    pub fn new(
        endpoint: impl IntoValue<String>,
        secret_arn: impl IntoValue<String>,
        schema: impl IntoValue<String>,
    ) -> Self {
        Self {
            endpoint: endpoint.into().with_caller_location(),
            secret_arn: secret_arn.into().with_caller_location(),
            name: schema.into().with_caller_location(),
            port: None,
        }
    }

    /// Sets the port; 3306 unless set.
    #[track_caller]
    pub fn port(mut self, port: impl IntoValue<i64>) -> Self {
        self.port = Some(port.into().with_caller_location());
        self
    }

    pub(super) fn secret_arn(&self) -> &Value<String> {
        &self.secret_arn
    }

    fn config(&self) -> ClusterAccountingDatabase {
        let config = ClusterAccountingDatabase::new()
            .endpoint(&self.endpoint)
            .secret_arn(&self.secret_arn)
            .name(&self.name);
        match &self.port {
            Some(port) => config.port(port),
            None => config,
        }
    }
}

/// A cluster that Slurm schedules.
#[derive(Clone, Debug)]
pub struct Slurm<P = AllOrNothing> {
    groups: Vec<GroupSettings>,
    has_login: bool,
    strategy: Option<SlurmStrategy>,
    accounting: Option<AccountingDatabase>,
    provisioning: PhantomData<P>,
}

impl<P> Slurm<P> {
    fn of(controller: ServiceNodes, strategy: Option<SlurmStrategy>) -> Self {
        let mut controller = controller.group;
        controller.slurm = Some((NodeType::Controller, None));
        Self {
            groups: vec![controller],
            has_login: false,
            strategy,
            accounting: None,
            provisioning: PhantomData,
        }
    }
}

impl HyperPodCluster<Slurm> {
    /// Creates a cluster with Slurm in a network: all nodes, or none. It has one group with the controller.
    ///
    /// HyperPod configures Slurm by its API (`Orchestrator.Slurm`, `SlurmConfig` of each group); scripts run afterwards.
    pub fn slurm(network: &NetworkHandle, controller: ServiceNodes) -> Self {
        Self {
            settings: Settings::in_network(network),
            kind: Slurm::of(controller, Some(SlurmStrategy::Merge)),
        }
    }

    /// Sets what HyperPod does with changes of `slurm.conf` by hand; [`SlurmStrategy::Merge`] unless set.
    pub fn strategy(mut self, strategy: SlurmStrategy) -> Self {
        self.kind.strategy = Some(strategy);
        self
    }
}

impl HyperPodCluster<Slurm<Continuous>> {
    /// Creates a cluster with Slurm and continuous provisioning: it is in service as soon as the controller and a login node
    /// are available, and nodes are added when capacity becomes available. Changes of `slurm.conf` by hand are merged; no
    /// other strategy is allowed.
    pub fn slurm_continuous(network: &NetworkHandle, controller: ServiceNodes) -> Self {
        Self { settings: Settings::in_network(network), kind: Slurm::of(controller, None) }
    }

    /// Keeps accounting in a database outside of the cluster. A cluster cannot change back to the controller's own database.
    pub fn accounting_database(mut self, database: AccountingDatabase) -> Self {
        self.kind.accounting = Some(database);
        self
    }
}

impl<P> HyperPodCluster<Slurm<P>> {
    /// Adds nodes that users log into. A second call replaces the group.
    pub fn login(mut self, nodes: ServiceNodes) -> Self {
        let mut group = nodes.group;
        group.slurm = Some((NodeType::Login, None));
        if self.kind.has_login {
            self.kind.groups.retain(|other| !matches!(other.slurm, Some((NodeType::Login, _))));
        }
        self.kind.has_login = true;
        self.kind.groups.push(group);
        self
    }

    /// Mounts a shared file system on the nodes of all groups. At most one of each kind.
    pub fn mount(mut self, storage: SharedStorage) -> Self {
        self.settings.shared.retain(|other| other.is_lustre() != storage.is_lustre());
        self.settings.shared.push(storage);
        self
    }

    /// Adds a group of nodes that run jobs.
    pub fn workers(mut self, group: impl Into<WorkerGroup<P>>) -> Self {
        let mut group = group.into().group;
        if group.slurm.is_none() {
            group.slurm = Some((NodeType::Compute, Some(group.name.as_str().into())));
        }
        self.kind.groups.push(group);
        self
    }
}

impl<P> RunsScripts for Slurm<P> {}

impl<P> Orchestrate for Slurm<P> {
    fn plan(&self) -> Plan {
        let mut config = ClusterOrchestratorSlurmConfig::new();
        if let Some(strategy) = self.strategy {
            config = config.slurm_config_strategy(match strategy {
                SlurmStrategy::Merge => SlurmConfigStrategy::Merge,
                SlurmStrategy::Managed => SlurmConfigStrategy::Managed,
                SlurmStrategy::Overwrite => SlurmConfigStrategy::Overwrite,
            });
        }
        if let Some(database) = &self.accounting {
            config = config.accounting_database(database.config());
        }
        Plan {
            groups: self.groups.clone(),
            orchestrator: Some(Orchestrator::new().slurm(config)),
            // Continuous provisioning is the one that takes no strategy.
            continuous: self.strategy.is_none(),
            secrets: self.accounting.iter().map(|database| database.secret_arn().clone()).collect(),
            ..Plan::default()
        }
    }
}
