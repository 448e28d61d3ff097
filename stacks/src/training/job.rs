//! The training job, with a setter for every member of the request.

use stackwright_estimate::memory::{self, ModelShape, Training};
use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{Asset, CallerLocation, IntoValue, Json, Value};

use super::capacity::TrainingCapacity;
use super::checkpoints::Checkpoints;
use super::customization::{Customization, Mlflow};
use super::distribution::Distribution;
use super::experiment::{ExperimentOptions, ExperimentSettings};
use super::hyperparameter::{Hyperparameter, HyperparameterFormat};
use super::input::{Input, InputMode};
use super::instances::Instances;
use super::observation::{DebuggerHook, DebuggerRule, Observation, Profiler, TensorBoard};
use super::recipe::{RECIPE_CHANNEL, RECIPE_FILE};
use super::run::RunLocation;
use crate::duration::Seconds;
use crate::iam::{RoleOptions, RoleSettings, Statement};
use crate::image::ContainerImage;
use crate::key::EncryptionKey;
use crate::secret::SecretReference;
use crate::vpc::VpcConfig;

/// A training job: a `CreateTrainingJob` request that a pipeline, a state machine or a schedule sends when it runs.
///
/// By default, the job runs for at most one day on on-demand instances with a volume of 30 GB, and its role may only read the
/// inputs and write the output.
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
#[must_use]
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
    pub(super) experiment: ExperimentSettings,
    pub(super) mlflow: Option<Mlflow>,
    pub(super) model_package_group: Option<Value<String>>,
    pub(super) source_model_package: Option<Value<String>>,
    pub(super) statements: Vec<Statement>,
    pub(super) others: Vec<(String, Value<Json>)>,
    /// A recipe of HyperPod, and the location in the program that sets it.
    pub(super) recipe: Option<(String, CallerLocation)>,
    /// A recipe that the image reads from a channel, and the location in the program that sets it.
    pub(super) recipe_channel: Option<(String, CallerLocation)>,
    pub(super) memory: Option<serde_json::Value>,
}

/// The training algorithm.
#[derive(Clone, Debug)]
pub(super) enum Algorithm {
    /// PyTorch, in the AWS image that the distribution strategy and the instance type need.
    PyTorch { version: String, source: CallerLocation },
    /// A training image.
    Image(ContainerImage),
    /// An algorithm resource of SageMaker, by its name or ARN.
    Named(Value<String>),
    /// Serverless model customization: SageMaker chooses the image and the instances.
    Customization(Box<Customization>),
}

/// The training script.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub code: Code,
    pub entry_point: String,
    pub location: CallerLocation,
}

/// The origin of the script's directory.
#[derive(Clone, Debug)]
pub(super) enum Code {
    /// A directory that is packed and uploaded with the stack.
    Asset(Asset),
    /// An archive `sourcedir.tar.gz` that is in S3 already.
    Archive(Box<RunLocation>),
}

/// How a training job stores the model in S3 (`OutputDataConfig.CompressionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputCompression {
    /// The model is stored as one archive, `model.tar.gz`. This is the default.
    Gzip,
    /// The files of the model are stored below a prefix, without an archive, so that large models are uploaded and deployed
    /// faster.
    None,
}

impl TrainingJob {
    /// Creates a job that runs a PyTorch image of AWS on the given instances, and stores the model below `output`. `version` is
    /// the version of PyTorch, such as `2.6.0`; an unknown version is an error at the caller's line.
    ///
    /// The image is the deep learning container for the processor of the instance type or, with
    /// [`ModelParallel`](super::ModelParallel), the image of the SageMaker model parallelism library. Set the script with
    /// [`source`](Self::source). The role of the job may write below `output`.
    #[track_caller]
    pub fn pytorch(version: impl Into<String>, instances: Instances, output: impl Into<RunLocation>) -> Self {
        let source = std::panic::Location::caller();
        Self::of(Algorithm::PyTorch { version: version.into(), source }, Some(instances), output.into())
    }

    /// Creates a job that runs an image on the given instances, and stores the model below `output`. The image is a framework
    /// container, a built-in algorithm of SageMaker, or a custom image. The role of the job may write below `output`.
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

    /// Creates a job that runs an algorithm of the account or of AWS Marketplace, given by its name or ARN, on the given
    /// instances, and stores the model below `output`. The role of the job may write below `output`.
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

