//! Strategies that do not use torchrun: MPI, and TensorFlow's worker strategies and parameter servers.

use std::panic::Location;

use stackwright_synth::{CallerLocation, IntoValue, Value};

use super::super::hyperparameter::Hyperparameter;
use super::Launch;

/// A distribution strategy that starts the script with `mpirun`: for Horovod, for `mpi4py`, and for version 1 of the SageMaker
/// model parallelism library.
///
/// ```
/// use stackwright_stacks::training::Mpi;
///
/// Mpi::new().processes_per_host(8).custom_options("-x NCCL_DEBUG=INFO");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Mpi {
    processes_per_host: Option<Value<i64>>,
    options: Value<String>,
    source: CallerLocation,
}

impl Mpi {
    /// Creates the strategy with the default of SageMaker's training toolkit: one process for each instance.
    #[track_caller]
    pub fn new() -> Self {
        Self { processes_per_host: None, options: "".into(), source: Location::caller() }
    }

    /// Sets the number of processes for each instance (`sagemaker_mpi_num_of_processes_per_host`). The default is 1.
    #[track_caller]
    pub fn processes_per_host(mut self, processes: impl IntoValue<i64>) -> Self {
        self.processes_per_host = Some(processes.into().with_caller_location());
        self
    }

    /// Sets options that are added to the `mpirun` command, such as `-x NCCL_DEBUG=INFO`
    /// (`sagemaker_mpi_custom_mpi_options`). By default, there are none.
    #[track_caller]
    pub fn custom_options(mut self, options: impl IntoValue<String>) -> Self {
        self.options = options.into().with_caller_location();
        self
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.hyperparameter("sagemaker_mpi_enabled", true, self.source);
        if let Some(processes) = &self.processes_per_host {
            launch.hyperparameter(
                "sagemaker_mpi_num_of_processes_per_host",
                Hyperparameter::from(processes.clone()),
                self.source,
            );
        }
        launch.hyperparameter("sagemaker_mpi_custom_mpi_options", self.options.clone(), self.source);
        launch.instance_groups(self.source);
    }
}

impl Default for Mpi {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// The distribution strategy `MultiWorkerMirroredStrategy` of TensorFlow: SageMaker's training toolkit sets the environment
/// variable `TF_CONFIG` for the script.
///
/// ```
/// use stackwright_stacks::training::MultiWorkerMirrored;
///
/// MultiWorkerMirrored::new();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MultiWorkerMirrored(CallerLocation);

impl MultiWorkerMirrored {
    /// Creates the strategy, with one worker on each instance.
    #[track_caller]
    pub fn new() -> Self {
        Self(Location::caller())
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.hyperparameter("sagemaker_multi_worker_mirrored_strategy_enabled", true, self.0);
    }
}

impl Default for MultiWorkerMirrored {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// The distribution strategy of TensorFlow with parameter servers: each instance runs a parameter server and a worker.
///
/// ```
/// use stackwright_stacks::training::ParameterServer;
///
/// ParameterServer::new();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ParameterServer(CallerLocation);

impl ParameterServer {
    /// Creates the strategy, with one parameter server and one worker on each instance.
    #[track_caller]
    pub fn new() -> Self {
        Self(Location::caller())
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.hyperparameter("sagemaker_parameter_server_enabled", true, self.0);
    }
}

impl Default for ParameterServer {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}
