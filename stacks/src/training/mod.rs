//! Training jobs.
//!
//! CloudFormation has no type for them. A [`TrainingJob`] is a typed `CreateTrainingJob` request, which something
//! that CloudFormation can deploy makes when it runs: a [`Pipeline`](crate::launch::Pipeline), a
//! [`StateMachine`](crate::launch::StateMachine), or a [`Schedule`](crate::launch::Schedule). Whichever it is, the
//! request is the same, and is checked like a resource.

mod capacity;
mod distribution;
mod hyperparameter;
mod input;
mod instances;

pub use capacity::{Capacity, Spot, TrainingPlan, WarmPool};
pub use distribution::{
    ActivationCheckpointing, Ddp, DeepSpeed, DeepSpeedConfig, Distribution, Fsdp, ModelParallel, Precision,
    ShardingStrategy, Smddp, Stage1, Stage2, Stage3,
};
pub use hyperparameter::Hyperparameter;
pub use input::Input;
pub use instances::{InstanceGroup, Instances};

use stackwright_resources::iam::RoleHandle;
use stackwright_synth::intrinsic::{region, unquoted};
use stackwright_synth::{Asset, CallerLocation, Construct, IntoValue, Json, Map, Properties, Scope, Value};

use crate::document::{list, object, tags};
use crate::duration::Seconds;
use crate::iam::{self, ExecutionRole, Statement};
use crate::image::Image;
use crate::s3::S3Location;
use crate::vpc::Vpc;
use distribution::Launch;

/// Where SageMaker keeps checkpoints in the container.
const CHECKPOINTS: &str = "/opt/ml/checkpoints";

/// A training job: what is asked of SageMaker when it is launched.
///
/// ```
/// use std::time::Duration;
///
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::{Pipeline, TrainingStep};
/// use stackwright_stacks::training::{Fsdp, Input, Instances, ShardingStrategy, Spot, TrainingJob};
/// use stackwright_synth::App;
///
/// let app = App::new("vision");
/// let stack = app.stack("Training").region("us-east-1");
/// let runs = S3Location::new("my-runs", "vision/");
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.p4d.24xlarge", 1), runs.join("models"))
///     .distribution(Fsdp::new(ShardingStrategy::ShardGradOp))
///     .hyperparameter("batch_size", 32)
///     .input("train", Input::s3(S3Location::new("my-data", "images/")).fast_file())
///     .max_run(Duration::from_hours(12))
///     .capacity(Spot::new(Duration::from_hours(24), runs.join("checkpoints/")));
/// let mut pipeline = Pipeline::new();
/// pipeline.step("Train", TrainingStep::new(job));
/// stack.add("Train", pipeline);
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainingJob {
    algorithm: Algorithm,
    instances: Instances,
    output: S3Location,
    source: Option<(Asset, String, CallerLocation)>,
    distribution: Option<Distribution>,
    hyperparameters: Vec<(String, Value<String>)>,
    environment: Vec<(String, Value<String>)>,
    inputs: Vec<(Value<String>, Input)>,
    max_run: Value<i64>,
    max_pending: Option<Value<i64>>,
    capacity: Option<Capacity>,
    checkpoints: Option<S3Location>,
    volume_gb: Value<i64>,
    retries: Option<Value<i64>>,
    vpc: Option<Vpc>,
    key: Option<Value<String>>,
    encrypt_between_containers: Option<Value<bool>>,
    isolated: Option<Value<bool>>,
    profiler: Option<S3Location>,
    debugger: Option<S3Location>,
    metrics: Vec<(Value<String>, Value<String>)>,
    tags: Vec<(String, Value<String>)>,
    experiment: Option<(Value<String>, Value<String>)>,
    others: Vec<(String, Value<Json>)>,
}

/// What trains.
#[derive(Clone, Debug)]
enum Algorithm {
    /// PyTorch in AWS's image that the strategy needs.
    PyTorch {
        version: String,
        source: CallerLocation,
    },
    Image(Image),
    Named(Value<String>),
}

