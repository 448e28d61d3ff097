//! The pipeline step that tunes hyperparameters.

use std::ops::RangeInclusive;

use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Properties, Scope, Value};

use super::get;
use super::step::{Kind, Lowering, Options, Started, Step, StepOptions, id};
use crate::document::{list, tags, within};
use crate::duration::Seconds;
use crate::training::{Definition, RunLocation, TrainingJob};

/// Whether a tuning job minimizes or maximizes its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objective {
    /// The smallest value is the best one.
    Minimize,
    /// The largest value is the best one.
    Maximize,
}

/// How a tuning job chooses the values of hyperparameters (`Strategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TuningStrategy {
    /// Bayesian optimization: values are chosen from the results of earlier training jobs. This is the default.
    Bayesian,
    /// Random search: values are chosen at random within the ranges.
    Random,
    /// Many training jobs start with few resources, and the best ones get more. See [`TuningJob::hyperband`].
    Hyperband,
    /// Grid search: every combination of values. All ranges must be categorical.
    Grid,
}

/// How the values of a range of a tuning job are distributed (`ScalingType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeScaling {
    /// SageMaker chooses the scale.
    Auto,
    /// All values of the range are equally likely.
    Linear,
    /// The logarithms of the values are distributed linearly. All values of the range must be above 0.
    Logarithmic,
    /// The logarithms of the distances to 1 are distributed linearly. All values of the range must be between 0 and 1.
    ReverseLogarithmic,
}

/// How a tuning job uses the results of an earlier one (`WarmStartType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarmStart {
    /// The data and the algorithm are the same as those of the earlier job; the ranges may differ.
    IdenticalDataAndAlgorithm,
    /// The data and the version of the algorithm may differ from those of the earlier job.
    TransferLearning,
}

/// The values that a tuning job tries for a hyperparameter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ParameterRange {
    /// Integers between two values, both included.
    Integer(i64, i64),
    /// Numbers between two values.
    Continuous(f64, f64),
    /// One of these values.
    Categorical(Vec<String>),
}

/// A hyperparameter tuning job (`CreateHyperParameterTuningJob`): it runs a [`TrainingJob`] many times with different
/// hyperparameters. A [`TuningStep`] of a pipeline runs the tuning job.
///
/// All training jobs of a tuning job have the same `CheckpointConfig`, as in the requests of the SageMaker Python SDK, and AWS does
/// not document that SageMaker separates their checkpoints. If the job has checkpoints, the script should write them to a
/// directory that is named after the training job, whose name is in the environment variable `TRAINING_JOB_NAME`, as AWS's TensorFlow
/// container does in tuning jobs.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::TuningJob;
/// use stackwright_stacks::launch::pipeline::{Objective, ParameterRange, RangeScaling};
/// use stackwright_stacks::training::{Instances, TrainingJob};
///
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("my-runs", "models"))
///     .metric("loss", "loss=([0-9.]+)");
/// TuningJob::new(job, Objective::Minimize, "loss", 20)
///     .parallel(4)
///     .range("learning_rate", ParameterRange::Continuous(1e-5, 1e-2))
///     .scaling("learning_rate", RangeScaling::Logarithmic)
///     .early_stopping();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TuningJob {
    job: TrainingJob,
    metric: Value<String>,
    objective: Objective,
    ranges: Vec<(String, ParameterRange)>,
    most: Value<i64>,
    parallel: Value<i64>,
    strategy: TuningStrategy,
    hyperband: Option<RangeInclusive<u32>>,
    scaling: Vec<(String, RangeScaling)>,
    early_stopping: bool,
    autotune: bool,
    target: Option<Value<f64>>,
    max_runtime: Option<Value<i64>>,
    seed: Option<Value<i64>>,
    parents: Option<(WarmStart, Vec<Value<String>>)>,
    tags: Vec<(String, Value<String>)>,
}

impl TuningJob {
    /// Creates a tuning job that minimizes or maximizes a metric, given by its name, in at most `most_jobs` training jobs. The
    /// metric must be defined for the training job: see [`TrainingJob::metric`]. At least one [`range`](Self::range) is needed,
    /// unless [`autotune`](Self::autotune) is called.
    #[track_caller]
    pub fn new(
        job: TrainingJob,
        objective: Objective,
        metric: impl IntoValue<String>,
        most_jobs: impl IntoValue<i64>,
    ) -> Self {
        Self {
            job,
            metric: metric.into().with_caller_location(),
            objective,
            ranges: Vec::new(),
            most: unquoted(most_jobs).with_caller_location(),
            parallel: 1.into(),
            strategy: TuningStrategy::Bayesian,
            hyperband: None,
            scaling: Vec::new(),
            early_stopping: false,
            autotune: false,
            target: None,
            max_runtime: None,
            seed: None,
            parents: None,
            tags: Vec::new(),
        }
    }

    /// Adds a hyperparameter, by its name, with the range of values to try (`ParameterRanges`). The range replaces the
    /// value that the training job has for the hyperparameter.
    pub fn range(mut self, name: impl Into<String>, range: ParameterRange) -> Self {
        self.ranges.push((name.into(), range));
        self
    }

