//! The experiment of SageMaker Experiments that a job belongs to.

use stackwright_synth::{IntoValue, Properties, Value};

/// The experiment of a job, with the setters of [`ExperimentOptions`].
#[derive(Clone, Debug, Default)]
pub struct ExperimentSettings(Vec<(&'static str, Value<String>)>);

impl ExperimentSettings {
    /// Sets a member of `ExperimentConfig`.
    pub(super) fn set(&mut self, name: &'static str, value: Value<String>) {
        self.0.push((name, value));
    }

    /// Returns `ExperimentConfig`, or `None` if nothing is set.
    pub(crate) fn config(&self) -> Option<Properties> {
        (!self.0.is_empty()).then(|| crate::entries::object(&self.0))
    }
}

/// The experiment of SageMaker Experiments that a job belongs to (`ExperimentConfig`). In a pipeline, the default is the experiment
/// of the pipeline; otherwise there is none.
///
/// ```
/// use stackwright_stacks::ContainerImage;
/// use stackwright_stacks::launch::ProcessingJob;
/// use stackwright_stacks::training::ExperimentOptions;
///
/// let image = ContainerImage::from_uri("123456789012.dkr.ecr.us-east-1.amazonaws.com/features:1");
/// ProcessingJob::new(image, "ml.m5.xlarge").experiment("relevance").trial("features");
/// ```
pub trait ExperimentOptions: Sized {
    /// Returns the settings that the setters change.
    #[doc(hidden)]
    fn experiment_settings(&mut self) -> &mut ExperimentSettings;

    /// Sets the name of the experiment (`ExperimentName`).
    #[track_caller]
    #[must_use]
    fn experiment(mut self, name: impl IntoValue<String>) -> Self {
        self.experiment_settings().set("ExperimentName", name.into().with_caller_location());
        self
    }

    /// Sets the name of the trial of the experiment (`TrialName`).
    #[track_caller]
    #[must_use]
    fn trial(mut self, name: impl IntoValue<String>) -> Self {
        self.experiment_settings().set("TrialName", name.into().with_caller_location());
        self
    }
}