impl TrainingJob {
    /// PyTorch of a version in AWS's image: the one of SageMaker model parallel where the strategy is that, the
    /// deep learning container otherwise. What is trained is put into S3 below a place.
    #[track_caller]
    pub fn pytorch(version: impl Into<String>, instances: Instances, output: S3Location) -> Self {
        let source = std::panic::Location::caller();
        Self::of(Algorithm::PyTorch { version: version.into(), source }, instances, output)
    }

    /// Any image.
    pub fn new(image: Image, instances: Instances, output: S3Location) -> Self {
        Self::of(Algorithm::Image(image), instances, output)
    }

    /// An algorithm of SageMaker or of the marketplace, by name or ARN.
    #[track_caller]
    pub fn algorithm(name: impl IntoValue<String>, instances: Instances, output: S3Location) -> Self {
        Self::of(Algorithm::Named(name.into().with_caller_location()), instances, output)
    }

    fn of(algorithm: Algorithm, instances: Instances, output: S3Location) -> Self {
        Self {
            algorithm,
            instances,
            output,
            source: None,
            distribution: None,
            hyperparameters: Vec::new(),
            environment: Vec::new(),
            inputs: Vec::new(),
            max_run: 86_400.into(),
            max_pending: None,
            capacity: None,
            checkpoints: None,
            volume_gb: 30.into(),
            retries: None,
            vpc: None,
            key: None,
            encrypt_between_containers: None,
            isolated: None,
            profiler: None,
            debugger: None,
            metrics: Vec::new(),
            tags: Vec::new(),
            experiment: None,
            others: Vec::new(),
        }
    }

    /// The folder of the training script, and the script in it. It is packed and put into S3 with the stack.
    #[track_caller]
    pub fn source(mut self, folder: Asset, entry_point: impl Into<String>) -> Self {
        self.source = Some((folder, entry_point.into(), std::panic::Location::caller()));
        self
    }

    /// How the work is shared out.
    pub fn distribution(mut self, distribution: impl Into<Distribution>) -> Self {
        self.distribution = Some(distribution.into());
        self
    }

    /// A hyperparameter; the script gets it as an argument. At most 100, of 2,500 characters.
    #[track_caller]
    pub fn hyperparameter(mut self, name: impl Into<String>, value: impl Into<Hyperparameter>) -> Self {
        self.hyperparameters.push((name.into(), value.into().0.with_caller_location()));
        self
    }

    /// An environment variable. Everybody who can describe the job can read it: a secret has no place here.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// Data that the job reads from `/opt/ml/input/data/` and the channel's name.
    #[track_caller]
    pub fn input(mut self, channel: impl IntoValue<String>, input: Input) -> Self {
        self.inputs.push((channel.into().with_caller_location(), input));
        self
    }

