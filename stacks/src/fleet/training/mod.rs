//! Instances that AWS Batch starts and terminates with jobs.
//!
//! AWS Batch was chosen over an EC2 Fleet of type `instant`: CloudFormation creates such a fleet once, so that every
//! run would require a change of the stack, and nothing queues jobs, retries them or stores their logs. AWS's samples
//! for distributed training use AWS Batch (`awsome-distributed-training`, `1.architectures/3.aws-batch`).

mod environment;
mod job;

use stackwright_resources::batch::job_queue::ComputeEnvironmentOrder;
use stackwright_resources::batch::{ComputeEnvironment, JobDefinitionHandle, JobQueue, JobQueueHandle};
use stackwright_schemas::ec2_network::{NetworkFacts, network_facts};
use stackwright_synth::{CallerLocation, Construct, IntoValue, ResourceOptions, Scope, Value};

use crate::arn::checked;
use crate::cluster::role::trusted_by;
use crate::duration::Seconds;
use crate::iam::{BuiltRole, RoleNeeded, RoleOptions, RoleReference, RoleSettings};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::network::NetworkHandle;
use crate::s3::S3Location;

/// The kind of capacity that jobs use.
#[derive(Clone, Debug)]
enum Capacity {
    OnDemand,
    Spot,
    Block(Value<String>),
}

/// A queue and a job definition of AWS Batch for training on GPU instances, which exist only while a job runs. Jobs are
/// submitted with the API operation `SubmitJob`.
///
/// A job has one container on each node, with all GPUs and EFA devices of the node. With several nodes it is a multi-node
/// parallel job: AWS Batch starts all of them together, and passes each its index and the address of the main node in
/// `AWS_BATCH_JOB_NODE_INDEX`, `AWS_BATCH_JOB_NUM_NODES` and `AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS`.
///
/// It becomes `AWS::Batch::ComputeEnvironment`, `AWS::Batch::JobQueue`, `AWS::Batch::JobDefinition`,
/// `AWS::EC2::LaunchTemplate`, and roles for the containers and the instances.
///
/// An instance type whose hardware is not known, a maximum below the number of nodes of a job, or a network with several
/// subnets for jobs of several nodes is an error at the line of the constructor.
///
/// ```
/// use stackwright_stacks::ContainerImage;
/// use stackwright_stacks::fleet::TrainingFleet;
/// use stackwright_stacks::network::{InterfaceEndpoint, Network};
/// # use stackwright_synth::App;
///
/// # let app = App::new("research");
/// # let stack = app.stack("Jobs").region("us-east-1");
/// let network =
///     stack.add("Network", Network::isolated("10.0.0.0/16", 1).efa().endpoints(InterfaceEndpoint::BATCH));
/// let image = ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3");
/// let jobs = stack.add(
///     "Training",
///     TrainingFleet::new(&network, "p4d.24xlarge", 4, image.clone())
///         .max_nodes(16)
///         .command(["torchrun", "--nnodes=4", "--nproc-per-node=8", "train.py"]),
/// );
/// stack.output("Queue", jobs.queue_arn());
/// stack.add("Spot", TrainingFleet::spot(&network, ["g5.12xlarge", "g6.12xlarge"], image.clone()));
/// stack.add("Block", TrainingFleet::capacity_block(&network, "p5.48xlarge", 4, image, "cr-0123456789abcdef0"));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrainingFleet {
    network: NetworkHandle,
    types: Vec<String>,
    nodes: u32,
    max_nodes: u32,
    image: ContainerImage,
    capacity: Capacity,
    zone_id: Option<String>,
    command: Vec<Value<String>>,
    environment: Vec<(String, Value<String>)>,
    attempts: Value<i64>,
    timeout: Option<Value<i64>>,
    volume_gb: Value<i64>,
    key: Option<EncryptionKey>,
    role: RoleSettings,
    /// The instance profile that the program sets.
    profile: Option<Value<String>>,
    location: CallerLocation,
}

