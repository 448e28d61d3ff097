//! The pipeline step that runs a training job.

use std::time::Duration;

use stackwright_synth::{Properties, Scope, Value};

use super::get;
use super::step::{Kind, Lowering, Options, RetryOn, RetryPolicy, Started, Step, StepOptions, id};
use crate::training::{Definition, RunLocation, TrainingJob};

/// A pipeline step that runs a [`TrainingJob`]. By default, the step is attempted up to three times after service faults and
/// throttling; a job with managed spot training is also attempted up to ten times after capacity errors and internal errors.
/// [`StepOptions::retry`] replaces this default.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::launch::{Pipeline, TrainingStep};
/// use stackwright_stacks::training::{Instances, TrainingJob};
///
/// let job = TrainingJob::pytorch("2.6.0", Instances::of("ml.g5.xlarge", 1), S3Location::new("my-runs", "models"));
/// let mut pipeline = Pipeline::new();
/// let trained = pipeline.step("Train", TrainingStep::new(job));
/// let model = trained.model();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrainingStep {
    job: TrainingJob,
    options: Options,
}
impl StepOptions for TrainingStep {
    fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

impl TrainingStep {
    /// Creates a step that runs a training job.
    pub fn new(job: TrainingJob) -> Self {
        Self { job, options: Options::default() }
    }

    pub(super) fn lower(
        mut self,
        name: &str,
        scope: &mut Scope<'_>,
        step: &mut Properties,
        lowering: &mut Lowering,
    ) {
        if self.options.retries.is_empty() && self.job.is_spot() {
            let capacity = RetryPolicy::attempts(10, [RetryOn::CapacityError, RetryOn::JobInternalError]);
            let capacity = capacity.interval(Duration::from_mins(5)).backoff_rate(1.5);
            self.options.retries = vec![RetryPolicy::of_the_service(), capacity];
        }
        let request = scope.add(&id(name), Definition { job: self.job, is_tuned: false });
        step.put("Type", "Training");
        step.put("Arguments", request.arguments);
        self.options.put(step);
        lowering.memory.extend(request.memory.map(|statement| (name.to_owned(), statement)));
        lowering.starts(name, Started::Training, request.role);
    }
}

impl Step for TrainingStep {
    type Handle = TrainingHandle;

    fn handle(&self, name: &str) -> TrainingHandle {
        TrainingHandle {
            name: name.to_owned(),
            output: self.job.output().clone(),
            stores_files: self.job.stores_files(),
        }
    }

    fn into_kind(self) -> Kind {
        Kind::Training(Box::new(self))
    }
}

/// A [`TrainingStep`] that was added to a pipeline, with the values that later steps can use.
#[derive(Clone, Debug)]
pub struct TrainingHandle {
    name: String,
    output: RunLocation,
    stores_files: bool,
}

impl TrainingHandle {
    /// Returns the location in S3 of the model that the job stores: the archive `model.tar.gz`, or the directory with the
    /// model's files if the job stores them uncompressed.
    pub fn model(&self) -> RunLocation {
        let uri = get(&format!("Steps.{}.ModelArtifacts.S3ModelArtifacts", self.name));
        let model = RunLocation::within(self.output.known().clone(), uri);
        if self.stores_files { model.directory() } else { model }
    }

    /// Returns the name of the training job, which is resolved when the pipeline runs.
    pub fn job_name(&self) -> Value<String> {
        get(&format!("Steps.{}.TrainingJobName", self.name))
    }

    /// Returns the last value of a metric of the job, by the metric's name, for a condition. The name is one that the job
    /// defines ([`TrainingJob::metric`]); another name is not detected before the run.
    pub fn metric(&self, name: &str) -> super::Measure {
        super::Measure::of(get(&format!("Steps.{}.FinalMetricDataList['{name}'].Value", self.name)))
    }
}