    /// How long it may run; one day unless set.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = time.into().0.with_caller_location();
        self
    }

    /// How long it may wait for instances with accelerators, half an hour at least.
    #[track_caller]
    pub fn max_pending(mut self, time: impl Into<Seconds>) -> Self {
        self.max_pending = Some(time.into().0.with_caller_location());
        self
    }

    /// Where the instances come from; on demand unless set.
    pub fn capacity(mut self, capacity: impl Into<Capacity>) -> Self {
        self.capacity = Some(capacity.into());
        self
    }

    /// Where checkpoints are kept. [`Spot`] brings its own.
    pub fn checkpoints(mut self, location: S3Location) -> Self {
        self.checkpoints = Some(location);
        self
    }

    /// The size of each instance's volume in GB, 30 unless set. Types with NVMe storage have that instead.
    #[track_caller]
    pub fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = unquoted(size).with_caller_location();
        self
    }

    /// How often SageMaker tries again after an error of its own, 1 to 30.
    #[track_caller]
    pub fn retries(mut self, attempts: impl IntoValue<i64>) -> Self {
        self.retries = Some(unquoted(attempts).with_caller_location());
        self
    }

    /// Runs in a VPC.
    pub fn vpc(mut self, vpc: Vpc) -> Self {
        self.vpc = Some(vpc);
        self
    }

    /// Encrypts volumes and output with a key, by its ARN. Without it SageMaker and S3 encrypt with their own.
    #[track_caller]
    pub fn kms_key(mut self, arn: impl IntoValue<String>) -> Self {
        self.key = Some(arn.into().with_caller_location());
        self
    }

    /// Encrypts what the containers send to each other, which makes distributed training slower.
    #[track_caller]
    pub fn encrypt_between_containers(mut self) -> Self {
        self.encrypt_between_containers = Some(Value::from(true).with_caller_location());
        self
    }

    /// Gives the containers no network but that of the job itself.
    #[track_caller]
    pub fn network_isolation(mut self) -> Self {
        self.isolated = Some(Value::from(true).with_caller_location());
        self
    }

    /// Puts what the profiler finds into S3.
    pub fn profiler(mut self, output: S3Location) -> Self {
        self.profiler = Some(output);
        self
    }

    /// Puts the tensors that the debugger's hook collects into S3.
    pub fn debugger(mut self, output: S3Location) -> Self {
        self.debugger = Some(output);
        self
    }

    /// A metric that a regular expression finds in the log.
    #[track_caller]
    pub fn metric(mut self, name: impl IntoValue<String>, regex: impl IntoValue<String>) -> Self {
        self.metrics.push((name.into().with_caller_location(), regex.into().with_caller_location()));
        self
    }

    /// A tag of the job.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.tags.push((key.into(), value.into().with_caller_location()));
        self
    }

    /// The experiment and the trial that a run is counted to.
    #[track_caller]
    pub fn experiment(mut self, experiment: impl IntoValue<String>, trial: impl IntoValue<String>) -> Self {
        self.experiment =
            Some((experiment.into().with_caller_location(), trial.into().with_caller_location()));
        self
    }

    /// Any other member of the request by its name: `InfraCheckConfig`, `RemoteDebugConfig`. It is checked like
    /// the rest.
    #[track_caller]
    pub fn set(mut self, name: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.others.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// The job without what is tuned: SageMaker refuses a hyperparameter that is fixed and tried at once.
    pub(crate) fn without_hyperparameters(mut self, is_tuned: impl Fn(&str) -> bool) -> Self {
        self.hyperparameters.retain(|(name, _)| !is_tuned(name));
        self
    }

    /// Where what is trained is put.
    pub(crate) fn output(&self) -> &S3Location {
        &self.output
    }

    /// Whether it waits for spare capacity.
    pub(crate) fn is_spot(&self) -> bool {
        matches!(self.capacity, Some(Capacity::Spot(_)))
    }
}

/// A job in a stack: the request that launches it, without the job's name.
pub(crate) struct Request {
    pub arguments: Properties,
    pub role: RoleHandle,
}

/// Adds what a job needs to a stack: its role and its source.
pub(crate) struct Definition {
    pub job: TrainingJob,
    /// Whether a tuning job starts it: then the request has fewer members, and the hyperparameters another name.
    pub is_tuned: bool,
}

impl Construct for Definition {
    type Handle = Request;
    const HIDES_INNER_LOCATIONS: bool = true;

