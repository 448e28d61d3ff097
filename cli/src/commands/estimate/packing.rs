//! `estimate packing`: how many models of a multi-model endpoint fit at the same time.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use stackwright_estimate::memory::{self, MemoryVerdict, PackingEstimate};

use super::memory::{Form, accelerator, gib};
use super::refused;
use super::table::Table;
use crate::failure::Failure;

/// Estimate how many models fit in the GPU memory of a multi-model endpoint at the same time.
///
/// SageMaker loads a model when it receives the first request for it, and unloads unused models when the memory is full. The
/// sizes of the models are read from a file.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 each model fits, 1 failure, 2 usage error, 4 the largest model does not fit."
)]
pub(super) struct Arguments {
    /// Read a JSON file with a list of models. Each has a `name`, `count` (default: 1), `working_bytes` (default: 0), and either
    /// `weights_bytes`, or `model` (a Hugging Face configuration) with `weights` (fp32, bf16, fp8, int8 or int4)
    #[arg(long, value_name = "FILE")]
    models: PathBuf,
    /// Set the instance type of the endpoint, for example ml.g5.2xlarge
    #[arg(long, value_name = "TYPE")]
    instance: String,
    /// Load each model on one GPU of the instance. Default: on each GPU, as Triton does
    #[arg(long)]
    one_gpu_each: bool,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = arguments.models.display();
    let wrong = |error: String| Failure::usage(format!("{path}: {error}"));
    let text = std::fs::read_to_string(&arguments.models).map_err(|error| wrong(error.to_string()))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let models = memory::packed_models(document.get("models").unwrap_or(&document))
        .map_err(|error| wrong(error.to_string()))?;
    let gpu = accelerator(&arguments.instance)?;
    let estimate = memory::packing_estimate(&models, &gpu, !arguments.one_gpu_each)
        .ok_or_else(|| wrong("the file describes no model".to_owned()))?;
    let text = match arguments.format {
        Form::Text => table(&estimate).text("GPU memory of the models of a multi-model endpoint"),
        Form::Json => format!("{:#}\n", json!({ "version": 1, "packing": estimate })),
        Form::Markdown => table(&estimate).markdown("GPU memory of the models of a multi-model endpoint"),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    match estimate.verdict {
        MemoryVerdict::DoesNotFit => Err(refused("the largest model does not fit in the memory of a GPU")
            .hint("use an instance type with larger GPUs, or quantized weights")),
        _ => Ok(()),
    }
}

fn rows(estimate: &PackingEstimate) -> Vec<(&'static str, String)> {
    vec![
        ("models", estimate.models.to_string()),
        ("all models together", gib(estimate.bytes)),
        ("largest model", gib(estimate.largest_bytes)),
        ("memory that can be allocated on a GPU", gib(estimate.gpu.usable_bytes.unwrap_or_default())),
        ("loaded at the same time, at the least", estimate.least_loaded.to_string()),
        ("loaded at the same time, at the most", estimate.most_loaded.to_string()),
    ]
}

fn conclusion(estimate: &PackingEstimate) -> Vec<String> {
    let on = &estimate.gpu.instance_type;
    let mut lines = vec![match estimate.verdict {
        MemoryVerdict::Fits => format!("All models fit at the same time on one {on}."),
        MemoryVerdict::Tight => format!("Each model fits on {on}, but not all at the same time."),
        _ => format!("The largest model does not fit on {on}."),
    }];
    if let Some(instances) = estimate.instances_for_all.filter(|instances| *instances > 1) {
        lines.push(format!("All models are loaded at the same time on {instances} instances."));
    }
    lines.extend(estimate.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn table(estimate: &PackingEstimate) -> Table<&'static str> {
    Table { rows: rows(estimate), conclusion: conclusion(estimate) }
}
