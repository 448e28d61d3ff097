//! `cargo run -p hyperpod-slurm -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(hyperpod_slurm::app())
}
