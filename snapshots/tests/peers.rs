//! What other programs say of our output. They are installed by `cargo xtask tools`.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tool(path: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools").join(path);
    assert!(tool.exists(), "{path} is not installed: run `cargo xtask tools`");
    tool
}

fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text
}

/// Every example's assembly in a folder of its own.
fn assemblies() -> Vec<(tempfile::TempDir, stackwright::synth::Assembly)> {
    snapshots::examples()
        .into_iter()
        .map(|(_, app)| {
            let folder = tempfile::tempdir().unwrap();
            let assembly = stackwright::testing::synth(&app);
            assembly.write(&folder.path().join("out")).unwrap();
            (folder, assembly)
        })
        .collect()
}

#[test]
fn cfn_lint_finds_nothing_in_json_or_yaml() {
    for (folder, assembly) in assemblies() {
        let mut lint = Command::new(tool("python/bin/cfn-lint"));
        for stack in &assembly.stacks {
            let yaml = folder.path().join(format!("{}.template.yaml", stack.id));
            std::fs::write(&yaml, stack.template.to_yaml()).unwrap();
            lint.arg(folder.path().join("out").join(stack.template_file())).arg(yaml);
        }
        assert_eq!(run(&mut lint), "");
    }
}

#[test]
fn the_cdk_cli_reads_the_assembly() {
    for (folder, assembly) in assemblies() {
        let cdk = tool("node/node_modules/.bin/cdk");
        let out = folder.path().join("out");
        let quiet = |arguments: &[&str]| {
            let mut command = Command::new(&cdk);
            command.args(arguments).arg("--app").arg(&out).current_dir(folder.path());
            command.env("CI", "true").env("CDK_DISABLE_CLI_TELEMETRY", "true");
            run(command.args(["--no-notices", "--no-version-reporting"]))
        };
        let listed = quiet(&["ls"]);
        for stack in &assembly.stacks {
            assert!(listed.contains(&stack.id) && listed.contains(&stack.name), "{listed}");
            let empty = folder.path().join("empty.json");
            std::fs::write(&empty, r#"{"Resources": {}}"#).unwrap();
            let difference = quiet(&["diff", &stack.id, "--template", &empty.display().to_string()]);
            for (id, _) in stack.template.resources() {
                assert!(difference.contains(id), "{id} is not in\n{difference}");
            }
        }
    }
}
