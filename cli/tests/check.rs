//! `check` and `explain` with the binary, on templates of any origin.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value as Json;

fn stackwright() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(templates());
    command
}

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates")
}

fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin").join(name);
    assert!(tool.exists(), "{name} is not installed: run `cargo xtask tools`");
    tool
}

const GOOD: &str = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n";
/// A warning, and no error.
const WARNED: &str = "Parameters: {Name: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n";

fn report(arguments: &[&str], input: &str) -> (i32, Json) {
    let output = stackwright()
        .args(["check", "--format", "json"])
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

fn ids(report: &Json) -> Vec<&str> {
    report["diagnostics"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn fourteen_planted_faults_are_found_where_they_stand() {
    let text = std::fs::read_to_string(templates().join("planted.yaml")).unwrap();
    let marked = |(number, line): (usize, &str)| {
        let (_, name) = line.rsplit_once(" # ")?;
        Some((number as u64 + 1, name.to_owned()))
    };
    let planted: BTreeSet<_> = text.lines().enumerate().skip(1).filter_map(marked).collect();
    assert_eq!(planted.len(), 14);
    let (code, found) = report(&["planted.yaml"], "");
    let reported: BTreeSet<_> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["location"]["line"].as_u64().unwrap(), one["id"].as_str().unwrap().to_owned()))
        .collect();
    let missed: Vec<_> = planted.difference(&reported).collect();
    assert!(missed.is_empty(), "{missed:?}\n{found:#}");
    // The other findings follow from them: a second variant, a multi-model container and an image for GPUs on a serverless
    // endpoint.
    let more: BTreeSet<_> = reported.difference(&planted).map(|(_, name)| name.as_str()).collect();
    assert_eq!(more, BTreeSet::from(["gpu-image-on-serverless", "unsupported-on-serverless"]));
    assert_eq!(code, 1);
    let memory = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["message"].as_str().unwrap().starts_with("`1500`"))
        .unwrap();
    assert_eq!(memory["resource"], "Config");
    assert_eq!(
        memory["path"],
        "/Resources/Config/Properties/ProductionVariants/0/ServerlessConfig/MemorySizeInMB"
    );
}

#[test]
fn the_exit_code_depends_on_what_was_found() {
    assert_eq!(report(&["-"], GOOD).0, 0);
    assert_eq!(report(&["-"], WARNED).0, 0);
    assert_eq!(report(&["-", "--deny", "warnings"], WARNED).0, 4);
    assert_eq!(report(&["-", "--deny", "warnings", "--allow", "unused-parameter"], WARNED).0, 0);
    assert_eq!(report(&["-", "--deny", "warnings", "--only", "dangling-reference"], WARNED).0, 0);
    let (code, found) = report(&["-"], "Resources: {Topic: {Type: AWS::SNS::Topik}}");
    assert_eq!((code, ids(&found)), (1, vec!["unknown-resource-type"]));
    let wrong = stackwright().args(["check", "-", "--only", "dangling-referense"]).write_stdin(GOOD).assert();
    wrong.failure().stderr(
        "error: there is no rule `dangling-referense`\nhint: the most similar name is `dangling-reference`\n",
    );
}

#[test]
fn unreadable_input_is_a_finding_with_a_location_and_the_other_files_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let broken = [
        write("truncated.json", b"{\"Resources\": {\n  \"A\": "),
        write("twice.json", b"{\"Resources\": {},\n \"Resources\": {}}"),
        write("latin1.yaml", b"Description: fine\nResources:\n  A: {Type: \xe9}\n"),
        write("deep.json", "[".repeat(100_000).as_bytes()),
        write("alias.yaml", b"Resources:\n  A: &a [*a]\n"),
        write("huge.yaml", &vec![b'#'; 17 * 1024 * 1024]),
        directory.path().display().to_string(),
    ];
    let lines = [Some(2), Some(2), Some(3), Some(1), Some(2), None, None];
    for (path, line) in broken.iter().zip(lines) {
        let good = write("good.yaml", WARNED.as_bytes());
        let (code, found) = report(&[path, &good], "");
        assert_eq!((code, ids(&found)), (1, vec!["unreadable-template", "unused-parameter"]), "{path}");
        let at = &found["diagnostics"][0]["location"]["line"];
        assert_eq!(at.as_u64(), line, "{path}: {found:#}");
    }
}

