//! What maintainers run: `cargo xtask --help`.

mod bench;
mod ci;
mod memory;
mod schemas;
mod tools;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Every task says what failed in one line; nothing here is caught and retried.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Maintenance tasks of stackwright")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Refresh everything under schemas/data from the packages that carry AWS's data, and show what changed.
    ///
    /// The registry part can come from AWS's own published archive of registry schemas instead.
    Schemas {
        /// Take the registry schemas from AWS's archive: a .zip, or the folder it unpacks to.
        #[arg(long, value_name = "PATH")]
        registry: Option<PathBuf>,
        /// Write nothing; fail if the committed data is not what this command makes.
        #[arg(long)]
        check: bool,
    },
    /// Install the programs that judge our output (cfn-lint, moto, the CDK CLI) into .tools/.
    Tools,
    /// Everything that CI runs: tools, format, clippy, tests, documentation, data.
    Ci,
    /// Measure the whole process over many stacks, beside the validators that are installed.
    Bench {
        /// Measure a fresh build, a saved edit and the crates under a user's app too.
        #[arg(long)]
        builds: bool,
        /// Print the errors of the estimates of GPU memory against measured runs, and nothing else.
        #[arg(long)]
        memory: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Schemas { registry, check } => schemas::refresh(registry.as_deref(), check),
        Task::Tools => tools::install().map(drop),
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

/// The folder of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
