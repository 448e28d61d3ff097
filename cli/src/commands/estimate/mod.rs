//! `estimate`: estimates the cost of a deployment, the GPU memory of training and inference, the duration of training, and
//! the service quotas.

mod candidates;
mod cost;
mod duration;
mod inference;
mod memory;
mod model;
mod packing;
mod quotas;
mod table;

use clap::{Args, Subcommand};

use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;

/// Estimate cost, GPU memory, duration and service quotas before a deployment.
///
/// Without a subcommand, the command estimates the monthly cost of the stacks by resource: the minimum (at minimum
/// capacity), a typical value and the maximum (at maximum capacity), and the maximum cost of one run of each job.
/// Resources without a known price are listed as unknown.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Exit codes: 0 success, 1 failure, 2 usage error, 4 a cost exceeds --max-monthly or --max-run, or the \
                  model does not fit into the GPU memory."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    cost: cost::CostArguments,
}

#[derive(Subcommand)]
enum What {
    Duration(duration::Arguments),
    Inference(inference::Arguments),
    Memory(memory::Arguments),
    Packing(packing::Arguments),
    Quotas(quotas::Arguments),
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    match &arguments.what {
        None => cost::run(&arguments.cost, origin),
        Some(What::Duration(arguments)) => duration::run(arguments),
        Some(What::Inference(arguments)) => inference::run(arguments),
        Some(What::Memory(arguments)) => memory::run(arguments),
        Some(What::Packing(arguments)) => packing::run(arguments),
        Some(What::Quotas(arguments)) => quotas::run(arguments, origin),
    }
}

/// Returns a failure with exit code 4.
fn refused(message: impl std::fmt::Display) -> Failure {
    Failure::new(message).with_code(ExitCode::Refused)
}
