//! GPU memory of inference with vLLM, TensorRT-LLM and other servers with a paged cache of keys and values.

use serde::{Deserialize, Serialize};
use stackwright_schemas::instances::InstanceUse;

use super::candidates::{Candidate, cheapest};
use super::formulas::kv_cache_bytes_per_token;
use super::shape::{Architecture, ModelShape};
use super::verdict::{CONTEXT, Gpu, MemoryVerdict};
use crate::cost::{PriceBook, Use};

/// The number format of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WeightPrecision {
    /// 32-bit floating point: 4 bytes.
    Fp32,
    /// 16-bit floating point (bf16 or fp16): 2 bytes.
    Bf16,
    /// 8-bit floating point: 1 byte.
    Fp8,
    /// 8-bit integers: 1 byte.
    Int8,
    /// 4-bit integers in groups of 128, each with a scale of 16 bits and a zero point of 4 bits (AWQ, GPTQ).
    Int4,
}

impl WeightPrecision {
    /// Returns the bytes of a number of weights of the layers.
    fn bytes(self, weights: u64) -> u64 {
        match self {
            Self::Fp32 => weights.saturating_mul(4),
            Self::Bf16 => weights.saturating_mul(2),
            Self::Fp8 | Self::Int8 => weights,
            // 128 × 4 bits + 16 bits + 4 bits = 66.5 bytes for 128 weights.
            Self::Int4 => (weights / 256).saturating_mul(133).saturating_add(weights % 256),
        }
    }

    /// Returns the bytes of a weight of the embedding and the output layer, which quantization leaves as they are.
    fn of_embedding(self) -> u64 {
        if self == Self::Fp32 { 4 } else { 2 }
    }
}

/// The settings with which a model is served.
///
/// ```
/// use stackwright_estimate::memory::Inference;
///
/// let inference = Inference::new(4096).sequences(32);
/// assert_eq!(inference.batched_tokens, 8192);
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct Inference {
    /// The number format of the weights.
    pub weights: WeightPrecision,
    /// The bytes of a key or a value in the cache: 2 for bf16, 1 for fp8.
    pub kv_bytes: u64,
    /// The number of sequences that are processed at the same time.
    pub sequences: u64,
    /// The number of tokens of a sequence, prompt and response together.
    pub length: u64,
    /// The maximum number of tokens that one forward pass computes (`max_num_batched_tokens`).
    pub batched_tokens: u64,
    /// The number of sequences for which the server reserves memory to sample tokens (`max_num_seqs`); at least `sequences`.
    pub max_sequences: u64,
    /// The number of GPUs over which each layer is split.
    pub tensor_parallel: u64,
    /// The number of groups of GPUs over which the layers are distributed.
    pub pipeline_parallel: u64,
    /// The percentage of the GPU memory that the server allocates (`gpu_memory_utilization`).
    pub memory_percent: u64,
}

impl Inference {
    /// Creates settings for one sequence with a number of tokens, prompt and response together. The defaults are bf16, one GPU,
    /// 8192 tokens in a forward pass, a reserve for 256 sequences (vLLM's default), and 90 % of the GPU memory.
    pub fn new(length: u64) -> Self {
        Self {
            weights: WeightPrecision::Bf16,
            kv_bytes: 2,
            sequences: 1,
            length,
            batched_tokens: 8192,
            max_sequences: 256,
            tensor_parallel: 1,
            pipeline_parallel: 1,
            memory_percent: 90,
        }
    }

    /// Sets the number of sequences that are processed at the same time. The default is 1.
    pub fn sequences(mut self, count: u64) -> Self {
        self.sequences = count;
        self
    }

    /// Returns the number of GPUs.
    pub fn gpus(&self) -> u64 {
        self.tensor_parallel.saturating_mul(self.pipeline_parallel)
    }
}

/// The reason why the memory of inference cannot be estimated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The model is not a decoder.
    #[error("the memory of inference is estimated for decoders only, and {0:?} is not a decoder")]
    Architecture(Architecture),
    /// A number is out of its range.
    #[error("`{name}` is {value}; set it to {expected}")]
    Invalid {
        /// The option of `estimate inference` that sets the number, such as `--sequences`.
        name: &'static str,
        /// The value of the number.
        value: u64,
        /// A description of the valid values.
        expected: String,
    },
}

