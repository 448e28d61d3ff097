//! Measured runs, and the error of the estimate against them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::shape::{Implementation, ModelShape};
use super::training::{Attention, Offload, Strategy, Training, training_peak};

/// A training step whose peak memory was measured.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct MeasuredRun {
    /// The name of the model.
    pub model: String,
    /// The Hugging Face configuration of the model; the numbers of the plain decoder are in the run itself.
    #[serde(default)]
    pub config: Option<Json>,
    /// The strategy by which weights, gradients and optimizer states were distributed over the GPUs.
    #[serde(deserialize_with = "strategy")]
    pub strategy: Strategy,
    /// The number of ranks.
    pub world: u64,
    /// The number of ranks in a group of hybrid sharding; `None` for other strategies.
    #[serde(default)]
    pub shard: Option<u64>,
    /// The number of tokens of a sample.
    pub seq: u64,
    /// The number of samples per GPU and step.
    pub batch: u64,
    /// Whether activations are checkpointed.
    pub checkpoint: bool,
    /// The implementation of attention. The default is scaled dot product attention.
    #[serde(default)]
    pub attention: Attention,
    /// The rank of LoRA adapters; 0 if all weights were trained.
    #[serde(default)]
    pub lora: u64,
    /// The number of ranks of tensor parallelism; `None` without it.
    #[serde(default)]
    pub tp: Option<u64>,
    /// Whether the frozen base of LoRA is in 4 bits.
    #[serde(default)]
    pub qlora: bool,
    /// Whether FSDP2 keeps the shards of weights in the memory of the host.
    #[serde(default)]
    pub offload: bool,
    /// Members of DeepSpeed's `zero_optimization`; `None` without DeepSpeed.
    #[serde(default)]
    pub zero: Option<Json>,
    /// The number of image patches per sample; `None` for a model without images.
    #[serde(default)]
    pub patches: Option<u64>,
    /// The measured peak in bytes.
    pub peak_allocated: u64,
    /// The duration of a step in seconds; `None` if it was not measured.
    #[serde(default)]
    pub step_s: Option<f64>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Json>,
}

/// A measured run with its estimate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeasuredComparison {
    /// The run.
    pub run: MeasuredRun,
    /// The estimated peak in bytes.
    pub estimated: u64,
}

impl MeasuredComparison {
    /// Returns the relative error of the estimate, which is positive if the estimate is larger than the measured
    /// peak.
    pub fn error(&self) -> f64 {
        self.estimated as f64 / self.run.peak_allocated as f64 - 1.0
    }
}

impl MeasuredRun {
    /// Returns the shape of the model; `None` if it cannot be read from the configuration.
    pub fn shape(&self) -> Option<ModelShape> {
        match &self.config {
            // Measured runs with a configuration ran transformers' code, but for the plain decoder.
            Some(config) => ModelShape::from_config(config).ok().map(|shape| match shape.implementation {
                Implementation::Unknown => shape.run_by(Implementation::Transformers),
                _ => shape,
            }),
            None => ModelShape::from_config(&Json::Object(self.rest.clone())).ok(),
        }
    }

    fn is_offloaded(&self, member: &str) -> bool {
        self.zero.as_ref().is_some_and(|zero| zero.get(member).is_some())
    }

    /// Returns the training step that was measured.
    pub fn training(&self) -> Training {
        let has_images = self.config.as_ref().is_some_and(|config| config.get("vision").is_some());
        Training {
            shard_ranks: self.shard.unwrap_or(self.world),
            attention: self.attention,
            activation_checkpointing: self.checkpoint,
            lora_rank: (self.lora > 0).then_some(self.lora),
            quantized_base: self.qlora,
            tensor_parallel: self.tp.unwrap_or(1),
            offload: Offload {
                optimizer: self.offload || self.is_offloaded("offload_optimizer"),
                parameters: self.offload || self.is_offloaded("offload_param"),
            },
            image_patches: if has_images { self.patches.unwrap_or(784) } else { 0 },
            ..Training::new(self.strategy, self.seq).ranks(self.world).batch(self.batch)
        }
    }
}

/// Reads a strategy by the name that the measurements use: PyTorch's name of a sharding strategy, or a ZeRO stage.
fn strategy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Strategy, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(match name.as_str() {
        "FULL_SHARD" => Strategy::FullShard,
        "SHARD_GRAD_OP" => Strategy::ShardGradOp,
        "HYBRID_SHARD" => Strategy::HybridShard,
        "DDP" => Strategy::Ddp,
        "zero1" => Strategy::Zero1,
        "zero2" => Strategy::Zero2,
        "zero3" => Strategy::Zero3,
        _ => return Err(D::Error::custom(format_args!("unknown strategy `{name}`"))),
    })
}

/// Reads runs, one JSON object per line. Lines that are not a run are left out.
pub fn read(lines: &str) -> Vec<MeasuredRun> {
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Reads runs, one JSON object per line, and estimates each. Lines that are not a run are left out.
pub fn compare(lines: &str) -> Vec<MeasuredComparison> {
    let compared = read(lines).into_iter().filter_map(|run| {
        let estimated = training_peak(&run.shape()?, &run.training()).bytes;
        Some(MeasuredComparison { run, estimated })
    });
    compared.collect()
}

/// The absolute relative errors of comparisons.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeasuredErrors {
    /// The mean error, as a share of the measured peak.
    pub mean: f64,
    /// The largest error, as a share of the measured peak.
    pub largest: f64,
}

/// Returns the absolute relative errors of comparisons.
pub fn errors(comparisons: &[MeasuredComparison]) -> MeasuredErrors {
    let all: Vec<f64> = comparisons.iter().map(|one| one.error().abs()).collect();
    let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
    MeasuredErrors { mean, largest: all.into_iter().fold(0.0, f64::max) }
}
