//! `estimate duration`: how long a training job takes, and what it costs.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use stackwright_estimate::cost::Rate;
use stackwright_estimate::duration::{self, Job};

use super::cost::{prices, rate};
use super::memory::{Form, StrategyName};
use super::model::ModelArguments;
use crate::failure::Failure;

/// Estimate how long a training job takes, and what it costs.
///
/// The duration is the number of floating-point operations of the model, divided by the peak performance of the
/// accelerators and by the model FLOPs utilization (MFU). The utilization is the range of similar published runs, or
/// the value of `--mfu` or `--hfu`. docs/estimating.md describes the method.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 success, 1 failure, 2 usage error.")]
pub(super) struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Use the accelerators and the price of this instance type, for example ml.p4d.24xlarge
    #[arg(long, value_name = "TYPE")]
    instance: String,
    /// Choose how weights, gradients and optimizer states are distributed over the GPUs
    #[arg(long, value_enum)]
    strategy: StrategyName,
    /// Set the number of GPUs of the job
    #[arg(long, default_value_t = 1)]
    ranks: u64,
    /// Set the number of samples per GPU and step
    #[arg(long, default_value_t = 1)]
    batch: u64,
    /// Set the number of tokens of a sample, such as 4096
    #[arg(long)]
    sequence: u64,
    /// Set the number of tokens to train on, such as 1000000000. This option or `--steps` is required
    #[arg(long, required_unless_present = "steps", conflicts_with = "steps")]
    tokens: Option<u64>,
    /// Set the number of steps, instead of `--tokens`. A step has `--ranks` × `--batch` × `--sequence` tokens
    #[arg(long)]
    steps: Option<u64>,
    /// Recompute the activations of each layer in the backward pass (activation checkpointing). Default: they are stored
    #[arg(long)]
    activation_checkpointing: bool,
    /// Set the model FLOPs utilization (without recomputation), from 0 to 1, such as 0.4.
    /// Default: the range of similar published runs
    #[arg(long, value_name = "SHARE", conflicts_with = "hfu")]
    mfu: Option<f64>,
    /// Set the hardware FLOPs utilization (with recomputation), from 0 to 1, instead of `--mfu`
    #[arg(long, value_name = "SHARE")]
    hfu: Option<f64>,
    /// Set the peak performance of one accelerator for dense bf16 operations, in TFLOPS. Default: that of the instance type
    #[arg(long, value_name = "TFLOPS")]
    peak_tflops: Option<f64>,
    /// Set the number of minutes between two checkpoints. Default: no checkpoints
    #[arg(long, value_name = "MINUTES")]
    checkpoint_minutes: Option<u64>,
    /// Set the number of seconds for which each checkpoint stops the training
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    checkpoint_seconds: u64,
    /// Set the number of interruptions of the run, for example by managed spot training
    #[arg(long, default_value_t = 0)]
    interruptions: u64,
    /// Set the number of minutes from an interruption until the training continues
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    restart_minutes: u64,
    /// Set the mean number of hours between two failures of an instance, after which HyperPod resumes the job, such as
    /// 1000. Default: no failures
    #[arg(long, value_name = "HOURS")]
    hours_between_failures: Option<f64>,
    /// Train LoRA adapters of this rank, such as 16; the gradients of frozen weights are not computed. Default: train all weights
    #[arg(long, value_name = "RANK")]
    lora_rank: Option<u64>,
    /// Read an AWS bulk price list (an offer file of AmazonSageMaker or AmazonEC2, JSON or CSV), whose prices replace the
    /// built-in ones; may be repeated. Default: the built-in prices
    #[arg(long, value_name = "FILE")]
    prices: Vec<PathBuf>,
    /// Use the price of this region
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Set the share of the price that managed spot training saves, from 0 to 1, such as 0.60. AWS documents savings of up to
    /// 0.90. Default: no saving
    #[arg(long, value_name = "SHARE", value_parser = rate)]
    spot_saving: Option<Rate>,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let shape = arguments.model.read()?;
    let estimate = duration::training_duration(&shape, &job(arguments), &prices(&arguments.prices)?)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let text = match arguments.format {
        Form::Text => duration::text(&estimate),
        Form::Json => duration::json(&estimate),
        Form::Markdown => duration::markdown(&estimate),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn job(arguments: &Arguments) -> Job {
    let tokens_per_step = arguments.ranks.saturating_mul(arguments.batch).saturating_mul(arguments.sequence);
    let of_steps = arguments.steps.map(|steps| steps.saturating_mul(tokens_per_step));
    let tokens = arguments.tokens.or(of_steps).unwrap_or_default();
    let mut job = Job::new(&arguments.instance, arguments.ranks, arguments.strategy.strategy(), tokens);
    job.batch = arguments.batch;
    job.sequence = arguments.sequence;
    job.activation_checkpointing = arguments.activation_checkpointing;
    job.mfu = arguments.mfu;
    job.hfu = arguments.hfu;
    job.peak_tflops = arguments.peak_tflops;
    job.checkpoint_interval_seconds = arguments.checkpoint_minutes.map(|minutes| minutes.saturating_mul(60));
    job.checkpoint_seconds = arguments.checkpoint_seconds;
    job.interruptions = arguments.interruptions;
    job.restart_seconds = arguments.restart_minutes.saturating_mul(60);
    job.hours_between_failures = arguments.hours_between_failures;
    job.lora_rank = arguments.lora_rank.filter(|rank| *rank > 0);
    job.region.clone_from(&arguments.region);
    job.spot_saving = arguments.spot_saving;
    job
}
