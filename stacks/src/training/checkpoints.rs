//! The location of a training job's checkpoints, and which runs share them.

use stackwright_synth::{IntoValue, Properties, Value};

use super::run::{RunLocation, RunVariable};
use crate::s3::S3Location;

/// The location of a training job's checkpoints in S3, and which runs use the same checkpoints (`CheckpointConfig`).
///
/// SageMaker copies the checkpoints at the location to the container, and the script continues from them. With
/// [`Checkpoints::per_run`], and for an [`S3Location`], which converts into it, each run has its own directory: an
/// interrupted spot job or a retry within the run resumes, and the next run starts from the beginning. With
/// [`Checkpoints::continuing`], runs continue from the checkpoints of earlier runs.
///
/// ```
/// use stackwright_stacks::S3Location;
/// use stackwright_stacks::training::Checkpoints;
///
/// let location = S3Location::new("my-runs", "checkpoints/");
/// let fresh = Checkpoints::per_run(location.clone());
/// let continued = Checkpoints::continuing(location).local_path("/opt/ml/checkpoints/llama");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Checkpoints {
    location: Location,
    local_path: Option<Value<String>>,
}

#[derive(Clone, Debug)]
enum Location {
    /// Below the location, in a directory that is named after the run and the job.
    PerRun(S3Location),
    /// At the location itself.
    Fixed(RunLocation),
}

impl Checkpoints {
    /// Uses a separate directory below the location for each run, named after the run's ID and the job: retries and interrupted
    /// spot jobs within a run resume; another run starts from the beginning.
    pub fn per_run(location: S3Location) -> Self {
        Self { location: Location::PerRun(location), local_path: None }
    }

    /// Uses the location itself for all runs: a run continues from the checkpoints of any earlier run. If an earlier run has
    /// completed the training, the next run ends without further training.
    pub fn continuing(location: impl Into<RunLocation>) -> Self {
        Self { location: Location::Fixed(location.into()), local_path: None }
    }

    /// Sets the directory of the checkpoints in the container (`LocalPath`). The default is `/opt/ml/checkpoints`.
    #[track_caller]
    pub fn local_path(mut self, path: impl IntoValue<String>) -> Self {
        self.local_path = Some(path.into().with_caller_location());
        self
    }

    /// Returns the location for a job; `job` distinguishes the jobs of one run.
    pub(super) fn location(&self, job: &str) -> RunLocation {
        match &self.location {
            Location::PerRun(location) => location.join(RunVariable::id()).join(job).into(),
            Location::Fixed(location) => location.clone(),
        }
    }

    /// Writes `CheckpointConfig`.
    pub(super) fn config(&self, location: &RunLocation) -> Properties {
        let mut config = Properties::default();
        config.put("S3Uri", location.uri());
        if let Some(path) = &self.local_path {
            config.put("LocalPath", path);
        }
        config
    }
}

impl From<S3Location> for Checkpoints {
    fn from(location: S3Location) -> Self {
        Self::per_run(location)
    }
}
