//! Clusters with Slurm, which HyperPod configures by its API.

use std::marker::PhantomData;

use stackwright_resources::sagemaker::cluster::{
    ClusterAccountingDatabase, ClusterOrchestratorSlurmConfig, NodeType, Orchestrator, SlurmConfigStrategy,
};
use stackwright_synth::{IntoValue, Value};

use super::group::{AllOrNothing, Continuous, GroupSettings};
use super::nodes::WorkerGroup;
use super::options::{MountOptions, NodeOptions, NodeSoftwareOptions};
use super::plan::{Orchestrate, Plan, RunsScripts};
use super::storage::{SharedStorage, is_dns_name};
use super::{HyperPodCluster, Settings};
use crate::network::NetworkHandle;

/// An instance group with the nodes that run the Slurm controller, or with the nodes that users log in to.
///
/// ```
/// use stackwright_stacks::cluster::{NodeOptions, ServiceNodes};
///
/// ServiceNodes::new("controller", "ml.m5.4xlarge").volume_gb(200);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ServiceNodes {
    group: GroupSettings,
}

impl ServiceNodes {
    /// Creates a group with a name, an instance type, such as `ml.m5.4xlarge`, and one node. A second group of the same
    /// name in the cluster is an error.
    #[track_caller]
    pub fn new(name: &str, instance_type: impl IntoValue<String>) -> Self {
        Self { group: GroupSettings::new(name, instance_type, 1) }
    }

    /// Sets the number of nodes (`InstanceCount`). The default is 1.
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

impl NodeOptions for ServiceNodes {
    fn settings(&mut self) -> &mut GroupSettings {
        &mut self.group
    }
}

impl NodeSoftwareOptions for ServiceNodes {}
impl MountOptions for ServiceNodes {}

/// How HyperPod handles manual changes of `slurm.conf`, the configuration file of Slurm (`SlurmConfigStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlurmStrategy {
    /// Adds the settings of the template, and keeps all others. This is the only strategy with which updates do not
    /// affect running jobs.
    Merge,
    /// Enforces the settings of the template; after a manual change, the next update fails and is rolled back.
    Managed,
    /// Enforces the settings of the template, and overwrites manual changes.
    Overwrite,
}

/// The same host name, or an invalid value where it is known to be something else, such as the name of a schema.
#[track_caller]
fn checked_host_name(value: impl IntoValue<String>) -> Value<String> {
    let value = value.into().with_caller_location();
    let Some(text) = crate::arn::known(&value).filter(|text| !is_dns_name(text) || text.contains([':', '/']))
    else {
        return value;
    };
    let message = format!("`{text}` is not the host name of a database server");
    Value::invalid(
        "invalid-host-name",
        message,
        "use a name such as `accounting.cluster-abc.us-east-1.rds.amazonaws.com`",
    )
}

/// A database outside of the cluster for the accounting data of Slurm: jobs, users, accounts and their usage.
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
#[must_use]
pub struct AccountingDatabase {
    endpoint: Value<String>,
    secret_arn: Value<String>,
    name: Value<String>,
    port: Option<Value<i64>>,
}

impl AccountingDatabase {
    /// Refers to a database by the host name of a MySQL-compatible server, the ARN of the secret of AWS Secrets Manager with
    /// user and password, and the name of the schema. Two clusters must not share a schema. The role of the nodes gets
    /// `secretsmanager:GetSecretValue` on the secret. An ARN of another service is an error at the caller's line.
    #[track_caller]
    pub fn new(
        endpoint: impl IntoValue<String>,
        secret_arn: impl IntoValue<String>,
        schema: impl IntoValue<String>,
    ) -> Self {
        Self {
            endpoint: checked_host_name(endpoint),
            secret_arn: crate::arn::checked(
                secret_arn,
                "secretsmanager",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:slurm-AbCdEf",
            ),
            name: schema.into().with_caller_location(),
            port: None,
        }
    }

