//! `cargo run -p arr-coc -- synth`

use std::process::ExitCode;

fn main() -> ExitCode {
    stackwright::run(arr_coc::app())
}
