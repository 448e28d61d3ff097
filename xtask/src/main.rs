//! The tasks of maintainers: `cargo xtask --help`.

mod bench;
mod ci;
mod dry_run;
mod extras;
mod memory;
mod pictures;
mod prices;
mod release;
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
    /// Take the pictures in docs/pictures, which show the review of a change.
    Pictures,
    /// Run everything that CI runs: tools, format, clippy, tests, documentation, data.
    Ci,
    /// Build the book of docs/ into target/book.
    Book,
    /// Judge the licences, sources and versions of all dependencies.
    Deny {
        /// Also search for security advisories, in a database that is downloaded.
        #[arg(long)]
        advisories: bool,
    },
    /// Package the crates that are published as `cargo publish --dry-run` does, and check their size and metadata.
    Package {
        /// Also install the program from the packages, into this directory.
        #[arg(long, value_name = "DIR")]
        install: Option<PathBuf>,
    },
    /// Run the steps of the release workflow in a clone of the last commit, except those that publish something.
    DryRun {
        /// Do not run this step.
        #[arg(long = "skip", value_name = "STEP")]
        skipped: Vec<String>,
    },
    /// Write the manual pages and completions of a built program below a prefix, as `PREFIX/share/…`, and test them.
    Extras {
        /// The built program.
        binary: PathBuf,
        /// The prefix.
        prefix: PathBuf,
    },
    /// Measure the whole process over many stacks, and the other commands.
    Bench {
        /// Also measure a build from scratch, a build after an edit, and the number of crates of a user's program.
        #[arg(long)]
        builds: bool,
        /// Also measure the CDK, troposphere, cfn-lint and cloudformation-validate on the same work, and write the table of
        /// docs/performance.md.
        #[arg(long)]
        peers: bool,
        /// Measure this build of the benchmark `scale` instead of building it, to compare builds.
        #[arg(long, value_name = "PATH")]
        program: Option<PathBuf>,
        /// Only measure edits in new projects of one stack and of eight stacks.
        #[arg(long)]
        edits: bool,
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
        Task::Pictures => pictures::take(),
        Task::Ci => ci::run_all(),
        Task::Book => release::book(),
        Task::Deny { advisories } => release::deny(advisories),
        Task::Package { install } => {
            release::package().and_then(|()| install.map_or(Ok(()), |to| release::install(&to, &[])))
        }
        Task::DryRun { skipped } => dry_run::run_all(&skipped),
        Task::Extras { binary, prefix } => {
            extras::write(&binary, &prefix).and_then(|()| extras::test(&prefix))
        }
        Task::Bench { memory: true, .. } => memory::print_errors(),
        Task::Bench { edits: true, .. } => bench::edits::run_all(),
        Task::Bench { builds, peers, program, .. } => {
            bench::run_all(bench::Options { builds, peers, program })
        }
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