/// The estimated memory of inference on the GPU that needs the most memory.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InferenceEstimate {
    /// The sum of all parts in bytes.
    pub bytes: u64,
    /// The bytes of the weights.
    pub weights_bytes: u64,
    /// The bytes of the keys and values of all sequences.
    pub kv_cache_bytes: u64,
    /// The bytes of the keys and values of one token.
    pub kv_bytes_per_token: u64,
    /// The reserve for the activations of one forward pass, or for sampling if that needs more, in bytes.
    pub activation_bytes: u64,
    /// The number of parameters of the model.
    pub parameters: u64,
    /// The accelerator of the instance type; `None` if no instance type was passed.
    pub gpu: Option<Gpu>,
    /// The bytes that the server can allocate on the GPU if libraries use the largest measured amount in addition; `None` if the
    /// memory of the GPU is not known.
    pub budget_bytes: Option<u64>,
    /// Whether the model fits. [`MemoryVerdict::Tight`] means that it fits only if libraries use little memory.
    pub verdict: MemoryVerdict,
    /// The part of the budget that is not used, in bytes; negative if the model does not fit.
    pub margin_bytes: Option<i64>,
    /// The maximum number of sequences of the stated length that fit at the same time; 0 if none fits.
    pub largest_sequences: Option<u64>,
    /// The instance types with enough memory, the cheapest first, and those without a known price last.
    pub cheapest: Vec<Candidate>,
    /// The settings of the estimate.
    pub inference: Inference,
    /// The assumptions of the estimate, and restrictions of its accuracy.
    pub notes: Vec<String>,
}

/// The number of tokens in a block of the paged cache.
const BLOCK: u64 = 16;

/// The parts of the memory of one GPU.
struct Parts {
    weights: u64,
    kv_per_token: u64,
    /// Keys and values of one sequence.
    kv_of_sequence: u64,
    /// Activations of the forward pass.
    forward: u64,
    /// The hidden states of a forward pass, which are kept while sampling.
    hidden_states: u64,
    sampling_of_sequence: u64,
}

impl Parts {
    /// Returns the reserve of a server that samples a number of sequences at the same time.
    fn activations(&self, sequences: u64) -> u64 {
        let sampling = self.sampling_of_sequence.saturating_mul(sequences).saturating_add(self.hidden_states);
        self.forward.max(sampling)
    }

    /// Returns the maximum number of sequences that fit into a budget, if the server reserves memory to sample
    /// `reserved` of them.
    fn largest(&self, budget: u64, reserved: u64) -> u64 {
        let left = budget.saturating_sub(self.weights);
        let by_cache = left.saturating_sub(self.activations(reserved)) / self.kv_of_sequence.max(1);
        if by_cache <= reserved {
            return by_cache;
        }
        // More sequences need a larger reserve.
        let each = self.kv_of_sequence.saturating_add(self.sampling_of_sequence).max(1);
        (left.saturating_sub(self.hidden_states) / each).clamp(reserved, by_cache)
    }
}

/// The bytes that vLLM's sampler allocates for each token of the vocabulary and each sequence: logits in bf16 and fp32; sorted
/// values, their indices of 8 bytes, and the probabilities, sums and masked logits of top-k and top-p in fp32; probabilities and
/// their logarithms in fp32.
const SAMPLING: u64 = 2 + 4 + (4 + 8) + (4 + 4 + 4) + (4 + 4);

/// The bytes that libraries use outside of PyTorch on one GPU, and on each of several: vLLM logged 1.79 GiB and 3.58
/// GiB (`schemas/facts/inference_measured.json`). Other logs show less, down to the CUDA context.
const OUTSIDE: u64 = 1833 * 1024 * 1024;
const OUTSIDE_OF_SEVERAL: u64 = 3666 * 1024 * 1024;

