//! The manual pages and the completion scripts, which the archive of a release and the Python wheel contain.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::tools::run;

/// The shells, and the files in which they look for the completions of `stackwright`, relative to a prefix such as `/usr/local`.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/stackwright"),
    ("zsh", "share/zsh/site-functions/_stackwright"),
    ("fish", "share/fish/vendor_completions.d/stackwright.fish"),
];

/// Loads a completion script in its shell, and prints the completions of `stackwright dep`, or of the whole program in zsh,
/// which completes in its line editor only.
const LOADED: [(&str, &[&str]); 3] = [
    (
        "bash",
        &[
            "--norc",
            "-c",
            "set -e; source \"$0\"; complete -p stackwright >&2; COMP_WORDS=(stackwright dep); COMP_CWORD=1; \
             _stackwright stackwright dep stackwright; printf '%s\\n' \"${COMPREPLY[@]}\"",
        ],
    ),
    (
        "zsh",
        &[
            "-f",
            "-c",
            "set -e; autoload -Uz compinit; compinit -D -u; source \"$0\"; (( $+functions[_stackwright] )); \
             print -- ${_comps[stackwright]} >&2; functions _stackwright_commands | grep -o 'deploy:' | tr -d :",
        ],
    ),
    ("fish", &["--no-config", "-c", "source $argv[1]; complete -C 'stackwright dep' | string split -f1 \\t"]),
];

/// Writes the manual pages and the completion scripts of a built program below a prefix.
pub fn write(binary: &Path, prefix: &Path) -> Result<()> {
    run(Command::new(binary).args(["man", "--out"]).arg(prefix.join("share/man/man1")))?;
    for (shell, file) in COMPLETIONS {
        let output = Command::new(binary).args(["completions", shell]).output()?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(format!("`completions {shell}` failed: {}", output.status).into());
        }
        let path = prefix.join(file);
        fs::create_dir_all(path.parent().unwrap_or(prefix))?;
        fs::write(path, output.stdout)?;
    }
    Ok(())
}

/// Formats every manual page with groff, as `man` does, which must have no warnings, and loads the completion scripts in their shells.
pub fn test(prefix: &Path) -> Result<()> {
    pages(&prefix.join("share/man/man1"))?;
    for (shell, file) in COMPLETIONS {
        let Some((_, arguments)) = LOADED.iter().find(|(name, _)| *name == shell) else { continue };
        if !is_installed(shell) {
            continue;
        }
        let output = Command::new(shell).args(*arguments).arg(prefix.join(file)).output()?;
        let (printed, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() || !printed.lines().any(|line| line == "deploy") {
            return Err(format!("the completions of {shell} lack `deploy`:\n{printed}{errors}").into());
        }
    }
    Ok(())
}

fn pages(directory: &Path) -> Result<()> {
    let mut pages = Vec::new();
    for file in fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))? {
        pages.push(file?.path());
    }
    let has = |name: &str| pages.iter().any(|page| page.ends_with(name));
    if !has("stackwright.1") || !has("stackwright-deploy.1") {
        return Err(format!("{} lacks manual pages", directory.display()).into());
    }
    if !is_installed("groff") {
        return Ok(());
    }
    for page in pages {
        let output = Command::new("groff").args(["-man", "-Kutf8", "-Tutf8", "-ww"]).arg(&page).output()?;
        if !output.status.success() || !output.stderr.is_empty() || output.stdout.is_empty() {
            let warnings = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {warnings}", page.display()).into());
        }
    }
    Ok(())
}

/// Returns whether a program is installed; otherwise prints that its test is skipped.
fn is_installed(program: &str) -> bool {
    let installed =
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !installed {
        eprintln!("{program} is not installed, so that the files for it are not tested");
    }
    installed
}
