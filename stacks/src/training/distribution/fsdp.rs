//! PyTorch FSDP: parameters, gradients and optimizer states are shared out among the accelerators.

use std::panic::Location;

use stackwright_synth::CallerLocation;

use super::{Launch, Precision};

/// What is shared out. The names are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardingStrategy {
    /// Parameters, gradients and optimizer states, among all accelerators; as ZeRO stage 3.
    FullShard,
    /// Gradients and optimizer states; parameters stay whole between forward and backward. As ZeRO stage 2.
    ShardGradOp,
    /// As `FullShard` within an instance, and whole copies between instances.
    HybridShard,
    /// Nothing: as DDP.
    NoShard,
}

impl ShardingStrategy {
    /// PyTorch's name: `SHARD_GRAD_OP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullShard => "FULL_SHARD",
            Self::ShardGradOp => "SHARD_GRAD_OP",
            Self::HybridShard => "HYBRID_SHARD",
            Self::NoShard => "NO_SHARD",
        }
    }
}

/// Fully sharded data parallel, started by torchrun.
///
/// The script finds its settings in the environment, under the names that Hugging Face Accelerate reads:
/// `FSDP_SHARDING_STRATEGY` and so on. A script without Accelerate reads the same variables.
///
/// ```
/// use stackwright_stacks::training::{Fsdp, Precision, ShardingStrategy};
///
/// Fsdp::new(ShardingStrategy::ShardGradOp).precision(Precision::Bf16).wrap("Qwen3VLTextDecoderLayer");
/// ```
#[derive(Clone, Debug)]
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
    /// FSDP with a sharding strategy.
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

    /// The precision of forward and backward.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = Some(precision);
        self
    }

    /// Shards by layers of this class.
    pub fn wrap(mut self, layer_class: impl Into<String>) -> Self {
        self.wrap = Some(layer_class.into());
        self
    }

    /// Keeps parameters in the host's memory while they are not used.
    pub fn offload_parameters(mut self) -> Self {
        self.offload = true;
        self
    }

    /// Computes activations again in the backward pass instead of keeping them.
    pub fn activation_checkpointing(mut self) -> Self {
        self.activation_checkpointing = true;
        self
    }

    /// Uses the collectives of SMDDP: the script gets the hyperparameter `ddp_dist_backend` with the value
    /// `smddp`, imports `smdistributed.dataparallel.torch.torch_smddp` and passes the name to
    /// `init_process_group`.
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
