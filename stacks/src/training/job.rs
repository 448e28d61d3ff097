//! The training job: a value with a setter for every member of the request.

use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{Asset, CallerLocation, IntoValue, Json, Value};

use super::capacity::TrainingCapacity;
use super::checkpoints::Checkpoints;
use super::customization::{Customization, Mlflow};
use super::distribution::Distribution;
use super::hyperparameter::{Hyperparameter, HyperparameterFormat};
use super::input::{Input, InputMode};
use super::instances::Instances;
use super::observation::{DebuggerHook, DebuggerRule, Observation, Profiler, TensorBoard};
use super::run::RunLocation;
use crate::duration::Seconds;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::vpc::VpcConfig;

/// A training job: the `CreateTrainingJob` request that a launcher makes when it runs.
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
    pub(super) algorithm: Algorithm,
    pub(super) instances: Option<Instances>,
    pub(super) output: RunLocation,
    pub(super) output_compression: Option<OutputCompression>,
    pub(super) source: Option<Source>,
    pub(super) entrypoint: Vec<Value<String>>,
    pub(super) container_arguments: Vec<Value<String>>,
    pub(super) distribution: Option<Distribution>,
    pub(super) hyperparameter_format: Option<HyperparameterFormat>,
    pub(super) hyperparameters: Vec<(String, Hyperparameter)>,
    pub(super) environment: Vec<(String, Value<String>)>,
    pub(super) input_mode: InputMode,
    pub(super) inputs: Vec<(Value<String>, Input)>,
    pub(super) max_run: Option<Value<i64>>,
    pub(super) max_pending: Option<Value<i64>>,
    pub(super) capacity: Option<TrainingCapacity>,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) volume_gb: Value<i64>,
    pub(super) retries: Option<Value<i64>>,
    pub(super) vpc: Option<VpcConfig>,
    pub(super) key: Option<EncryptionKey>,
    pub(super) role: RoleSettings,
    pub(super) switches: Vec<(&'static [&'static str], Value<bool>)>,
    pub(super) observation: Observation,
    pub(super) metrics: Vec<(Value<String>, Value<String>)>,
    pub(super) metrics_time_series: Option<Value<bool>>,
    pub(super) tags: Vec<(String, Value<String>)>,
    pub(super) experiment: Vec<(&'static str, Value<String>)>,
    pub(super) mlflow: Option<Mlflow>,
    pub(super) model_package_group: Option<Value<String>>,
    pub(super) source_model_package: Option<Value<String>>,
    pub(super) statements: Vec<Statement>,
    pub(super) others: Vec<(String, Value<Json>)>,
}

/// What trains.
#[derive(Clone, Debug)]
pub(super) enum Algorithm {
    /// PyTorch in the image of AWS that the strategy and the instance type need.
    PyTorch { version: String, source: CallerLocation },
    /// An image.
    Image(ContainerImage),
    /// An algorithm by name or ARN.
    Named(Value<String>),
    /// Serverless model customization, for which SageMaker chooses image and instances.
    Customization(Box<Customization>),
}

/// The training script.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub code: Code,
    pub entry_point: String,
    pub location: CallerLocation,
}

/// Where the script's directory comes from.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// A directory that is packed and uploaded with the stack.
    Asset(Asset),
    /// A `sourcedir.tar.gz` that is in S3 already.
    Archive(Box<RunLocation>),
}

/// How the model is stored in S3: `OutputDataConfig.CompressionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputCompression {
    /// One archive, `model.tar.gz`. The default.
    Gzip,
    /// The files as they are, below a prefix. Large models are uploaded and served without packing.
    None,
}

impl TrainingJob {
    /// PyTorch of a version in an image of AWS: the SageMaker model parallel image with
    /// [`ModelParallel`](super::ModelParallel), the deep learning container for CPUs or GPUs as the instance type has
    /// them otherwise. The model is stored below `output`.
    #[track_caller]
    pub fn pytorch(version: impl Into<String>, instances: Instances, output: impl Into<RunLocation>) -> Self {
        let source = std::panic::Location::caller();
        Self::of(Algorithm::PyTorch { version: version.into(), source }, Some(instances), output.into())
    }

    /// A job of any image: a framework container, a built-in algorithm of SageMaker, or an image of your own.
    ///
    /// ```
    /// use stackwright_stacks::{ContainerImage, S3Location};
    /// use stackwright_stacks::training::{Input, Instances, TrainingJob};
    ///
    /// let image = ContainerImage::ecr(
    ///     "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:3",
    ///     "arn:aws:ecr:us-east-1:123456789012:repository/trainer",
    /// );
    /// TrainingJob::new(image, Instances::of("ml.m5.4xlarge", 1), S3Location::new("my-runs", "models"))
    ///     .hyperparameter("objective", "reg:squarederror")
    ///     .input("train", Input::s3(S3Location::new("my-data", "train/")).content_type("libsvm"));
    /// ```
    pub fn new(image: ContainerImage, instances: Instances, output: impl Into<RunLocation>) -> Self {
        Self::of(Algorithm::Image(image), Some(instances), output.into())
    }