impl TrainingFleet {
    #[track_caller]
    fn of(
        network: &NetworkHandle,
        types: Vec<String>,
        nodes: u32,
        image: ContainerImage,
        capacity: Capacity,
    ) -> Self {
        Self {
            network: network.clone(),
            types,
            nodes,
            max_nodes: nodes,
            image,
            capacity,
            zone_id: None,
            command: Vec::new(),
            environment: Vec::new(),
            attempts: 1.into(),
            timeout: None,
            volume_gb: 200.into(),
            key: None,
            role: RoleSettings::default(),
            profile: None,
            location: std::panic::Location::caller(),
        }
    }

    /// Creates a fleet of on-demand instances of one type, such as `p4d.24xlarge`, with the number of nodes of a job, and the
    /// image of its containers.
    #[track_caller]
    pub fn new(network: &NetworkHandle, instance_type: &str, nodes: u32, image: ContainerImage) -> Self {
        Self::of(network, vec![instance_type.to_owned()], nodes, image, Capacity::OnDemand)
    }

    /// Creates a fleet of instances of one type in a Capacity Block for ML, with the number of nodes of a job, the image of its
    /// containers, and the ID of the block's reservation, such as `cr-0123456789abcdef0`. Another ID is an error at the
    /// caller's line.
    #[track_caller]
    pub fn capacity_block(
        network: &NetworkHandle,
        instance_type: &str,
        nodes: u32,
        image: ContainerImage,
        reservation_id: impl IntoValue<String>,
    ) -> Self {
        let block = Capacity::Block(crate::arn::with_prefix(reservation_id, "cr-", "a capacity reservation"));
        Self::of(network, vec![instance_type.to_owned()], nodes, image, block)
    }

    /// Creates a fleet of spot instances of these types, for jobs of one node: AWS Batch runs jobs of several nodes
    /// on on-demand instances only. A job whose instance is interrupted is started again, up to five attempts
    /// ([`attempts`](Self::attempts)), and has to resume from its own checkpoint: see [`checkpoints`](Self::checkpoints).
    #[track_caller]
    pub fn spot(
        network: &NetworkHandle,
        types: impl IntoIterator<Item = impl Into<String>>,
        image: ContainerImage,
    ) -> Self {
        let types = types.into_iter().map(Into::into).collect();
        let mut fleet = Self::of(network, types, 1, image, Capacity::Spot);
        fleet.attempts = 5.into();
        fleet
    }

    /// States the Availability Zone of the capacity block by its ID, such as `use1-az4`. If the subnets of the network are
    /// known to be in other zones, it is an error. The setting adds nothing to the template.
    pub fn capacity_zone_id(mut self, id: impl Into<String>) -> Self {
        self.zone_id = Some(id.into());
        self
    }

    /// Sets the maximum number of instances, which allows several jobs to run at a time (as vCPUs, `MaxvCpus`). The default is
    /// the number of nodes of one job.
    pub fn max_nodes(mut self, nodes: u32) -> Self {
        self.max_nodes = nodes;
        self
    }

