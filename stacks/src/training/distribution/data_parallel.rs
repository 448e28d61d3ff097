//! Data parallelism: every accelerator stores a copy of the whole model.

use std::panic::Location;

use stackwright_synth::{CallerLocation, IntoValue, Value};

use super::Launch;

/// Distributed data parallel (DDP) of PyTorch, started by `torchrun` with one process for each accelerator
/// (`torch_distributed` of the SageMaker Python SDK).
///
/// The strategy also suits a script that configures sharding itself (FSDP, DeepSpeed, or `torch_xla` on Trainium).
///
/// ```
/// use stackwright_stacks::training::Ddp;
///
/// Ddp::new();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ddp(CallerLocation);

impl Ddp {
    /// Creates the strategy. The script chooses the backend of `torch.distributed`, such as NCCL.
    #[track_caller]
    pub fn new() -> Self {
        Self(Location::caller())
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.torchrun(self.0);
    }
}

impl Default for Ddp {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// The SageMaker distributed data parallel library (SMDDP), started by its own launcher, for `ml.p4d.24xlarge` and
/// `ml.p4de.24xlarge`. For FSDP and DeepSpeed, SMDDP is a setting of these strategies.
///
/// ```
/// use stackwright_stacks::training::Smddp;
///
/// Smddp::new().custom_mpi_options("-verbose -x NCCL_DEBUG=VERSION");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Smddp {
    options: Value<String>,
    source: CallerLocation,
}

impl Smddp {
    /// Creates the strategy with the default options of its launcher.
    #[track_caller]
    pub fn new() -> Self {
        Self { options: "".into(), source: Location::caller() }
    }

    /// Sets options that are added to the `mpirun` command that starts the script, such as `-x NCCL_DEBUG=VERSION`. By default,
    /// there are none.
    #[track_caller]
    pub fn custom_mpi_options(mut self, options: impl IntoValue<String>) -> Self {
        self.options = options.into().with_caller_location();
        self
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.hyperparameter("sagemaker_distributed_dataparallel_enabled", true, self.source);
        launch.hyperparameter(
            "sagemaker_distributed_dataparallel_custom_mpi_options",
            self.options.clone(),
            self.source,
        );
        launch.instance_type();
        launch.instance_groups(self.source);
    }
}

impl Default for Smddp {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}