    fn build(self, scope: &mut Scope<'_>) -> Request {
        let Self { job, is_tuned } = self;
        let mut launch = Launch {
            scope,
            instances: &job.instances,
            hyperparameters: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
        };
        if let Some(distribution) = &job.distribution {
            distribution.apply(&mut launch);
        }
        let Launch { mut hyperparameters, mut environment, files, .. } = launch;
        hyperparameters.extend(job.hyperparameters.iter().cloned());
        environment.extend(job.environment.iter().cloned());

        let mut statements: Vec<Statement> = Vec::new();
        match &job.source {
            Some((folder, entry_point, source)) => {
                let folder =
                    files.into_iter().fold(folder.clone(), |folder, (name, text, _)| folder.file(name, text));
                let archive = S3Location::from(scope.add("Source", folder));
                statements.extend(archive.read_object());
                let own = |value: Hyperparameter| value.0.with_location(Some(source));
                hyperparameters.extend([
                    ("sagemaker_program".to_owned(), own(entry_point.as_str().into())),
                    ("sagemaker_submit_directory".to_owned(), own(archive.uri().into())),
                    ("sagemaker_container_log_level".to_owned(), own(20.into())),
                    ("sagemaker_region".to_owned(), own(region().into())),
                ]);
            }
            None => {
                if let Some((name, _, source)) = files.first() {
                    scope.error(
                        "no-source-folder",
                        format!("the strategy ships {name} beside the training script, and the job has no source folder"),
                        "give the folder and the script with `.source(asset!(\"…\"), \"train.py\")`".into(),
                        Some(source),
                    );
                }
            }
        }

        let mut arguments = Properties::default();
        let is_model_parallel = matches!(job.distribution, Some(Distribution::ModelParallel(_)));
        statements.extend(job.put_algorithm(is_model_parallel, is_tuned, scope, &mut arguments));
        job.put_data(&mut arguments, &mut statements);
        job.put_resources(&mut arguments);
        job.put_capacity(&mut arguments, &mut statements);
        job.put_network(&mut arguments, &mut statements);
        if !is_tuned {
            job.put_observation(&mut arguments, &mut statements);
        }
        let named = if is_tuned { "StaticHyperParameters" } else { "HyperParameters" };
        for (name, entries) in [(named, hyperparameters), ("Environment", environment)] {
            if !entries.is_empty() {
                let map = entries
                    .into_iter()
                    .fold(Map::<String>::default(), |map, (key, value)| map.set(key, value));
                arguments.put(name, map);
            }
        }
        if !job.tags.is_empty() && !is_tuned {
            arguments.put("Tags", tags(&job.tags));
        }
        if let Some(key) = &job.key {
            statements.push(iam::use_key(key));
        }
        for (name, value) in &job.others {
            arguments.put(name.clone(), value);
        }
        let role = scope.add("ExecutionRole", ExecutionRole::new(statements));
        arguments.put("RoleArn", role.arn());
        Request { arguments, role }
    }
}

impl TrainingJob {
    /// What trains, and how its metrics are read; the container's part of the role.
    fn put_algorithm(
        &self,
        is_model_parallel: bool,
        is_tuned: bool,
        scope: &mut Scope<'_>,
        arguments: &mut Properties,
    ) -> Vec<Statement> {
        let mut algorithm = Properties::default();
        let image = match &self.algorithm {
            Algorithm::Named(name) => {
                algorithm.put("AlgorithmName", name);
                None
            }
            Algorithm::Image(image) => Some(image.clone()),
            Algorithm::PyTorch { version, source } => {
                let family = if is_model_parallel { "smp" } else { "pytorch-training" };
                Some(Image::aws(family, version, crate::Processor::Gpu).with_location(source))
            }
        };
        let mut statements = Vec::new();
        if let Some(image) = image {
            let image = image.resolve(scope);
            algorithm.put("TrainingImage", &image.uri);
            statements.extend(iam::container(&"/aws/sagemaker/TrainingJobs".into(), &image));
        }
        algorithm.put("TrainingInputMode", "File");
        if !self.metrics.is_empty() {
            let definitions =
                self.metrics.iter().map(|(name, regex)| object([("Name", name), ("Regex", regex)]));
            algorithm.put("MetricDefinitions", list(definitions));
            if !is_tuned {
                algorithm.put("EnableSageMakerMetricsTimeSeries", true);
            }
        }
        arguments.put("AlgorithmSpecification", algorithm);
        statements
    }