/// Estimates the memory of inference on an instance type, and returns the instance types with enough memory.
///
/// # Errors
///
/// Returns an error if the model is not a decoder, or if a number is out of its range.
pub fn inference_estimate(
    shape: &ModelShape,
    inference: &Inference,
    gpu: Option<Gpu>,
    prices: &PriceBook,
    region: &str,
) -> Result<InferenceEstimate, InferenceError> {
    validate(shape, inference)?;
    let parts = parts(shape, inference);
    let kv_cache_bytes = parts.kv_of_sequence.saturating_mul(inference.sequences);
    let reserved = inference.max_sequences.max(inference.sequences);
    let activation_bytes = parts.activations(reserved);
    let bytes = parts.weights.saturating_add(kv_cache_bytes).saturating_add(activation_bytes);
    let outside = if inference.gpus() > 1 { OUTSIDE_OF_SEVERAL } else { OUTSIDE };
    let budget_of = |gpu: &Gpu, outside: u64| budget(gpu, inference.memory_percent, outside);
    let budget_bytes = gpu.as_ref().and_then(|gpu| budget_of(gpu, outside));
    let judge = |gpu: &Gpu| verdict(bytes, budget_of(gpu, outside), budget_of(gpu, CONTEXT));
    Ok(InferenceEstimate {
        bytes,
        weights_bytes: parts.weights,
        kv_cache_bytes,
        kv_bytes_per_token: parts.kv_per_token,
        activation_bytes,
        parameters: shape.parameters(),
        verdict: gpu.as_ref().map_or(MemoryVerdict::Unknown, judge),
        margin_bytes: budget_bytes
            .map(|budget| i64::try_from(i128::from(budget) - i128::from(bytes)).unwrap_or(i64::MIN)),
        budget_bytes,
        largest_sequences: budget_bytes.map(|budget| parts.largest(budget, inference.max_sequences)),
        cheapest: cheapest(InstanceUse::Hosting, Use::Hosting, inference.gpus(), prices, region, judge),
        gpu,
        inference: inference.clone(),
        notes: notes(shape, inference),
    })
}

/// Returns the verdict; `most` is the budget if libraries use little memory.
fn verdict(bytes: u64, budget: Option<u64>, most: Option<u64>) -> MemoryVerdict {
    match (budget, most) {
        (Some(budget), _) if bytes <= budget => MemoryVerdict::Fits,
        (_, Some(most)) if bytes <= most => MemoryVerdict::Tight,
        (None, None) => MemoryVerdict::Unknown,
        _ => MemoryVerdict::DoesNotFit,
    }
}

/// Returns the bytes that the server can allocate: its share of the memory minus the memory outside of PyTorch.
fn budget(gpu: &Gpu, percent: u64, outside: u64) -> Option<u64> {
    let visible = gpu.usable_bytes?.saturating_add(CONTEXT);
    Some((visible / 100 * percent).saturating_sub(outside))
}

fn parts(shape: &ModelShape, inference: &Inference) -> Parts {
    let tensor = inference.tensor_parallel;
    let table = shape.vocab.saturating_mul(shape.hidden);
    let tables = if shape.tied { table } else { table.saturating_mul(2) };
    let in_layers = shape.parameters().saturating_sub(tables);
    let layers = shape.layers.div_ceil(inference.pipeline_parallel);
    // The stage with the most layers also holds the embedding or the output layer.
    let of_stage = (u128::from(in_layers) * u128::from(layers)).div_ceil(u128::from(shape.layers.max(1)));
    let of_stage = u64::try_from(of_stage).unwrap_or(u64::MAX);
    let tables = if inference.pipeline_parallel > 1 { table } else { tables };
    let weights = inference
        .weights
        .bytes(of_stage)
        .saturating_add(tables.saturating_mul(inference.weights.of_embedding()))
        .div_ceil(tensor);
    // Each GPU holds at least one head of keys and values.
    let kv_heads = shape.kv_heads.div_ceil(tensor).max(1);
    let kv_per_token = kv_cache_bytes_per_token(layers, kv_heads, shape.head_dim, inference.kv_bytes);
    let tokens = inference.length.div_ceil(BLOCK).saturating_mul(BLOCK);
    let ffn = shape.experts.map_or(shape.ffn, |experts| {
        experts.ffn.saturating_mul(experts.per_token).saturating_add(experts.shared_ffn)
    });
    // Residual, normalized input, result and the block's own input; gate, up and their product.
    let wide = shape.hidden.saturating_mul(4).saturating_add(ffn.saturating_mul(3).div_ceil(tensor));
    Parts {
        weights,
        kv_per_token,
        kv_of_sequence: kv_per_token.saturating_mul(tokens),
        forward: wide.saturating_mul(2).saturating_mul(inference.batched_tokens),
        hidden_states: shape.hidden.saturating_mul(2).saturating_mul(inference.batched_tokens),
        // Every GPU samples the whole vocabulary.
        sampling_of_sequence: shape.vocab.saturating_mul(SAMPLING),
    }
}

