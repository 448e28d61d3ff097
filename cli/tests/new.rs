//! `new` and `init`: every template becomes a project outside of the workspace that builds, passes its own tests,
//! synthesizes, and deploys in local mode with the installed binary.
//!
//! `UPDATE_TEMPLATES=1 cargo test -p stackwright --features deploy --test new` updates the snapshots of the templates.
#![allow(clippy::unwrap_used)]

mod aws;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aws::Running;

const TEMPLATES: [&str; 4] = ["endpoint", "training", "llm", "hyperpod"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn stackwright(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory);
    share_build_directory(&mut command);
    command
}

/// Dependencies that the workspace has built already are not built once more.
fn share_build_directory(command: &mut Command) {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    command.env("CARGO_TARGET_DIR", target);
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", text(&output));
    text(&output)
}

fn create(parent: &Path, name: &str, template: &str) -> PathBuf {
    succeeds(stackwright(parent).args(["new", name, "--template", template, "--source"]).arg(repository()));
    let project = parent.join(name);
    // The versions of dependencies that this repository is tested with.
    let lock = |directory: &Path| fs::read_to_string(directory.join("Cargo.lock")).unwrap();
    assert_eq!(lock(&project), lock(&repository()));
    project
}

/// The helpers for tests as users write them, in a project of their own.
const ASSERTIONS: &str = r#"
use stackwright::testing::{self, StackAssertions, json};

#[test]
fn the_stack_has_the_resources_of_the_program() {
    let app = shop_endpoint::app();
    let assembly = testing::synth(&app);
    let serving = StackAssertions::new(&assembly, "Serving");
    serving.resource_count("AWS::SageMaker::Endpoint", 1);
    serving.has_resource("AWS::SageMaker::Endpoint", json!({ "EndpointConfigName": testing::any() }));
    let endpoint = serving.find("AWS::SageMaker::Endpoint").remove(0).logical_id;
    let config = serving.find("AWS::SageMaker::EndpointConfig").remove(0).logical_id;
    serving.references(&endpoint, &config);
    testing::assert_no_findings(&app, &[]);
}

#[test]
fn a_difference_fails_with_its_consequence() {
    let stored = std::env::temp_dir().join(format!("shop-endpoint-{}", std::process::id()));
    testing::store(&shop_endpoint::app(), &stored);
    testing::assert_unchanged(&shop_endpoint::app(), &stored);
    let other = stackwright::App::new("Shop-endpoint");
    other.stack("Serving").region("us-east-1").add("Runs", stackwright::prelude::PrivateBucket::new());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        testing::assert_unchanged(&other, &stored);
    }));
    let panic = panic.unwrap_err();
    let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    std::fs::remove_dir_all(&stored).unwrap();
    assert!(message.contains("AWS::SageMaker::Endpoint") && message.contains("is deleted"), "{message}");
}
"#;

#[test]
fn every_template_builds_tests_synthesizes_and_deploys_in_local_mode() {
    let parent = tempfile::tempdir().unwrap();
    for template in TEMPLATES {
        // Another name than that of the stored snapshots, which contain it.
        let name = format!("Shop-{template}");
        let project = create(parent.path(), &name, template);
        let update = std::env::var_os("UPDATE_TEMPLATES").is_some();
        if template == "endpoint" {
            fs::write(project.join("tests/assertions.rs"), ASSERTIONS).unwrap();
        }
        let mut test = Command::new(env!("CARGO"));
        test.arg("test").current_dir(&project).env("INSTA_UPDATE", if update { "always" } else { "no" });
        share_build_directory(&mut test);
        succeeds(&mut test);
        if update {
            keep_snapshots(&project, &name, template);
        }
        let checked = succeeds(stackwright(&project).args(["check", "--deny", "warnings"]));
        assert!(checked.contains("nothing found"), "{checked}");
        let deployed = succeeds(stackwright(&project).args(["deploy", "--local", "--yes"]));
        assert!(deployed.contains(&name), "{deployed}");
        if template == "endpoint" {
            a_changed_program_is_reported_with_the_next_step(&project);
        }
        // Version control ignores everything that these commands write.
        succeeds(Command::new("git").args(["init", "--quiet"]).current_dir(&project));
        let status = succeeds(Command::new("git").args(["status", "--short", "-uall"]).current_dir(&project));
        for line in status.lines() {
            assert!(!line.contains(".stackwright") && !line.contains("target"), "{status}");
        }
    }
}

