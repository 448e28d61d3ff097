//! `estimate memory`: estimates the peak GPU memory of a training step.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use stackwright_estimate::memory::{
    self, Attention, Candidate, Gpu, Implementation, MemoryVerdict, ModelShape, Offload, Strategy, Training,
    TrainingEstimate,
};

use super::cost::prices;
use super::model::ModelArguments;
use super::table::Table;
use super::{candidates, refused};
use crate::failure::Failure;

/// Estimate the peak GPU memory of one training step.
///
/// The estimate follows the allocations of PyTorch, transformers and DeepSpeed operator by operator, for bf16 with
/// AdamW in fp32. docs/estimating.md describes the method and its errors against measured runs.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the model fits into the GPU memory, 1 failure, 2 usage error, 4 it does not fit."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Use the accelerators of this instance type, for example ml.p4d.24xlarge. Default: list the instance types that fit
    #[arg(long, value_name = "TYPE")]
    instance: Option<String>,
    /// Choose how weights, gradients and optimizer states are distributed over the GPUs
    #[arg(long, value_enum)]
    strategy: StrategyName,
    /// Set the number of GPUs of the job
    #[arg(long, default_value_t = 1)]
    ranks: u64,
    /// Set the number of GPUs in a sharding group of `hybrid-shard`. Default: the GPUs of the
    /// instance type; 8 without `--instance`
    #[arg(long, value_name = "RANKS")]
    shard_ranks: Option<u64>,
    /// Set the number of samples per GPU and step
    #[arg(long, default_value_t = 1)]
    batch: u64,
    /// Set the number of tokens of a sample, such as 4096
    #[arg(long)]
    sequence: u64,
    /// Choose the implementation of attention
    #[arg(long, value_enum, default_value_t = AttentionName::Sdpa)]
    attention: AttentionName,
    /// Recompute the activations of each layer in the backward pass (activation checkpointing). Default: they are stored
    #[arg(long)]
    activation_checkpointing: bool,
    /// Train LoRA adapters of this rank, such as 16, on the attention projections; the other weights are frozen. Default: train
    /// all weights
    #[arg(long, value_name = "RANK")]
    lora_rank: Option<u64>,
    /// Store frozen weights in 4 bits (QLoRA). Requires `--lora-rank`. Default: 16 bits
    #[arg(long, requires = "lora_rank")]
    qlora: bool,
    /// Set the number of image patches per sample (vision-language models)
    #[arg(long, value_name = "PATCHES", default_value_t = 0)]
    image_patches: u64,
    /// Store optimizer states in the memory of the host. Default: in GPU memory
    #[arg(long)]
    offload_optimizer: bool,
    /// Store weights in the memory of the host; only `zero3` can do this. Default: in GPU memory
    #[arg(long)]
    offload_parameters: bool,
    /// Set the number of GPUs over which each layer is split (tensor parallelism)
    #[arg(long, value_name = "RANKS", default_value_t = 1)]
    tensor_parallel: u64,
    /// Set the number of GPUs over which the experts of a layer are distributed (expert parallelism)
    #[arg(long, value_name = "RANKS", default_value_t = 1)]
    expert_parallel: u64,
    /// Set the number of GPUs over which each sample is split (context parallelism)
    #[arg(long, value_name = "RANKS", default_value_t = 1)]
    context_parallel: u64,
    /// Choose the implementation of the model. Default: `transformers`, if the transformers library wrote the `config.json`,
    /// otherwise the one that needs more memory
    #[arg(long, value_enum)]
    implementation: Option<ImplementationName>,
    /// Read an AWS bulk price list (an offer file of AmazonSageMaker or AmazonEC2, JSON or CSV), whose prices replace the
    /// built-in ones; may be repeated. Default: the built-in prices
    #[arg(long, value_name = "FILE")]
    prices: Vec<PathBuf>,
    /// Use the prices of this region for the list of instance types that fit
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum StrategyName {
    /// PyTorch's DistributedDataParallel
    Ddp,
    /// FSDP: weights, gradients and optimizer states are sharded
    FullShard,
    /// FSDP: as `full-shard`, but the gathered weights stay in memory until the end of the backward pass
    ShardGradOp,
    /// FSDP: weights, gradients and optimizer states are sharded within groups of GPUs, and replicated across groups
    HybridShard,
    /// DeepSpeed: optimizer states are sharded
    Zero1,
    /// DeepSpeed: optimizer states and gradients are sharded
    Zero2,
    /// DeepSpeed: optimizer states, gradients and weights are sharded
    Zero3,
}