#[test]
fn assemblies_are_read_ours_and_those_without_provenance() {
    let directory = tempfile::tempdir().unwrap();
    let app = stackwright::App::new("app");
    let bucket = stackwright::synth::Resource::of("AWS::S3::Bucket").set("BucketNam", "x");
    let line = line!() - 1;
    app.stack("Data").add("Models", bucket);
    app.synth().unwrap().write(&directory.path().join("out")).unwrap();
    let out = directory.path().join("out").display().to_string();
    let (_, found) = report(&[&out, "--only", "unknown-property"], "");
    assert_eq!(found["diagnostics"][0]["location"]["file"], "cli/tests/check.rs");
    assert_eq!(found["diagnostics"][0]["location"]["line"], line);
    // An assembly of the CDK: the location is in the template.
    std::fs::remove_file(directory.path().join("out/provenance.json")).unwrap();
    let (_, found) = report(&[&out, "--only", "unknown-property"], "");
    let file = found["diagnostics"][0]["location"]["file"].as_str().unwrap();
    assert!(file.ends_with("Data.template.json"), "{file}");
    assert_eq!(found["diagnostics"][0]["location"]["line"], 7);
}

#[test]
fn text_shows_the_line_of_the_template() {
    let output = stackwright().args(["check", "-"]).write_stdin(WARNED).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--> <stdin>:1:14") && text.contains("Parameters: {Name:"), "{text}");
    assert!(text.ends_with("1 warning\n"), "{text}");
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(messages, "next: `explain unused-parameter` explains the rule\n");
}

#[test]
fn secrets_are_in_no_report() {
    let template = "Parameters: {Mode: {Type: String, NoEcho: true, Default: hunter2-secret}}\n\
        Resources: {Table: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: !Ref Mode, \
        KeySchema: [{AttributeName: a, KeyType: HASH}], AttributeDefinitions: [{AttributeName: a, AttributeType: S}]}}}\n";
    for form in ["text", "json", "sarif", "junit", "markdown", "github", "gitlab"] {
        let output =
            stackwright().args(["check", "-", "--format", form]).write_stdin(template).output().unwrap();
        let shown = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(shown.contains("****"), "{form}: {shown}");
        assert!(!shown.contains("hunter2"), "{form}: {shown}");
    }
}

#[test]
fn other_programs_read_the_reports() {
    snapshots::needs!("python/bin/python", "python/bin/sarif");
    let directory = tempfile::tempdir().unwrap();
    for (form, name) in [("sarif", "report.sarif"), ("junit", "report.xml")] {
        let output = stackwright().args(["check", "planted.yaml", "--format", form]).output().unwrap();
        std::fs::write(directory.path().join(name), output.stdout).unwrap();
    }
    let run = |command: &mut Command| {
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    let (_, found) = report(&["planted.yaml"], "");
    let errors = found["summary"]["errors"].as_u64().unwrap();
    let summary = run(Command::new(tool("sarif")).arg("summary").arg(directory.path().join("report.sarif")));
    assert!(summary.contains(&format!("error: {errors}\n")), "{summary}");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../.tools/node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
    let validate = "import json, sys, jsonschema; schema, log = (json.load(open(path)) for path in sys.argv[1:]); \
                    jsonschema.Draft7Validator(schema).validate(log)";
    run(Command::new(tool("python"))
        .args(["-c", validate])
        .arg(schema)
        .arg(directory.path().join("report.sarif")));
    let count =
        "import sys, junitparser; print(sum(s.failures for s in junitparser.JUnitXml.fromfile(sys.argv[1])))";
    let failures =
        run(Command::new(tool("python")).args(["-c", count]).arg(directory.path().join("report.xml")));
    assert_eq!(failures.trim(), errors.to_string());
}

/// What GitLab reads of a code quality report: its parser takes the findings one by one, by the types of these members
/// (`app/validators/json_schemas/codeclimate.json` of GitLab), and its documentation ("Code quality report format") names the
/// severities, requires paths that are relative to the repository, and shows one finding for each fingerprint.
const CODE_QUALITY: &str = r#"{
  "type": "array", "minItems": 2,
  "items": {
    "type": "object", "required": ["check_name", "description", "fingerprint", "severity", "location"],
    "properties": {
      "check_name": {"type": "string"}, "description": {"type": "string"}, "fingerprint": {"type": "string"},
      "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
      "location": {
        "type": "object", "required": ["path", "lines"],
        "properties": {
          "path": {"type": "string", "pattern": "^[^/.]"},
          "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}
        }
      }
    }
  }
}"#;

#[test]
fn every_finding_of_a_code_quality_report_is_shown_by_gitlab() {
    snapshots::needs!("python/bin/python");
    let directory = tempfile::tempdir().unwrap();
    let planted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates/planted.yaml");
    // The same file twice: the findings differ by their files only.
    for copy in ["one", "two"] {
        std::fs::create_dir(directory.path().join(copy)).unwrap();
        std::fs::copy(&planted, directory.path().join(copy).join("stack.yaml")).unwrap();
    }
    std::fs::write(directory.path().join("schema.json"), CODE_QUALITY).unwrap();
    let files = ["one/stack.yaml", "two/stack.yaml"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.current_dir(directory.path()).arg("check").args(files);
    let output = command.args(["--format", "gitlab"]).output().unwrap();
    std::fs::write(directory.path().join("report.json"), &output.stdout).unwrap();
    let judge = "import json, jsonschema; schema, report = (json.load(open(name)) for name in ('schema.json', 'report.json')); \
                 jsonschema.Draft7Validator(schema).validate(report); \
                 print(len(report), len({one['fingerprint'] for one in report}), *{one['location']['path'] for one in report})";
    let judged =
        Command::new(tool("python")).current_dir(directory.path()).args(["-c", judge]).assert().success();
    let printed = String::from_utf8(judged.get_output().stdout.clone()).unwrap();
    let (_, found) = report(&["planted.yaml"], "");
    let number = 2 * found["diagnostics"].as_array().unwrap().len();
    assert!(printed.starts_with(&format!("{number} {number} ")), "{number}: {printed}");
    assert!(files.iter().all(|file| printed.contains(file)), "{printed}");
}

#[test]
fn the_rest_of_a_file_is_checked_after_an_error_in_its_syntax() {
    let text = "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: !Rain::Embed name.txt\n      DisplayName: b\n\
                \x20 B:\n    Type: AWS::SNS::Topic\n    Properties: {TopicNam: b}\n";
    let (code, found) = report(&["-"], text);
    let found: Vec<String> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["id"].as_str().unwrap(), one["location"]["line"]))
        .collect();
    assert_eq!(found, ["unreadable-template 5", "unreadable-template 6", "unknown-property 9"]);
    assert_eq!(code, 1);
}