    /// An algorithm of SageMaker or of AWS Marketplace, by name or ARN.
    ///
    /// ```
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::training::{Instances, TrainingJob};
    ///
    /// let arn = "arn:aws:sagemaker:us-east-1:123456789012:algorithm/forecaster";
    /// TrainingJob::algorithm(arn, Instances::of("ml.m5.xlarge", 1), S3Location::new("my-runs", "models"));
    /// ```
    #[track_caller]
    pub fn algorithm(
        name: impl IntoValue<String>,
        instances: Instances,
        output: impl Into<RunLocation>,
    ) -> Self {
        let name = name.into().with_caller_location();
        Self::of(Algorithm::Named(name), Some(instances), output.into())
    }

    /// Serverless model customization: SageMaker fine-tunes or evaluates a model of the public hub and chooses image
    /// and instances itself. See [`Customization`].
    pub fn serverless(customization: Customization, output: impl Into<RunLocation>) -> Self {
        Self::of(Algorithm::Customization(Box::new(customization)), None, output.into())
    }

    fn of(algorithm: Algorithm, instances: Option<Instances>, output: RunLocation) -> Self {
        Self {
            max_run: instances.is_some().then(|| 86_400.into()),
            algorithm,
            instances,
            output,
            output_compression: None,
            source: None,
            entrypoint: Vec::new(),
            container_arguments: Vec::new(),
            distribution: None,
            hyperparameter_format: None,
            hyperparameters: Vec::new(),
            environment: Vec::new(),
            input_mode: InputMode::File,
            inputs: Vec::new(),
            max_pending: None,
            capacity: None,
            checkpoints: None,
            volume_gb: 30.into(),
            retries: None,
            vpc: None,
            key: None,
            role: RoleSettings::default(),
            switches: Vec::new(),
            observation: Observation::default(),
            metrics: Vec::new(),
            metrics_time_series: None,
            tags: Vec::new(),
            experiment: Vec::new(),
            mlflow: None,
            model_package_group: None,
            source_model_package: None,
            statements: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The directory of the training script, and the script in it. The directory is packed and uploaded with the
    /// stack; the training toolkit installs its `requirements.txt` and starts the script.
    #[track_caller]
    pub fn source(mut self, directory: Asset, entry_point: impl Into<String>) -> Self {
        let location = std::panic::Location::caller();
        self.source =
            Some(Source { code: Code::Asset(directory), entry_point: entry_point.into(), location });
        self
    }

    /// A training script in an archive, `sourcedir.tar.gz`, that is in S3 already.
    #[track_caller]
    pub fn source_archive(mut self, archive: impl Into<RunLocation>, entry_point: impl Into<String>) -> Self {
        let location = std::panic::Location::caller();
        let code = Code::Archive(Box::new(archive.into()));
        self.source = Some(Source { code, entry_point: entry_point.into(), location });
        self
    }

    /// The command that the container runs instead of its own: `ContainerEntrypoint`.
    #[track_caller]
    pub fn container_entrypoint<A: IntoValue<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.entrypoint = words.into_iter().map(|word| word.into().with_caller_location()).collect();
        self
    }

    /// The arguments of the container's command: `ContainerArguments`.
    #[track_caller]
    pub fn container_arguments<A: IntoValue<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.container_arguments = words.into_iter().map(|word| word.into().with_caller_location()).collect();
        self
    }

    /// How the processes share the work.
    pub fn distribution(mut self, distribution: impl Into<Distribution>) -> Self {
        self.distribution = Some(distribution.into());
        self
    }

