//! `estimate inference`: the GPU memory of serving a model.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use stackwright_estimate::memory::{self, Inference, InferenceEstimate, MemoryVerdict, WeightPrecision};

use super::cost::prices;
use super::memory::{Form, accelerator, gib};
use super::model::ModelArguments;
use super::table::Table;
use super::{candidates, refused};
use crate::failure::Failure;

/// Estimate the GPU memory of serving a model.
///
/// The estimate is the sum of the weights, the cache of keys and values, and a reserve for activations, as vLLM and
/// TensorRT-LLM allocate them, on the GPU that needs the most. docs/estimating.md describes the method.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the model fits into the GPU memory, 1 failure, 2 usage error, 4 it does not fit."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Use the accelerators of this instance type, for example ml.g5.2xlarge. Default: list the instance types that fit
    #[arg(long, value_name = "TYPE")]
    instance: Option<String>,
    /// Set the number of sequences that are processed at the same time
    #[arg(long, default_value_t = 1)]
    sequences: u64,
    /// Set the number of tokens of a sequence, prompt and output together, such as 4096
    #[arg(long)]
    length: u64,
    /// Choose the number format of the weights
    #[arg(long, value_enum, default_value_t = PrecisionName::Bf16)]
    precision: PrecisionName,
    /// Choose the number format of the cache of keys and values
    #[arg(long, value_enum, default_value_t = CachePrecision::Bf16)]
    kv_cache: CachePrecision,
    /// Set the maximum number of tokens that one forward pass computes (`max_num_batched_tokens` of vLLM)
    #[arg(long, value_name = "TOKENS", default_value_t = 8192)]
    batched_tokens: u64,
    /// Set the number of sequences for which the server reserves memory to sample tokens (`max_num_seqs` of vLLM). The larger
    /// of this number and --sequences counts
    #[arg(long, value_name = "SEQUENCES", default_value_t = 256)]
    max_sequences: u64,
    /// Set the number of GPUs over which each layer is split (tensor parallelism)
    #[arg(long, value_name = "GPUS", default_value_t = 1)]
    tensor_parallel: u64,
    /// Set the number of groups of GPUs over which the layers are distributed (pipeline parallelism)
    #[arg(long, value_name = "STAGES", default_value_t = 1)]
    pipeline_parallel: u64,
    /// Set the percentage of the GPU memory that the server allocates (100 times `gpu_memory_utilization` of vLLM)
    #[arg(long, value_name = "PERCENT", default_value_t = 90)]
    memory_percent: u64,
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
enum PrecisionName {
    /// 32-bit floating point, 4 bytes per value
    Fp32,
    /// 16-bit floating point, 2 bytes per value
    #[value(alias = "fp16")]
    Bf16,
    /// 8-bit floating point, 1 byte per value
    Fp8,
    /// 8-bit integers, 1 byte per value
    Int8,
    /// 4-bit integers with one scale for each group of 128 weights (AWQ, GPTQ)
    #[value(alias = "awq", alias = "gptq")]
    Int4,
}

#[derive(Clone, Copy, ValueEnum)]
enum CachePrecision {
    /// 16-bit floating point, 2 bytes per value
    #[value(alias = "fp16")]
    Bf16,
    /// 8-bit floating point, 1 byte per value
    Fp8,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let shape = arguments.model.read()?;
    let gpu = arguments.instance.as_deref().map(accelerator).transpose()?;
    let inference = inference(arguments);
    if let Some(count) = gpu.as_ref().and_then(|gpu| gpu.count).map(u64::from)
        && inference.gpus() > count
    {
        return Err(Failure::usage(format!(
            "`--tensor-parallel` times `--pipeline-parallel` is {}, and the instance type has {count} GPUs",
            inference.gpus()
        ))
        .hint("use fewer GPUs, or an instance type that has more"));
    }
    let book = prices(&arguments.prices)?;
    let estimate = memory::inference_estimate(&shape, &inference, gpu, &book, &arguments.region)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let text = match arguments.format {
        Form::Text => table(&estimate)
            .text(&format!("GPU memory of inference for each GPU, {} parameters", estimate.parameters)),
        Form::Json => format!("{:#}\n", json!({ "version": 1, "inference": estimate })),
        Form::Markdown => table(&estimate).markdown("GPU memory of inference for each GPU"),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    match estimate.verdict {
        MemoryVerdict::DoesNotFit => Err(refused("the model does not fit in the memory of the GPU")
            .hint("serve fewer or shorter sequences, quantize weights or the cache, or use more GPUs")),
        _ => Ok(()),
    }
}

fn inference(arguments: &Arguments) -> Inference {
    let mut inference = Inference::new(arguments.length).sequences(arguments.sequences);
    inference.weights = match arguments.precision {
        PrecisionName::Fp32 => WeightPrecision::Fp32,
        PrecisionName::Bf16 => WeightPrecision::Bf16,
        PrecisionName::Fp8 => WeightPrecision::Fp8,
        PrecisionName::Int8 => WeightPrecision::Int8,
        PrecisionName::Int4 => WeightPrecision::Int4,
    };
    inference.kv_bytes = match arguments.kv_cache {
        CachePrecision::Bf16 => 2,
        CachePrecision::Fp8 => 1,
    };
    inference.batched_tokens = arguments.batched_tokens;
    inference.max_sequences = arguments.max_sequences;
    inference.tensor_parallel = arguments.tensor_parallel;
    inference.pipeline_parallel = arguments.pipeline_parallel;
    inference.memory_percent = arguments.memory_percent;
    inference
}

fn rows(estimate: &InferenceEstimate) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("weights", gib(estimate.weights_bytes)),
        ("cache of keys and values", gib(estimate.kv_cache_bytes)),
        ("activation reserve", gib(estimate.activation_bytes)),
        ("together", gib(estimate.bytes)),
    ];
    if let Some(budget) = estimate.budget_bytes {
        rows.push(("memory that the server can allocate", gib(budget)));
    }
    rows
}

fn conclusion(estimate: &InferenceEstimate) -> Vec<String> {
    let (inference, on) = (&estimate.inference, estimate.gpu.as_ref().map(|gpu| gpu.instance_type.as_str()));
    let served = format!("{} sequences of {} tokens", inference.sequences, inference.length);
    let mut lines = vec![match (estimate.verdict, on) {
        (MemoryVerdict::Fits, Some(on)) => format!("The model with {served} fits on {on}."),
        (MemoryVerdict::Tight, Some(on)) => format!(
            "The model with {served} fits on {on} only if libraries use little memory in addition to the server."
        ),
        (MemoryVerdict::DoesNotFit, Some(on)) => format!("The model with {served} does not fit on {on}."),
        _ => "No instance type was given, so that it is not known whether the model fits.".to_owned(),
    }];
    if let Some(most) = estimate.largest_sequences {
        lines.push(format!("Largest number of sequences of {} tokens that fits: {most}.", inference.length));
    }
    lines.extend(candidates::lines(&estimate.cheapest));
    lines.extend(estimate.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn table(estimate: &InferenceEstimate) -> Table<&'static str> {
    Table { rows: rows(estimate), conclusion: conclusion(estimate) }
}
