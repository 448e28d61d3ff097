//! Fully sharded data parallel (FSDP): parameters, gradients and optimizer states are sharded over the accelerators.

use std::panic::Location;

use stackwright_synth::CallerLocation;

use super::{Launch, Precision};

/// The sharding strategy of [`Fsdp`], with PyTorch's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardingStrategy {
    /// Shards parameters, gradients and optimizer states over all accelerators, like ZeRO stage 3.
    FullShard,
    /// Shards gradients and optimizer states; parameters are not sharded between the forward and the backward pass, like ZeRO
    /// stage 2.
    ShardGradOp,
    /// Shards as `FullShard` within an instance, and replicates the model across instances.
    HybridShard,
    /// Shards nothing, like DDP.
    NoShard,
}

impl ShardingStrategy {
    /// Returns the name of the strategy in PyTorch, such as `SHARD_GRAD_OP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullShard => "FULL_SHARD",
            Self::ShardGradOp => "SHARD_GRAD_OP",
            Self::HybridShard => "HYBRID_SHARD",
            Self::NoShard => "NO_SHARD",
        }
    }
}

/// Fully sharded data parallel (FSDP) of PyTorch, started by `torchrun` with one process for each accelerator.
///
/// The settings are environment variables with the names that Hugging Face Accelerate reads, such as
/// `FSDP_SHARDING_STRATEGY`. A script without Accelerate must read the same variables.
///
/// ```
/// use stackwright_stacks::training::{Fsdp, Precision, ShardingStrategy};
///
/// Fsdp::new(ShardingStrategy::ShardGradOp).precision(Precision::Bf16).wrap("Qwen3VLTextDecoderLayer");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Fsdp {
    strategy: ShardingStrategy,
    precision: Option<Precision>,
    wrap: Option<String>,
    offload: bool,
    activation_checkpointing: bool,
    smddp: Option<CallerLocation>,
    source: CallerLocation,
}

impl Fsdp {
    /// Creates the strategy with a way of sharding (`FSDP_SHARDING_STRATEGY`).
    #[track_caller]
    pub fn new(strategy: ShardingStrategy) -> Self {
        Self {
            strategy,
            precision: None,
            wrap: None,
            offload: false,
            activation_checkpointing: false,
            smddp: None,
            source: Location::caller(),
        }
    }

    /// Sets the precision of the forward and the backward pass (`ACCELERATE_MIXED_PRECISION`). Without this call, the variable is
    /// not set.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = Some(precision);
        self
    }

    /// Wraps each layer of a class in a separate FSDP unit, by the name of the class, such as `LlamaDecoderLayer`
    /// (`FSDP_TRANSFORMER_CLS_TO_WRAP`). Without this call, the variable is not set.
    pub fn wrap(mut self, layer_class: impl Into<String>) -> Self {
        self.wrap = Some(layer_class.into());
        self
    }

    /// Offloads parameters to the host's memory while they are not used (`FSDP_OFFLOAD_PARAMS`). By default, they stay on the
    /// accelerators.
    pub fn offload_parameters(mut self) -> Self {
        self.offload = true;
        self
    }

    /// Enables activation checkpointing: activations are recomputed in the backward pass instead of being stored
    /// (`FSDP_ACTIVATION_CHECKPOINTING`). By default, they are stored.
    pub fn activation_checkpointing(mut self) -> Self {
        self.activation_checkpointing = true;
        self
    }

    /// Enables the collectives of the SageMaker distributed data parallel library (SMDDP). The script gets the hyperparameter
    /// `ddp_dist_backend` with the value `smddp`; it must import `smdistributed.dataparallel.torch.torch_smddp` and pass the name
    /// to `init_process_group`. By default, they are not used.
    #[track_caller]
    pub fn smddp(mut self) -> Self {
        self.smddp = Some(Location::caller());
        self
    }

    pub(super) fn apply(&self, launch: &mut Launch<'_, '_>) {
        launch.torchrun(self.source);
        launch.environment("ACCELERATE_USE_FSDP", "true", self.source);
        launch.environment("FSDP_SHARDING_STRATEGY", self.strategy.name(), self.source);
        if let Some(precision) = self.precision {
            launch.environment("ACCELERATE_MIXED_PRECISION", precision.name(), self.source);
        }
        if let Some(class) = &self.wrap {
            launch.environment("FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP", self.source);
            launch.environment("FSDP_TRANSFORMER_CLS_TO_WRAP", class, self.source);
        }
        for (is_on, name) in [
            (self.offload, "FSDP_OFFLOAD_PARAMS"),
            (self.activation_checkpointing, "FSDP_ACTIVATION_CHECKPOINTING"),
        ] {
            if is_on {
                launch.environment(name, "true", self.source);
            }
        }
        if let Some(source) = self.smddp {
            launch.smddp_collectives(source);
        }
    }
}