    /// A hyperparameter; the script gets it as an argument. A job has at most 100, each of at most 2,500 characters.
    ///
    /// Jobs with a script or a distribution strategy write values as JSON, other jobs as plain text: see
    /// [`HyperparameterFormat`].
    #[track_caller]
    pub fn hyperparameter(mut self, name: impl Into<String>, value: impl Into<Hyperparameter>) -> Self {
        self.hyperparameters.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// How the values of hyperparameters are written, where the default is wrong for the image.
    pub fn hyperparameter_format(mut self, format: HyperparameterFormat) -> Self {
        self.hyperparameter_format = Some(format);
        self
    }

    /// An environment variable. Everybody who may describe the job can read it: do not put a secret here, use
    /// [`secret`](Self::secret).
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.environment.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// A secret of AWS Secrets Manager: the environment variable contains its ARN, and the role may read its value.
    /// The script gets the value with `secretsmanager.get_secret_value(SecretId=os.environ[NAME])`.
    #[track_caller]
    pub fn secret(mut self, variable: impl Into<String>, arn: impl IntoValue<String>) -> Self {
        let arn = arn.into().with_caller_location();
        self.statements.push(Statement::allow(["secretsmanager:GetSecretValue"]).on(&arn));
        self.environment.push((variable.into(), arn));
        self
    }

    /// Data that the job reads from `/opt/ml/input/data/` and the channel's name: a location in S3, the output of
    /// another step, or an [`Input`].
    #[track_caller]
    pub fn input(mut self, channel: impl IntoValue<String>, input: impl Into<Input>) -> Self {
        self.inputs.push((channel.into().with_caller_location(), input.into()));
        self
    }

    /// How data in S3 reaches the container, for channels that do not set it; [`InputMode::File`] unless set.
    pub fn input_mode(mut self, mode: InputMode) -> Self {
        self.input_mode = mode;
        self
    }

    /// How the model is stored; as an archive unless set.
    pub fn output_compression(mut self, compression: OutputCompression) -> Self {
        self.output_compression = Some(compression);
        self
    }

    /// How long it may run; one day unless set.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = Some(time.into().0.with_caller_location());
        self
    }

    /// How long it may wait for instances with accelerators: from 2 hours to 28 days.
    #[track_caller]
    pub fn max_pending(mut self, time: impl Into<Seconds>) -> Self {
        self.max_pending = Some(time.into().0.with_caller_location());
        self
    }

    /// Where the instances come from; on demand unless set.
    pub fn capacity(mut self, capacity: impl Into<TrainingCapacity>) -> Self {
        self.capacity = Some(capacity.into());
        self
    }

    /// Where checkpoints are kept: below a location, in a directory for each run, unless [`Checkpoints`] says
    /// otherwise. [`Spot`](super::Spot) has a location of its own.
    pub fn checkpoints(mut self, checkpoints: impl Into<Checkpoints>) -> Self {
        self.checkpoints = Some(checkpoints.into());
        self
    }