/// Returns the weights of a model in a number format, on one GPU.
pub(super) fn weights_bytes(shape: &ModelShape, weights: WeightPrecision) -> u64 {
    parts(shape, &Inference { weights, ..Inference::new(1) }).weights
}

fn validate(shape: &ModelShape, inference: &Inference) -> Result<(), InferenceError> {
    if matches!(shape.architecture, Architecture::T5 | Architecture::Vit) {
        return Err(InferenceError::Architecture(shape.architecture));
    }
    let invalid = |name, value, expected: String| Err(InferenceError::Invalid { name, value, expected });
    for (name, value, most) in [
        ("--sequences", inference.sequences, 1 << 24),
        ("--length", inference.length, 1 << 24),
        ("--batched-tokens", inference.batched_tokens, 1 << 24),
        ("--max-sequences", inference.max_sequences, 1 << 24),
        ("--memory-percent", inference.memory_percent, 100),
        ("--tensor-parallel", inference.tensor_parallel, shape.heads),
        ("--pipeline-parallel", inference.pipeline_parallel, shape.layers),
    ] {
        if value == 0 || value > most {
            return invalid(name, value, format!("a number from 1 to {most}"));
        }
    }
    let tensor = inference.tensor_parallel;
    if !shape.heads.is_multiple_of(tensor) {
        return invalid(
            "--tensor-parallel",
            tensor,
            format!("a divisor of the {} attention heads", shape.heads),
        );
    }
    Ok(())
}

