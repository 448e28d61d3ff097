//! What a release consists of besides the binary: the book, the packaged crates, and the judgement of dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::tools::{self, run};
use crate::{Result, root};

/// The maximum size of a packaged crate that crates.io accepts.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Builds the book into `target/book`.
pub fn book() -> Result<()> {
    let mdbook = tools::release()?.join("mdbook");
    run(Command::new(mdbook).args(["build", "docs"]).current_dir(root()))
}

/// The address of the documentation of published crates, followed by the crate, its version, and the path in `target/doc`.
const DOCUMENTATION: &str = "https://docs.rs/";

/// Tests that the targets of links exist: links from the pages of the book to the documentation of this version of the crates,
/// and links from the documentation to the book. Both must be built.
pub fn links() -> Result<()> {
    let published = published()?;
    let (mut pages, mut count) = (Vec::new(), 0);
    for directory in ["docs", "docs/how-to"] {
        for entry in fs::read_dir(root().join(directory))? {
            pages.push(entry?.path());
        }
    }
    for page in pages.iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(page)?;
        let links = text.split(DOCUMENTATION).skip(1).filter_map(|rest| rest.split([')', '#', '>']).next());
        for link in links {
            let file =
                documented(link, &published).map_err(|error| format!("{}: {error}", page.display()))?;
            if !file.is_file() {
                return Err(format!("{}: {DOCUMENTATION}{link} does not exist", page.display()).into());
            }
            count += 1;
        }
    }
    let page = root().join("target/doc/stackwright/index.html");
    let text = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '#']).next());
    let of_book: Vec<&str> = links.filter(|link| link.starts_with("../../book/")).collect();
    for link in &of_book {
        if !page.with_file_name("").join(link).is_file() {
            return Err(format!("{}: {link} does not exist", page.display()).into());
        }
    }
    if count == 0 || of_book.is_empty() {
        return Err("the book and the documentation have no links to each other".into());
    }
    println!("{} links", count + of_book.len());
    Ok(())
}

/// Returns the built file of a link such as `stackwright/0.1.0/stackwright/index.html`.
fn documented(link: &str, published: &[Published]) -> Result<PathBuf> {
    let mut parts = link.splitn(3, '/');
    let (Some(name), Some(version), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("{DOCUMENTATION}{link} does not name a page").into());
    };
    let current = published.iter().find(|one| one.name == name).map(|one| one.version.as_str());
    if current != Some(version) {
        return Err(format!("{DOCUMENTATION}{link}: the version of `{name}` is {current:?}").into());
    }
    Ok(root().join("target/doc").join(path))
}

/// Judges the licences, the sources and the versions of all dependencies; with `advisories`, also by the database of security
/// advisories, which needs a network.
pub fn deny(advisories: bool) -> Result<()> {
    let mut command = Command::new(tools::release()?.join("cargo-deny"));
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

/// Does everything that `cargo publish` does for the crates of the workspace, except their compilation and the upload, and
/// compares the size of each package with what the registry accepts.
pub fn package() -> Result<()> {
    let crates = published()?;
    run(&mut cargo(&[
        "publish",
        "--dry-run",
        "--workspace",
        "--no-verify",
        "--allow-dirty",
        "--locked",
        "--quiet",
    ]))?;
    for one in &crates {
        let file = one.file();
        let bytes = fs::metadata(&file).map_err(|error| format!("{}: {error}", file.display()))?.len();
        println!("{}: {} KiB", one.name, bytes / 1024);
        if bytes > MAX_BYTES {
            return Err(
                format!("{} has {bytes} bytes, but the registry accepts {MAX_BYTES}", one.name).into()
            );
        }
    }
    Ok(())
}

/// Installs the program into a directory, as `cargo install stackwright` does, but from the packages that [`package`] wrote. All
/// crates are compiled, so this fails if a package lacks a file.
///
/// `options` are further options of `cargo install`.
pub fn install(directory: &Path, options: &[&str]) -> Result<()> {
    let unpacked = root().join("target/package/unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&unpacked)?;
    let mut command = cargo(&["install", "--locked", "--force", "--features", "deploy", "--root"]);
    command.arg(directory).args(options).envs(tools::build_settings());
    for one in published()? {
        run(Command::new("tar").arg("xzf").arg(one.file()).arg("-C").arg(&unpacked))?;
        let path = unpacked.join(format!("{}-{}", one.name, one.version));
        if one.name == "stackwright" {
            command.arg("--path").arg(path);
        } else {
            let path = path.display().to_string();
            command.args(["--config", &format!("patch.crates-io.{}.path = {path:?}", one.name)]);
        }
    }
    run(&mut command)?;
    let binary = directory.join("bin/stackwright");
    run(Command::new(&binary).arg("--version").stdout(Stdio::null()))?;
    // The templates of projects and the pages of rules are files of packages, too.
    let project = unpacked.join("project");
    run(Command::new(&binary)
        .args(["new", "project", "--source"])
        .arg(root())
        .current_dir(&unpacked)
        .stderr(Stdio::null()))?;
    run(Command::new(&binary)
        .args(["explain", "spot-without-checkpoint"])
        .current_dir(project)
        .stdout(Stdio::null()))
}

/// A crate that is published.
struct Published {
    name: String,
    version: String,
}

impl Published {
    /// The package that `cargo publish --dry-run` wrote.
    fn file(&self) -> PathBuf {
        root().join(format!("target/package/tmp-crate/{}-{}.crate", self.name, self.version))
    }
}

/// Returns the crates that are published, if their metadata is complete.
fn published() -> Result<Vec<Published>> {
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
        crates.push(Published { name, version: text("version") });
    }
    Ok(crates)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_a_published_crate_and_its_version() {
        let published = [Published { name: "a".into(), version: "1.2.3".into() }];
        let file = |link: &str| documented(link, &published);
        assert!(file("a/1.2.3/a/index.html").unwrap().ends_with("target/doc/a/index.html"));
        for wrong in ["a/1.2.2/a/index.html", "b/1.2.3/b/index.html", "a/1.2.3", ""] {
            assert!(file(wrong).is_err(), "{wrong}");
        }
    }
}
