//! All steps of CI. The first step that fails ends the run.

use std::process::Command;
use std::time::Instant;

use crate::tools::{self, run};
use crate::{Result, root};

/// The features that need the AWS SDK. Everything is built with them, except what represents a user's program.
const EVERYTHING: [&str; 4] =
    ["--workspace", "--features", "stackwright/deploy", "--features=arr-coc/deploy"];

pub fn run_all() -> Result<()> {
    // The tools are downloaded and unpacked while the compiler works: only the tests need them.
    let tools = std::thread::spawn(|| {
        step("tools", || tools::install().map(drop)).map_err(|error| error.to_string())
    });
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("packages", || crate::release::package(None))?;
    step("clippy", || {
        run(cargo(&["clippy", "--all-targets"]).args(EVERYTHING).args(["--", "-D", "warnings"]))?;
        run(&mut cargo(&["clippy", "-p", "stackwright", "-p", "arr-coc", "--", "-D", "warnings"]))
    })?;
    step("every service compiles", || {
        run(&mut cargo(&["check", "-p", "stackwright-resources", "--features", "all-services"]))
    })?;
    tools.join().map_err(|_| "the installation of the tools has panicked")??;
    step("dependencies", || crate::release::deny(false))?;
    step("book", crate::release::book)?;
    step("tests", tests)?;
    step("light program", || run(&mut cargo(&["test", "-p", "arr-coc", "--test", "program"])))?;
    step("python wheel", crate::wheel::test)?;
    step("documentation", || {
        run(cargo(&["doc", "--no-deps"]).args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("data is what `cargo xtask schemas` makes", || crate::schemas::refresh(None, true))
}

/// Runs the tests of several executables at a time, because many tests wait for something, and then the examples of the
/// documentation, which nextest does not know.
fn tests() -> Result<()> {
    let nextest = tools::install()?.join("release/bin/cargo-nextest");
    run(Command::new(nextest)
        .args(["nextest", "run"])
        .args(EVERYTHING)
        .current_dir(root())
        .env("CARGO", env!("CARGO"))
        .envs(tools::build_settings()))?;
    run(cargo(&["test", "--doc"]).args(EVERYTHING))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root()).envs(tools::build_settings());
    command
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("── {name}");
    let start = Instant::now();
    work().map_err(|error| format!("{name}: {error}"))?;
    eprintln!("── {name}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
