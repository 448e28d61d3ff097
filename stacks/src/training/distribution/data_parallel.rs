//! Data parallel: every accelerator holds the whole model.

use std::panic::Location;

use stackwright_synth::CallerLocation;

use super::Launch;

/// PyTorch's distributed data parallel, started by torchrun.
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

/// SageMaker's distributed data parallel library, started by its own launcher: for ml.p4d.24xlarge and
/// ml.p4de.24xlarge. Under FSDP and DeepSpeed it is a setting of those.
#[derive(Clone, Copy, Debug)]
pub struct Smddp(CallerLocation);

impl Smddp {
    /// With the launcher's own options.
    #[track_caller]
    pub fn new() -> Self {
        Self(Location::caller())
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.hyperparameter("sagemaker_distributed_dataparallel_enabled", true, Some(self.0));
        launch.hyperparameter("sagemaker_distributed_dataparallel_custom_mpi_options", "", Some(self.0));
        launch.instance_type();
    }
}

impl Default for Smddp {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}
