//! The program as its users run it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arr-coc"));
    command.env("NO_COLOR", "1");
    command
}

fn text(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

fn contents(directory: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn synth_writes_the_same_bytes_every_time_and_from_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let output = program().args(["synth", "--out"]).arg(&one).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output).1.contains("Production: estimated $"), "{output:?}");
    program().args(["synth", "--out"]).arg(&two).current_dir(directory.path()).assert().success();
    assert_eq!(contents(&one), contents(&two));
    assert!(one.join("DevTest.template.json").is_file());
}

#[test]
fn stdout_is_data_and_nothing_is_written_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        program().args(["synth", "--stdout", "DevTest"]).current_dir(directory.path()).output().unwrap();
    let (stdout, stderr) = text(&output);
    assert_eq!(stderr, "");
    let template: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(template["Resources"]["Scorers"]["Type"], "AWS::SageMaker::Endpoint");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let output = program().args(["synth", "--stdout", "--format", "yaml", "DevTest"]).output().unwrap();
    assert!(text(&output).0.contains("ModelName: !GetAtt ScorersModel.ModelName"));
}

#[test]
fn yaml_is_written_beside_the_json_that_tools_read() {
    let directory = tempfile::tempdir().unwrap();
    program().args(["synth", "--format", "yaml", "--out"]).arg(directory.path()).assert().success();
    let yaml = fs::read_to_string(directory.path().join("DevTest.template.yaml")).unwrap();
    assert!(yaml.contains("!Sub"));
    assert!(directory.path().join("DevTest.template.json").is_file());
}

#[test]
fn list_names_the_stacks() {
    let output = program().arg("list").output().unwrap();
    assert_eq!(text(&output), ("DevTest\nTraining\nProduction\n".into(), String::new()));
    let output = program().args(["list", "--format", "json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_str(&text(&output).0).unwrap();
    assert_eq!(list[0]["name"], "arr-coc-DevTest");
    assert_eq!(list[0]["region"], "us-east-1");
}

#[test]
fn a_wrong_argument_is_explained_with_a_hint() {
    let output = program().args(["synth", "Productoin"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output).1,
        "error: there is no stack `Productoin`\nhint: the stacks of the program are DevTest, Training, Production\n"
    );

    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "years of work").unwrap();
    let output = program().args(["synth", "--out"]).arg(directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).1.contains("does not hold an assembly"));
    assert!(directory.path().join("thesis.txt").is_file());
}

#[test]
fn every_command_has_help_and_completions() {
    for command in [&["--help"][..], &["synth", "--help"], &["deploy", "--help"], &["list", "--help"]] {
        program().args(command).assert().success();
    }
    let help = text(&program().args(["synth", "--help"]).output().unwrap()).0;
    assert!(help.contains("cdk ls --app") && help.contains("--stdout"), "{help}");
    let bash = text(&program().args(["completions", "bash"]).output().unwrap()).0;
    assert!(bash.contains("arr-coc") && bash.contains("synth"), "{bash}");
}

/// The scorers that the stack deploys do what their documentation states.
#[test]
fn the_scorers_score() {
    let script = r#"
import json, inference
weights = inference.model_fn("/opt/ml/model")
body = json.dumps({"patches": [[1, 0], [0, 1], [1, 1]], "query": [1, 1]})
answer = json.loads(inference.output_fn(inference.predict_fn(inference.input_fn(body, "application/json"), weights), "application/json"))
assert len(answer["relevance"]) == 3 and all(0 <= score <= 1 for score in answer["relevance"]), answer
assert answer["relevance"][2] == max(answer["relevance"]), answer
assert abs(answer["scores"]["coupling"][2] - 1) < 1e-9, answer
assert answer["scores"]["information"] == [0.0, 0.0, 1.0], answer
for wrong in ({"patches": [], "query": [1]}, {"patches": [[1]], "query": [1, 2]}):
    try:
        inference.input_fn(json.dumps(wrong), "application/json")
    except ValueError:
        continue
    raise AssertionError(wrong)
"#;
    let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/code");
    Command::new("python3").args(["-B", "-c", script]).current_dir(code).assert().success();
}

/// A program without the feature `deploy` names the command that has it, with the arguments that were given.
#[cfg(not(feature = "deploy"))]
#[test]
fn commands_that_send_requests_name_the_installed_command() {
    for name in [
        "plan",
        "deploy",
        "status",
        "outputs",
        "diagnose",
        "recover",
        "drift",
        "import",
        "refactor",
        "destroy",
        "permissions",
        "local",
    ] {
        let output = program().args([name, "--region", "eu-west-1"]).output().unwrap();
        let (stdout, stderr) = text(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(2), ""), "{stderr}");
        for expected in ["run `stackwright ", "`cargo run --features deploy -- "] {
            assert!(stderr.contains(&format!("{expected}{name} --region eu-west-1`")), "{stderr}");
        }
    }
    for (arguments, expected) in [
        (
            &["diff", "--deployed", "DevTest"][..],
            "run `stackwright diff --deployed DevTest` in the directory",
        ),
        (&["diff", "--deployed"], "run `stackwright diff --deployed` in the directory"),
        (
            &["estimate", "quotas", "--account-values"],
            "run `stackwright estimate quotas --account-values` in the directory",
        ),
        (&["plan", "DevTest"], "run `stackwright plan DevTest` in the directory"),
    ] {
        let output = program().args(arguments).output().unwrap();
        let (stdout, stderr) = text(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(
            stderr.contains("was built without the feature `deploy`") && stderr.contains(expected),
            "{stderr}"
        );
    }
}
