//! What a release consists of besides the binary: the book, the packaged crates, and the judgement of dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::tools::{self, run};
use crate::{Result, root};

/// The maximum size of a packaged crate that crates.io accepts.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Builds the book into `target/book`.
pub fn book() -> Result<()> {
    let mdbook = tools::install()?.join("release/bin/mdbook");
    run(Command::new(mdbook).args(["build", "docs"]).current_dir(root()))
}

/// Judges the licences, the sources and the versions of all dependencies; with `advisories`, also by the database of security
/// advisories, which needs a network.
pub fn deny(advisories: bool) -> Result<()> {
    let mut command = Command::new(tools::install()?.join("release/bin/cargo-deny"));
    command.args(["--all-features", "--log-level", "error"]);
    if !advisories {
        command.arg("--offline");
    }
    command.args(["check", "bans", "licenses", "sources"]);
    if advisories {
        command.arg("advisories");
    }
    run(command.current_dir(root()).env("CARGO", env!("CARGO")))
}

/// Packages every crate that is published, and compares its size and its metadata with what the registry accepts. With
/// `install`, installs the program from the packages into a directory.
pub fn package(install: Option<&Path>) -> Result<()> {
    let crates = published()?;
    let mut command = cargo(&["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for (name, _) in &crates {
        command.args(["--package", name]);
    }
    run(&mut command)?;
    for (name, version) in &crates {
        let file = root().join(format!("target/package/{name}-{version}.crate"));
        let bytes = fs::metadata(&file).map_err(|error| format!("{}: {error}", file.display()))?.len();
        println!("{name}: {} KiB", bytes / 1024);
        if bytes > MAX_BYTES {
            return Err(format!("{name} has {bytes} bytes, but the registry accepts {MAX_BYTES}").into());
        }
    }
    let Some(directory) = install else { return Ok(()) };
    let unpacked = root().join("target/package/unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&unpacked)?;
    let at = |name: &str, version: &str| unpacked.join(format!("{name}-{version}"));
    let mut command = cargo(&["install", "--locked", "--features", "deploy", "--root"]);
    command.arg(directory);
    for (name, version) in &crates {
        let file = root().join(format!("target/package/{name}-{version}.crate"));
        run(Command::new("tar").arg("xzf").arg(file).arg("-C").arg(&unpacked))?;
        if name == "stackwright" {
            command.arg("--path").arg(at(name, version));
        } else {
            let path = at(name, version).display().to_string();
            command.args(["--config", &format!("patch.crates-io.{name}.path = {path:?}")]);
        }
    }
    run(&mut command)?;
    run(Command::new(directory.join("bin/stackwright")).arg("--version"))
}

/// Returns the names and versions of the crates that are published.
fn published() -> Result<Vec<(String, String)>> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: Json = serde_json::from_slice(&output.stdout)?;
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        // An empty list of registries is `publish = false`.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let name = text("name");
        for key in ["description", "license", "readme"] {
            if text(key).is_empty() {
                return Err(format!("{name} has no `{key}`").into());
            }
        }
        crates.push((name, text("version")));
    }
    Ok(crates)
}

/// Writes what a release archive contains besides the binary: manual pages and completions.
pub fn extras(binary: &Path, directory: &Path) -> Result<PathBuf> {
    run(Command::new(binary).args(["man", "--out"]).arg(directory.join("man")))?;
    let completions = directory.join("completions");
    fs::create_dir_all(&completions)?;
    for (shell, file) in [("bash", "stackwright.bash"), ("zsh", "_stackwright"), ("fish", "stackwright.fish")]
    {
        let output = Command::new(binary).args(["completions", shell]).output()?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(format!("`completions {shell}` failed: {}", output.status).into());
        }
        fs::write(completions.join(file), output.stdout)?;
    }
    for file in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root().join(file), directory.join(file))?;
    }
    Ok(directory.to_owned())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}
