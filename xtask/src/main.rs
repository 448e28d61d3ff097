//! The tasks of maintainers: `cargo xtask --help`.

mod bench;
mod ci;
mod memory;
mod prices;
mod schemas;
mod tools;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The result of a task: an error has a message of one line.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Maintenance tasks of stackwright")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Generate everything under schemas/data from the packages that contain AWS's data, and show the changes.
    ///
    /// The registry schemas can come from AWS's own published archive instead.
    Schemas {
        /// Take the registry schemas from AWS's archive: a .zip file, or the directory that it was extracted to.
        #[arg(long, value_name = "PATH")]
        registry: Option<PathBuf>,
        /// Write nothing, and fail if the committed data differs from the generated data.
        #[arg(long)]
        check: bool,
    },
    /// Install the programs that validate the project's output (cfn-lint, moto, the CDK CLI) into .tools/.
    Tools,
    /// Update the shipped prices from AWS's bulk price lists (offer files of AmazonSageMaker or AmazonEC2, JSON or CSV).
    Prices {
        /// The price lists.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The regions whose prices are kept.
        #[arg(long = "region", default_value = "us-east-1")]
        regions: Vec<String>,
    },
    /// Run everything that CI runs: tools, format, clippy, tests, documentation, data.
    Ci,
    /// Measure the whole process over many stacks, and the other validators that are installed.
    Bench {
        /// Also measure a build from scratch, a build after an edit, and the number of crates of a user's program.
        #[arg(long)]
        builds: bool,
        /// Only print the errors of the GPU memory estimates against measured runs.
        #[arg(long)]
        memory: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Schemas { registry, check } => schemas::refresh(registry.as_deref(), check),
        Task::Tools => tools::install().map(drop),
        Task::Prices { files, regions } => prices::update(&files, &regions),
        Task::Ci => ci::run_all(),
        Task::Bench { memory: true, .. } => memory::print_errors(),
        Task::Bench { builds, .. } => bench::run_all(builds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root directory of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
