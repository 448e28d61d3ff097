//! All steps of CI. The first step that fails ends the run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    step("packages", crate::release::package)?;
    step("clippy", || {
        run(cargo(&["clippy", "--all-targets"]).args(EVERYTHING).args(["--", "-D", "warnings"]))
    })?;
    tools.join().map_err(|_| "the installation of the tools has panicked")??;
    step("dependencies", || crate::release::deny(false))?;
    step("book", crate::release::book)?;
    let tests = step("build of the tests", Tests::build)?;
    // Many tests wait for something. Meanwhile the compiler does what replaces no executable that tests run.
    let others = std::thread::spawn(|| beside_the_tests().map_err(|error| error.to_string()));
    let tested = step("tests", || tests.run());
    let others = others.join().map_err(|_| "a step beside the tests has panicked")?;
    tested?;
    others?;
    step("program without `deploy`", light_program)?;
    step("first command of the README", || run(&mut cargo(&["demo"])))?;
    let installed = root().join("target/installed");
    step("installation from the packages", || install(&installed))?;
    step("python wheel", || crate::wheel::test(&installed.join("bin/stackwright")))
}

/// Installs the program from its packages, with the profile of the workspace: the Python wheel is built from the same
/// dependencies.
fn install(directory: &Path) -> Result<()> {
    let target = root().join("target").display().to_string();
    let mut options = vec!["--debug", "--target-dir", &target];
    let settings = [
        "profile.dev.debug=false",
        "profile.dev.package.sha2.opt-level=3",
        "profile.dev.package.md-5.opt-level=3",
    ];
    for setting in settings {
        options.extend(["--config", setting]);
    }
    crate::release::install(directory, &options)
}

/// Tests a program without the feature `deploy`, whose build must not have warnings either: clippy has checked everything with
/// the feature.
fn light_program() -> Result<()> {
    let test = ["test", "-p", "arr-coc", "--test", "program"];
    let built =
        cargo(&test).args(["--no-run", "--message-format", "json"]).stderr(Stdio::inherit()).output()?;
    let messages = String::from_utf8_lossy(&built.stdout);
    if let Some(warning) = messages.lines().find(|line| line.contains(r#""reason":"compiler-message""#)) {
        return Err(format!("the build without the feature `deploy` has a warning: {warning}").into());
    }
    run(&mut cargo(&test))
}

/// The steps that run at the same time as the tests.
fn beside_the_tests() -> Result<()> {
    step("examples of the documentation", || run(cargo(&["test", "--doc"]).args(EVERYTHING)))?;
    step("documentation", || {
        run(cargo(&["doc", "--no-deps"]).args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("links between the book and the documentation", crate::release::links)?;
    step("every service compiles", || {
        run(&mut cargo(&["check", "-p", "stackwright-resources", "--features", "all-services"]))
    })?;
    step("data is what `cargo xtask schemas` makes", || crate::schemas::refresh(None, true))
}

/// The executables of the tests. They run without Cargo, whose lock the steps beside them need.
struct Tests {
    nextest: PathBuf,
    executables: PathBuf,
    packages: PathBuf,
}

impl Tests {
    fn build() -> Result<Self> {
        let target = root().join("target");
        let tests = Self {
            nextest: tools::release()?.join("cargo-nextest"),
            executables: target.join("executables-of-the-tests.json"),
            packages: target.join("packages.json"),
        };
        run(tests
            .command(&["list", "--list-type", "binaries-only", "--message-format", "json"])
            .args(EVERYTHING)
            .stdout(File::create(&tests.executables)?))?;
        run(cargo(&["metadata", "--format-version", "1", "--all-features"])
            .stdout(File::create(&tests.packages)?))?;
        Ok(tests)
    }

    /// Runs the tests of several executables at a time.
    fn run(&self) -> Result<()> {
        run(self
            .command(&["run", "--binaries-metadata"])
            .arg(&self.executables)
            .arg("--cargo-metadata")
            .arg(&self.packages))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.nextest);
        command.arg("nextest").args(arguments).current_dir(root());
        command.env("CARGO", env!("CARGO")).envs(tools::build_settings());
        // Many tests start a Python program. Without cached bytecode, each start would compile all modules of the program.
        command
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .env("PYTHONPYCACHEPREFIX", root().join(".tools/pycache"));
        command
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root()).envs(tools::build_settings());
    command
}

fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("── {name}");
    let start = Instant::now();
    // A step beside the tests fails long before the run ends.
    let result =
        work().map_err(|error| format!("{name}: {error}")).inspect_err(|error| eprintln!("── {error}"))?;
    eprintln!("── {name}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(result)
}
