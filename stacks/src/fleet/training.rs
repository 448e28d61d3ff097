//! Instances that AWS Batch starts and terminates with jobs.
//!
//! AWS Batch was chosen over an EC2 Fleet of type `instant`: CloudFormation creates such a fleet once, so that every run
//! would be an edit of the stack, and nothing queues, retries or keeps logs. AWS's samples for distributed training use AWS
//! Batch (`awsome-distributed-training`, `1.architectures/3.aws-batch`).

use stackwright_resources::Tag;
use stackwright_resources::batch::compute_environment::{
    ComputeResources, Ec2ConfigurationObject, LaunchTemplateSpecification,
};
use stackwright_resources::batch::job_definition::{
    ContainerProperties, Device, Environment, EvaluateOnExit, JobTimeout, LinuxParameters,
    MultiNodeContainerProperties, NodeProperties, NodeRangeProperty, ResourceRequirement, RetryStrategy,
    Ulimit,
};
use stackwright_resources::batch::job_queue::ComputeEnvironmentOrder;
use stackwright_resources::batch::{
    ComputeEnvironment, JobDefinition, JobDefinitionHandle, JobQueue, JobQueueHandle,
};
use stackwright_resources::ec2::launch_template::{
    BlockDeviceMapping, CapacityReservationSpecification, CapacityReservationTarget, Ebs, HttpEndpoint,
    HttpTokens, InstanceMarketOptions, LaunchTemplateData, MarketType, MetadataOptions, ResourceType,
    TagSpecification, VolumeType,
};
use stackwright_resources::ec2::placement_group::Strategy;
use stackwright_resources::ec2::{LaunchTemplate, PlacementGroup};
use stackwright_resources::iam::{InstanceProfile, Role};
use stackwright_schemas::ec2_network::{NetworkFacts, network_facts};
use stackwright_synth::intrinsic::partition;
use stackwright_synth::{CallerLocation, Construct, IntoValue, ResourceOptions, Scope, Value, sub};

use super::interfaces;
use crate::cluster::role::trusted_by;
use crate::defaults;
use crate::duration::Seconds;
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleSettings};
use crate::key::EncryptionKey;
use crate::network::NetworkHandle;

/// The device files of EFA in a container.
const EFA_DEVICE: &str = "/dev/infiniband/uverbs";

/// The share of the memory of an instance that a job gets: the ECS agent and the system need the rest.
const MEMORY_SHARE: (u64, u64) = (9, 10);

/// The way in which jobs get their instances.
#[derive(Clone, Debug)]
enum Capacity {
    OnDemand,
    Spot,
    Block(Value<String>),
}

/// A queue and a job definition of AWS Batch for training on GPU instances, which exist only while a job runs.
///
/// A job has one container on each node, with all GPUs and EFA devices of the node. With several nodes it is a multi-node
/// parallel job: AWS Batch starts all of them together, and tells each its index and the address of the main node by
/// `AWS_BATCH_JOB_NODE_INDEX`, `AWS_BATCH_JOB_NUM_NODES` and `AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS`.
///
/// It becomes `AWS::Batch::ComputeEnvironment`, `AWS::Batch::JobQueue`, `AWS::Batch::JobDefinition` and
/// `AWS::EC2::LaunchTemplate`.
///
/// ```
/// use stackwright_stacks::fleet::TrainingFleet;
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Jobs").region("us-east-1");
/// let network =
///     stack.add("Network", Network::isolated("10.0.0.0/16", 1).efa().endpoints(InterfaceEndpoint::BATCH));
/// let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3";
/// let jobs = stack.add(
///     "Training",
///     TrainingFleet::new(&network, "p4d.24xlarge", 4, image)
///         .max_nodes(16)
///         .command(["torchrun", "--nnodes=4", "--nproc-per-node=8", "train.py"]),
/// );
/// stack.output("Queue", jobs.queue_arn());
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainingFleet {
    network: NetworkHandle,
    types: Vec<String>,
    nodes: u32,
    max_nodes: u32,
    image: Value<String>,
    capacity: Capacity,
    command: Vec<Value<String>>,
    environment: Vec<(String, Value<String>)>,
    attempts: Value<i64>,
    timeout: Option<Value<i64>>,
    volume_gb: Value<i64>,
    key: Option<EncryptionKey>,
    role: RoleSettings,
    location: CallerLocation,
}

