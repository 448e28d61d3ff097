//! Debugging and profiling of training jobs: SageMaker Debugger's hook and rules, the profiler, and TensorBoard.

use std::time::Duration;

use stackwright_synth::{IntoValue, Map, Properties, Scope, Value};

use super::built_in_rule::BuiltInRule;
use super::run::RunLocation;
use crate::document::list;
use crate::iam::{self, Statement};
use crate::image::ContainerImage;

/// The profiler of a training job (`ProfilerConfig`): the system metrics and the framework profile. A location in S3 converts
/// into a profiler that stores its data there.
///
/// The SageMaker Python SDK requests the profiler for every job, with the job's output path. A job of this library requests
/// the profiler only if [`TrainingJob::profiler`](super::TrainingJob::profiler) is called.
///
/// ```
/// use std::time::Duration;
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::Profiler;
///
/// Profiler::new(S3Location::new("my-runs", "profiles/")).interval(Duration::from_millis(500));
/// Profiler::disabled();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Profiler {
    output: Option<RunLocation>,
    interval: Option<i64>,
    parameters: Map<String>,
}

impl Profiler {
    /// Creates a profiler that stores its data below a location in S3.
    pub fn new(output: impl Into<RunLocation>) -> Self {
        Self { output: Some(output.into()), interval: None, parameters: Map::default() }
    }

    /// Creates a configuration that disables the profiler explicitly (`DisableProfiler`).
    pub fn disabled() -> Self {
        Self { output: None, interval: None, parameters: Map::default() }
    }

    /// Sets the interval of system metrics (`ProfilingIntervalInMilliseconds`): 100, 200 or 500 milliseconds, 1, 5 or
    /// 60 seconds. SageMaker's default is 500 milliseconds.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(i64::try_from(interval.as_millis()).unwrap_or(i64::MAX));
        self
    }

    /// Sets a parameter of the framework profiler (`ProfilingParameters`): its name, such as `DetailedProfilingConfig`, and its
    /// value, which is JSON for most of them. Neither is validated.
    #[track_caller]
    pub fn parameter(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.parameters = self.parameters.set(name, value.into().with_caller_location());
        self
    }

    fn config(&self) -> Properties {
        let mut config = Properties::default();
        config.put("DisableProfiler", self.output.is_none());
        if let Some(output) = &self.output {
            config.put("S3OutputPath", output.uri());
        }
        if let Some(interval) = self.interval {
            config.put("ProfilingIntervalInMilliseconds", interval);
        }
        if !self.parameters.is_empty() {
            config.put("ProfilingParameters", self.parameters.clone());
        }
        config
    }
}

impl<L: Into<RunLocation>> From<L> for Profiler {
    fn from(output: L) -> Self {
        Self::new(output)
    }
}

/// The hook of SageMaker Debugger in a training job (`DebugHookConfig`), which saves tensors. A location in S3 converts into a
/// hook that stores its data there.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::DebuggerHook;
///
/// DebuggerHook::new(S3Location::new("my-runs", "tensors/"))
///     .collection("gradients", [("save_interval", "500")])
///     .parameter("save_interval", "100");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DebuggerHook {
    output: RunLocation,
    local_path: Option<Value<String>>,
    collections: Vec<(String, Map<String>)>,
    writes_empty_collections: bool,
    parameters: Map<String>,
}

impl DebuggerHook {
    /// Creates a hook that saves tensors below a location in S3, without stating collections.
    pub fn new(output: impl Into<RunLocation>) -> Self {
        Self {
            output: output.into(),
            local_path: None,
            collections: Vec::new(),
            writes_empty_collections: false,
            parameters: Map::default(),
        }
    }

    /// States an empty list of collections explicitly, as the SageMaker Python SDK does. By default, the list is not stated. It
    /// has no effect if there are collections.
    pub fn without_collections(mut self) -> Self {
        self.writes_empty_collections = true;
        self
    }

    /// Adds a collection of tensors by its name, such as `gradients`, with its parameters, such as `save_interval`.
    #[track_caller]
    pub fn collection<K: Into<String>, V: IntoValue<String>>(
        mut self,
        name: impl Into<String>,
        parameters: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let parameters = parameters
            .into_iter()
            .fold(Map::default(), |map, (key, value)| map.set(key, value.into().with_caller_location()));
        self.collections.push((name.into(), parameters));
        self
    }

