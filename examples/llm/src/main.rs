//! `cargo run -p llm -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(llm::app())
}
