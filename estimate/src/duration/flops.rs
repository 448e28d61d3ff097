//! The floating-point operations of training a decoder.

use serde::Serialize;

use super::DurationError;
use crate::memory::{Architecture, ModelShape};

/// Floating-point operations (FLOPs) for one token of the forward and the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flops {
    /// Parameters that each token is multiplied with: without an input embedding that is not shared with the output
    /// layer, and without the experts that a token is not sent to.
    pub active_parameters: u64,
    /// 6 for each active parameter: 2 in the forward pass, 4 in the backward pass.
    pub matrices: u64,
    /// Attention scores and their product with the values, 12 × layers × width of attention × sequence. The causal half
    /// is not subtracted, as in the published utilizations.
    pub attention: u64,
    /// The forward pass that is computed again with activation checkpointing.
    pub recomputation: u64,
}

impl Flops {
    /// Returns the FLOPs of a model whose weights are not trained: the backward pass computes only gradients of activations.
    pub(super) fn of_frozen_weights(self) -> Self {
        let matrices = self.active_parameters.saturating_mul(4);
        let forward = self.active_parameters.saturating_mul(2).saturating_add(self.attention / 3);
        Self { matrices, recomputation: if self.recomputation > 0 { forward } else { 0 }, ..self }
    }

    /// Returns the FLOPs of the model for one token, without recomputation.
    pub fn model(&self) -> u64 {
        self.matrices.saturating_add(self.attention)
    }

    /// Returns the FLOPs that the hardware computes for one token, with recomputation.
    pub fn hardware(&self) -> u64 {
        self.model().saturating_add(self.recomputation)
    }
}

/// Returns the FLOPs for one token in samples of `sequence` tokens.
///
/// # Errors
///
/// Returns an error if the model is not a text-only decoder, because then a token does not pass through all layers.
pub fn flops_per_token(
    shape: &ModelShape,
    sequence: u64,
    checkpointing: bool,
) -> Result<Flops, DurationError> {
    if matches!(shape.architecture, Architecture::T5 | Architecture::Vit) || shape.vision.is_some() {
        return Err(DurationError::Architecture);
    }
    let embedding = if shape.tied { 0 } else { shape.vocab.saturating_mul(shape.hidden) };
    let idle = shape.experts.map_or(0, |experts| {
        let unused = experts.count.saturating_sub(experts.per_token);
        // An expert has three matrices: gate, up and down.
        [3, shape.layers, unused, shape.hidden, experts.ffn].into_iter().fold(1, u64::saturating_mul)
    });
    let active_parameters = shape.parameters().saturating_sub(embedding).saturating_sub(idle);
    let matrices = active_parameters.saturating_mul(6);
    let attention =
        [12, shape.layers, shape.heads, shape.head_dim, sequence].into_iter().fold(1, u64::saturating_mul);
    let forward = matrices.saturating_add(attention) / 3;
    let recomputation = if checkpointing { forward } else { 0 };
    Ok(Flops { active_parameters, matrices, attention, recomputation })
}