impl TrainingFleet {
    #[track_caller]
    fn of(
        network: &NetworkHandle,
        types: Vec<String>,
        nodes: u32,
        image: Value<String>,
        capacity: Capacity,
    ) -> Self {
        Self {
            network: network.clone(),
            types,
            nodes,
            max_nodes: nodes,
            image: image.with_caller_location(),
            capacity,
            command: Vec::new(),
            environment: Vec::new(),
            attempts: 1.into(),
            timeout: None,
            volume_gb: 200.into(),
            key: None,
            role: RoleSettings::default(),
            location: std::panic::Location::caller(),
        }
    }

    /// Creates it with instances of a type on demand, the number of nodes of a job, and the URI of the image.
    #[track_caller]
    pub fn new(
        network: &NetworkHandle,
        instance_type: &str,
        nodes: u32,
        image: impl IntoValue<String>,
    ) -> Self {
        Self::of(network, vec![instance_type.to_owned()], nodes, image.into(), Capacity::OnDemand)
    }

    /// Creates it with instances of a capacity block, by the ID of its reservation.
    #[track_caller]
    pub fn capacity_block(
        network: &NetworkHandle,
        instance_type: &str,
        nodes: u32,
        image: impl IntoValue<String>,
        reservation_id: impl IntoValue<String>,
    ) -> Self {
        let block = Capacity::Block(reservation_id.into().with_caller_location());
        Self::of(network, vec![instance_type.to_owned()], nodes, image.into(), block)
    }

    /// Creates it with spot instances of one of these types, for jobs of one node: AWS Batch runs jobs of several nodes on
    /// instances on demand only. A job whose instance is interrupted is started again, five times at most, and has to go on
    /// from a checkpoint of its own.
    #[track_caller]
    pub fn spot(
        network: &NetworkHandle,
        types: impl IntoIterator<Item = impl Into<String>>,
        image: impl IntoValue<String>,
    ) -> Self {
        let types = types.into_iter().map(Into::into).collect();
        let mut fleet = Self::of(network, types, 1, image.into(), Capacity::Spot);
        fleet.attempts = 5.into();
        fleet
    }

    /// Sets how many instances exist at most, for several jobs at a time; the nodes of one job unless set.
    pub fn max_nodes(mut self, nodes: u32) -> Self {
        self.max_nodes = nodes;
        self
    }

