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

#[test]
fn diff_writes_one_html_file() {
    let directory = templates();
    let page =
        stdout(stackwright(directory.path()).args(["diff", "old.yaml", "new.yaml", "--format", "html"]));
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("ProductionVariants[Main].InstanceType: ml.g5.2xlarge → ml.g6.2xlarge"), "{page}");
    assert!(page.contains("data-consequence=\"deleted\"") && page.contains("class=\"filters\""), "{page}");
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
        (&["diff", "old.yaml", "new.yaml"][..], &["text", "markdown", "json", "html"][..]),
        (&["review", "new.yaml", "--base", "old.yaml"], &["markdown", "json", "html"]),
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

/// What `cdk synth` writes for a function whose code is a directory, and for a task with a container image.
fn cdk_out(directory: &Path, hash: &str, code: &str) {
    let assets = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}";
    fs::create_dir_all(directory.join(format!("asset.{hash}"))).unwrap();
    fs::create_dir_all(directory.join("asset.image")).unwrap();
    fs::write(directory.join(format!("asset.{hash}/index.py")), code).unwrap();
    let write = |name: &str, value: serde_json::Value| {
        fs::write(directory.join(name), value.to_string()).unwrap();
    };
    let function = serde_json::json!({
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": { "S3Bucket": { "Fn::Sub": assets }, "S3Key": format!("{hash}.zip") },
            "Handler": "index.handler", "Runtime": "python3.13", "Role": "arn:aws:iam::123456789012:role/Handler",
        },
        "Metadata": { "aws:asset:path": format!("asset.{hash}"), "aws:asset:property": "Code" },
    });
    write("Shop.template.json", serde_json::json!({ "Resources": { "Handler": function } }));
    let place = serde_json::json!({ "bucketName": assets, "objectKey": format!("{hash}.zip") });
    let image = serde_json::json!({ "repositoryName": "cdk-assets", "imageTag": "image" });
    write(
        "Shop.assets.json",
        serde_json::json!({
            "version": "36.0.0",
            "files": { hash: {
                "source": { "path": format!("asset.{hash}"), "packaging": "zip" }, "destinations": { "current": place },
            } },
            "dockerImages": { "image": {
                "source": { "directory": "asset.image" }, "destinations": { "current": image },
            } },
        }),
    );
    write(
        "manifest.json",
        serde_json::json!({ "version": "36.0.0", "artifacts": {
            "Shop.assets": { "type": "cdk:asset-manifest", "properties": { "file": "Shop.assets.json" } },
            "Shop": {
                "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
                "dependencies": ["Shop.assets"], "properties": { "templateFile": "Shop.template.json" },
            },
        } }),
    );
}

#[test]
fn diff_compares_outputs_of_the_cdk_with_unpacked_assets() {
    let directory = tempfile::tempdir().unwrap();
    let (old, same, new) = ("a".repeat(64), "a".repeat(64), "b".repeat(64));
    for (name, hash, code) in [("old", old, "one"), ("same", same, "one"), ("new", new, "two")] {
        cdk_out(&directory.path().join(name), &hash, code);
    }
    let shown = stdout(stackwright(directory.path()).args(["diff", "old", "new"]));
    assert!(shown.contains("~ Handler AWS::Lambda::Function is updated in place"), "{shown}");
    assert!(shown.contains("~ index.py"), "{shown}");
    stackwright(directory.path()).args(["diff", "old", "same", "--exit-code"]).assert().success();
    stackwright(directory.path()).args(["--app", "new", "check"]).assert().success();
    // Only the deployment needs the image.
    let mut deploy = stackwright(directory.path());
    let refused = deploy.args(["--app", "new", "deploy", "--local", "--yes"]).assert().failure();
    let printed = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(printed.contains("a container image, which the CDK CLI has to build and push"), "{printed}");
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