    /// Sets the port of the database server. The default is 3306.
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

/// The orchestrator Slurm, configured by the API of HyperPod: the type parameter of a [`HyperPodCluster`]. The parameter `P`
/// is the provisioning of nodes, [`AllOrNothing`] or [`Continuous`].
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
    /// Creates a cluster with Slurm in a network, with the group of the controller. If not all nodes can be created, the
    /// creation of the cluster fails.
    ///
    /// HyperPod configures Slurm by the properties `Orchestrator.Slurm` of the cluster and `SlurmConfig` of each group;
    /// lifecycle scripts run afterwards.
    pub fn slurm(network: &NetworkHandle, controller: ServiceNodes) -> Self {
        Self {
            settings: Settings::in_network(network),
            kind: Slurm::of(controller, Some(SlurmStrategy::Merge)),
        }
    }

    /// Sets how HyperPod handles manual changes of `slurm.conf`. The default is [`SlurmStrategy::Merge`].
    pub fn strategy(mut self, strategy: SlurmStrategy) -> Self {
        self.kind.strategy = Some(strategy);
        self
    }
}

impl HyperPodCluster<Slurm<Continuous>> {
    /// Creates a cluster with Slurm and continuous provisioning: the cluster is `InService` as soon as the controller and a
    /// login node are available, and nodes are added when capacity becomes available. Manual changes of `slurm.conf` are
    /// merged; no other strategy is allowed.
    ///
    /// ```
    /// use stackwright_stacks::cluster::{HyperPodCluster, ServiceNodes, WorkerGroup};
    /// use stackwright_stacks::network::{InterfaceEndpoint, Network};
    /// # use stackwright_synth::App;
    ///
    /// # let app = App::new("research");
    /// # let stack = app.stack("Cluster").region("us-east-1");
    /// let network = stack.add("Network", Network::isolated("10.0.0.0/16", 1).endpoints(InterfaceEndpoint::HYPERPOD_SLURM));
    /// let controller = ServiceNodes::new("controller", "ml.m5.4xlarge");
    /// let cluster = HyperPodCluster::slurm_continuous(&network, controller)
    ///     .login(ServiceNodes::new("login", "ml.m5.2xlarge"))
    ///     .workers(WorkerGroup::new("train", "ml.g5.12xlarge", 4));
    /// stack.add("Cluster", cluster);
    /// # app.synth()?;
    /// # Ok::<(), stackwright_synth::Errors>(())
    /// ```
    pub fn slurm_continuous(network: &NetworkHandle, controller: ServiceNodes) -> Self {
        Self { settings: Settings::in_network(network), kind: Slurm::of(controller, None) }
    }

    /// Stores the accounting data of Slurm in a database outside of the cluster. The default is a database on the
    /// controller; a cluster cannot change back to it.
    pub fn accounting_database(mut self, database: AccountingDatabase) -> Self {
        self.kind.accounting = Some(database);
        self
    }
}

impl<P> HyperPodCluster<Slurm<P>> {
    /// Sets the group of nodes that users log in to. By default, there is none. A second call replaces the group.
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

    /// Mounts a shared file system on the nodes of all groups. A cluster can have at most one of each kind (FSx for Lustre
    /// and FSx for OpenZFS); a second call with the same kind replaces the file system. By default, none is mounted.
    pub fn mount(mut self, storage: SharedStorage) -> Self {
        self.settings.shared.retain(|other| other.is_lustre() != storage.is_lustre());
        self.settings.shared.push(storage);
        self
    }

    /// Adds an instance group whose nodes run jobs. A second group of the same name in the cluster is an error.
    pub fn workers(mut self, group: impl Into<WorkerGroup<P>>) -> Self {
        let mut group = group.into().into_group();
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
            // Clusters with continuous provisioning do not support a strategy.
            continuous: self.strategy.is_none(),
            secrets: self.accounting.iter().map(|database| database.secret_arn().clone()).collect(),
            ..Plan::default()
        }
    }
}