    /// Sets the command of the container, instead of the image's own.
    #[track_caller]
    pub fn command<W: IntoValue<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = Vec::new();
        for word in words {
            self.command.push(word.into().with_caller_location());
        }
        self
    }

    /// Sets an environment variable of the container.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// Starts a job at most so often, 1 to 10, if its instance fails. A job whose script fails is not started again.
    #[track_caller]
    pub fn attempts(mut self, number: impl IntoValue<i64>) -> Self {
        self.attempts = number.into().with_caller_location();
        self
    }

    /// Ends a job that takes longer.
    #[track_caller]
    pub fn timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the size of the root volume in GB, which holds the images of containers; 200 unless set.
    #[track_caller]
    pub fn root_volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = size.into().with_caller_location();
        self
    }

    /// Encrypts the volumes with this key of AWS KMS, instead of the stack's default key or a key of AWS.
    #[track_caller]
    pub fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Returns the facts of the instance type, or of the smallest of several: a job has to fit on each.
    fn facts(&self) -> Option<&'static NetworkFacts> {
        let all: Option<Vec<_>> = self.types.iter().map(|name| network_facts(name)).collect();
        all?.into_iter().min_by_key(|facts| facts.vcpus)
    }

    /// Returns the number of EFA devices of each node.
    fn efa(&self) -> u32 {
        let is_alone = self.nodes < 2;
        self.facts().filter(|_| !is_alone).map_or(0, |facts| facts.efa_max_interfaces)
    }

    fn check(&self, scope: &Scope<'_>) {
        let refuse = |message: String, help: &str| {
            scope.error("training-fleet", message, help.to_owned(), Some(self.location));
        };
        if self.facts().is_none() {
            refuse(
                format!("the hardware of {} is not known", self.types.join(", ")),
                "use an instance type with GPUs that is in the instance table",
            );
        }
        if self.nodes == 0 || self.max_nodes < self.nodes {
            refuse(
                format!("a job has {} nodes, and the fleet has at most {}", self.nodes, self.max_nodes),
                "set the maximum to at least the nodes of one job with `.max_nodes(…)`",
            );
        }
        if self.nodes > 1 && self.network.subnets().len() > 1 {
            refuse(
                "the nodes of a job have to be in one Availability Zone, and the network has several subnets"
                    .into(),
                "choose one with `network.in_subnet(0)`",
            );
        }
    }

    fn launch_template(&self, scope: &mut Scope<'_>) -> LaunchTemplateSpecification {
        let groups = self.network.security_group_ids();
        let interfaces = match self.facts().filter(|_| self.efa() > 0) {
            Some(facts) => interfaces::efa(facts, &groups),
            None => interfaces::plain(&groups),
        };
        let mut volume = Ebs::new()
            .volume_size(&self.volume_gb)
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .delete_on_termination(true);
        if let Some(key) = defaults::encryption_key(self.key.clone(), scope) {
            volume = volume.kms_key_id(key.id());
        }
        let metadata = MetadataOptions::new()
            .http_endpoint(HttpEndpoint::Enabled)
            .http_tokens(HttpTokens::Required)
            .http_put_response_hop_limit(2);
        let name = format!("{}/{}", scope.stack_name(), scope.id());
        let tags =
            TagSpecification::new().resource_type(ResourceType::Instance).tags([Tag::new("Name", name)]);
        let mut data = LaunchTemplateData::new()
            .metadata_options(metadata)
            .block_device_mappings([BlockDeviceMapping::new().device_name("/dev/xvda").ebs(volume)])
            .network_interfaces(interfaces)
            .tag_specifications([tags]);
        if let Capacity::Block(id) = &self.capacity {
            let target = CapacityReservationTarget::new().capacity_reservation_id(id);
            data = data
                .instance_market_options(InstanceMarketOptions::new().market_type(MarketType::CapacityBlock))
                .capacity_reservation_specification(
                    CapacityReservationSpecification::new().capacity_reservation_target(target),
                );
        }
        let template = scope.add("Template", LaunchTemplate::new(data));
        LaunchTemplateSpecification::new()
            .launch_template_id(template.reference())
            .version(template.latest_version_number())
    }

    fn compute_resources(&self, scope: &mut Scope<'_>) -> ComputeResources {
        // The ECS agent registers the instance with a cluster whose name AWS Batch makes, so AWS keeps what it needs in this
        // policy.
        let policy =
            sub!("arn:{}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role", partition());
        let role = scope.add("InstanceRole", Role::new(trusted_by("ec2")).managed_policy_arns([policy]));
        let profile = scope.add("Profile", InstanceProfile::new([role.reference()]));
        let (kind, strategy) = match self.capacity {
            Capacity::Spot => ("SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED"),
            Capacity::OnDemand | Capacity::Block(_) => ("EC2", "BEST_FIT_PROGRESSIVE"),
        };
        let vcpus = self.facts().map_or(0, |facts| facts.vcpus);
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let mut resources = ComputeResources::new()
            .type_(kind)
            .maxv_cpus(i64::from(vcpus.saturating_mul(self.max_nodes)))
            .minv_cpus(0)
            .allocation_strategy(strategy)
            .ec2_configuration([Ec2ConfigurationObject::new("ECS_AL2023_NVIDIA")])
            .instance_role(profile.arn())
            .instance_types(types)
            .launch_template(self.launch_template(scope))
            .subnets(self.network.subnet_ids())
            .update_to_latest_image_version(true);
        if self.nodes > 1 && !matches!(self.capacity, Capacity::Block(_)) {
            let group = scope.add("Placement", PlacementGroup::new().strategy(Strategy::Cluster));
            resources = resources.placement_group(group.reference());
        }
        resources
    }

    /// What a container takes of its node: everything.
    fn requirements(&self) -> Vec<ResourceRequirement> {
        let Some(facts) = self.facts() else { return Vec::new() };
        let memory = facts.memory_mib / MEMORY_SHARE.1 * MEMORY_SHARE.0;
        let one = |kind: &str, value: String| ResourceRequirement::new().type_(kind).value(value);
        let mut all = vec![one("VCPU", facts.vcpus.to_string()), one("MEMORY", memory.to_string())];
        if facts.accelerator_count > 0 {
            all.push(one("GPU", facts.accelerator_count.to_string()));
        }
        all
    }

    fn linux(&self) -> LinuxParameters {
        // Data loaders share batches by it: a tenth of the memory, in MiB.
        let shared = self.facts().map_or(0, |facts| facts.memory_mib / 10);
        let linux = LinuxParameters::new()
            .init_process_enabled(true)
            .shared_memory_size(i64::try_from(shared).unwrap_or(i64::MAX));
        if self.efa() == 0 {
            return linux;
        }
        let devices: Vec<Device> = (0..self.efa())
            .map(|number| {
                let path = format!("{EFA_DEVICE}{number}");
                Device::new()
                    .container_path(path.clone())
                    .host_path(path)
                    .permissions(["READ", "WRITE", "MKNOD"])
            })
            .collect();
        linux.devices(devices)
    }

    fn limits() -> [Ulimit; 2] {
        // EFA registers memory, which must not be swapped out.
        let limit = |name: &str, most: i64| Ulimit::new().hard_limit(most).name(name).soft_limit(most);
        [limit("memlock", -1), limit("nofile", 1_024_000)]
    }

    fn variables(&self) -> Vec<Environment> {
        let own =
            self.environment.iter().map(|(name, value)| Environment::new().name(name.as_str()).value(value));
        let efa = [("FI_PROVIDER", "efa")].into_iter().filter(|_| self.efa() > 0);
        efa.map(|(name, value)| Environment::new().name(name).value(value)).chain(own).collect()
    }

    fn job_definition(&self, role: &Value<String>) -> JobDefinition {
        let mut definition = if self.nodes > 1 {
            let mut container = MultiNodeContainerProperties::new(&self.image)
                .environment(self.variables())
                .job_role_arn(role)
                .linux_parameters(self.linux())
                .resource_requirements(self.requirements())
                .ulimits(Self::limits());
            if !self.command.is_empty() {
                container = container.command(self.command.clone());
            }
            let range = NodeRangeProperty::new("0:").container(container);
            let nodes = NodeProperties::new()
                .num_nodes(i64::from(self.nodes))
                .main_node(0)
                .node_range_properties([range]);
            JobDefinition::new("multinode").node_properties(nodes)
        } else {
            let mut container = ContainerProperties::new(&self.image)
                .environment(self.variables())
                .job_role_arn(role)
                .linux_parameters(self.linux())
                .resource_requirements(self.requirements())
                .ulimits(Self::limits());
            if !self.command.is_empty() {
                container = container.command(self.command.clone());
            }
            JobDefinition::new("container").container_properties(container)
        };
        // What AWS Batch says when an instance goes away, be it interrupted or broken.
        let host = EvaluateOnExit::new("RETRY").on_status_reason("Host EC2*");
        let script = EvaluateOnExit::new("EXIT").on_reason("*");
        definition = definition
            .retry_strategy(RetryStrategy::new().attempts(&self.attempts).evaluate_on_exit([host, script]))
            .propagate_tags(true);
        match &self.timeout {
            Some(time) => definition.timeout(JobTimeout::new().attempt_duration_seconds(time)),
            None => definition,
        }
    }
}

