//! New projects: the files of a small program that can be deployed in local mode without changes.
//!
//! All files are prepared in memory, and nothing is written if one of them exists already, except those of [`KEPT`].

mod name;
mod source;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use name::Name;
pub(crate) use source::{Source, repository_above};
pub(crate) use template::Template;

/// The reason why a project could not be created. No file is left behind.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("{} already has {}", directory.display(), list(files))]
    Exists { directory: PathBuf, files: Vec<PathBuf> },
    #[error("cannot write {}: {error}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

fn list(files: &[PathBuf]) -> String {
    files.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>().join(", ")
}

/// Returns the manifest of the Cargo workspace that a new directory is in: the nearest one above it with a `[workspace]`.
pub(crate) fn workspace_above(directory: &Path) -> Option<PathBuf> {
    let directory = std::path::absolute(directory).ok()?;
    let manifests = directory.ancestors().skip(1).map(|above| above.join("Cargo.toml"));
    manifests.into_iter().find(|manifest| {
        let is_table = |line: &str| line.trim_start().starts_with("[workspace");
        fs::read_to_string(manifest).is_ok_and(|text| text.lines().any(is_table))
    })
}

/// The files that a new repository of a code host has already, and which stay unchanged.
const KEPT: [&str; 2] = ["README.md", ".gitignore"];

/// The files of a created project, by their paths in its directory.
pub(crate) struct Created {
    pub written: Vec<PathBuf>,
    /// Files that existed already and were not changed.
    pub kept: Vec<PathBuf>,
}

/// Writes the files of a project to a directory.
pub(crate) fn create(
    directory: &Path,
    name: &Name,
    template: Template,
    source: &Source,
) -> Result<Created, ProjectError> {
    let files = template.files(name, source, directory);
    let (existing, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(path, _)| directory.join(path).exists());
    let (kept, existing): (Vec<_>, Vec<_>) =
        existing.into_iter().map(|(path, _)| path).partition(|path| KEPT.contains(&&*path.to_string_lossy()));
    if !existing.is_empty() {
        return Err(ProjectError::Exists { directory: directory.to_owned(), files: existing });
    }
    let is_new = !directory.exists();
    let mut written = Vec::new();
    for (path, text) in files {
        let target = directory.join(&path);
        if let Err(error) = write(&target, &text) {
            // The first error is the one to report.
            for path in &written {
                let _ = fs::remove_file(directory.join(path));
            }
            if is_new {
                let _ = fs::remove_dir_all(directory);
            }
            return Err(ProjectError::Write { path: target, error });
        }
        written.push(path);
    }
    Ok(Created { written, kept })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