    /// Sets a parameter of the hook (`HookParameters`), such as `save_interval` with the value `100`. Neither the name nor the
    /// value is validated.
    #[track_caller]
    pub fn parameter(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.parameters = self.parameters.set(name, value.into().with_caller_location());
        self
    }

    /// Sets the directory in the container that the hook writes to (`LocalPath`). The default is
    /// `/opt/ml/output/tensors`.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    fn config(&self) -> Properties {
        let mut config = Properties::default();
        config.put("S3OutputPath", self.output.uri());
        if let Some(path) = &self.local_path {
            config.put("LocalPath", path);
        }
        if !self.collections.is_empty() || self.writes_empty_collections {
            let collections = self.collections.iter().map(|(name, parameters)| {
                let mut collection = Properties::default();
                collection.put("CollectionName", name);
                if !parameters.is_empty() {
                    collection.put("CollectionParameters", parameters.clone());
                }
                collection
            });
            config.put("CollectionConfigurations", list(collections));
        }
        if !self.parameters.is_empty() {
            config.put("HookParameters", self.parameters.clone());
        }
        config
    }
}

impl<L: Into<RunLocation>> From<L> for DebuggerHook {
    fn from(output: L) -> Self {
        Self::new(output)
    }
}

/// A rule of SageMaker Debugger or of the profiler of a training job: a processing job that runs at the same time and evaluates
/// the data that the training job saves.
///
/// ```
/// use stackwright_stacks::ContainerImage;
/// use stackwright_stacks::training::{BuiltInRule, DebuggerRule};
///
/// let rules = ContainerImage::ecr(
///     "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest",
///     "arn:aws:ecr:us-east-1:503895931360:repository/sagemaker-debugger-rules",
/// );
/// DebuggerRule::built_in(BuiltInRule::VanishingGradient, rules).parameter("threshold", "0.0000001");
/// let own = ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/rules:1");
/// DebuggerRule::custom("DeadUnits", own);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DebuggerRule {
    name: Value<String>,
    image: ContainerImage,
    parameters: Map<String>,
    instance_type: Option<Value<String>>,
    volume_gb: Option<Value<i64>>,
    output: Option<RunLocation>,
    local_path: Option<Value<String>>,
}

impl DebuggerRule {
    /// Creates a rule that AWS maintains, with the image that evaluates the rule.
    #[track_caller]
    pub fn built_in(rule: BuiltInRule, evaluator: ContainerImage) -> Self {
        Self::custom(rule.name(), evaluator).parameter("rule_to_invoke", rule.name())
    }

    /// Creates a rule in a custom image, with a name for its configuration (`RuleConfigurationName`).
    #[track_caller]
    pub fn custom(name: impl IntoValue<String>, evaluator: ContainerImage) -> Self {
        Self {
            name: name.into().with_caller_location(),
            image: evaluator,
            parameters: Map::default(),
            instance_type: None,
            volume_gb: None,
            output: None,
            local_path: None,
        }
    }

    /// Sets the name of the rule's configuration (`RuleConfigurationName`). The default is the name of the rule.
    #[track_caller]
    pub fn configuration_name(mut self, name: impl IntoValue<String>) -> Self {
        self.name = name.into().with_caller_location();
        self
    }

    /// Sets a parameter of the rule (`RuleParameters`), such as `threshold` with the value `0.0000001`. Neither the name nor the
    /// value is validated.
    #[track_caller]
    pub fn parameter(mut self, name: impl Into<String>, value: impl IntoValue<String>) -> Self {
        self.parameters = self.parameters.set(name, value.into().with_caller_location());
        self
    }

    /// Sets the instance type on which the rule is evaluated, such as `ml.m5.xlarge`, and the size of its volume in GB
    /// (`InstanceType` and `VolumeSizeInGB`). By default, SageMaker chooses.
    #[track_caller]
    pub fn instance(mut self, instance_type: impl IntoValue<String>, volume_gb: impl IntoValue<i64>) -> Self {
        self.instance_type = Some(crate::instance_type::checked(instance_type));
        self.volume_gb = Some(volume_gb.into().with_caller_location());
        self
    }

