//! `cargo run -p hyperpod-eks -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(hyperpod_eks::app())
}
