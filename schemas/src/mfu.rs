//! Published model FLOPs utilizations (MFU) of training.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// Published model FLOPs utilizations (MFU) of training runs: the share of the peak performance of the accelerators that the
/// floating-point operations (FLOPs) of the model use.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Utilizations {
    /// The date when the table was compiled.
    pub as_of: String,
    /// The method by which the sources count the FLOPs and the peak.
    pub definition: String,
    /// The published runs.
    pub rows: Vec<Utilization>,
}

/// The sharding strategy of a published run, as FSDP names it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PublishedStrategy {
    /// Parameters, gradients and optimizer states are sharded.
    FullShard,
    /// Gradients and optimizer states are sharded.
    ShardGradOp,
    /// Everything is sharded within groups of GPUs, and replicated across the groups.
    HybridShard,
}

impl PublishedStrategy {
    /// Returns the name that FSDP uses, such as `full_shard`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullShard => "full_shard",
            Self::ShardGradOp => "shard_grad_op",
            Self::HybridShard => "hybrid_shard",
        }
    }
}

/// The activation checkpointing of a published run.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActivationCheckpointing {
    /// The activations of every layer are recomputed.
    Full,
    /// The activations of some layers are recomputed.
    Selective,
    /// No activations are recomputed.
    None,
    /// The source does not state it.
    Unknown,
}

impl ActivationCheckpointing {
    /// Returns the name in the table, such as `full`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Selective => "selective",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// A published training run in bf16, with its model FLOPs utilization (MFU).
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Utilization {
    /// The name of the model.
    pub model: String,
    /// `A100` or `H100`.
    pub accelerator: String,
    /// The number of GPUs.
    pub gpus: u64,
    /// The sharding strategy.
    pub strategy: PublishedStrategy,
    /// The layers whose activations are recomputed in the backward pass.
    pub checkpointing: ActivationCheckpointing,
    /// The number of tokens in a sample, where the source states it.
    pub sequence: Option<u64>,
    /// The model FLOPs utilization in percent.
    pub mfu_percent: f64,
    /// The training framework, such as the name and version of a library.
    pub framework: String,
    /// The source from which the figure was read.
    pub source: String,
    /// The date of the figure.
    pub date: String,
}

/// Returns the table of published utilizations.
pub fn utilizations() -> &'static Utilizations {
    static TABLE: OnceLock<Utilizations> = OnceLock::new();
    TABLE.get_or_init(|| embedded(include_str!("../facts/mfu.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_share_of_a_known_accelerator() {
        let rows = &utilizations().rows;
        assert_eq!(rows.len(), 94);
        for row in rows {
            assert!(row.mfu_percent > 5.0 && row.mfu_percent < 80.0, "{row:?}");
            assert!(["A100", "H100"].contains(&row.accelerator.as_str()), "{row:?}");
            assert!(!row.source.is_empty() && !row.date.is_empty(), "{row:?}");
        }
    }
}