    /// Sets the location in S3 of the rule's results (`S3OutputPath`). The role of the job may write there. Without this call,
    /// the property is not set.
    pub fn output(mut self, location: impl Into<RunLocation>) -> Self {
        self.output = Some(location.into());
        self
    }

    /// Sets the directory in the rule's container whose content is uploaded to S3 (`LocalPath`). The default is
    /// `/opt/ml/processing/output/rule/`.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    fn config(&self, scope: &mut Scope<'_>, statements: &mut Vec<Statement>) -> Properties {
        let image = self.image.clone().resolve(scope);
        let mut config = Properties::default();
        config.put("RuleConfigurationName", &self.name);
        config.put("RuleEvaluatorImage", &image.uri);
        statements.extend(iam::container(&"/aws/sagemaker/ProcessingJobs".into(), &image));
        if let Some(instance_type) = &self.instance_type {
            config.put("InstanceType", instance_type);
        }
        if let Some(size) = &self.volume_gb {
            config.put("VolumeSizeInGB", size);
        }
        if let Some(output) = &self.output {
            config.put("S3OutputPath", output.uri());
            statements.extend(output.write());
        }
        if let Some(path) = &self.local_path {
            config.put("LocalPath", path);
        }
        if !self.parameters.is_empty() {
            config.put("RuleParameters", self.parameters.clone());
        }
        config
    }
}

/// The output of a training job for TensorBoard (`TensorBoardOutputConfig`). A location in S3 converts into an output that is
/// stored there.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::TensorBoard;
///
/// TensorBoard::new(S3Location::new("my-runs", "tensorboard/")).local_path("/opt/ml/output/tensorboard");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TensorBoard {
    output: RunLocation,
    local_path: Option<Value<String>>,
}

impl TensorBoard {
    /// Creates an output whose files are uploaded to a location in S3.
    pub fn new(output: impl Into<RunLocation>) -> Self {
        Self { output: output.into(), local_path: None }
    }

    /// Sets the directory of the files in the container (`LocalPath`). The default is `/opt/ml/output/tensorboard`.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    fn config(&self) -> Properties {
        let mut config = Properties::default();
        config.put("S3OutputPath", self.output.uri());
        if let Some(path) = &self.local_path {
            config.put("LocalPath", path);
        }
        config
    }
}

impl<L: Into<RunLocation>> From<L> for TensorBoard {
    fn from(output: L) -> Self {
        Self::new(output)
    }
}

/// The debugging and profiling settings of a job.
#[derive(Clone, Debug, Default)]
pub(super) struct Observation {
    pub profiler: Option<Profiler>,
    pub profiler_rules: Vec<DebuggerRule>,
    pub debugger: Option<DebuggerHook>,
    pub debugger_rules: Vec<DebuggerRule>,
    pub tensor_board: Option<TensorBoard>,
}

impl Observation {
    /// Writes the members of the request, and adds the statements that the role needs for them.
    pub fn put(&self, arguments: &mut Properties, statements: &mut Vec<Statement>, scope: &mut Scope<'_>) {
        if let Some(profiler) = &self.profiler {
            arguments.put("ProfilerConfig", profiler.config());
        }
        if let Some(hook) = &self.debugger {
            arguments.put("DebugHookConfig", hook.config());
        }
        if let Some(board) = &self.tensor_board {
            arguments.put("TensorBoardOutputConfig", board.config());
        }
        let written = [
            self.profiler.as_ref().and_then(|profiler| profiler.output.as_ref()),
            self.debugger.as_ref().map(|hook| &hook.output),
            self.tensor_board.as_ref().map(|board| &board.output),
        ];
        statements.extend(written.into_iter().flatten().flat_map(RunLocation::write));
        for (name, rules) in [
            ("ProfilerRuleConfigurations", &self.profiler_rules),
            ("DebugRuleConfigurations", &self.debugger_rules),
        ] {
            if !rules.is_empty() {
                let configs: Vec<Properties> =
                    rules.iter().map(|rule| rule.config(scope, statements)).collect();
                arguments.put(name, list(configs));
            }
        }
    }
}