    /// The size of each instance's volume in GB, 30 unless set. Types with NVMe storage have that instead.
    #[track_caller]
    pub fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = unquoted(size).with_caller_location();
        self
    }

    /// How often SageMaker tries again after an internal error, 1 to 30 times: `RetryStrategy`.
    #[track_caller]
    pub fn retries(mut self, attempts: impl IntoValue<i64>) -> Self {
        self.retries = Some(unquoted(attempts).with_caller_location());
        self
    }

    /// Connects the job to subnets and security groups of a VPC.
    pub fn vpc(mut self, vpc: VpcConfig) -> Self {
        self.vpc = Some(vpc);
        self
    }

    /// Encrypts volumes and output with a KMS key: a handle, an ARN or an alias. Without it the output is encrypted with
    /// the key of its bucket, and volumes with a key of SageMaker.
    #[track_caller]
    pub fn kms_key(mut self, key: impl Into<EncryptionKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    #[track_caller]
    fn switch(mut self, path: &'static [&'static str], value: impl IntoValue<bool>) -> Self {
        self.switches.retain(|(known, _)| *known != path);
        self.switches.push((path, value.into().with_caller_location()));
        self
    }

    /// Encrypts the traffic between containers, which makes distributed training slower.
    #[track_caller]
    pub fn encrypt_between_containers(self) -> Self {
        self.switch(&["EnableInterContainerTrafficEncryption"], true)
    }

    /// Gives the containers no network access except to each other.
    #[track_caller]
    pub fn network_isolation(self) -> Self {
        self.switch(&["EnableNetworkIsolation"], true)
    }

    /// Allows to connect to the running container through AWS Systems Manager. The role gets the permissions of
    /// the SSM agent.
    #[track_caller]
    pub fn remote_debug(self) -> Self {
        self.switch(&["RemoteDebugConfig", "EnableRemoteDebug"], true)
    }

    /// Whether SageMaker checks the instances' accelerators before the job starts.
    #[track_caller]
    pub fn infrastructure_check(self, is_on: impl IntoValue<bool>) -> Self {
        self.switch(&["InfraCheckConfig", "EnableInfraCheck"], is_on)
    }

    /// Passes the session tags of the caller on to the job's role.
    #[track_caller]
    pub fn session_tag_chaining(self) -> Self {
        self.switch(&["SessionChainingConfig", "EnableSessionTagChaining"], true)
    }

    /// The profiler: where it writes to, or [`Profiler::disabled`].
    pub fn profiler(mut self, profiler: impl Into<Profiler>) -> Self {
        self.observation.profiler = Some(profiler.into());
        self
    }

    /// A rule of the profiler.
    pub fn profiler_rule(mut self, rule: DebuggerRule) -> Self {
        self.observation.profiler_rules.push(rule);
        self
    }

    /// The hook of SageMaker Debugger that saves tensors.
    pub fn debugger(mut self, hook: impl Into<DebuggerHook>) -> Self {
        self.observation.debugger = Some(hook.into());
        self
    }

    /// A rule of SageMaker Debugger.
    pub fn debugger_rule(mut self, rule: DebuggerRule) -> Self {
        self.observation.debugger_rules.push(rule);
        self
    }

    /// Where the files that TensorBoard reads are written.
    pub fn tensor_board(mut self, output: impl Into<TensorBoard>) -> Self {
        self.observation.tensor_board = Some(output.into());
        self
    }

    /// A metric that a regular expression finds in the log.
    #[track_caller]
    pub fn metric(mut self, name: impl IntoValue<String>, regex: impl IntoValue<String>) -> Self {
        self.metrics.push((name.into().with_caller_location(), regex.into().with_caller_location()));
        self
    }

    /// Whether metrics are kept as time series for SageMaker's consoles: `EnableSageMakerMetricsTimeSeries`. It is
    /// on for jobs with metrics unless set; the SageMaker Python SDK turns it on for every framework image that
    /// supports it.
    #[track_caller]
    pub fn metrics_time_series(mut self, is_on: impl IntoValue<bool>) -> Self {
        self.metrics_time_series = Some(is_on.into().with_caller_location());
        self
    }

    /// A tag of the job.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.tags.push((key.into(), value.into().with_caller_location()));
        self
    }

    /// The experiment and the trial that the job belongs to.
    #[track_caller]
    pub fn experiment(mut self, experiment: impl IntoValue<String>, trial: impl IntoValue<String>) -> Self {
        self.experiment.push(("ExperimentName", experiment.into().with_caller_location()));
        self.experiment.push(("TrialName", trial.into().with_caller_location()));
        self
    }

    /// The name under which the job is shown in its trial: `TrialComponentDisplayName`.
    #[track_caller]
    pub fn trial_component(mut self, display_name: impl IntoValue<String>) -> Self {
        self.experiment.push(("TrialComponentDisplayName", display_name.into().with_caller_location()));
        self
    }

    /// The experiment and the run of SageMaker Experiments that the job belongs to.
    #[track_caller]
    pub fn experiment_run(mut self, experiment: impl IntoValue<String>, run: impl IntoValue<String>) -> Self {
        self.experiment.push(("ExperimentName", experiment.into().with_caller_location()));
        self.experiment.push(("RunName", run.into().with_caller_location()));
        self
    }

    /// Records the job in managed MLflow.
    pub fn mlflow(mut self, mlflow: Mlflow) -> Self {
        self.mlflow = Some(mlflow);
        self
    }

    /// The model package group that a customized model is registered in, by its ARN.
    #[track_caller]
    pub fn model_package_group(mut self, arn: impl IntoValue<String>) -> Self {
        self.model_package_group = Some(arn.into().with_caller_location());
        self
    }

    /// The model package that a customization continues from, by its ARN.
    #[track_caller]
    pub fn source_model_package(mut self, arn: impl IntoValue<String>) -> Self {
        self.source_model_package = Some(arn.into().with_caller_location());
        self
    }

    /// Sets any member of the request by its JSON pointer, such as `/ResourceConfig/InstancePlacementConfig`, also one
    /// that has a setter: the escape hatch. The result is checked like the rest of the request.
    #[track_caller]
    pub fn set(mut self, pointer: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.others.push((pointer.into(), value.into().with_caller_location()));
        self
    }

    /// The job without the hyperparameters that are tuned: SageMaker refuses one that is fixed and tuned at once.
    pub(crate) fn without_hyperparameters(mut self, is_tuned: impl Fn(&str) -> bool) -> Self {
        self.hyperparameters.retain(|(name, _)| !is_tuned(name));
        self
    }

    /// Where the model is stored.
    pub(crate) fn output(&self) -> &RunLocation {
        &self.output
    }

    /// Whether the model is stored as files instead of an archive.
    pub(crate) fn stores_files(&self) -> bool {
        self.output_compression == Some(OutputCompression::None)
    }

    /// Whether it runs on spot capacity.
    pub(crate) fn is_spot(&self) -> bool {
        matches!(self.capacity, Some(TrainingCapacity::Spot(_)))
    }

    /// How its hyperparameters are written.
    pub(super) fn format(&self) -> HyperparameterFormat {
        let by_toolkit = self.source.is_some()
            || self.distribution.is_some()
            || matches!(self.algorithm, Algorithm::PyTorch { .. });
        self.hyperparameter_format.unwrap_or(match by_toolkit {
            true => HyperparameterFormat::Json,
            false => HyperparameterFormat::Plain,
        })
    }
}

impl RoleOptions for TrainingJob {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}
