//! The commands that review a change, as they are called: `diff`, `review`, `graph`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const OLD: &str = "
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - {VariantName: Main, ModelName: m, InstanceType: ml.g5.2xlarge, InitialInstanceCount: 1}
  Weights: {Type: AWS::S3::Bucket}
";

fn stackwright(directory: &Path) -> Command {
    let mut command = Command::cargo_bin("stackwright").unwrap();
    command.current_dir(directory);
    command
}

fn templates() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("old.yaml"), OLD).unwrap();
    let new =
        OLD.replace("ml.g5.2xlarge", "ml.g6.2xlarge").replace("  Weights: {Type: AWS::S3::Bucket}\n", "");
    fs::write(directory.path().join("new.yaml"), new).unwrap();
    directory
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn diff_compares_two_templates() {
    let directory = templates();
    let shown = stdout(stackwright(directory.path()).args(["diff", "old.yaml", "new.yaml"]));
    assert!(
        shown.contains(
            "ProductionVariants[Main].InstanceType: ml.g5.2xlarge → ml.g6.2xlarge (requires replacement)"
        ),
        "{shown}"
    );
    assert!(shown.contains("- Weights AWS::S3::Bucket is deleted; it holds data"), "{shown}");
    stackwright(directory.path()).args(["diff", "old.yaml", "new.yaml", "--exit-code"]).assert().code(5);
    stackwright(directory.path()).args(["diff", "old.yaml", "old.yaml", "--exit-code"]).assert().success();
    stackwright(directory.path()).arg("diff").assert().code(2);
}

/// The value of a parameter with `NoEcho` is in no output of `diff` and `review`, whether it is its old or its new default.
#[test]
fn values_of_secret_parameters_are_not_printed() {
    let directory = tempfile::tempdir().unwrap();
    for (name, secret) in [("old.yaml", "hunter2-old"), ("new.yaml", "hunter3-new")] {
        let template = format!(
            "Parameters:\n  Token: {{Type: String, NoEcho: true, Default: {secret}}}\nResources:\n  Alarms:\n    Type: \
             AWS::SNS::Topic\n    Properties: {{DisplayName: !Sub 'token ${{Token}}', TopicName: !Ref Token}}\n"
        );
        fs::write(directory.path().join(name), template).unwrap();
    }
    for (command, formats) in [
        (&["diff", "old.yaml", "new.yaml"][..], ["text", "markdown", "json"]),
        (&["review", "new.yaml", "--base", "old.yaml"], ["markdown", "json", "html"]),
    ] {
        for format in formats {
            let output =
                stackwright(directory.path()).args(command).args(["--format", format]).output().unwrap();
            let stdout = String::from_utf8(output.stdout).unwrap();
            let all = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
            assert!(stdout.contains("Alarms"), "{command:?} {format}: {all}");
            assert!(!all.contains("hunter"), "{command:?} {format}: {all}");
        }
    }
}

#[test]
fn diff_compares_directories_of_templates() {
    let directory = templates();
    for (name, from) in [("before", "old.yaml"), ("after", "new.yaml")] {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::copy(directory.path().join(from), directory.path().join(name).join("stack.yaml")).unwrap();
    }
    let shown = stdout(stackwright(directory.path()).args(["diff", "before", "after", "--format", "json"]));
    let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(document["stacks"][0]["id"], "stack");
    assert_eq!(document["stacks"][0]["resources"][0]["consequence"], "replaced");
    fs::create_dir(directory.path().join("empty")).unwrap();
    stackwright(directory.path()).args(["diff", "empty", "after"]).assert().code(1);
}

#[test]
fn a_graph_that_is_too_large_for_a_picture_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let topics: String = (0..500)
        .map(|number| {
            format!(
                "  Topic{number}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Ref Topic{}}}}}\n",
                number / 2
            )
        })
        .collect();
    fs::write(directory.path().join("large.yaml"), format!("Resources:\n{topics}")).unwrap();
    let graph = |more: &[&str]| {
        let mut command = stackwright(directory.path());
        command.args(["graph", "--input", "large.yaml"]).args(more);
        command
    };
    assert!(stdout(&mut graph(&["--format", "svg"])).contains("<svg"), "it is collapsed");
    let error = graph(&["--format", "svg", "--max-nodes", "1000"]).output().unwrap();
    assert_eq!(error.status.code(), Some(2));
    let message = String::from_utf8(error.stderr).unwrap();
    assert!(message.contains("has 500 nodes") && message.contains("--format dot"), "{message}");
    assert!(stdout(&mut graph(&["--format", "dot", "--max-nodes", "1000"])).contains("Topic499"));
}
