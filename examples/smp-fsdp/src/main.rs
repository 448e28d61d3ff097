//! `cargo run -p smp-fsdp -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(smp_fsdp::app())
}