/// GitHub refuses a report if a path is not a URI reference, or if a result has no physical location.
#[test]
fn every_result_of_sarif_has_a_location_that_is_a_uri() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a b.yaml", "ü#1.yaml", "100%.yaml"] {
        std::fs::write(directory.path().join(name), WARNED).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    let arguments = ["check", "--format", "sarif", "a b.yaml", "ü#1.yaml", "100%.yaml", "."];
    let output = command.current_dir(directory.path()).args(arguments).output().unwrap();
    let log: Json = serde_json::from_slice(&output.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let uris: BTreeSet<&str> = results
        .iter()
        .map(|one| one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap())
        .collect();
    assert_eq!(uris, BTreeSet::from([".", "100%25.yaml", "%C3%BC%231.yaml", "a%20b.yaml"]));
}

#[test]
fn what_was_not_checked_is_stated_for_any_number_of_errors() {
    let broken: String = (0..300).map(|number| format!("  A{number}: {{Type: 'x' y}}\n")).collect();
    let text = format!("Resources:\n{broken}  T: {{Type: AWS::SNS::Topik}}\n");
    let (code, found) = report(&["-"], &text);
    assert_eq!((code, ids(&found).len()), (1, 301));
    assert!(ids(&found).contains(&"unknown-resource-type"));
    let first = found["diagnostics"][0]["message"].as_str().unwrap();
    assert!(first.ends_with("(line 2 is not checked)"), "{first}");
    let output = stackwright().args(["check", "-"]).write_stdin(text).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("error[unreadable-template]: 295 more"), "{shown}");
    let (_, found) = report(&["-"], "{\"Resources\": {\n  \"A\": {}},");
    assert_eq!(found["diagnostics"][0]["help"], "nothing in this file was checked: correct this error first");
}

