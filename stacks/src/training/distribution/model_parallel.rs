//! The SageMaker model parallel library, version 2, which adds tensor, context and expert parallelism to FSDP.

use std::panic::Location;

use serde_json::{Map, Value as JsonValue};
use stackwright_synth::CallerLocation;

use super::Launch;

/// The SageMaker model parallelism library (SMP) version 2, started by `torchrun`. A job that is created by
/// [`TrainingJob::pytorch`](crate::training::TrainingJob::pytorch) gets the image of the library.
///
/// A setting whose setter is not called is not passed to the library, so that its default applies.
///
/// ```
/// use stackwright_stacks::training::ModelParallel;
///
/// ModelParallel::new().hybrid_shard_degree(64).tensor_parallel_degree(2).activation_offloading(4).smddp();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ModelParallel {
    parameters: Map<String, JsonValue>,
    delayed_parameter_initialization: Option<CallerLocation>,
    smddp: Option<CallerLocation>,
    source: CallerLocation,
}

impl ModelParallel {
    /// Creates the strategy with the defaults of the library: parameters, gradients and optimizer states are sharded over all
    /// accelerators.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            parameters: Map::new(),
            delayed_parameter_initialization: None,
            smddp: None,
            source: Location::caller(),
        }
    }

    /// Sets a parameter of the hyperparameter `mp_parameters` by its name, if there is no setter for it. Neither the name nor the
    /// value is validated.
    pub fn parameter(self, name: &str, value: impl Into<JsonValue>) -> Self {
        self.set(name, value)
    }

    fn set(mut self, key: &str, value: impl Into<JsonValue>) -> Self {
        self.parameters.insert(key.to_owned(), value.into());
        self
    }

    /// Sets the number of accelerators over which the model is sharded (`hybrid_shard_degree`). The default is 0: the library
    /// chooses.
    pub fn hybrid_shard_degree(self, accelerators: u32) -> Self {
        self.set("hybrid_shard_degree", accelerators)
    }

    /// Sets the number of accelerators over which each layer is split (`tensor_parallel_degree`). The default is 1.
    pub fn tensor_parallel_degree(self, accelerators: u32) -> Self {
        self.set("tensor_parallel_degree", accelerators)
    }

    /// Sets the number of accelerators over which each sequence is split, at most the
    /// [`hybrid_shard_degree`](Self::hybrid_shard_degree) (`context_parallel_degree`). The default is 1.
    pub fn context_parallel_degree(self, accelerators: u32) -> Self {
        self.set("context_parallel_degree", accelerators)
    }

    /// Sets the number of accelerators over which the experts of a mixture-of-experts model are distributed
    /// (`expert_parallel_degree`). The default is 1.
    pub fn expert_parallel_degree(self, accelerators: u32) -> Self {
        self.set("expert_parallel_degree", accelerators)
    }

    /// Offloads activations to the host's memory, and loads them back this number of layers before they are needed
    /// (`sm_activation_offloading`, `activation_loading_horizon`). By default, they stay on the accelerators.
    pub fn activation_offloading(self, horizon: u32) -> Self {
        self.set("sm_activation_offloading", true).set("activation_loading_horizon", horizon)
    }

    /// Sets the random seed of tensor parallel layers (`random_seed`). The default is that of the library.
    pub fn random_seed(self, seed: u32) -> Self {
        self.set("random_seed", seed)
    }

    /// Requests delayed parameter initialization: parameters are created on the accelerators, shard by shard, instead
    /// of in the host's memory. The script gets the hyperparameter `delayed_param` with the value 1, and must implement it. By
    /// default, the script does not get the hyperparameter.
    #[track_caller]
    pub fn delayed_parameter_initialization(mut self) -> Self {
        self.delayed_parameter_initialization = Some(Location::caller());
        self
    }

    /// Enables the collectives of SMDDP, like [`Fsdp::smddp`](super::Fsdp::smddp). By default, they are not used.
    #[track_caller]
    pub fn smddp(mut self) -> Self {
        self.smddp = Some(Location::caller());
        self
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.torchrun(self.source);
        launch.hyperparameter("mp_parameters", JsonValue::Object(self.parameters.clone()), self.source);
        launch.hyperparameter("sagemaker_distributed_dataparallel_enabled", false, self.source);
        if let Some(source) = self.delayed_parameter_initialization {
            launch.hyperparameter("delayed_param", 1, source);
        }
        if let Some(source) = self.smddp {
            launch.smddp_collectives(source);
        }
    }
}

impl Default for ModelParallel {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}