    /// Sets the command of the container as a list of words (`Command`). The default is the command of the image.
    #[track_caller]
    pub fn command<W: IntoValue<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = Vec::new();
        for word in words {
            self.command.push(word.into().with_caller_location());
        }
        self
    }

    /// Sets an environment variable of the container (`Environment`). Everybody who may describe the job definition can
    /// read the value: do not set it to a secret. A second call for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.environment, name, value.into().with_caller_location());
        self
    }

    /// Sets the location of the checkpoints of all jobs. A container gets its URI in the environment variable `CHECKPOINTS`, and
    /// the role may read and write there. Use `$CHECKPOINTS/$AWS_BATCH_JOB_ID` in the script: the ID is the same for each attempt
    /// of a job, and that of a node ends in `#` and its index. By default, there is no location.
    ///
    /// ```
    /// use stackwright_stacks::PrivateBucketHandle;
    /// use stackwright_stacks::ContainerImage;
    /// use stackwright_stacks::fleet::TrainingFleet;
    /// use stackwright_stacks::network::NetworkHandle;
    ///
    /// fn jobs(network: &NetworkHandle, runs: &PrivateBucketHandle) -> TrainingFleet {
    ///     let image = ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3");
    ///     TrainingFleet::spot(network, ["g5.12xlarge"], image).checkpoints(runs.location("checkpoints"))
    /// }
    /// ```
    #[track_caller]
    pub fn checkpoints(self, location: impl Into<S3Location>) -> Self {
        let location = location.into();
        self.environment("CHECKPOINTS", location.uri()).allow_write(location)
    }

    /// Sets the maximum number of attempts, 1 to 10, of a job whose instance fails (`Attempts`). The default is 1, and
    /// 5 for [`spot`](Self::spot). A job whose script fails is not started again.
    #[track_caller]
    pub fn attempts(mut self, number: impl IntoValue<i64>) -> Self {
        self.attempts = number.into().with_caller_location();
        self
    }

    /// Sets the maximum run time of each attempt of a job, at least one minute, after which AWS Batch terminates it
    /// (`AttemptDurationSeconds`). By default, there is no limit.
    #[track_caller]
    pub fn timeout(mut self, time: impl Into<Seconds>) -> Self {
        self.timeout = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the size of the root volume in GB, on which the images of containers are stored (`VolumeSize`). The default
    /// is 200.
    #[track_caller]
    pub fn root_volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = size.into().with_caller_location();
        self
    }

    /// Encrypts the volumes with this key of AWS KMS, instead of the stack's default key or a key of AWS. The key
    /// policy has to allow EC2 Auto Scaling, with which AWS Batch starts instances, to use the key:
    /// [`PrivateKey::allow_auto_scaling`](crate::PrivateKey::allow_auto_scaling).
    #[track_caller]
    pub fn volume_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets an existing instance profile for the instances, by its ARN, instead of a new one. Its role needs the managed policy
    /// `AmazonEC2ContainerServiceforEC2Role`; [`role`](RoleOptions::role) sets the role of the containers. An ARN of another
    /// service is an error at the caller's line.
    #[track_caller]
    pub fn instance_profile(mut self, arn: impl IntoValue<String>) -> Self {
        self.profile = Some(checked(arn, "iam", "arn:aws:iam::123456789012:instance-profile/Jobs"));
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

    /// Returns the URI of the image. The role of the instances may pull from every repository of Amazon ECR
    /// (`AmazonEC2ContainerServiceforEC2Role`); AWS Batch calls no Lambda function for the credentials of another registry.
    fn image_uri(&self, scope: &mut Scope<'_>) -> Value<String> {
        let image = self.image.clone().resolve(scope);
        if let Some(Some(_)) = image.private {
            let message =
                "AWS Batch does not read the credentials of a registry from a Lambda function".into();
            let help = "use an image in Amazon ECR, or a registry that needs no credentials".into();
            scope.error("training-fleet", message, help, Some(self.location));
        }
        image.uri
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
        if let Some(zone) = &self.zone_id {
            self.network.check_zone(zone, "the capacity of the jobs", self.location, scope);
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
        let BuiltRole { role, policy } =
            self.role.clone().build_trusting(trusted_by("ecs-tasks"), needed, scope);
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
        let image = self.image_uri(scope);
        let definition = self.job_definition(&image, role.arn());
        let definition = policy.iter().fold(definition, |definition, policy| definition.depends_on(policy));
        let definition = scope.add("Definition", definition);
        TrainingFleetHandle { queue, definition, role }
    }
}

/// A [`TrainingFleet`] that was added to a stack.
#[derive(Clone, Debug)]
pub struct TrainingFleetHandle {
    queue: JobQueueHandle,
    definition: JobDefinitionHandle,
    role: RoleReference,
}

impl TrainingFleetHandle {
    /// Returns the ARN of the job queue, to which jobs are submitted.
    pub fn queue_arn(&self) -> Value<String> {
        self.queue.job_queue_arn()
    }

    /// Returns the role of the containers of jobs.
    pub fn role(&self) -> &RoleReference {
        &self.role
    }

    /// Returns the ARN of the job definition.
    pub fn definition_arn(&self) -> Value<String> {
        self.definition.job_definition_arn()
    }
}
