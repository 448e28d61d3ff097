//! `cargo run -p gpu-fleet -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(gpu_fleet::app())
}