impl StrategyName {
    pub(super) fn strategy(self) -> Strategy {
        match self {
            Self::Ddp => Strategy::Ddp,
            Self::FullShard => Strategy::FullShard,
            Self::ShardGradOp => Strategy::ShardGradOp,
            Self::HybridShard => Strategy::HybridShard,
            Self::Zero1 => Strategy::Zero1,
            Self::Zero2 => Strategy::Zero2,
            Self::Zero3 => Strategy::Zero3,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum AttentionName {
    /// Scaled dot product attention (SDPA) of PyTorch
    Sdpa,
    /// FlashAttention
    #[value(alias = "flash_attention_2")]
    Flash,
    /// Eager attention, which stores the attention scores
    Eager,
}

#[derive(Clone, Copy, ValueEnum)]
enum ImplementationName {
    /// The transformers library of Hugging Face
    Transformers,
    /// The operators of PyTorch, or fused kernels
    Fused,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A table as text
    Text,
    /// One JSON document
    Json,
    /// Markdown for pull requests
    Markdown,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let shape = model(arguments)?;
    let gpu = arguments.instance.as_deref().map(accelerator).transpose()?;
    let training = training(arguments, gpu.as_ref());
    training.validate().map_err(|error| Failure::usage(error.to_string()))?;
    for (name, value) in
        [("--ranks", training.ranks), ("--batch", training.batch), ("--sequence", training.sequence)]
    {
        if value == 0 || value > 1 << 24 {
            return Err(
                Failure::usage(format!("`{name}` is {value}")).hint(format!("set `{name}` to at least 1"))
            );
        }
    }
    let estimate = memory::training_estimate(&shape, &training, gpu);
    let cheapest =
        memory::training_candidates(&shape, &training, &prices(&arguments.prices)?, &arguments.region);
    let text = match arguments.format {
        Form::Text => {
            let title = format!("GPU memory of one training step, {} parameters", estimate.parameters);
            table(&estimate, &cheapest).text(&title)
        }
        Form::Json => format!("{:#}\n", document(&estimate, &training, &cheapest)),
        Form::Markdown => table(&estimate, &cheapest).markdown("GPU memory of one training step"),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    match estimate.verdict {
        MemoryVerdict::DoesNotFit => Err(refused("the step does not fit in the memory of the GPU").hint(
            "use activation checkpointing, a smaller batch, more ranks or a strategy that distributes more",
        )),
        _ => Ok(()),
    }
}

fn model(arguments: &Arguments) -> Result<ModelShape, Failure> {
    let shape = arguments.model.read()?;
    Ok(match arguments.implementation {
        Some(ImplementationName::Transformers) => shape.run_by(Implementation::Transformers),
        Some(ImplementationName::Fused) => shape.run_by(Implementation::Fused),
        None => shape,
    })
}

pub(super) fn accelerator(instance_type: &str) -> Result<Gpu, Failure> {
    let gpu = memory::gpu_of(instance_type).ok_or_else(|| {
        Failure::usage(format!("`{instance_type}` is not a known instance type"))
            .hint("write a SageMaker instance type such as ml.p4d.24xlarge")
    })?;
    if gpu.usable_bytes.is_none() {
        return Err(Failure::usage(format!("the GPU memory of `{instance_type}` is not known"))
            .hint("leave `--instance` out to estimate the peak alone"));
    }
    Ok(gpu)
}

fn training(arguments: &Arguments, gpu: Option<&Gpu>) -> Training {
    let per_instance = gpu.and_then(|gpu| gpu.count).map(u64::from).filter(|count| *count > 0);
    let mut training = Training::new(arguments.strategy.strategy(), arguments.sequence)
        .ranks(arguments.ranks)
        .batch(arguments.batch);
    training.shard_ranks = arguments.shard_ranks.or(per_instance).unwrap_or(8).clamp(1, training.ranks);
    training.attention = match arguments.attention {
        AttentionName::Sdpa => Attention::Sdpa,
        AttentionName::Flash => Attention::Flash,
        AttentionName::Eager => Attention::Eager,
    };
    training.activation_checkpointing = arguments.activation_checkpointing;
    training.lora_rank = arguments.lora_rank.filter(|rank| *rank > 0);
    training.quantized_base = arguments.qlora;
    training.image_patches = arguments.image_patches;
    training.offload =
        Offload::default().optimizer(arguments.offload_optimizer).parameters(arguments.offload_parameters);
    training.tensor_parallel = arguments.tensor_parallel;
    training.expert_parallel = arguments.expert_parallel;
    training.context_parallel = arguments.context_parallel;
    training
}

/// Returns the label of a category.
fn category(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn document(estimate: &TrainingEstimate, training: &Training, cheapest: &[Candidate]) -> serde_json::Value {
    let breakdown: serde_json::Map<_, _> =
        estimate.peak.breakdown.iter().map(|one| (category(&one.category), json!(one.bytes))).collect();
    json!({
        "peak_bytes": estimate.peak.bytes,
        "breakdown": breakdown,
        "phase": estimate.peak.phase.to_string(),
        "upper_bytes": estimate.upper_bytes,
        "parameters": estimate.parameters,
        "verdict": estimate.verdict,
        "fits": match estimate.verdict {
            MemoryVerdict::Fits | MemoryVerdict::Tight => Some(true),
            MemoryVerdict::DoesNotFit => Some(false),
            _ => None,
        },
        "gpu": estimate.gpu,
        "margin_bytes": estimate.margin_bytes,
        "largest_batch": estimate.largest_batch,
        "largest_sequence": estimate.largest_sequence,
        "cheapest": cheapest,
        "training": training,
        "notes": estimate.notes,
    })
}

pub(super) fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

/// Returns the rows of the table: a label and a value.
fn rows(estimate: &TrainingEstimate) -> Vec<(String, String)> {
    let parts = estimate.peak.breakdown.iter().filter(|one| one.bytes > 0);
    let mut rows: Vec<_> =
        parts.map(|one| (category(&one.category).replace('_', " "), gib(one.bytes))).collect();
    rows.push(("peak of allocated memory".to_owned(), gib(estimate.peak.bytes)));
    if let Some(upper) = estimate.upper_bytes {
        rows.push(("highest possible peak".to_owned(), gib(upper)));
    }
    if let Some(usable) = estimate.gpu.as_ref().and_then(|gpu| gpu.usable_bytes) {
        rows.push(("memory that can be allocated".to_owned(), gib(usable)));
    }
    rows
}

fn conclusion(estimate: &TrainingEstimate, cheapest: &[Candidate]) -> Vec<String> {
    let on = estimate.gpu.as_ref().map_or(String::new(), |gpu| {
        format!(" on {} ({})", gpu.instance_type, gpu.name.as_deref().unwrap_or("accelerator unknown"))
    });
    let verdict = match estimate.verdict {
        MemoryVerdict::Fits => format!("The step fits{on}."),
        MemoryVerdict::Tight => {
            format!("The step is tight{on}: whether it fits depends on the fragmentation of the allocator.")
        }
        MemoryVerdict::DoesNotFit => format!("The step does not fit{on}."),
        _ => "No instance type was given, so that it is not known whether the step fits.".to_owned(),
    };
    let mut lines = vec![verdict, format!("The peak is reached in this phase: {}.", estimate.peak.phase)];
    if estimate.gpu.is_some() {
        let batch = estimate.largest_batch.map_or("none".to_owned(), |batch| batch.to_string());
        let sequence = estimate.largest_sequence.map_or("none".to_owned(), |sequence| sequence.to_string());
        lines.push(format!(
            "Largest batch per GPU that fits: {batch}; longest sequence that fits: {sequence}."
        ));
    }
    lines.extend(candidates::lines(cheapest));
    lines.extend(estimate.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn table(estimate: &TrainingEstimate, cheapest: &[Candidate]) -> Table<String> {
    Table { rows: rows(estimate), conclusion: conclusion(estimate, cheapest) }
}
