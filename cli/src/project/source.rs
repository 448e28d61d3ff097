//! The source from which a new project takes the crate `stackwright`.

use std::path::{Component, Path, PathBuf};

/// The source of the dependency `stackwright`.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The registry, with the version of this program.
    Registry,
    /// A directory that contains the package.
    Path(PathBuf),
    /// A Git repository.
    Git(String),
}

/// The reason why a source was rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("`{}` is not a directory with the package `stackwright`: {reason}", path.display())]
    NoPackage { path: PathBuf, reason: String },
}

impl Source {
    /// Parses the value of `--source`: a URL, or the path of the repository or of the package.
    pub fn parse(text: Option<&str>) -> Result<Self, SourceError> {
        match text {
            None => Ok(Self::Registry),
            Some(url) if url.contains("://") || url.starts_with("git@") => Ok(Self::Git(url.to_owned())),
            Some(path) => package(Path::new(path)).map(Self::Path),
        }
    }

    /// Returns the lock file of a clone: the versions of dependencies that its tests run with. Cargo leaves out what a project
    /// does not need.
    pub fn lock_file(&self) -> Option<String> {
        match self {
            Self::Path(path) => std::fs::read_to_string(path.parent()?.join("Cargo.lock")).ok(),
            Self::Registry | Self::Git(_) => None,
        }
    }

    /// Returns the repository on GitHub that has the action for reviews, as `OWNER/NAME`.
    pub fn action(&self) -> Option<&str> {
        let Self::Git(url) = self else { return None };
        let path = url.strip_prefix("https://github.com/").or_else(|| url.strip_prefix("git@github.com:"))?;
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let is_part = |part: &str| {
            let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(is_known)
        };
        path.split_once('/').filter(|(owner, name)| is_part(owner) && is_part(name)).map(|_| path)
    }

    /// Returns the keys of the dependency in the `Cargo.toml` of a project. A path in the same repository is relative to the
    /// project, so that it is valid in every clone.
    pub fn dependency(&self, project: &Path) -> String {
        match self {
            Self::Registry => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
            Self::Path(path) => {
                let relative = relative_in_repository(path, project);
                format!("path = {:?}", relative.as_ref().unwrap_or(path).display().to_string())
            }
            Self::Git(url) => format!("git = {url:?}"),
        }
    }

    /// Returns the directory of the package if it is not in the repository of the project.
    pub fn outside(&self, project: &Path) -> Option<&Path> {
        match self {
            Self::Path(path) if relative_in_repository(path, project).is_none() => Some(path),
            _ => None,
        }
    }
}

/// Returns the root of the repository that contains a directory. The directory may not exist yet.
pub(crate) fn repository_above(directory: &Path) -> Option<PathBuf> {
    let directory = normal(directory)?;
    directory.ancestors().find(|ancestor| ancestor.join(".git").exists()).map(Path::to_owned)
}

/// Returns the path from a project to a directory in the same repository.
fn relative_in_repository(path: &Path, project: &Path) -> Option<PathBuf> {
    let project = normal(project)?;
    let shared = path.ancestors().find(|ancestor| project.starts_with(ancestor))?;
    shared.ancestors().find(|ancestor| ancestor.join(".git").exists())?;
    let up = project.strip_prefix(shared).ok()?.components().map(|_| Component::ParentDir);
    Some(up.chain(path.strip_prefix(shared).ok()?.components()).collect())
}

/// Returns the absolute path of a directory that may not exist yet. In the part of the path that exists, symbolic links are
/// resolved.
fn normal(directory: &Path) -> Option<PathBuf> {
    let directory = std::path::absolute(directory).ok()?;
    let existing = directory.ancestors().find(|ancestor| ancestor.exists())?;
    Some(existing.canonicalize().ok()?.join(directory.strip_prefix(existing).ok()?))
}

/// Returns the directory of the package: the given one, or `cli/` in a checkout of the repository.
fn package(path: &Path) -> Result<PathBuf, SourceError> {
    let refuse = |reason: String| SourceError::NoPackage { path: path.to_owned(), reason };
    let path = path.canonicalize().map_err(|error| refuse(error.to_string()))?;
    [path.clone(), path.join("cli")]
        .into_iter()
        .find(|directory| {
            std::fs::read_to_string(directory.join("Cargo.toml"))
                .is_ok_and(|manifest| manifest.lines().any(|line| line == "name = \"stackwright\""))
        })
        .ok_or_else(|| refuse("neither its Cargo.toml nor the one in `cli/` is of that package".into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_in_the_repository_of_the_project_is_relative() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().canonicalize().unwrap();
        let package = parent.join("tools/stackwright/cli");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("Cargo.toml"), "[package]\nname = \"stackwright\"\n").unwrap();
        let source = Source::parse(package.to_str()).unwrap();
        let project = parent.join("infra/shop");
        assert_eq!(source.outside(&project), Some(package.as_path()));
        assert_eq!(source.dependency(&project), format!("path = {:?}", package.to_str().unwrap()));
        // The repository that contains only the package does not contain the project.
        fs::create_dir(parent.join("tools/stackwright/.git")).unwrap();
        assert_eq!(source.outside(&project), Some(package.as_path()));
        fs::create_dir(parent.join(".git")).unwrap();
        assert_eq!(source.outside(&project), None);
        assert_eq!(source.dependency(&project), "path = \"../../tools/stackwright/cli\"");
        assert_eq!(repository_above(&project), Some(parent));
    }

    #[test]
    fn a_repository_on_github_has_the_action() {
        let action = |url: &str| Source::parse(Some(url)).unwrap().action().map(str::to_owned);
        let expected = Some("me/stackwright".to_owned());
        assert_eq!(action("https://github.com/me/stackwright"), expected);
        assert_eq!(action("git@github.com:me/stackwright.git"), expected);
        assert_eq!(action("https://git.example.com/me/stackwright"), None);
        assert_eq!(action("https://github.com/me/one/two"), None);
        assert_eq!(Source::parse(None).unwrap().action(), None);
    }
}
