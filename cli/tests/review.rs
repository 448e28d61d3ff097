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

fn stackwright(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("stackwright").unwrap();
    command.current_dir(folder);
    command
}

fn templates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.yaml"), OLD).unwrap();
    let new =
        OLD.replace("ml.g5.2xlarge", "ml.g6.2xlarge").replace("  Weights: {Type: AWS::S3::Bucket}\n", "");
    fs::write(folder.path().join("new.yaml"), new).unwrap();
    folder
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn diff_compares_two_templates() {
    let folder = templates();
    let shown = stdout(stackwright(folder.path()).args(["diff", "old.yaml", "new.yaml"]));
    assert!(
        shown.contains(
            "ProductionVariants[Main].InstanceType: ml.g5.2xlarge → ml.g6.2xlarge (requires replacement)"
        ),
        "{shown}"
    );
    assert!(shown.contains("- Weights AWS::S3::Bucket is deleted; it holds data"), "{shown}");
    stackwright(folder.path()).args(["diff", "old.yaml", "new.yaml", "--exit-code"]).assert().code(5);
    stackwright(folder.path()).args(["diff", "old.yaml", "old.yaml", "--exit-code"]).assert().success();
    stackwright(folder.path()).arg("diff").assert().code(2);
}

#[test]
fn diff_compares_directories_of_templates() {
    let folder = templates();
    for (name, from) in [("before", "old.yaml"), ("after", "new.yaml")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::copy(folder.path().join(from), folder.path().join(name).join("stack.yaml")).unwrap();
    }
    let shown = stdout(stackwright(folder.path()).args(["diff", "before", "after", "--format", "json"]));
    let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(document["stacks"][0]["id"], "stack");
    assert_eq!(document["stacks"][0]["resources"][0]["consequence"], "replaced");
    fs::create_dir(folder.path().join("empty")).unwrap();
    stackwright(folder.path()).args(["diff", "empty", "after"]).assert().code(1);
}
