//! `cargo run -p multi-model -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(multi_model::app())
}