#[test]
fn explain_teaches() {
    let run = |arguments: &[&str]| {
        let output = stackwright().arg("explain").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let page = run(&["multi-model-gpu-instance"]);
    assert!(
        page.starts_with("# multi-model-gpu-instance\n")
            && page.contains("## What it checks")
            && page.contains("# here")
    );
    let list = run(&[]);
    assert!(list.contains("Serverless\n") && list.contains("multi-model-gpu-instance"));
    let all: Json = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    assert!(all.as_array().unwrap().len() > 100);
    let wrong = stackwright().args(["explain", "multi-model-gpu-instanse"]).assert().failure();
    wrong.stderr("error: there is no rule `multi-model-gpu-instanse`\nhint: the most similar name is `multi-model-gpu-instance`\n");
}

/// A wrong command line or configuration has the exit code 2, whatever is wrong, and a message that names it.
#[test]
fn wrong_usage_has_its_own_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good.yaml", GOOD);
    let wrong = [
        ("typo.toml", "[rules]\nunused-paramter = \"off\"", "`unused-parameter`"),
        ("level.toml", "[rules]\nunused-parameter = \"loud\"", "use off, info, warning or error"),
        ("list.toml", "rules = [\"unused-parameter\"]", "`rules` is a table"),
        ("number.toml", "paths = 1", "`paths` is a list of strings"),
        ("items.toml", "regions = [1]", "`regions` is a list of strings"),
        ("unknown.toml", "colour = 1", "no setting `colour`"),
        ("both.toml", "region = \"us-east-1\"\nregions = []", "either"),
        ("reason.toml", "[[ignore]]\nrules = [\"unused-parameter\"]", "reason"),
        ("pattern.toml", "[[ignore]]\nrules = [\"no-such-*\"]\nreason = \"a\"", "no-such-*"),
        ("key.toml", "[[ignore]]\nrule = []\nreason = \"a\"", "an `ignore` has no `rule`; use rules"),
        ("table.toml", "ignore = 1", "[[ignore]]"),
        ("syntax.toml", "rules = [", "syntax.toml"),
        ("nothing.toml", "paths = [\"no/*.yaml\"]", "no file in"),
        ("baseline.toml", "baseline = \"no.json\"", "no.json"),
    ];
    let mut cases: Vec<(Vec<String>, &str)> = Vec::new();
    for (name, text, message) in &wrong {
        let config = file(name, text);
        let path = (!message.contains("no file")).then(|| good.clone());
        cases.push((["--config".into(), config].into_iter().chain(path).collect(), message));
    }
    let old = file("old.json", "{\"version\": 1, \"findings\": [\"a:b:c\"]}");
    let no_json = file("no.txt", "findings");
    for (arguments, message) in [
        (&["--only", "no-such"][..], "there is no rule `no-such`"),
        (&["--allow", "unused-paramter"], "`unused-parameter`"),
        (&["--config", "no.toml"], "no.toml"),
        (&["--baseline", "no.json"], "no.json"),
        (&["--baseline", &old], "not a baseline file"),
        (&["--baseline", &no_json], "no.txt"),
        (&["--format", "xml"], "xml"),
        (&["--deny", "infos"], "infos"),
        (&["--max-findings", "-1"], "-1"),
        (&["--colour"], "--colour"),
        (&["no-such.yaml"], "there is no file or directory no-such.yaml"),
        (&["templates/*.yml"], "outside of quotation marks"),
    ] {
        let arguments = arguments.iter().map(ToString::to_string);
        cases.push((std::iter::once(good.clone()).chain(arguments).collect(), message));
    }
    cases.push((vec!["-".into(), "--fix".into()], "`--fix` changes template files"));
    for (arguments, message) in cases {
        let failed = stackwright().arg("check").args(&arguments).write_stdin(GOOD).assert();
        let text = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
        assert_eq!(failed.get_output().status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
    stackwright().args(["explain", "no-such"]).assert().code(2);
    // A file that is named twice is checked once.
    assert_eq!(ids(&report(&["-", "-"], WARNED).1), ["unused-parameter"]);
    // The other files are still checked.
    let (code, found) = report(&["no-such.yaml", "-"], WARNED);
    assert_eq!((code, ids(&found)), (2, vec!["unreadable-template", "unused-parameter"]));
}

#[test]
fn a_baseline_distinguishes_files_and_names_what_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let run = |arguments: &[&str], from: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output =
            command.current_dir(directory.path().join(from)).arg("check").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    write("a/template.yaml", WARNED);
    write("b/template.yaml", GOOD);
    let both = ["a/template.yaml", "b/template.yaml"];
    assert_eq!(run(&[both[0], both[1], "--write-baseline", "old.json"], ".").0, 0);
    let strict = ["--baseline", "old.json", "--deny", "warnings"];
    assert_eq!(run(&[&both[..], &strict].concat(), ".").0, 0);
    // The directory of the command makes no difference, nor do lines that were moved.
    write("a/template.yaml", &format!("# moved\n\n{WARNED}"));
    assert_eq!(run(&["template.yaml", "--baseline", "../old.json", "--deny", "warnings"], "a").0, 0);
    // The same finding in a template with the same name is new.
    write("b/template.yaml", WARNED);
    assert_eq!(run(&[&both[..], &strict].concat(), ".").0, 4);
    write("a/template.yaml", GOOD);
    write("b/template.yaml", GOOD);
    let (code, text) = run(&[&both[..], &strict].concat(), ".");
    assert!(code == 0 && text.contains("1 findings of the baseline do not occur any more"), "{text}");
    assert_eq!(
        run(&[both[0], both[1], "--write-baseline", "old.json"], ".").1,
        "old.json: 0 findings written\n"
    );
}

#[test]
fn an_ignore_applies_to_its_files_from_any_directory() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("templates/old")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("templates/a.yaml", WARNED);
    write("templates/old/b.yaml", "not: [closed");
    write(
        "stackwright.toml",
        "paths = [\"templates/*.yaml\"]\nexclude = [\"templates/old/*\"]\n[[ignore]]\nfiles = [\"templates/a.yaml\"]\nreason = \"why\"\n[[ignore]]\nrules = [\"public-*\"]\nreason = \"not used\"\n",
    );
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", directory.path().join("templates/loop")).unwrap();
    for (from, path) in [
        (".", None),
        (".", Some("./templates/a.yaml")),
        ("templates", Some("a.yaml")),
        ("templates/old", Some("../a.yaml")),
        ("templates/old", None),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output = command
            .current_dir(directory.path().join(from))
            .args(["check", "--deny", "warnings"])
            .args(path)
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{from} {path:?}: {text}");
        assert_eq!(
            text.contains("no finding matches the `ignore` with the reason \"not used\""),
            path.is_none(),
            "{text}"
        );
    }
}

