//! All steps of CI. The first step that fails ends the run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value as Json;

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
    step("documentation tests", || run(cargo(&["test", "--doc"]).args(EVERYTHING)))?;
    step("python wheel", crate::wheel::test)?;
    step("documentation", || {
        run(cargo(&["doc", "--no-deps"]).args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("data is what `cargo xtask schemas` makes", || crate::schemas::refresh(None, true))
}

/// Builds the test executables and runs them, two at a time: many tests wait for another program, and `cargo test` would run the
/// executables one after the other.
fn tests() -> Result<()> {
    let build = cargo(&["test", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(EVERYTHING)
        .stderr(Stdio::inherit())
        .output()?;
    if !build.status.success() {
        return Err("the tests could not be built".into());
    }
    let messages = String::from_utf8(build.stdout)?;
    let mut executables = Vec::new();
    for message in messages.lines() {
        let message: Json = serde_json::from_str(message)?;
        if message["profile"]["test"] == true
            && let Some(path) = message["executable"].as_str()
        {
            let manifest = Path::new(message["manifest_path"].as_str().unwrap_or_default());
            executables.push((PathBuf::from(path), manifest.parent().map(PathBuf::from).unwrap_or_default()));
        }
    }
    if executables.is_empty() {
        return Err("no test executable was built".into());
    }
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((path, directory)) = executables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            // Cargo sets what `env!("CARGO_…")` does not: tests that start Cargo need its path.
            let output = Command::new(path)
                .current_dir(directory)
                .envs(tools::build_settings())
                .env("CARGO", env!("CARGO"))
                .output();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (text, succeeded) = match &output {
                Ok(output) => {
                    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
                    (text.concat(), output.status.success())
                }
                Err(error) => (error.to_string(), false),
            };
            eprintln!("── {name}: {:.0} s\n{text}", start.elapsed().as_secs_f64());
            if !succeeded {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(name);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
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