/// The snapshot test names all templates that differ and how to accept them, and the program itself reads `stackwright.toml`.
fn a_changed_program_is_reported_with_the_next_step(project: &Path) {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(project).env("INSTA_UPDATE", "no");
        share_build_directory(&mut command);
        command.output().unwrap()
    };
    let source = project.join("src/lib.rs");
    let program = fs::read_to_string(&source).unwrap();
    let second =
        "app.stack(\"Second\").region(\"us-east-1\").add(\"Runs\", PrivateBucket::new());\n    app\n}";
    fs::write(&source, program.replace("max_concurrency(5)", "max_concurrency(6)").replace("app\n}", second))
        .unwrap();
    let failed = cargo(&["test", "--test", "snapshots"]);
    assert!(!failed.status.success());
    let printed = text(&failed);
    assert!(printed.contains("changed templates: Shop-endpoint-Second, Shop-endpoint-Serving;"), "{printed}");
    assert!(printed.contains("run `INSTA_UPDATE=always cargo test`"), "{printed}");
    fs::write(&source, program).unwrap();

    let settings = project.join("stackwright.toml");
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, "[rules]\nunused-parameter = \"loud\"\n").unwrap();
    for command in [&["run", "--quiet", "--", "check"][..], &["run", "--quiet", "--", "synth"]] {
        let failed = cargo(command);
        assert_eq!(failed.status.code(), Some(2), "{}", text(&failed));
        assert!(text(&failed).contains("use off, info, warning or error"), "{}", text(&failed));
    }
    fs::write(&settings, before).unwrap();
}

