//! Every cluster and fleet with volumes, file systems and secrets that are encrypted with KMS keys of the app.

use stackwright::App;
use stackwright::prelude::*;
use stackwright::stacks::cluster::{
    AccountingDatabase, ClusterMonitoring, ClusterPolicy, ComputeAllocation, EksCluster, HyperPodAddons,
    HyperPodCluster, KarpenterGroup, KubernetesVersion, LifecycleScripts, LustreFileSystem, LustreThroughput,
    NodeGroup, Observability, RestrictedGroup, ServiceNodes, TaskGovernance, WorkerGroup,
};
use stackwright::stacks::fleet::{
    Ami, GpuFleet, LaunchBan, MonthlyBudget, Os, Reservations, SpotMix, TrainingFleet,
};
use stackwright::stacks::network::{InterfaceEndpoint, Network, NetworkHandle};

/// Where the key of a volume comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOf {
    /// Each setter names it.
    Setters,
    /// The default key of the stack.
    Stack,
    /// The default key of the stack, by its alias.
    Alias,
}

/// The app, with a stack for the network and the keys, one for clusters, and one for fleets.
pub fn app(key_of: KeyOf) -> App {
    app_in("us-east-1", key_of)
}

/// The same in another region, which may be one of another partition.
pub fn app_in(region: &str, key_of: KeyOf) -> App {
    let app = App::new("encrypted");
    let stack = |name: &str| app.stack(name).region(region);
    let shared = stack("Shared");
    let network = shared
        .add("Network", Network::isolated("10.0.0.0/16", 2).efa().endpoints(InterfaceEndpoint::HYPERPOD_EKS));
    let key = shared.add("Key", PrivateKey::new().allow_auto_scaling());
    let data = shared.add("Data", PrivateBucket::new().kms_key(&key));
    let with_default = |stack: Stack| match key_of {
        KeyOf::Setters => stack,
        KeyOf::Stack => stack.encryption_key(&key),
        KeyOf::Alias => stack.encryption_key("alias/vision"),
    };
    let key = EncryptionKey::from(&key);
    let shared = Shared { region, network, key, data, key_of };
    shared.clusters(&with_default(stack("Clusters")));
    shared.fleets(&with_default(stack("Fleets")));
    app
}

/// Calls the setter of a key where setters name it.
macro_rules! keyed {
    ($key_of:expr, $construct:expr, $setter:ident($key:expr)) => {
        match $key_of {
            KeyOf::Setters => $construct.$setter($key),
            KeyOf::Stack | KeyOf::Alias => $construct,
        }
    };
}

/// What clusters and fleets share.
struct Shared<'r> {
    region: &'r str,
    network: NetworkHandle,
    key: EncryptionKey,
    data: PrivateBucketHandle,
    key_of: KeyOf,
}

