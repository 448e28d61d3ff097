//! The step that tunes hyperparameters.

use stackwright_synth::intrinsic::unquoted;
use stackwright_synth::{IntoValue, Properties, Scope, Value};

use super::get;
use super::step::{Kind, Lowering, Options, Step, id, options};
use crate::document::list;
use crate::training::{Definition, RunLocation, TrainingJob};

/// Whether a metric is to be small or large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// As small as can be.
    Minimize,
    /// As large as can be.
    Maximize,
}

/// The values that a hyperparameter is tried with.
#[derive(Clone, Debug)]
pub enum Range {
    /// Whole numbers, both ends included.
    Integer(i64, i64),
    /// Numbers between two.
    Continuous(f64, f64),
    /// One of these.
    Categorical(Vec<String>),
}

/// A tuning job: many runs of a [`TrainingJob`] with different hyperparameters.
#[derive(Clone, Debug)]
pub struct TuningJob {
    job: TrainingJob,
    metric: Value<String>,
    objective: Objective,
    ranges: Vec<(String, Range)>,
    most: Value<i64>,
    parallel: Value<i64>,
    strategy: Value<String>,
}

impl TuningJob {
    /// Tunes a job by a metric, in at most so many runs. The job's log has to have the metric:
    /// [`TrainingJob::metric`].
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
            strategy: "Bayesian".into(),
        }
    }

    /// A hyperparameter with the values to try, instead of the value that the job has for it.
    pub fn range(mut self, name: impl Into<String>, range: Range) -> Self {
        self.ranges.push((name.into(), range));
        self
    }

    /// How many runs at a time; one unless set.
    #[track_caller]
    pub fn parallel(mut self, jobs: impl IntoValue<i64>) -> Self {
        self.parallel = unquoted(jobs).with_caller_location();
        self
    }

    /// How the next values are chosen: `Bayesian` unless set, `Random`, `Hyperband`, `Grid`.
    #[track_caller]
    pub fn strategy(mut self, name: impl IntoValue<String>) -> Self {
        self.strategy = name.into().with_caller_location();
        self
    }

    fn config(&self) -> Properties {
        let mut objective = Properties::default();
        objective.put("Type", format!("{:?}", self.objective));
        objective.put("MetricName", &self.metric);
        let mut limits = Properties::default();
        limits.put("MaxNumberOfTrainingJobs", &self.most);
        limits.put("MaxParallelTrainingJobs", &self.parallel);
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
                Range::Integer(least, most) => {
                    ends(least.to_string(), most.to_string());
                    0
                }
                Range::Continuous(least, most) => {
                    ends(least.to_string(), most.to_string());
                    1
                }
                Range::Categorical(values) => {
                    written.put("Values", Value::<Vec<String>>::from(values.clone()));
                    2
                }
            };
            kinds[kind].1.push(written);
        }
        let mut ranges = Properties::default();
        for (name, of_kind) in kinds.into_iter().filter(|(_, of_kind)| !of_kind.is_empty()) {
            ranges.put(name, list(of_kind));
        }
        let mut config = Properties::default();
        config.put("Strategy", &self.strategy);
        config.put("ResourceLimits", limits);
        config.put("HyperParameterTuningJobObjective", objective);
        config.put("ParameterRanges", ranges);
        config
    }
}

/// A step that runs a [`TuningJob`].
#[derive(Clone, Debug)]
pub struct TuningStep {
    job: TuningJob,
    options: Options,
}
options!(TuningStep);

impl TuningStep {
    /// A step for a job.
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
        let TuningJob { job, ranges, .. } = self.job;
        let job = job.without_hyperparameters(|name| ranges.iter().any(|(tried, _)| tried == name));
        let request = scope.add(&id(name), Definition { job, is_tuned: true });
        arguments.put("TrainingJobDefinition", request.arguments);
        step.put("Type", "Tuning");
        step.put("Arguments", arguments);
        self.options.put(step);
        lowering.tunes = true;
        lowering.roles.push(request.role);
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

/// What later steps take from a tuning step.
#[derive(Clone, Debug)]
pub struct TuningHandle {
    name: String,
    output: RunLocation,
}

impl TuningHandle {
    /// The name of the best run.
    pub fn best_job(&self) -> Value<String> {
        get(&format!("Steps.{}.BestTrainingJob.TrainingJobName", self.name))
    }

    /// The `model.tar.gz` of the best run.
    pub fn model(&self) -> RunLocation {
        self.output.join_value(self.best_job()).join("output/model.tar.gz")
    }
}
