//! A training job in the form that a launcher on a HyperPod cluster needs.

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
            max_run: self.max_run.as_ref().and_then(|time| time.as_literal()).and_then(|time| time.as_u64()),
        })
    }
}