    /// Sets the maximum number of training jobs that run at the same time (`MaxParallelTrainingJobs`). The default is 1.
    #[track_caller]
    pub fn parallel(mut self, jobs: impl IntoValue<i64>) -> Self {
        self.parallel = unquoted(jobs).with_caller_location();
        self
    }

    /// Sets the search strategy. The default is [`TuningStrategy::Bayesian`].
    pub fn strategy(mut self, strategy: TuningStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Uses the strategy [`TuningStrategy::Hyperband`], with the minimum and the maximum resources (usually epochs) of a training
    /// job. It replaces [`strategy`](Self::strategy).
    pub fn hyperband(mut self, resources: RangeInclusive<u32>) -> Self {
        self.strategy = TuningStrategy::Hyperband;
        self.hyperband = Some(resources);
        self
    }

    /// Sets the distribution of the values of an integer or continuous range, by the name of the hyperparameter
    /// (`ScalingType`). The default is that of SageMaker. It has no effect without a [`range`](Self::range) of the same
    /// name.
    pub fn scaling(mut self, name: impl Into<String>, scaling: RangeScaling) -> Self {
        self.scaling.push((name.into(), scaling));
        self
    }

    /// Stops training jobs early that are unlikely to become the best one (`TrainingJobEarlyStoppingType: Auto`). By default,
    /// all jobs run to their end.
    pub fn early_stopping(mut self) -> Self {
        self.early_stopping = true;
        self
    }

    /// Lets SageMaker choose ranges and other settings that are not set (`Autotune`). By default, it does not.
    pub fn autotune(mut self) -> Self {
        self.autotune = true;
        self
    }

    /// Sets the value of the metric at which the tuning job stops (`TargetObjectiveMetricValue`). By default, it runs all
    /// training jobs.
    #[track_caller]
    pub fn target(mut self, value: impl IntoValue<f64>) -> Self {
        self.target = Some(value.into().with_caller_location());
        self
    }

    /// Sets the maximum run time of the tuning job (`MaxRuntimeInSeconds`). By default, the number of training jobs is the only
    /// limit.
    #[track_caller]
    pub fn max_runtime(mut self, time: impl Into<Seconds>) -> Self {
        self.max_runtime = Some(time.into().0.with_caller_location());
        self
    }

    /// Sets the random seed of the strategy, so that two tuning jobs with the same seed try the same values as far as
    /// possible (`RandomSeed`). By default, SageMaker chooses a seed.
    #[track_caller]
    pub fn random_seed(mut self, seed: impl IntoValue<i64>) -> Self {
        self.seed = Some(unquoted(seed).with_caller_location());
        self
    }

    /// Starts from the results of earlier tuning jobs, given by their names, at most five (`WarmStartConfig`). By default, the
    /// tuning job uses no earlier results.
    #[track_caller]
    pub fn warm_start<N: IntoValue<String>>(
        mut self,
        kind: WarmStart,
        tuning_jobs: impl IntoIterator<Item = N>,
    ) -> Self {
        let names = tuning_jobs.into_iter().map(|name| name.into().with_caller_location()).collect();
        self.parents = Some((kind, names));
        self
    }

    /// Adds a tag to the tuning job and to its training jobs (`Tags`). A second call for the same key replaces
    /// the value.
    #[track_caller]
    pub fn tag(mut self, key: impl Into<String>, value: impl IntoValue<String>) -> Self {
        crate::entries::set(&mut self.tags, key, value.into().with_caller_location());
        self
    }

    /// The members of the request other than the configuration and the training job definition.
    fn put_start(&self, arguments: &mut Properties) {
        if let Some((kind, names)) = &self.parents {
            let mut warm = Properties::default();
            let parents = names.iter().map(|name| within("HyperParameterTuningJobName", name));
            warm.put("ParentHyperParameterTuningJobs", list(parents));
            warm.put("WarmStartType", format!("{kind:?}"));
            arguments.put("WarmStartConfig", warm);
        }
        if self.autotune {
            arguments.put("Autotune", within("Mode", "Enabled"));
        }
        if !self.tags.is_empty() {
            arguments.put("Tags", tags(&self.tags));
        }
    }

    fn config(&self) -> Properties {
        let mut objective = Properties::default();
        objective.put("Type", format!("{:?}", self.objective));
        objective.put("MetricName", &self.metric);
        let mut limits = Properties::default();
        limits.put("MaxNumberOfTrainingJobs", &self.most);
        limits.put("MaxParallelTrainingJobs", &self.parallel);
        if let Some(time) = &self.max_runtime {
            limits.put("MaxRuntimeInSeconds", time);
        }
        let mut kinds: [(&str, Vec<Properties>); 3] = [
            ("IntegerParameterRanges", Vec::new()),
            ("ContinuousParameterRanges", Vec::new()),
            ("CategoricalParameterRanges", Vec::new()),
        ];
        for (name, range) in &self.ranges {
            let mut written = Properties::default();
            written.put("Name", name);
            let mut ends = |least: String, most: String| {
                written.put("MinValue", least);
                written.put("MaxValue", most);
            };
            let kind = match range {
                ParameterRange::Integer(least, most) => {
                    ends(least.to_string(), most.to_string());
                    0
                }
                ParameterRange::Continuous(least, most) => {
                    ends(least.to_string(), most.to_string());
                    1
                }
                ParameterRange::Categorical(values) => {
                    written.put("Values", Value::<Vec<String>>::from(values.clone()));
                    2
                }
            };
            let scaling = self.scaling.iter().find(|(scaled, _)| scaled == name);
            if let Some((_, scaling)) = scaling {
                written.put("ScalingType", format!("{scaling:?}"));
            }
            kinds[kind].1.push(written);
        }
        let mut ranges = Properties::default();
        for (name, of_kind) in kinds.into_iter().filter(|(_, of_kind)| !of_kind.is_empty()) {
            ranges.put(name, list(of_kind));
        }
        let mut config = Properties::default();
        config.put("Strategy", format!("{:?}", self.strategy));
        if let Some(range) = &self.hyperband {
            let mut resources = Properties::default();
            resources.put("MinResource", i64::from(*range.start()));
            resources.put("MaxResource", i64::from(*range.end()));
            config.put("StrategyConfig", within("HyperbandStrategyConfig", resources));
        }
        if self.early_stopping {
            config.put("TrainingJobEarlyStoppingType", "Auto");
        }
        if let Some(value) = &self.target {
            config.put("TuningJobCompletionCriteria", within("TargetObjectiveMetricValue", value));
        }
        if let Some(seed) = &self.seed {
            config.put("RandomSeed", seed);
        }
        config.put("ResourceLimits", limits);
        config.put("HyperParameterTuningJobObjective", objective);
        config.put("ParameterRanges", ranges);
        config
    }
}

/// A pipeline step that runs a [`TuningJob`].
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::pipeline::{Objective, ParameterRange};
/// use stackwright_stacks::launch::{Pipeline, TuningJob, TuningStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
///
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("my-runs", "models"))
///     .metric("loss", "loss=([0-9.]+)");
/// let tuning = TuningJob::new(job, Objective::Minimize, "loss", 20)
///     .range("learning_rate", ParameterRange::Continuous(1e-5, 1e-2));
/// let mut pipeline = Pipeline::new();
/// pipeline.step("Tune", TuningStep::new(tuning));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TuningStep {
    job: TuningJob,
    options: Options,
}
impl StepOptions for TuningStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl TuningStep {
    /// Creates a step that runs a tuning job.
    pub fn new(job: TuningJob) -> Self {
        Self { job, options: Options::default() }
    }