#[test]
fn the_language_server_states_what_it_received() {
    let hint = "hint: an editor starts this command; docs/checking.md shows how to configure it\n";
    for (input, message) in [
        ("garbage\n", "malformed header: \"garbage\\n\""),
        ("", "standard input ended before the editor sent `initialize`"),
        ("Content-Length: 7\r\n\r\n{\"a\": 1", "malformed LSP payload"),
        ("Content-Length: many\r\n\r\n", "invalid digit"),
    ] {
        let output = stackwright().arg("lsp").write_stdin(input).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(message) && text.ends_with(hint), "{input:?}: {text}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn fixes_are_complete_after_one_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("template.yaml");
    let text = "\u{feff}Resources:\r\n  Topic: # a comment\r\n    Type: AWS::SNS::Topik\r\n    Properties: {TopicNam: '${AWS::StackName}'}\r\n";
    std::fs::write(&path, text).unwrap();
    let run = || stackwright().args(["check", "--fix"]).arg(&path).output().unwrap();
    let first = run();
    assert!(first.status.success());
    let fixed = text.replace("Topik", "Topic").replace("TopicNam: ", "TopicName: !Sub ");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), fixed);
    let second = run();
    assert_eq!(String::from_utf8(second.stderr).unwrap(), "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), fixed);
}

#[test]
fn a_baseline_hides_what_was_there_and_a_configuration_sets_severities() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let template = write("template.yaml", WARNED);
    let baseline = directory.path().join("baseline.json").display().to_string();
    stackwright().args(["check", &template, "--write-baseline", &baseline]).assert().success();
    assert_eq!(report(&[&template, "--baseline", &baseline, "--deny", "warnings"], "").0, 0);
    let config = write("stackwright.toml", "paths = [\"*.yaml\"]\n[rules]\nunused-parameter = \"error\"\n");
    let (code, found) = report(&["--config", &config], "");
    assert_eq!((code, ids(&found)), (1, vec!["unused-parameter"]));
    // A named input is checked instead of the paths of the configuration.
    let other =
        write("other.yml", "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicNam: jobs}}}\n");
    let (code, found) = report(&["--config", &config, "--app", &other], "");
    assert_eq!((code, ids(&found)), (1, vec!["unknown-property"]));
    let wrong = write("wrong.toml", "[rules]\nno-such-rule = \"off\"\n");
    stackwright().args(["check", &template, "--config", &wrong]).assert().failure().code(2);
}

