//! Published formulas, for comparison with the papers and for cases that no operator trace covers.

use super::training::Strategy;

/// A model whose weights, gradients and optimizer states (the model states) are distributed over GPUs.
///
/// ```
/// use stackwright_estimate::memory::{StatesFormula, Strategy};
///
/// let states = StatesFormula { parameters: 7_500_000_000, ranks: 64 };
/// assert_eq!(states.zero_bytes(Strategy::Ddp), 120_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatesFormula {
    /// The number of parameters.
    pub parameters: u64,
    /// The number of GPUs.
    pub ranks: u64,
}

impl StatesFormula {
    /// Returns the bytes of the model states on a GPU according to the ZeRO paper (Rajbhandari et al., arXiv:1910.02054).
    ///
    /// Each parameter needs 2 bytes for the weight, 2 for the gradient and 12 for the optimizer states. Stage 1 divides the
    /// optimizer states among the ranks, stage 2 also the gradients, and stage 3 also the weights.
    pub fn zero_bytes(self, strategy: Strategy) -> u64 {
        let (parameters, ranks) = (self.parameters, self.ranks.max(1));
        match strategy {
            Strategy::Ddp => 16 * parameters,
            Strategy::Zero1 => 4 * parameters + 12 * parameters / ranks,
            Strategy::Zero2 | Strategy::ShardGradOp => 2 * parameters + 14 * parameters / ranks,
            _ => 16 * parameters / ranks,
        }
    }

    /// Returns the bytes of the model states on a GPU according to DeepSpeed's own estimator (deepspeed 0.19.8,
    /// `estimate_zero2_model_states_mem_needs` and `estimate_zero3_model_states_mem_needs`), which counts gradients in fp32;
    /// `None` for other strategies. `largest_layer` is the number of parameters of the largest layer.
    pub fn deepspeed_bytes(self, strategy: Strategy, largest_layer: u64, offload: bool) -> Option<u64> {
        let (parameters, ranks) = (self.parameters, self.ranks.max(1));
        match (strategy, offload) {
            (Strategy::Zero2, false) => Some(2 * parameters + 18 * parameters / ranks),
            (Strategy::Zero2, true) => Some(2 * parameters),
            (Strategy::Zero3, false) => Some(18 * parameters / ranks + 4 * largest_layer),
            (Strategy::Zero3, true) => Some(2 * parameters / ranks + 4 * largest_layer),
            _ => None,
        }
    }
}

/// The activations that are computed again in the backward pass (Korthikanti et al.).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recomputation {
    /// No activations.
    None,
    /// The scores of attention, as FlashAttention does.
    Selective,
    /// The activations of each layer.
    Full,
}

/// The symbols of the formula for activations of Korthikanti et al. (arXiv:2205.05198).
///
/// ```
/// use stackwright_estimate::memory::{ActivationFormula, Recomputation};
///
/// let gpt_3 = ActivationFormula {
///     layers: 96, sequence: 2048, batch: 1, hidden: 12_288, heads: 96, tensor: 8, sequence_parallel: true,
/// };
/// assert!(gpt_3.bytes(Recomputation::Selective) < 11e9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationFormula {
    /// The number of layers.
    pub layers: u64,
    /// The number of tokens of a sequence.
    pub sequence: u64,
    /// The number of sequences.
    pub batch: u64,
    /// The width of the model.
    pub hidden: u64,
    /// The number of attention heads.
    pub heads: u64,
    /// The number of ranks over which each layer is split.
    pub tensor: u64,
    /// Whether the parts of a layer that are not split are split by sequence.
    pub sequence_parallel: bool,
}

impl ActivationFormula {
    /// Returns the bytes of activations of all layers, with 16-bit activations.
    pub fn bytes(self, recomputation: Recomputation) -> f64 {
        let (t, a) = (self.tensor.max(1) as f64, self.heads as f64);
        let (s, h) = (self.sequence as f64, self.hidden as f64);
        let each = s * self.batch as f64 * h;
        let scores = 5.0 * a * s / h;
        let factor = match (recomputation, self.sequence_parallel) {
            (Recomputation::Full, _) => 2.0,
            (Recomputation::Selective, true) => 34.0 / t,
            (Recomputation::Selective, false) => 10.0 + 24.0 / t,
            (Recomputation::None, true) => (34.0 + scores) / t,
            (Recomputation::None, false) => 10.0 + 24.0 / t + scores / t,
        };
        self.layers as f64 * each * factor
    }
}

/// Returns the bytes of keys and values in all layers for one token of a sequence: a product, in which the order does not matter.
pub(super) fn kv_cache_bytes_per_token(
    layers: u64,
    kv_heads: u64,
    head_dim: u64,
    bytes_per_element: u64,
) -> u64 {
    2 * layers * kv_heads * head_dim * bytes_per_element
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gb(bytes: u64) -> f64 {
        (bytes as f64 / 1e8).round() / 10.0
    }

    #[test]
    fn the_zero_papers_table_for_7_5_billion_parameters_on_64_gpus() {
        let states =
            |strategy| gb(StatesFormula { parameters: 7_500_000_000, ranks: 64 }.zero_bytes(strategy));
        let all = [Strategy::Ddp, Strategy::Zero1, Strategy::Zero2, Strategy::Zero3].map(states);
        assert_eq!(all, [120.0, 31.4, 16.6, 1.9]);
    }

    #[test]
    fn deepspeeds_estimator() {
        // deepspeed 0.19.8 for 3,000,000,000 parameters with a largest layer of 100,000,000 on 8 GPUs.
        let formula = StatesFormula { parameters: 3_000_000_000, ranks: 8 };
        let states = |strategy, offload| formula.deepspeed_bytes(strategy, 100_000_000, offload);
        assert_eq!(states(Strategy::Zero2, false), Some(12_750_000_000));
        assert_eq!(states(Strategy::Zero2, true), Some(6_000_000_000));
        assert_eq!(states(Strategy::Zero3, false), Some(7_150_000_000));
        assert_eq!(states(Strategy::Zero3, true), Some(1_150_000_000));
        assert_eq!(states(Strategy::Ddp, false), None);
    }

    #[test]
    fn activations_of_gpt_3_by_korthikanti() {
        let bytes = |tensor, parallel, recomputation| {
            let formula = ActivationFormula {
                layers: 96,
                sequence: 2048,
                batch: 1,
                hidden: 12_288,
                heads: 96,
                tensor,
                sequence_parallel: parallel,
            };
            (formula.bytes(recomputation) / 1e8).round() / 10.0
        };
        assert_eq!(bytes(1, false, Recomputation::None), 275.4);
        assert_eq!(bytes(8, false, Recomputation::None), 55.6);
        assert_eq!(bytes(8, true, Recomputation::None), 34.4);
        assert_eq!(bytes(8, true, Recomputation::Selective), 10.3);
        assert_eq!(bytes(1, false, Recomputation::Full), 4.8);
    }

    #[test]
    fn keys_and_values_of_llama() {
        assert_eq!(kv_cache_bytes_per_token(32, 32, 128, 2), 524_288);
        assert_eq!(kv_cache_bytes_per_token(80, 8, 128, 2), 327_680);
        assert_eq!(kv_cache_bytes_per_token(32, 8, 128, 2), 131_072);
    }
}
