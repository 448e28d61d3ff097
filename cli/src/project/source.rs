//! The source from which a new project takes the crate `stackwright`.

use std::path::{Path, PathBuf};

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

    /// Returns the keys of the dependency in `Cargo.toml`.
    pub fn dependency(&self) -> String {
        match self {
            Self::Registry => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
            Self::Path(path) => format!("path = {:?}", path.display().to_string()),
            Self::Git(url) => format!("git = {url:?}"),
        }
    }
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
    use super::*;

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
