//! New projects: the files of a small program that can be deployed in local mode without changes.
//!
//! All files are prepared in memory, and nothing is written if one of them exists already.

mod name;
mod source;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use name::Name;
pub(crate) use source::Source;
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

/// Writes the files of a project to a directory, and returns their paths relative to it.
pub(crate) fn create(
    directory: &Path,
    name: &Name,
    template: Template,
    source: &Source,
) -> Result<Vec<PathBuf>, ProjectError> {
    let files = template.files(name, source);
    let existing: Vec<_> =
        files.iter().map(|(path, _)| path.clone()).filter(|path| directory.join(path).exists()).collect();
    if !existing.is_empty() {
        return Err(ProjectError::Exists { directory: directory.to_owned(), files: existing });
    }
    let mut written = Vec::new();
    for (path, text) in files {
        let target = directory.join(&path);
        if let Err(error) = write(&target, &text) {
            for path in &written {
                // The first error is the one to report.
                let _ = fs::remove_file(directory.join(path));
            }
            return Err(ProjectError::Write { path: target, error });
        }
        written.push(path);
    }
    Ok(written)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
