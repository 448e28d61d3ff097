//! The version with which a review compares: a stored version, or the program at a git revision.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackwright_synth::Assembly;

use crate::failure::Failure;
use crate::origin::{Origin, Stacks};
use crate::program::{self, Workspace};

/// Reads stored stacks: a template, an assembly, the output of the CDK, or a directory of templates.
pub(crate) fn stored(path: &Path) -> Result<Stacks, Failure> {
    if !path.is_dir() {
        return template(path).map(Stacks::from);
    }
    if path.join("manifest.json").is_file() {
        return Ok(Assembly::read(path)?.into());
    }
    directory(path).map(Stacks::from)
}

/// Reads a template as a stack that has the name of the file.
fn template(path: &Path) -> Result<Assembly, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    Assembly::of_template(&path.to_string_lossy(), text).map_err(|error| {
        Failure::new(format!("{}:{}:{}: {}", path.display(), error.line, error.column, error.message))
    })
}

/// Reads every template of a directory as a stack that has the name of its file.
fn directory(path: &Path) -> Result<Assembly, Failure> {
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| is_template(file))
        .collect();
    files.sort();
    let mut assembly = Assembly::new(Vec::new());
    for file in files {
        assembly.stacks.extend(template(&file)?.stacks);
    }
    if assembly.stacks.is_empty() {
        return Err(Failure::new(format!("{} contains neither an assembly nor a template", path.display()))
            .hint("an assembly has a `manifest.json`; templates end in .json, .yaml, .yml or .template"));
    }
    Ok(assembly)
}

fn is_template(file: &Path) -> bool {
    let known = ["json", "yaml", "yml", "template"];
    file.is_file()
        && file.extension().and_then(OsStr::to_str).is_some_and(|extension| known.contains(&extension))
}

/// Returns the stacks of the program at a git revision. The revision is checked out in a temporary worktree and built
/// there, with a target directory of its own that is kept, so that dependencies are not built again.
pub(crate) fn at_revision(revision: &str, origin: &Origin) -> Result<Stacks, Failure> {
    if !origin.is_program_here() {
        return Err(Failure::new("`--base` needs a program, and `--app` names an assembly or a template")
            .hint("pass the stored old version instead: `diff OLD NEW`, or `review --base OLD NEW`"));
    }
    let here = program_directory(origin)?;
    let root = git(&here, &["rev-parse", "--show-toplevel"]).map_err(|failure| {
        failure.hint("`--base` builds the program at a revision of its git repository; without one, compare with a stored version: `synth --out OLD`, later `diff OLD`")
    })?;
    let root = PathBuf::from(root);
    let commit = git(&here, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])
        .map_err(|_| {
            Failure::new(format!("the revision `{revision}` does not exist in the git repository"))
                .hint("if the clone is shallow, fetch it: `git fetch --depth 1 origin REVISION`")
        })?;
    let program = here.strip_prefix(&root).unwrap_or(Path::new("")).to_owned();
    let directory = tempfile::tempdir()?;
    let worktree = Worktree::add(&root, &directory.path().join("base"), &commit)?;
    let program = worktree.path.join(program);
    if !program.join("Cargo.toml").is_file() {
        // The program did not exist at the revision.
        return Ok(Stacks::from(Assembly::new(Vec::new())));
    }
    let workspace = Workspace { directory: &program, target: Some(&target(&here).join("stackwright-base")) };
    program::synthesize(&workspace, origin.package()).map_err(|failure| {
        Failure::new(format!("at `{revision}` ({commit}): {}", failure.message))
            .hint("store its assembly (`synth --out DIR`) and compare with that: `diff DIR`")
    })
}

/// Returns the directory of the program: that of its package if Cargo runs it, otherwise the current one.
fn program_directory(origin: &Origin) -> Result<PathBuf, Failure> {
    let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").filter(|_| matches!(origin, Origin::Program(_)));
    Ok(of_cargo.map_or_else(std::env::current_dir, |directory| Ok(PathBuf::from(directory)))?)
}

/// Returns the target directory of the program.
fn target(here: &Path) -> PathBuf {
    if let Some(given) = std::env::var_os("CARGO_TARGET_DIR") {
        return PathBuf::from(given);
    }
    let existing =
        here.ancestors().map(|directory| directory.join("target")).find(|directory| directory.is_dir());
    existing.unwrap_or_else(|| here.join("target"))
}

/// A git worktree, which is removed when this value is dropped.
struct Worktree<'a> {
    root: &'a Path,
    path: PathBuf,
}

impl<'a> Worktree<'a> {
    fn add(root: &'a Path, path: &Path, commit: &str) -> Result<Self, Failure> {
        git(root, &["worktree", "add", "--detach", "--quiet", &path.to_string_lossy(), commit])?;
        Ok(Self { root, path: path.to_owned() })
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        // If this fails, `git worktree prune` removes the rest.
        let _ = git(self.root, &["worktree", "remove", "--force", &self.path.to_string_lossy()]);
    }
}

/// Returns the output of a git command, without the line break at its end.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .output()
        .map_err(|error| Failure::new(format!("cannot start git: {error}")).hint("install git"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(format!("git {}: {message}", arguments.first().unwrap_or(&""))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