#[test]
fn a_watched_program_is_synthesized_again_after_an_edit_of_its_source_or_of_an_asset() {
    let parent = tempfile::tempdir().unwrap();
    let project = create(parent.path(), "my-watched", "endpoint");
    let mut running = Running::start(stackwright(&project).args(["synth", "--watch"]));
    running.until("watching ");
    let template = || fs::read_to_string(project.join("out/Serving.template.json")).unwrap();
    let source = project.join("src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    assert!(!template().contains("another description"));
    fs::write(&source, text.replacen(".description(\"", ".description(\"another description: ", 1)).unwrap();
    let printed = running.until("watching ");
    assert!(printed.contains("changed: src/lib.rs"), "{printed}");
    assert!(template().contains("another description"), "{printed}");

    let before = template();
    fs::write(project.join("model/code/inference.py"), "# another model\n").unwrap();
    let printed = running.until("watching ");
    assert!(printed.contains("changed: model/code/inference.py"), "{printed}");
    assert_ne!(template(), before);

    // A program that does not compile is reported, and the last templates stay.
    fs::write(&source, "nonsense").unwrap();
    assert!(running.until("watching ").contains("could not be built"), "{}", running.text);
    assert!(project.join("out/Serving.template.json").exists());
    assert_eq!(running.interrupt(), Some(0));

    let mut light = Command::new(env!("CARGO"));
    fs::write(&source, text).unwrap();
    light.args(["run", "--quiet", "--", "synth", "--watch"]).current_dir(&project);
    share_build_directory(&mut light);
    let output = light.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", self::text(&output));
    assert!(self::text(&output).contains("stackwright synth --watch"), "{}", self::text(&output));
}

fn keep_snapshots(project: &Path, name: &str, template: &str) {
    let prefix = format!("snapshots__{name}-");
    for file in fs::read_dir(project.join("tests/snapshots")).unwrap() {
        let file = file.unwrap();
        let snapshot = file.file_name().into_string().unwrap();
        let snapshot = snapshot.strip_prefix(&prefix).unwrap();
        let target = repository().join("cli/templates").join(template).join(snapshot);
        let text = fs::read_to_string(file.path()).unwrap();
        fs::write(target, text.replace("Shop-", "My-").replace("shop-", "my-")).unwrap();
    }
}

#[test]
fn a_name_that_cargo_or_cloudformation_refuses_is_a_usage_error() {
    let parent = tempfile::tempdir().unwrap();
    for name in ["2fast", "my_app", "fn", "../up"] {
        let output = stackwright(parent.path()).args(["new", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(name));
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn init_creates_a_project_in_the_current_directory() {
    let parent = tempfile::tempdir().unwrap();
    let init = ["init", "--name", "shop", "--source"];
    let printed = succeeds(stackwright(parent.path()).args(init).arg(repository()));
    assert!(printed.contains("created ./src/lib.rs"), "{printed}");
    assert!(printed.contains("which only this machine has"), "{printed}");
    let read = |name: &str| fs::read_to_string(parent.path().join(name)).unwrap();
    assert!(read("Cargo.toml").contains("name = \"shop\"") && read("src/main.rs").contains("shop::app()"));
    assert!(parent.path().join("tests/snapshots/snapshots__shop-Serving.snap").exists());
}

#[test]
fn a_project_in_a_workspace_leaves_the_lock_file_and_the_profiles_to_its_root() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("Cargo.toml"), "[workspace]\nmembers = [\"infra\"]\nresolver = \"3\"\n")
        .unwrap();
    let printed = succeeds(stackwright(parent.path()).args(["new", "infra", "--source"]).arg(repository()));
    assert!(
        printed.contains("Cargo.toml is a Cargo workspace: add this package to its `members`"),
        "{printed}"
    );
    let project = parent.path().join("infra");
    assert!(!fs::read_to_string(project.join("Cargo.toml")).unwrap().contains("[profile"));
    assert!(!project.join("Cargo.lock").exists());
    let metadata = ["metadata", "--no-deps", "--format-version", "1"];
    let printed = succeeds(Command::new(env!("CARGO")).args(metadata).current_dir(&project));
    assert!(!printed.contains("warning:"), "{printed}");
}

#[test]
fn a_project_in_the_repository_of_the_library_names_it_by_a_relative_path() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    fs::create_dir_all(path("vendor/stackwright/cli")).unwrap();
    fs::create_dir(path(".git")).unwrap();
    fs::write(path("vendor/stackwright/cli/Cargo.toml"), "[package]\nname = \"stackwright\"\n").unwrap();
    fs::write(path("vendor/stackwright/Cargo.lock"), "version = 4\n").unwrap();
    let new = ["new", "infra", "--source", "vendor/stackwright"];
    let printed = succeeds(stackwright(parent.path()).args(new));
    assert!(!printed.contains("only this machine"), "{printed}");
    assert!(printed.contains("move `.github` to it"), "{printed}");
    let manifest = fs::read_to_string(path("infra/Cargo.toml")).unwrap();
    assert!(manifest.contains("stackwright = { path = \"../vendor/stackwright/cli\" }"), "{manifest}");
    assert_eq!(fs::read_to_string(path("infra/Cargo.lock")).unwrap(), "version = 4\n");
}

#[test]
fn a_name_with_capital_letters_is_a_package_in_lower_case() {
    let parent = tempfile::tempdir().unwrap();
    let printed = succeeds(stackwright(parent.path()).args(["new", "My-Stacks"]));
    assert!(
        printed.contains("`stackwright` 0.1.0 on crates.io; `--source PATH|URL` names a clone"),
        "{printed}"
    );
    let read = |name: &str| fs::read_to_string(parent.path().join("My-Stacks").join(name)).unwrap();
    assert!(read("Cargo.toml").contains("name = \"my-stacks\""));
    assert!(read("src/main.rs").contains("my_stacks::app()"));
    assert!(read("src/lib.rs").contains("App::new(\"My-Stacks\")"));
}

#[test]
fn init_in_a_cloned_repository_keeps_its_readme_and_its_gitignore() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join(".git")).unwrap();
    for file in ["README.md", ".gitignore", "LICENSE"] {
        fs::write(parent.path().join(file), "mine\n").unwrap();
    }
    let printed = succeeds(stackwright(parent.path()).args(["init", "--name", "shop"]));
    assert!(printed.contains("kept ./README.md, which existed already\n"), "{printed}");
    assert!(printed.contains("kept ./.gitignore, which existed already: add `/target`, `/out`"), "{printed}");
    assert_eq!(fs::read_to_string(parent.path().join(".gitignore")).unwrap(), "mine\n");
    assert!(parent.path().join("src/lib.rs").exists());
}

#[test]
fn existing_files_are_never_changed() {
    let parent = tempfile::tempdir().unwrap();
    let manifest = parent.path().join("Cargo.toml");
    fs::write(&manifest, "[package]\n").unwrap();
    let output = stackwright(parent.path()).args(["init", "--name", "app"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("already has `Cargo.toml`"), "{}", text(&output));
    assert!(
        text(&output).contains("hint: no file was written; create a package of its own"),
        "{}",
        text(&output)
    );
    assert_eq!(fs::read_to_string(&manifest).unwrap(), "[package]\n");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);

    let output =
        stackwright(parent.path()).args(["new", "app", "--source", "no/such/directory"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(!parent.path().join("app").exists());
}

#[test]
fn a_program_without_the_library_is_explained() {
    let parent = tempfile::tempdir().unwrap();
    succeeds(Command::new(env!("CARGO")).args(["new", "--quiet", "other"]).current_dir(parent.path()));
    let output = stackwright(&parent.path().join("other")).arg("synth").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(text.contains("the package `other` defines no stacks"), "{text}");
    assert!(text.contains("stackwright new NAME"), "{text}");
}