impl Shared<'_> {
    fn clusters(&self, stack: &Stack) {
        let Self { region, network, key, data, key_of } = self;
        // EKS needs two zones, and nodes that communicate through EFA are in one.
        let (both, network) = (network, &network.in_subnet(0));
        let shared = LustreFileSystem::new(network, 4_800, LustreThroughput::Mb250);
        let shared = stack.add("Shared", keyed!(key_of, shared, kms_key(key)));
        let alarms = stack.add("Alarms", AlarmTopic::new().allow_service("events"));
        let service = |name: &str| {
            keyed!(key_of, ServiceNodes::new(name, "ml.m5.4xlarge").volume_gb(100), volume_key(key))
        };
        stack.add(
            "Slurm",
            HyperPodCluster::slurm(network, service("controller"))
                .login(service("login"))
                .workers(keyed!(key_of, WorkerGroup::new("a", "ml.p5.48xlarge", 2), volume_key(key)))
                .scripts(LifecycleScripts::new().check_efa())
                .mount(shared.mount())
                .monitor(ClusterMonitoring::new(&alarms)),
        );
        let secret = crate::arn(region, "secretsmanager", "secret:slurm-AbCdEf");
        let database = AccountingDatabase::new("db.cluster-abc.us-east-1.rds.amazonaws.com", secret, "slurm");
        let workers = WorkerGroup::new("a", "ml.g5.8xlarge", 1);
        stack.add(
            "Continuous",
            HyperPodCluster::slurm_continuous(network, service("controller"))
                .accounting_database(database)
                .workers(keyed!(key_of, workers, volume_key(key))),
        );
        let workers = WorkerGroup::new("a", "ml.g5.8xlarge", 1);
        stack.add(
            "Scripted",
            HyperPodCluster::slurm_by_scripts(network, service("controller"))
                .workers(keyed!(key_of, workers, volume_key(key)).partition("dev")),
        );
        let kubernetes = EksCluster::new(both, KubernetesVersion::V1_34);
        let eks = stack.add("Eks", keyed!(key_of, kubernetes, secrets_key(key)));
        let group = |name: &str| keyed!(key_of, NodeGroup::new(name, "ml.m5.2xlarge", 1), volume_key(key));
        stack.add("AllOrNothing", HyperPodCluster::eks(&eks, network).group(group("system")));
        // What jobs read and write is added to the role of the nodes, with the key of the bucket.
        let cluster = stack.add(
            "Burst",
            HyperPodCluster::eks_continuous(&eks, network)
                .group(keyed!(key_of, NodeGroup::new("system", "ml.m5.2xlarge", 1), volume_key(key)))
                .karpenter(keyed!(key_of, KarpenterGroup::new("burst", "ml.g5.8xlarge"), volume_key(key)))
                .allow_read(data.location("train/"))
                .allow_write(data.location("runs/"))
                .tag("SageMaker", "true"),
        );
        let observability = keyed!(key_of, Observability::new(), kms_key(key)).container_logs();
        stack.add(
            "Addons",
            HyperPodAddons::new(&cluster)
                .training_operator()
                .observability(observability)
                .container_insights(&alarms),
        );
        let policy = ClusterPolicy::new().priority_class("production", 90);
        let vision = ComputeAllocation::new("vision").instances("ml.g5.8xlarge", 1);
        stack.add("Governance", TaskGovernance::new(&cluster, policy).team(vision));
        let restricted = RestrictedGroup::new("train", "ml.p5.48xlarge", 4);
        stack.add(
            "Restricted",
            HyperPodCluster::restricted(&eks, network).group(keyed!(key_of, restricted, volume_key(key))),
        );
    }

    fn fleets(&self, stack: &Stack) {
        let Self { region, network, key, data, key_of } = self;
        let network = &network.in_subnet(0);
        let ami = || Ami::deep_learning_base(Os::Ubuntu2404);
        let reserved = Reservations::only(["cr-0123456789abcdef0"]);
        let on_demand = keyed!(key_of, GpuFleet::new(network, "g5.12xlarge", ami()), volume_key(key));
        stack.add("OnDemand", on_demand.allow_read(data.location("train/")));
        let mix = SpotMix::of(["g5.12xlarge", "g6.12xlarge"]);
        stack.add("Mixed", keyed!(key_of, GpuFleet::mixed(network, mix, ami()), volume_key(key)));
        let fleet = GpuFleet::reserved(network, "p4d.24xlarge", ami(), reserved).efa();
        stack.add("Reserved", keyed!(key_of, fleet, volume_key(key)));
        let block = GpuFleet::capacity_block(network, "p5.48xlarge", ami(), "cr-0123456789abcdef0").efa();
        stack.add("Block", keyed!(key_of, block, volume_key(key)));

        let image = || ContainerImage::from_uri(format!("{}/trainer:3", crate::registry(region)));
        let jobs = TrainingFleet::new(network, "p4d.24xlarge", 4, image());
        let jobs = keyed!(key_of, jobs, volume_key(key));
        stack.add("Jobs", jobs.allow_write(data.location("runs/")));
        let spot = TrainingFleet::spot(network, ["g5.12xlarge"], image());
        stack.add("SpotJobs", keyed!(key_of, spot, volume_key(key)).checkpoints(data.location("spot")));
        let block =
            TrainingFleet::capacity_block(network, "p4d.24xlarge", 2, image(), "cr-0123456789abcdef0");
        stack.add("BlockJobs", keyed!(key_of, block, volume_key(key)));

        let budget = MonthlyBudget::new(20_000.0).email("ml-costs@example.com").at_percent(90);
        let budget = stack.add("Budget", budget);
        let ban = LaunchBan::new(budget.reference(), 100.0).role("Researchers").email("ml-costs@example.com");
        stack.add("Ban", ban);
    }
}
