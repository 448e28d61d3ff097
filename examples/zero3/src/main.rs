//! `cargo run -p zero3 -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(zero3::app())
}
