//! Data parallelism: every accelerator holds the whole model.

use std::panic::Location;

use stackwright_synth::{CallerLocation, IntoValue, Value};

use super::Launch;

/// PyTorch's distributed data parallel, started by torchrun: `torch_distributed` of the SageMaker Python SDK.
///
/// It is also how a script that shards by itself (FSDP, DeepSpeed, `torch_xla` on Trainium) is started without further
/// settings.
///
/// ```
/// use stackwright_stacks::training::Ddp;
///
/// Ddp::new();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ddp(CallerLocation);

impl Ddp {
    /// With NCCL's collectives.
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

/// SageMaker's distributed data parallel library (SMDDP), started by its own launcher: for ml.p4d.24xlarge and
/// ml.p4de.24xlarge. Under FSDP and DeepSpeed it is a setting of those.
///
/// ```
/// use stackwright_stacks::training::Smddp;
///
/// Smddp::new().custom_mpi_options("-verbose -x NCCL_DEBUG=VERSION");
/// ```
#[derive(Clone, Debug)]
pub struct Smddp {
    options: Value<String>,
    source: CallerLocation,
}

impl Smddp {
    /// With the launcher's own options.
    #[track_caller]
    pub fn new() -> Self {
        Self { options: "".into(), source: Location::caller() }
    }

    /// Options that are added to the command line of `mpirun`, by which the launcher starts the script.
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
