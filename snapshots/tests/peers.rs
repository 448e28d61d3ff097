//! How other programs judge the output of synthesis. They are installed by `cargo xtask tools`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use snapshots::{run, tool};

/// Every example's assembly in a directory of its own.
fn assemblies() -> Vec<(tempfile::TempDir, stackwright::synth::Assembly)> {
    snapshots::examples()
        .into_iter()
        .map(|(_, app)| {
            let directory = tempfile::tempdir().unwrap();
            let assembly = stackwright::testing::synth(&app);
            assembly.write(&directory.path().join("out")).unwrap();
            (directory, assembly)
        })
        .collect()
}

#[test]
fn cfn_lint_finds_nothing_in_json_or_yaml() {
    snapshots::needs!("python/bin/cfn-lint");
    for (directory, assembly) in assemblies() {
        let mut lint = Command::new(tool("python/bin/cfn-lint"));
        for stack in &assembly.stacks {
            let yaml = directory.path().join(format!("{}.template.yaml", stack.id));
            std::fs::write(&yaml, stack.template.to_yaml()).unwrap();
            lint.arg(directory.path().join("out").join(stack.template_file())).arg(yaml);
        }
        assert_eq!(run(&mut lint), "");
    }
}

#[test]
fn the_cdk_cli_reads_the_assembly() {
    snapshots::needs!("node/node_modules/.bin/cdk");
    for (directory, assembly) in assemblies() {
        let cdk = tool("node/node_modules/.bin/cdk");
        let out = directory.path().join("out");
        let quiet = |arguments: &[&str]| {
            let mut command = Command::new(&cdk);
            command.args(arguments).arg("--app").arg(&out).current_dir(directory.path());
            command.env("CI", "true").env("CDK_DISABLE_CLI_TELEMETRY", "true");
            run(command.args(["--no-notices", "--no-version-reporting"]))
        };
        let listed = quiet(&["ls"]);
        for stack in &assembly.stacks {
            assert!(listed.contains(&stack.id) && listed.contains(&stack.name), "{listed}");
            let empty = directory.path().join("empty.json");
            std::fs::write(&empty, r#"{"Resources": {}}"#).unwrap();
            let difference =
                quiet(&["diff", &stack.id, "--exclusively", "--template", &empty.display().to_string()]);
            for (id, _) in stack.template.resources() {
                assert!(difference.contains(id), "{id} is not in\n{difference}");
            }
        }
    }
}

/// What checkov finds in the examples has an answer in docs/serving.md, and every answer there is still needed.
#[test]
fn every_finding_of_checkov_has_a_reason() {
    snapshots::needs!("checkov/bin/checkov");
    let mut checkov = Command::new(tool("checkov/bin/checkov"));
    checkov.args([
        "--framework",
        "cloudformation",
        "--compact",
        "--quiet",
        "--soft-fail",
        "--output",
        "json",
    ]);
    let assemblies = assemblies();
    for (directory, _) in &assemblies {
        checkov.arg("--directory").arg(directory.path());
    }
    // A report for each directory on stdout; its own messages are on stderr.
    let output = checkov.output().unwrap();
    let reports: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap();
    let checked: u64 = reports.iter().filter_map(|one| one["summary"]["resource_count"].as_u64()).sum();
    assert!(checked > 80, "it checked {checked} resources only");
    let found: BTreeSet<String> = reports
        .iter()
        .flat_map(|one| one["results"]["failed_checks"].as_array().unwrap())
        .map(|check| check["check_id"].as_str().unwrap().to_owned())
        .collect();
    let page = include_str!("../../docs/serving.md");
    let answered: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `CKV"))
        .map(|rest| format!("CKV{}", rest.split('`').next().unwrap()))
        .collect();
    assert_eq!(found, answered);
}
