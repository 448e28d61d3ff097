//! `diff --base` and `review --base`: the program at a git revision against the program as it is.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn git(directory: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn program(directory: &Path, cargo: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_arr-coc"))
        .args(arguments)
        .current_dir(directory)
        .env("CARGO", cargo)
        .env("NO_COLOR", "1")
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap()
}

/// Answers `cargo metadata` and `cargo build` for a package with an executable.
const CARGO: &str = r#"directory=$(pwd -P)
case "$1" in
metadata)
  echo "{\"workspace_root\":\"$directory\",\"target_directory\":\"$directory/target\",\"packages\":[{\"name\":\"infra\",
    \"manifest_path\":\"$directory/Cargo.toml\",\"targets\":[{\"name\":\"infra\",\"kind\":[\"bin\"]}],
    \"dependencies\":[{\"name\":\"stackwright\",\"kind\":null}]}]}" ;;
build) echo "{\"target\":{\"name\":\"infra\"},\"executable\":\"$directory/app\"}" ;;
esac
"#;

#[test]
fn a_revision_is_built_in_a_worktree_that_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = directory.path().join("repository");
    let infra = repository.join("infra");
    fs::create_dir_all(&infra).unwrap();
    git(&repository, &["init", "--quiet"]);
    // The program at the revision writes the assembly that is committed there, and Cargo has built it.
    let script = |path: &Path, text: &str| {
        fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let cargo = directory.path().join("cargo");
    script(&cargo, CARGO);
    script(&infra.join("app"), "for last; do :; done\ncp -r assembly \"$last\"\n");
    fs::write(infra.join("Cargo.toml"), "[package]\nname = \"infra\"\n").unwrap();
    assert!(program(&infra, &cargo, &["synth", "--out", "assembly"]).status.success());
    let template = infra.join("assembly/Production.template.json");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("ml.g5.2xlarge", "ml.g4dn.2xlarge")).unwrap();
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "--quiet", "--message", "base"]);

    let output = program(&infra, &cargo, &["diff", "--base", "HEAD"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("InstanceType: ml.g4dn.2xlarge → ml.g5.2xlarge (requires replacement)"),
        "{shown}"
    );
    let output = program(&infra, &cargo, &["review", "--base", "HEAD", "--deny", "refused"]);
    assert_eq!(output.status.code(), Some(4), "an autoscaled variant cannot change its instance type");
    let worktrees = Command::new("git").args(["worktree", "list"]).current_dir(&repository).output().unwrap();
    assert_eq!(String::from_utf8(worktrees.stdout).unwrap().lines().count(), 1);

    let output = program(&infra, &cargo, &["diff", "--base", "no-such-branch"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("the revision `no-such-branch` does not exist")
    );
}