fn notes(shape: &ModelShape, inference: &Inference) -> Vec<String> {
    let mut notes = shape.notes.clone();
    notes.push(
        "the activation reserve follows the widths of the layers and vLLM's sampler; published logs differ from it by up to 20 %"
            .to_owned(),
    );
    if matches!(inference.weights, WeightPrecision::Fp8 | WeightPrecision::Int8 | WeightPrecision::Int4) {
        notes.push(
            "all linear layers of the decoder are counted as quantized; a file that leaves some in bf16 takes more (Meta's FP8 \
             files of Llama 3.1 405B take 21 % more)"
                .to_owned(),
        );
    }
    if shape.window.is_some() {
        notes.push(
            "every layer is counted with the whole sequence, although layers with a sliding window need less"
                .to_owned(),
        );
    }
    if shape.vision.is_some() {
        notes.push("the weights of the vision encoder are counted, but its activations are not".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::gpu_of;

    /// Llama 3 8B: 8,030,261,248 parameters; the embedding and the output layer have 525,336,576 each.
    fn llama() -> ModelShape {
        ModelShape::from_config(&json!({
            "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
            "tie_word_embeddings": false
        }))
        .unwrap()
    }

    fn estimate(inference: &Inference, instance: &str) -> InferenceEstimate {
        let prices = PriceBook::shipped();
        inference_estimate(&llama(), inference, gpu_of(instance), &prices, "us-east-1").unwrap()
    }

    #[test]
    fn llama_in_bf16_on_one_gpu() {
        let found = estimate(&Inference::new(4096).sequences(16), "ml.p5.4xlarge");
        assert_eq!(found.weights_bytes, 16_060_522_496);
        // 2 × 32 layers × 8 heads × 128 × 2 bytes, for 16 × 4,096 tokens.
        assert_eq!(found.kv_bytes_per_token, 131_072);
        assert_eq!(found.kv_cache_bytes, 8_589_934_592);
        // 256 × 128,256 × 38 bytes and 4,096 × 2 bytes × 8,192 tokens are more than the forward pass takes:
        // (4 × 4,096 + 3 × 14,336) × 2 bytes × 8,192 tokens = 973,078,528.
        assert_eq!(found.activation_bytes, 1_247_674_368 + 67_108_864);
        assert_eq!(found.bytes, 16_060_522_496 + 8_589_934_592 + 1_314_783_232);
        assert_eq!(found.verdict, MemoryVerdict::Fits);
    }

    #[test]
    fn the_largest_number_of_sequences_fits_and_one_more_does_not() {
        let most = estimate(&Inference::new(8192), "ml.g5.2xlarge").largest_sequences.unwrap();
        assert!(most > 0);
        assert_eq!(
            estimate(&Inference::new(8192).sequences(most), "ml.g5.2xlarge").verdict,
            MemoryVerdict::Fits
        );
        // One more fits only if libraries take little beside the server; what they take at least is counted always.
        let more = estimate(&Inference::new(8192).sequences(most + 1), "ml.g5.2xlarge");
        assert_eq!(more.verdict, MemoryVerdict::Tight);
        assert!(more.margin_bytes.unwrap() < 0);
        let each = more.kv_cache_bytes / (most + 1);
        let too_many = most + 2 + (OUTSIDE - CONTEXT) / each;
        let more = estimate(&Inference::new(8192).sequences(too_many), "ml.g5.2xlarge");
        assert_eq!(more.verdict, MemoryVerdict::DoesNotFit);
    }

    #[test]
    fn many_short_sequences_need_a_larger_reserve_to_sample() {
        let most = estimate(&Inference::new(16), "ml.p5.4xlarge").largest_sequences.unwrap();
        assert!(most > 256);
        assert_eq!(
            estimate(&Inference::new(16).sequences(most), "ml.p5.4xlarge").verdict,
            MemoryVerdict::Fits
        );
        assert_ne!(
            estimate(&Inference::new(16).sequences(most + 1), "ml.p5.4xlarge").verdict,
            MemoryVerdict::Fits
        );
    }

    /// A line of vLLM's log, as it was published.
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Log {
        model: String,
        config: serde_json::Value,
        weights: WeightPrecision,
        tensor_parallel: u64,
        batched_tokens: u64,
        /// GiB.
        weights_gib: Option<f64>,
        activation_gib: Option<f64>,
        outside_gib: Option<f64>,
        kv_cache_gib: Option<f64>,
        kv_cache_tokens: Option<u64>,
        gpu_gib: Option<f64>,
        memory_percent: Option<u64>,
        /// Why the weights are not compared.
        not_compared: Option<String>,
        source: String,
        date: String,
    }

    /// Returns the share of a measured value by which an estimate is above it.
    fn error(estimated: f64, measured: f64) -> f64 {
        estimated / measured - 1.0
    }

    #[test]
    fn published_logs_of_vllm_are_near_the_estimate() {
        let facts: serde_json::Value =
            serde_json::from_str(include_str!("../../../schemas/facts/inference_measured.json")).unwrap();
        let logs: Vec<Log> = serde_json::from_value(facts["logs"].clone()).unwrap();
        const GIB: f64 = (1_u64 << 30) as f64;
        let (mut weights, mut caches, mut activations, mut budgets) = (0, 0, 0, 0);
        for log in &logs {
            let shape = ModelShape::from_config(&log.config).unwrap();
            let inference = Inference {
                weights: log.weights,
                tensor_parallel: log.tensor_parallel,
                batched_tokens: log.batched_tokens,
                ..Inference::new(16)
            };
            let found =
                inference_estimate(&shape, &inference, None, &PriceBook::shipped(), "us-east-1").unwrap();
            let name = format!("{} ({}, {})", log.model, log.source, log.date);
            let mut shown = Vec::new();
            if let Some(measured) = log.weights_gib {
                let off = error(found.weights_bytes as f64 / GIB, measured);
                shown.push(format!("weights {:+.1} %", off * 100.0));
                match &log.not_compared {
                    Some(why) => assert!(off.abs() > 0.02, "{name}: {why} no longer holds"),
                    None => assert!(off.abs() < 0.02, "{name}: {off}"),
                }
                weights += 1;
            }
            if let (Some(gib), Some(tokens)) = (log.kv_cache_gib, log.kv_cache_tokens) {
                let off = error(found.kv_bytes_per_token as f64, gib * GIB / tokens as f64);
                shown.push(format!("a token of the cache {:+.1} %", off * 100.0));
                assert!(off.abs() < 0.015, "{name}: {off}");
                caches += 1;
            }
            if let Some(measured) = log.activation_gib {
                let off = error(found.activation_bytes as f64 / GIB, measured);
                shown.push(format!("activations {:+.1} %", off * 100.0));
                assert!(off.abs() < 0.2, "{name}: {off}");
                activations += 1;
            }
            // The cache is what is left of the budget: never more than was measured by more than 3 %.
            if let (Some(gpu), Some(percent), Some(measured)) =
                (log.gpu_gib, log.memory_percent, log.kv_cache_gib)
            {
                let outside = if log.tensor_parallel > 1 { OUTSIDE_OF_SEVERAL } else { OUTSIDE };
                let budget = gpu * percent as f64 / 100.0 - outside as f64 / GIB;
                let left = budget - (found.weights_bytes + found.activation_bytes) as f64 / GIB;
                let off = error(left, measured);
                shown.push(format!("cache {:+.1} %, outside {:?} GiB", off * 100.0, log.outside_gib));
                assert!(off < 0.03, "{name}: {off}");
                budgets += 1;
            }
            println!("{name}: {}", shown.join(", "));
        }
        assert!(weights >= 8 && caches >= 2 && activations >= 4 && budgets >= 4);
    }

    #[test]
    fn quantized_weights_leave_the_embedding_in_bf16() {
        // 6,979,588,096 weights in the layers; 1,050,673,152 in the embedding and the output layer.
        let with =
            |weights| estimate(&Inference { weights, ..Inference::new(128) }, "ml.g5.2xlarge").weights_bytes;
        assert_eq!(with(WeightPrecision::Fp8), 6_979_588_096 + 2_101_346_304);
        // 6,979,588,096 × 133 / 256.
        assert_eq!(with(WeightPrecision::Int4), 3_626_114_128 + 2_101_346_304);
    }

    #[test]
    fn parallel_gpus_share_weights_and_cache() {
        let inference = Inference { tensor_parallel: 4, ..Inference::new(1) };
        let found = estimate(&inference, "ml.g5.12xlarge");
        assert_eq!(found.weights_bytes, 16_060_522_496 / 4);
        assert_eq!(found.kv_bytes_per_token, 131_072 / 4);
        // A token takes a whole block of 16.
        assert_eq!(found.kv_cache_bytes, 131_072 / 4 * 16);
        // More GPUs than heads of keys and values: each holds one.
        let wide = Inference { tensor_parallel: 16, ..Inference::new(1) };
        assert_eq!(estimate(&wide, "ml.p4d.24xlarge").kv_bytes_per_token, 131_072 / 8);
        let staged = Inference { pipeline_parallel: 2, ..Inference::new(1) };
        // Half of the layers, and one of the two tables.
        assert_eq!(estimate(&staged, "ml.g5.12xlarge").weights_bytes, 6_979_588_096 + 1_050_673_152);
    }

    #[test]
    fn candidates_are_sorted_by_price_and_hold_enough() {
        let found = estimate(&Inference::new(8192).sequences(4), "ml.g5.2xlarge");
        let priced: Vec<_> = found.cheapest.iter().filter_map(|one| one.usd_per_hour).collect();
        assert!(priced.len() > 3 && priced.is_sorted(), "{priced:?}");
        assert!(found.cheapest.iter().all(|one| one.instances == 1 && one.verdict == MemoryVerdict::Fits));
        // A T4 has 16 GiB and does not compute in bf16.
        assert!(!found.cheapest.iter().any(|one| one.instance_type.starts_with("ml.g4dn.")));
        let first_unknown = found.cheapest.iter().position(|one| one.price.is_none());
        assert!(
            first_unknown.is_none_or(|first| found.cheapest[first..].iter().all(|one| one.price.is_none()))
        );
    }

    #[test]
    fn wrong_numbers_are_refused() {
        let wrong = Inference { tensor_parallel: 3, ..Inference::new(128) };
        let error =
            inference_estimate(&llama(), &wrong, None, &PriceBook::shipped(), "us-east-1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`--tensor-parallel` is 3; set it to a divisor of the 32 attention heads"
        );
    }
}
