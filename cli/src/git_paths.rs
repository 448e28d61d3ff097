//! Paths relative to the root of the git repository, which code hosts require.

use std::path::{Path, PathBuf};

use stackwright_review::Report;

/// Makes the locations of a report relative to the root of the git repository that contains the current directory.
/// The compiler names files relative to the root of the workspace, and a user names templates relative to the current
/// directory. A location that is not found below the root stays unchanged.
pub(crate) fn relative_to_git_root(report: &mut Report) {
    let Ok(current) = std::env::current_dir() else { return };
    let Some(root) = git_root(&current) else { return };
    for one in &mut report.diagnostics {
        let related = one.related.as_mut().map(|related| &mut related.location);
        for location in one.location.as_mut().into_iter().chain(related) {
            if let Some(path) = relative(&location.file, &current, &root) {
                location.file = path.into();
            }
        }
    }
}

/// Returns the nearest ancestor that contains `.git`, which is a file in a worktree.
fn git_root(current: &Path) -> Option<PathBuf> {
    current.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_path_buf)
}

fn relative(file: &str, current: &Path, root: &Path) -> Option<String> {
    let within = current.ancestors().take_while(|directory| directory.starts_with(root));
    let path = within.map(|directory| directory.join(file)).find(|path| path.is_file())?;
    // The path may contain `..`.
    let path = path.canonicalize().ok()?;
    let below = path.strip_prefix(root.canonicalize().ok()?).ok()?;
    Some(below.to_string_lossy().replace('\\', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_from_any_directory_below_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::create_dir_all(root.join("infra/app/src")).unwrap();
        std::fs::write(root.join("infra/app/src/main.rs"), "").unwrap();
        std::fs::write(root.join("infra/template.yaml"), "").unwrap();
        let app = root.join("infra/app");
        assert_eq!(git_root(&app).as_deref(), Some(root));
        assert_eq!(relative("app/src/main.rs", &app, root).as_deref(), Some("infra/app/src/main.rs"));
        assert_eq!(relative("src/main.rs", &app, root).as_deref(), Some("infra/app/src/main.rs"));
        assert_eq!(relative("../template.yaml", &app, root).as_deref(), Some("infra/template.yaml"));
        assert_eq!(relative("<stdin>", &app, root), None);
    }
}