impl RoleOptions for TrainingFleet {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}

impl Construct for TrainingFleet {
    type Handle = TrainingFleetHandle;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> TrainingFleetHandle {
        self.check(scope);
        let needed =
            RoleNeeded { id: "Role".into(), service: "ecs-tasks", policy: "Job", statements: Vec::new() };
        let BuiltRole { role, .. } = self.role.clone().build_trusting(trusted_by("ecs-tasks"), needed, scope);
        let resources = self.compute_resources(scope);
        let environment = ComputeEnvironment::new("MANAGED")
            .compute_resources(resources)
            .state("ENABLED")
            // An update in place needs the service-linked role of AWS Batch, which is the default.
            .replace_compute_environment(false);
        let environment = self
            .network
            .ready()
            .iter()
            .fold(environment, |environment, handle| environment.depends_on(handle));
        let environment = scope.add("Environment", environment);
        let order = ComputeEnvironmentOrder::new()
            .compute_environment(environment.compute_environment_arn())
            .order(1);
        let queue = scope.add_default(JobQueue::new(1).compute_environment_order([order]));
        let definition = scope.add("Definition", self.job_definition(role.arn()));
        TrainingFleetHandle { queue, definition }
    }
}

/// A queue and a job definition that were added to a stack.
#[derive(Clone, Debug)]
pub struct TrainingFleetHandle {
    queue: JobQueueHandle,
    definition: JobDefinitionHandle,
}

impl TrainingFleetHandle {
    /// Returns the ARN of the queue.
    pub fn queue_arn(&self) -> Value<String> {
        self.queue.job_queue_arn()
    }

    /// Returns the ARN of the job definition.
    pub fn definition_arn(&self) -> Value<String> {
        self.definition.job_definition_arn()
    }
}