/// `synth` writes no templates if the configuration sets the severity of a finding to `error`, or if the configuration is
/// not valid.
#[test]
fn the_configuration_applies_to_the_check_before_templates_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let code = || {
        let mut command = stackwright();
        command.current_dir(directory.path()).args(["synth", "--app", "template.yaml", "--stdout"]);
        command.output().unwrap().status.code().unwrap()
    };
    write("template.yaml", WARNED);
    assert_eq!(code(), 0);
    write("stackwright.toml", "[rules]\nunused-parameter = \"error\"\n");
    assert_eq!(code(), 1);
    write("stackwright.toml", "[rules]\nunused-parameter = \"loud\"\n");
    assert_eq!(code(), 2);
}

#[test]
fn an_input_is_refused_by_commands_that_read_none() {
    for arguments in [
        &["lsp", "--app", "a.yaml"][..],
        &["explain", "--package", "a", "type-not-in-region"],
        &["--app", "a.yaml", "local"],
        &["estimate", "packing", "--models", "models.json", "--instance", "ml.g5.2xlarge", "--app", "a.yaml"],
    ] {
        let failed = stackwright().args(arguments).assert().failure().code(2);
        let text = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(text.contains("have no effect on this command"), "{text}");
    }
    for arguments in [
        &["check", "a.yaml", "--app", "b.yaml"][..],
        &["estimate", "a.yaml", "--package", "b"],
        &["estimate", "quotas", "a.yaml", "--app", "b.yaml"],
        &["diff", "a.yaml", "b.yaml", "--app", "c.yaml"],
        &["graph", "--input", "a.yaml", "--app", "b.yaml"],
    ] {
        let failed = stackwright().args(arguments).assert().failure().code(2);
        let text = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(text.contains("have no effect, because files are given"), "{text}");
    }
    for (command, is_shown) in
        [(&["lsp"][..], false), (&["estimate", "packing"], false), (&["estimate"], true)]
    {
        let help = stackwright().args(command).arg("--help").assert().success();
        let text = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
        assert_eq!(text.contains("--app <PATH>"), is_shown, "{text}");
    }
}

#[test]
fn a_finding_of_one_of_several_regions_names_it() {
    let text = "Resources:\n  Trainer:\n    Type: AWS::EC2::Instance\n    Properties: {InstanceType: p3.2xlarge, ImageId: ami-0123456789abcdef0}\n\
                \x20 Topic: {Type: AWS::SNS::Topic, Properties: {TopicNam: a}}\n";
    let (_, found) = report(&["-", "--region", "us-east-1,eu-south-2"], text);
    let of = |id: &str| {
        let all = found["diagnostics"].as_array().unwrap();
        all.iter().filter(|one| one["id"] == id).map(|one| one["when"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("instance-type-not-in-region"), ["the region is eu-south-2"]);
    assert_eq!(of("unknown-property"), [Json::Null]);
}

#[test]
fn a_missing_dependency_is_added_after_the_type() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scaling.yaml");
    let of_variant = "ResourceId: endpoint/e/variant/v, ScalableDimension: sagemaker:variant:DesiredInstanceCount, \
                      ServiceNamespace: sagemaker";
    let text = format!(
        "Resources:
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties: {{MaxCapacity: 2, MinCapacity: 1, {of_variant}}}
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: requests
      PolicyType: TargetTrackingScaling
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 10
        PredefinedMetricSpecification: {{PredefinedMetricType: SageMakerVariantInvocationsPerInstance}}
      ResourceId: endpoint/e/variant/v
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      ServiceNamespace: sagemaker
"
    );
    std::fs::write(&path, &text).unwrap();
    let output = stackwright()
        .args(["check", "--fix", "--only", "scaling-without-dependency"])
        .arg(&path)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let diff = "@@ -6 +6,2 @@
-    Type: AWS::ApplicationAutoScaling::ScalingPolicy
+    Type: AWS::ApplicationAutoScaling::ScalingPolicy
+    DependsOn: Target
";
    assert!(stderr.contains(diff), "{stderr}");
    let fixed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(fixed, text.replace("::ScalingPolicy\n", "::ScalingPolicy\n    DependsOn: Target\n"));
    stackwright().args(["check", "--only", "scaling-without-dependency"]).arg(&path).assert().success();
}

#[test]
fn certain_mistakes_are_fixed_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("template.yaml");
    std::fs::write(&path, "Resources:\n  Topic:\n    Type: AWS::SNS::Topik\n").unwrap();
    let output = stackwright().args(["check", "--fix"]).arg(&path).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("+    Type: AWS::SNS::Topic\n"));
    assert!(std::fs::read_to_string(&path).unwrap().contains("AWS::SNS::Topic\n"));
}