    /// Creates a job of serverless model customization: SageMaker fine-tunes or evaluates a model of a hub, chooses the image and
    /// the instances, and stores the result below `output`. The role of the job may write below `output`.
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
            experiment: ExperimentSettings::default(),
            mlflow: None,
            model_package_group: None,
            source_model_package: None,
            statements: Vec::new(),
            others: Vec::new(),
            recipe: None,
            recipe_channel: None,
            memory: None,
        }
    }

    /// Sets the directory of the training script, and the path of the script in the directory, such as `train.py`. The
    /// directory is packed and uploaded with the stack's assets; the training toolkit in the image installs its
    /// `requirements.txt` and starts the script. It replaces [`source_archive`](Self::source_archive). By default, the image
    /// runs its own program.
    #[track_caller]
    pub fn source(mut self, directory: Asset, entry_point: impl Into<String>) -> Self {
        let location = std::panic::Location::caller();
        self.source =
            Some(Source { code: Code::Asset(directory), entry_point: entry_point.into(), location });
        self
    }

    /// Runs a recipe of SageMaker HyperPod as a training job, with the directory of the script that reads the recipe, the path
    /// of the script in the directory, and the text of the recipe in YAML. The recipe becomes `recipe.yaml` in the directory,
    /// and the script gets its name in the hyperparameters `config-path` and `config-name`, as the SageMaker Python SDK
    /// 2.257.7 sends them.
    ///
    /// On GPUs the script is one of the `examples` of AWS's repository `sagemaker-training-adapter-for-nemo`, such as
    /// `llama_pretrain.py`, and the strategy is [`ModelParallel`](super::ModelParallel). An interpolation of OmegaConf
    /// (`${…}`), a recipe without the member `trainer`, or a `trainer.num_nodes` that is not the number of instances is an
    /// error at the caller's line.
    ///
    /// ```
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::training::{Instances, ModelParallel, TrainingJob};
    /// use stackwright_synth::Asset;
    ///
    /// let scripts = Asset::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    /// let recipe = "trainer:\n  num_nodes: 2\nmodel:\n  model_type: llama_v3\n";
    /// TrainingJob::pytorch("2.4.1", Instances::of("ml.p5.48xlarge", 2), S3Location::new("my-runs", "models"))
    ///     .distribution(ModelParallel::new().parameter("placement_strategy", "cluster"))
    ///     .recipe(scripts, "llama_pretrain.py", recipe);
    /// ```
    #[track_caller]
    pub fn recipe(
        mut self,
        directory: Asset,
        entry_point: impl Into<String>,
        recipe: impl Into<String>,
    ) -> Self {
        let location = std::panic::Location::caller();
        let recipe = recipe.into();
        self.recipe = Some((recipe.clone(), location));
        self.source(directory.file(RECIPE_FILE, recipe), entry_point)
            .hyperparameter("config-path", ".")
            .hyperparameter("config-name", RECIPE_FILE)
    }

    /// Runs a recipe of SageMaker HyperPod, given by its text in YAML, whose image reads the recipe from an input channel: the
    /// recipes for fine-tuning with `llmft` and `verl`, and those of Nova models. The recipe is uploaded with the stack's assets
    /// as `recipe.yaml` and added as the channel `recipe`; the hyperparameter `sagemaker_recipe_local_path` is its path, as the
    /// SageMaker Python SDK 2.257.7 sends it. The image of the job is the one that AWS publishes for the recipe.
    ///
    /// An interpolation of OmegaConf (`${…}`), or a `trainer.num_nodes` that is not the number of instances, is an error at the
    /// caller's line.
    ///
    /// ```
    /// use stackwright_stacks::training::{Instances, TrainingJob};
    /// use stackwright_stacks::{ContainerImage, S3Location};
    ///
    /// let image = "327873000638.dkr.ecr.us-east-1.amazonaws.com/hyperpod-recipes:llmft-v1.0.0";
    /// let recipe = "run:\n  model_type: llm_finetuning_aws\ntrainer:\n  num_nodes: 1\ntraining_config: {}\n";
    /// TrainingJob::new(
    ///     ContainerImage::from_uri(image),
    ///     Instances::of("ml.p5.48xlarge", 1),
    ///     S3Location::new("my-runs", "models"),
    /// )
    /// .input("train", S3Location::new("my-data", "train/"))
    /// .recipe_channel(recipe);
    /// ```
    #[track_caller]
    pub fn recipe_channel(mut self, recipe: impl Into<String>) -> Self {
        self.recipe_channel = Some((recipe.into(), std::panic::Location::caller()));
        let path = format!("\"/opt/ml/input/data/{RECIPE_CHANNEL}/{RECIPE_FILE}\"");
        self.hyperparameter("sagemaker_recipe_local_path", Hyperparameter::plain(path))
    }

    /// Sets the archive of the training script, a `sourcedir.tar.gz` that is in S3 already, and the path of the
    /// script in the archive. The role of the job may read the archive. It replaces [`source`](Self::source).
    #[track_caller]
    pub fn source_archive(mut self, archive: impl Into<RunLocation>, entry_point: impl Into<String>) -> Self {
        let location = std::panic::Location::caller();
        let code = Code::Archive(Box::new(archive.into()));
        self.source = Some(Source { code, entry_point: entry_point.into(), location });
        self
    }

    /// Sets the command that the container runs, as a list of words (`ContainerEntrypoint`). The default is the command of the
    /// image.
    #[track_caller]
    pub fn container_entrypoint<A: IntoValue<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.entrypoint = words.into_iter().map(|word| word.into().with_caller_location()).collect();
        self
    }

    /// Sets the arguments of the container's command, as a list of words (`ContainerArguments`). By default, there are none.
    #[track_caller]
    pub fn container_arguments<A: IntoValue<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.container_arguments = words.into_iter().map(|word| word.into().with_caller_location()).collect();
        self
    }

    /// Sets the distribution strategy of the job, such as [`Fsdp`](super::Fsdp). By default, the job has none.
    pub fn distribution(mut self, distribution: impl Into<Distribution>) -> Self {
        self.distribution = Some(distribution.into());
        self
    }

    /// Sets a hyperparameter, which the script gets as an argument. A job has at most 100 hyperparameters of at most
    /// 2,500 characters each. A second call for the same name replaces the value.
    ///
    /// Jobs with a script or a distribution strategy write values as JSON, other jobs as plain text: see
    /// [`HyperparameterFormat`].
    #[track_caller]
    pub fn hyperparameter(mut self, name: impl Into<String>, value: impl Into<Hyperparameter>) -> Self {
        self.hyperparameters.push((name.into(), value.into().with_caller_location()));
        self
    }

    /// Sets the format of the values of hyperparameters. The default is [`HyperparameterFormat::Json`] for jobs with a script,
    /// with a distribution strategy, or of [`pytorch`](Self::pytorch), and [`HyperparameterFormat::Plain`] for others.
    pub fn hyperparameter_format(mut self, format: HyperparameterFormat) -> Self {
        self.hyperparameter_format = Some(format);
        self
    }

    /// Sets an environment variable of the container (`Environment`). Everybody who may describe the job can read the
    /// value: do not set it to a secret; use [`secret`](Self::secret). For a location in S3, such as that of a compile
    /// cache, use [`environment_location`](Self::environment_location), which also gives the role access. A second call
    /// for the same name replaces the value.
    #[track_caller]
    pub fn environment(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.environment, name, value.into().with_caller_location());
        self
    }

    /// Sets an environment variable to a location in S3, and allows the role to read and write below it with the KMS
    /// key of its bucket (`Environment`): for the compile cache of AWS Neuron (`NEURON_COMPILE_CACHE_URL`), for
    /// example.
    #[track_caller]
    pub fn environment_location(self, name: impl Into<String>, location: impl Into<RunLocation>) -> Self {
        let location = location.into();
        let mut job = self.environment(name, location.uri());
        job.statements.extend(location.write());
        job
    }

    /// Sets an environment variable to the ARN of a secret of AWS Secrets Manager, and allows the role to read its
    /// value. The script gets the value with `secretsmanager.get_secret_value(SecretId=os.environ[NAME])`.
    #[track_caller]
    pub fn secret(mut self, variable: impl Into<String>, secret: impl Into<SecretReference>) -> Self {
        let secret = secret.into();
        self.statements.extend(secret.allow_read());
        crate::entries::set(&mut self.environment, variable, secret.arn().clone());
        self
    }

    /// Adds an input channel with a name, which the container reads at `/opt/ml/input/data/NAME`: a location in S3, the output of
    /// another step, or an [`Input`]. The role of the job may read the data. By default, there are no channels.
    #[track_caller]
    pub fn input(mut self, channel: impl IntoValue<String>, input: impl Into<Input>) -> Self {
        self.inputs.push((channel.into().with_caller_location(), input.into()));
        self
    }

    /// Sets the input mode of channels that do not set one. The default is [`InputMode::File`].
    pub fn input_mode(mut self, mode: InputMode) -> Self {
        self.input_mode = mode;
        self
    }

    /// Sets how the model is stored. The default is [`OutputCompression::Gzip`].
    pub fn output_compression(mut self, compression: OutputCompression) -> Self {
        self.output_compression = Some(compression);
        self
    }

    /// Sets the maximum run time (`MaxRuntimeInSeconds`). The default is one day; for a [`serverless`](Self::serverless) job, the
    /// property is not set.
    #[track_caller]
    pub fn max_run(mut self, time: impl Into<Seconds>) -> Self {
        self.max_run = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the maximum time that the job may stay pending while it waits for capacity, from 2 hours to 28 days
    /// (`MaxPendingTimeInSeconds`). Without this call, the property is not set.
    #[track_caller]
    pub fn max_pending(mut self, time: impl Into<Seconds>) -> Self {
        self.max_pending = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the capacity that the job runs on: [`Spot`](super::Spot), a [`WarmPool`](super::WarmPool) or a
    /// [`TrainingPlan`](super::TrainingPlan). The default is on-demand instances.
    pub fn capacity(mut self, capacity: impl Into<TrainingCapacity>) -> Self {
        self.capacity = Some(capacity.into());
        self
    }

    /// Sets the location of checkpoints in S3. Each run has its own directory below the location, unless
    /// [`Checkpoints::continuing`] is used. The role of the job may read and write there. By default, there are no checkpoints.
    /// With [`Spot`](super::Spot), the location of `Spot` replaces this one.
    pub fn checkpoints(mut self, checkpoints: impl Into<Checkpoints>) -> Self {
        self.checkpoints = Some(checkpoints.into());
        self
    }

    /// Sets the size of the EBS volume of each instance in GB (`VolumeSizeInGB`). The default is 30. Instance types
    /// with local NVMe storage have no EBS volume.
    #[track_caller]
    pub fn volume_gb(mut self, size: impl IntoValue<i64>) -> Self {
        self.volume_gb = unquoted(size).with_caller_location();
        self
    }

    /// Sets the number of retries after an internal error of SageMaker, 1 to 30 (`RetryStrategy`). The default is none, and 3 with
    /// [`Spot`](super::Spot).
    #[track_caller]
    pub fn retries(mut self, attempts: impl IntoValue<i64>) -> Self {
        self.retries = Some(unquoted(attempts).with_caller_location());
        self
    }

    /// Connects the job to subnets and security groups of a VPC. The role of the job gets the permissions for network interfaces.
    /// By default, the job is not connected to a VPC.
    pub fn vpc(mut self, vpc: impl Into<VpcConfig>) -> Self {
        self.vpc = Some(vpc.into());
        self
    }

    /// Encrypts volumes and output with a KMS key, given as a handle, an ARN, an ID or an alias (`VolumeKmsKeyId` and
    /// `KmsKeyId`). By default, they are encrypted with the default key of the stack; if there is none, the output is
    /// encrypted with the key of its bucket, and volumes with a key of SageMaker. Local NVMe storage is encrypted with
    /// a key of the instance.
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

    /// Encrypts the traffic between the containers of the job, which makes distributed training slower
    /// (`EnableInterContainerTrafficEncryption`). By default, it is not encrypted.
    #[track_caller]
    pub fn encrypt_between_containers(self) -> Self {
        self.switch(&["EnableInterContainerTrafficEncryption"], true)
    }

    /// Disables the network access of the containers, except to each other (`EnableNetworkIsolation`). By default, they have
    /// network access.
    #[track_caller]
    pub fn network_isolation(self) -> Self {
        self.switch(&["EnableNetworkIsolation"], true)
    }

    /// Enables remote debugging: connections to the running container through AWS Systems Manager (`RemoteDebugConfig`). The role
    /// gets the permissions that the SSM Agent needs. By default, it is disabled.
    #[track_caller]
    pub fn remote_debug(self) -> Self {
        self.switch(&["RemoteDebugConfig", "EnableRemoteDebug"], true)
    }

    /// Sets whether SageMaker checks the accelerators of the instances before the job starts (`InfraCheckConfig`). Without this
    /// call, the property is not set.
    #[track_caller]
    pub fn infrastructure_check(self, is_on: impl IntoValue<bool>) -> Self {
        self.switch(&["InfraCheckConfig", "EnableInfraCheck"], is_on)
    }

    /// Passes the session tags of the principal that starts the job to the role of the job (`SessionChainingConfig`). By default,
    /// they are not passed.
    #[track_caller]
    pub fn session_tag_chaining(self) -> Self {
        self.switch(&["SessionChainingConfig", "EnableSessionTagChaining"], true)
    }

    /// Sets the profiler (`ProfilerConfig`): a location in S3 for its data, a [`Profiler`], or [`Profiler::disabled`]. The role of
    /// the job may write to the location. Without this call, the property is not set. Jobs of a tuning job have no profiler.
    pub fn profiler(mut self, profiler: impl Into<Profiler>) -> Self {
        self.observation.profiler = Some(profiler.into());
        self
    }

    /// Adds a rule of the profiler (`ProfilerRuleConfigurations`). By default, there are none. Jobs of a tuning job have no rules.
    pub fn profiler_rule(mut self, rule: DebuggerRule) -> Self {
        self.observation.profiler_rules.push(rule);
        self
    }

    /// Sets the hook of SageMaker Debugger that saves tensors (`DebugHookConfig`): a location in S3, or a [`DebuggerHook`]. The
    /// role of the job may write to the location. Without this call, the property is not set. Jobs of a tuning job have no hook.
    pub fn debugger(mut self, hook: impl Into<DebuggerHook>) -> Self {
        self.observation.debugger = Some(hook.into());
        self
    }

    /// Adds a rule of SageMaker Debugger (`DebugRuleConfigurations`). By default, there are none. Jobs of a tuning job have no
    /// rules.
    pub fn debugger_rule(mut self, rule: DebuggerRule) -> Self {
        self.observation.debugger_rules.push(rule);
        self
    }

    /// Sets the location in S3 to which files for TensorBoard are uploaded (`TensorBoardOutputConfig`). The role of the job may
    /// write there. By default, they are not uploaded. Jobs of a tuning job do not upload them.
    pub fn tensor_board(mut self, output: impl Into<TensorBoard>) -> Self {
        self.observation.tensor_board = Some(output.into());
        self
    }

    /// Adds a metric that SageMaker extracts from the log (`MetricDefinitions`): its name, and a regular expression
    /// whose first group is the value, such as `loss=([0-9.]+)`. By default, there are none.
    #[track_caller]
    pub fn metric(mut self, name: impl IntoValue<String>, regex: impl IntoValue<String>) -> Self {
        self.metrics.push((name.into().with_caller_location(), regex.into().with_caller_location()));
        self
    }

    /// Sets whether SageMaker keeps metrics as time series for its consoles (`EnableSageMakerMetricsTimeSeries`). The default is
    /// `true` for jobs with metrics; for other jobs, the property is not set. The SageMaker Python SDK enables it for every
    /// framework image that supports it.
    #[track_caller]
    pub fn metrics_time_series(mut self, is_on: impl IntoValue<bool>) -> Self {
        self.metrics_time_series = Some(is_on.into().with_caller_location());
        self
    }

    /// Adds a tag to the job (`Tags`). Jobs of a tuning job have the tags of the tuning job instead. A second call for the same key replaces
    /// the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    /// Sets the display name of the job in its trial of SageMaker Experiments (`TrialComponentDisplayName`). By default, SageMaker
    /// derives it from the name of the job.
    #[track_caller]
    pub fn trial_component(mut self, display_name: impl IntoValue<String>) -> Self {
        self.experiment.set("TrialComponentDisplayName", display_name.into().with_caller_location());
        self
    }

    /// Sets the name of the run of the experiment that the job belongs to (`ExperimentConfig`). By default, the job belongs to no
    /// run.
    #[track_caller]
    pub fn experiment_run(mut self, name: impl IntoValue<String>) -> Self {
        self.experiment.set("RunName", name.into().with_caller_location());
        self
    }

    /// Records the job in managed MLflow of SageMaker. The role of the job gets the permissions for the server. By default, the
    /// job is not recorded.
    pub fn mlflow(mut self, mlflow: Mlflow) -> Self {
        self.mlflow = Some(mlflow);
        self
    }

    /// Sets the model package group in which a customized model is registered, by its ARN (`ModelPackageConfig`). The role of the
    /// job may create versions in the group. By default, the model is not registered.
    #[track_caller]
    pub fn model_package_group(mut self, arn: impl IntoValue<String>) -> Self {
        self.model_package_group = Some(arn.into().with_caller_location());
        self
    }

    /// Sets the model package from which a customization continues, by its ARN (`SourceModelPackageArn`). Without
    /// [`model_package_group`](Self::model_package_group), it is an error.
    #[track_caller]
    pub fn source_model_package(mut self, arn: impl IntoValue<String>) -> Self {
        self.source_model_package = Some(arn.into().with_caller_location());
        self
    }

    /// Sets any member of the request by its JSON pointer, such as `/ResourceConfig/InstancePlacementConfig`, also
    /// one that has a setter. The result is checked like the rest of the request. The role may read a literal S3 URI in
    /// the value, and write below it if a member's name contains `Output` or `Checkpoint`; for other values, add
    /// [`allow_read`](RoleOptions::allow_read) or [`allow_write`](RoleOptions::allow_write).
    #[track_caller]
    pub fn set(mut self, pointer: impl Into<String>, value: impl IntoValue<Json>) -> Self {
        self.others.push((pointer.into(), value.into().with_caller_location()));
        self
    }

    /// States the shape of the model and the training step, so that `check`, `synth` and `estimate` compare the GPU
    /// memory of a step with that of the instances. They are written into the `Metadata` of the pipeline, the state machine or
    /// the schedule as `stackwright-memory`; the request of the job does not change.
    ///
    /// ```
    /// use stackwright_estimate::cost::Options;
    /// use stackwright_estimate::memory::{ModelShape, Strategy, Training, stated};
    /// use stackwright_stacks::S3Location;
    /// use stackwright_stacks::launch::{Pipeline, TrainingStep};
    /// use stackwright_stacks::training::{Instances, TrainingJob};
    /// use stackwright_synth::App;
    ///
    /// let config = serde_json::json!({
    ///     "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
    ///     "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 128256, "tie_word_embeddings": true
    /// });
    /// let shape = ModelShape::from_config(&config)?;
    /// // FSDP on 8 GPUs, 4 samples of 2,048 tokens on each.
    /// let step = Training::new(Strategy::FullShard, 2048).ranks(8).batch(4);
    /// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.p4d.24xlarge", 1), S3Location::new("my-runs", "models"))
    ///     .model_shape(&shape, &step);
    /// let app = App::new("language");
    /// let mut pipeline = Pipeline::new();
    /// pipeline.step("Train", TrainingStep::new(job));
    /// app.stack("Training").region("us-east-1").add("Train", pipeline);
    /// let found = stated(&app.synth()?, &Options::default());
    /// assert_eq!(found.len(), 1);
    /// assert!(found[0].estimate.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn model_shape(mut self, shape: &ModelShape, step: &Training) -> Self {
        self.memory = Some(memory::training_statement(shape, step));
        self
    }

    /// Removes the hyperparameters that are tuned, because SageMaker rejects a hyperparameter that is both static and
    /// tuned.
    pub(crate) fn without_hyperparameters(mut self, is_tuned: impl Fn(&str) -> bool) -> Self {
        self.hyperparameters.retain(|(name, _)| !is_tuned(name));
        self
    }

    /// Returns the location of the model.
    pub(crate) fn output(&self) -> &RunLocation {
        &self.output
    }

    /// Returns whether the model is stored as files instead of an archive.
    pub(crate) fn stores_files(&self) -> bool {
        self.output_compression == Some(OutputCompression::None)
    }

    /// Returns whether the job runs on spot instances.
    pub(crate) fn is_spot(&self) -> bool {
        matches!(self.capacity, Some(TrainingCapacity::Spot(_)))
    }

    /// Returns the format of hyperparameter values.
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

impl ExperimentOptions for TrainingJob {
    fn experiment_settings(&mut self) -> &mut ExperimentSettings {
        &mut self.experiment
    }
}

impl RoleOptions for TrainingJob {
    fn role_settings(&mut self) -> &mut RoleSettings {
        &mut self.role
    }
}