    pub(super) fn lower(
        self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        let mut arguments = Properties::default();
        arguments.put("HyperParameterTuningJobConfig", self.job.config());
        self.job.put_start(&mut arguments);
        let TuningJob { job, ranges, .. } = self.job;
        let job = job.without_hyperparameters(|name| ranges.iter().any(|(tried, _)| tried == name));
        let request = scope.add(&id(name), Definition { job, is_tuned: true });
        arguments.put("TrainingJobDefinition", request.arguments);
        step.put("Type", "Tuning");
        step.put("Arguments", arguments);
        self.options.put(step);
        lowering.memory.extend(request.memory.map(|statement| (name.to_owned(), statement)));
        lowering.starts(name, Started::Tuning, request.role);
    }
}

impl Step for TuningStep {
    type Handle = TuningHandle;

    fn handle(&self, name: &str) -> TuningHandle {
        TuningHandle { name: name.to_owned(), output: self.job.job.output().clone() }
    }

    fn into_kind(self) -> Kind {
        Kind::Tuning(Box::new(self))
    }
}

/// A [`TuningStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct TuningHandle {
    name: String,
    output: RunLocation,
}

impl TuningHandle {
    /// Returns the name of the training job with the best value of the metric, which is resolved when the pipeline runs.
    pub fn best_job(&self) -> Value<String> {
        get(&format!("Steps.{}.BestTrainingJob.TrainingJobName", self.name))
    }

    /// Returns the location in S3 of the `model.tar.gz` of the best training job.
    pub fn model(&self) -> RunLocation {
        self.output.join(self.best_job()).join("output/model.tar.gz")
    }

    /// Returns the name of the training job at a rank, 0 (the best) to 49.
    pub fn job_at(&self, rank: u8) -> Value<String> {
        get(&format!("Steps.{}.TrainingJobSummaries[{rank}].TrainingJobName", self.name))
    }

    /// Returns the location in S3 of the `model.tar.gz` of the training job at a rank, 0 (the best) to 49.
    pub fn model_at(&self, rank: u8) -> RunLocation {
        self.output.join(self.job_at(rank)).join("output/model.tar.gz")
    }

    /// Returns the name of the tuning job. Another tuning job can start from its results: see [`TuningJob::warm_start`].
    pub fn job_name(&self) -> Value<String> {
        get(&format!("Steps.{}.HyperParameterTuningJobName", self.name))
    }
}
