//! The pipeline step that runs a training job.

use std::time::Duration;

use stackwright_synth::{Properties, Scope, Value};

use super::get;
use super::step::{Kind, Lowering, Options, RetryOn, RetryPolicy, Started, Step, StepOptions, id};
use crate::training::{Definition, RunLocation, TrainingJob};

/// A step that runs a [`TrainingJob`]. The step is retried after errors of the service; a spot job is also retried
/// after capacity errors.
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

/// The values of a training step that later steps can use.
#[derive(Clone, Debug)]
pub struct TrainingHandle {
    name: String,
    output: RunLocation,
    stores_files: bool,
}

impl TrainingHandle {
    /// Returns the model of the job: its `model.tar.gz`, or the directory of its files if the job stores them
    /// uncompressed.
    pub fn model(&self) -> RunLocation {
        let uri = get(&format!("Steps.{}.ModelArtifacts.S3ModelArtifacts", self.name));
        let model = RunLocation::within(self.output.known().clone(), uri);
        if self.stores_files { model.directory() } else { model }
    }

    /// Returns the name of the training job.
    pub fn job_name(&self) -> Value<String> {
        get(&format!("Steps.{}.TrainingJobName", self.name))
    }

    /// Returns the last value of a metric of the job, by the metric's name.
    pub fn metric(&self, name: &str) -> super::Measure {
        super::Measure::of(get(&format!("Steps.{}.FinalMetricDataList['{name}'].Value", self.name)))
    }
}
