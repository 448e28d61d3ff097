//! A training job in the form that a launcher on a HyperPod cluster needs.

use stackwright_synth::{Scope, Value};

use super::distribution::{Distribution, Launch};
use super::instances::Instances;
use super::job::TrainingJob;
use crate::training::HyperparameterFormat;

/// A training job that is started on a cluster. All values are known during synthesis, because a manifest is a file
/// in which nothing is resolved later.
#[derive(Clone, Debug)]
pub(crate) struct OnCluster {
    /// The script, if the job has one.
    pub entry_point: Option<String>,
    /// The instance type, with its prefix `ml.`.
    pub instance_type: String,
    pub instances: u64,
    /// The hyperparameters, as the training toolkit passes them to the script.
    pub arguments: Vec<(String, String)>,
    pub environment: Vec<(String, String)>,
    /// The maximum run time in seconds.
    pub max_run: Option<u64>,
    strategy: Option<(Distribution, Instances)>,
}

/// Files of a strategy: their names and their text.
type Files = Vec<(String, String)>;

impl OnCluster {
    /// Adds the environment variables and the arguments of the distribution strategy, and returns its files, which the script
    /// expects in `directory`. Returns `None` for a strategy that only the training toolkit of SageMaker starts.
    pub(crate) fn with_strategy(mut self, directory: &str, scope: &mut Scope<'_>) -> Option<(Self, Files)> {
        let Some((strategy, instances)) = self.strategy.take() else { return Some((self, Vec::new())) };
        let mut launch = Launch {
            scope,
            instances: &instances,
            hyperparameters: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
        };
        if !strategy.apply_on_cluster(&mut launch) {
            return None;
        }
        let text = |value: &Value<String>| value.as_literal().and_then(|it| it.as_str()).map(str::to_owned);
        let set = launch.environment.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        // The settings of the job follow those of the strategy, so that they take precedence.
        self.environment.splice(0..0, set.collect::<Vec<_>>());
        let files: Files = launch.files.into_iter().map(|(name, text, _)| (name, text)).collect();
        for (name, value) in &launch.hyperparameters {
            // Hyperparameters that start with `sagemaker_` are for the training toolkit.
            let written = text(value).filter(|_| !name.starts_with("sagemaker_"));
            let decoded = written.and_then(|text| serde_json::from_str::<String>(&text).ok());
            let Some(value) = decoded else { continue };
            let is_file = files.iter().any(|(file, _)| *file == value);
            self.arguments.push((name.clone(), if is_file { format!("{directory}/{value}") } else { value }));
        }
        Some((self, files))
    }
}

impl TrainingJob {
    /// Converts the job to the form that a cluster needs.
    ///
    /// # Errors
    /// Returns the name of the first setting whose value is known only during deployment, or that is not available on
    /// a cluster.
    pub(crate) fn on_cluster(&self) -> Result<OnCluster, String> {
        let instances = self.instances.as_ref().ok_or("instances")?;
        let known = |name: &str, value: &stackwright_synth::Value<String>| {
            let text = value.as_literal().and_then(|value| value.as_str());
            text.map(str::to_owned).ok_or_else(|| name.to_owned())
        };
        let instance_type = known("instance type", &instances.instance_type())?;
        let count = instances.count().ok_or("number of instances")?;
        let mut arguments = Vec::new();
        for (name, value) in &self.hyperparameters {
            let value = value.clone().written(HyperparameterFormat::Plain);
            arguments.push((name.clone(), known(&format!("hyperparameter `{name}`"), &value)?));
        }
        let mut environment = Vec::new();
        for (name, value) in &self.environment {
            environment.push((name.clone(), known(&format!("environment variable `{name}`"), value)?));
        }
        Ok(OnCluster {
            entry_point: self.source.as_ref().map(|source| source.entry_point.clone()),
            instance_type,
            instances: count,
            arguments,
            environment,
            strategy: self.distribution.clone().map(|strategy| (strategy, instances.clone())),
            max_run: self.max_run.as_ref().and_then(|time| time.as_literal()).and_then(|time| time.as_u64()),
        })
    }
}
