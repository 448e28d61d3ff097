//! `cargo demo`: prints how long the build takes, builds the example `arr-coc`, and deploys it in local mode.
//!
//! Cargo prints nothing of this kind by itself. This crate has no dependencies, so that its message comes first.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    if !target.join("debug/arr-coc").exists() {
        eprintln!(
            "building the example `arr-coc` with all commands; the first build takes two to four minutes on two cores"
        );
    }
    eprintln!(
        "the example is checked and deployed in local mode: a simulation of CloudFormation that needs no AWS account and \
         creates nothing in AWS"
    );
    let status = Command::new(env!("CARGO"))
        .args(["run", "--package", "arr-coc", "--features", "deploy", "--"])
        .args(["deploy", "--local", "--yes"])
        .args(std::env::args_os().skip(1))
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