    fn put_data(&self, arguments: &mut Properties, statements: &mut Vec<Statement>) {
        for (_, input) in &self.inputs {
            if let input::From::S3(location) = &input.from {
                statements.extend(location.read());
            }
        }
        if !self.inputs.is_empty() {
            let channels = self.inputs.iter().map(|(name, input)| input.channel(name));
            arguments.put("InputDataConfig", list(channels));
        }
        let mut output = Properties::default();
        output.put("S3OutputPath", self.output.uri());
        if let Some(key) = &self.key {
            output.put("KmsKeyId", key);
        }
        arguments.put("OutputDataConfig", output);
        statements.extend(self.output.write());
    }

    fn put_resources(&self, arguments: &mut Properties) {
        let mut resources = Properties::default();
        self.instances.put(&mut resources);
        resources.put("VolumeSizeInGB", &self.volume_gb);
        let on_nvme =
            self.instances.hardware().is_some_and(|hardware| hardware.local_nvme_gb.unwrap_or(0) > 0);
        // NVMe storage is encrypted by the instance, and the API refuses a key for it.
        if let Some(key) = self.key.as_ref().filter(|_| !on_nvme) {
            resources.put("VolumeKmsKeyId", key);
        }
        match &self.capacity {
            Some(Capacity::WarmPool(pool)) => resources.put("KeepAlivePeriodInSeconds", &pool.keep_alive),
            Some(Capacity::TrainingPlan(plan)) => resources.put("TrainingPlanArn", &plan.arn),
            _ => {}
        }
        arguments.put("ResourceConfig", resources);
    }

    fn put_capacity(&self, arguments: &mut Properties, statements: &mut Vec<Statement>) {
        let mut stopping = Properties::default();
        stopping.put("MaxRuntimeInSeconds", &self.max_run);
        if let Some(time) = &self.max_pending {
            stopping.put("MaxPendingTimeInSeconds", time);
        }
        let mut checkpoints = self.checkpoints.as_ref();
        let mut retries = self.retries.clone();
        if let Some(Capacity::Spot(spot)) = &self.capacity {
            stopping.put("MaxWaitTimeInSeconds", &spot.max_wait);
            arguments.put("EnableManagedSpotTraining", true);
            checkpoints = Some(&spot.checkpoints);
            retries = retries.or(Some(3.into()));
        }
        arguments.put("StoppingCondition", stopping);
        if let Some(location) = checkpoints {
            let mut config = Properties::default();
            config.put("S3Uri", location.uri());
            config.put("LocalPath", CHECKPOINTS);
            arguments.put("CheckpointConfig", config);
            statements.extend(location.write());
        }
        if let Some(attempts) = retries {
            arguments.put("RetryStrategy", object([("MaximumRetryAttempts", &attempts)]));
        }
    }

    fn put_network(&self, arguments: &mut Properties, statements: &mut Vec<Statement>) {
        if let Some(vpc) = &self.vpc {
            let mut config = Properties::default();
            config.put("SecurityGroupIds", &vpc.security_groups);
            config.put("Subnets", &vpc.subnets);
            arguments.put("VpcConfig", config);
            statements.extend(iam::network_interfaces());
        }
        for (name, value) in [
            ("EnableInterContainerTrafficEncryption", &self.encrypt_between_containers),
            ("EnableNetworkIsolation", &self.isolated),
        ] {
            if let Some(value) = value {
                arguments.put(name, value);
            }
        }
    }

    fn put_observation(&self, arguments: &mut Properties, statements: &mut Vec<Statement>) {
        for (name, location) in [("ProfilerConfig", &self.profiler), ("DebugHookConfig", &self.debugger)] {
            if let Some(location) = location {
                arguments.put(name, object([("S3OutputPath", &location.uri())]));
                statements.extend(location.write());
            }
        }
        if let Some((experiment, trial)) = &self.experiment {
            arguments.put("ExperimentConfig", object([("ExperimentName", experiment), ("TrialName", trial)]));
        }
    }
}
