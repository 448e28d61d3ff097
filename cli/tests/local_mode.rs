//! The commands in local mode: in the process of the command, or with an endpoint in a separate process.
#![allow(clippy::unwrap_used)]

mod aws;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use aws::{Endpoint, Running, ended, environment, succeeded, tool};
use serde_json::{Value as Json, json};
use stackwright::App;
use stackwright::prelude::*;
use stackwright::resources::{s3::Bucket, sns::Topic};
use stackwright_local::Local;

/// A directory with an assembly, in which the command runs in local mode.
struct Workspace {
    directory: tempfile::TempDir,
}

impl Workspace {
    fn with(app: &App) -> Self {
        let workspace = Self { directory: tempfile::tempdir().unwrap() };
        workspace.write(app);
        workspace
    }

    fn write(&self, app: &App) {
        stackwright::testing::synth(app).write(&self.path("out")).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command
            .env("NO_COLOR", "1")
            .current_dir(self.directory.path())
            .args(["--app", "out"])
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command(arguments).output().unwrap()
    }

    fn fail(&self, faults: &Json) {
        std::fs::write(self.path("faults.json"), faults.to_string()).unwrap();
    }
}

fn topic(app: &App, display: &str) {
    app.stack("Main").region("us-east-1").add("Alarms", Topic::new().display_name(display));
}

fn small(display: &str) -> App {
    let app = App::new("small");
    topic(&app, display);
    app
}

#[test]
fn the_seed_project_is_deployed_and_destroyed_without_an_account() {
    let workspace = Workspace::with(&arr_coc::app());
    let (stdout, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    assert!(stderr.contains("nothing is created in AWS"), "{stderr}");
    assert!(stderr.contains("+ Scorers AWS::SageMaker::Endpoint"), "{stderr}");
    for stack in ["DevTest", "Production", "Training"] {
        assert!(stderr.contains(&format!("arr-coc-{stack}: deployed")), "{stderr}");
    }
    assert!(stdout.contains("Production.EndpointName = "), "{stdout}");
    let summary = stderr.lines().find(|line| line.starts_with("summary: ")).unwrap_or_default();
    assert!(
        summary.starts_with("summary: 3 of 3 stacks changed, ") && summary.contains(" a month"),
        "{stderr}"
    );
    assert!(!summary.contains(" $0.00 to $0.00"), "the endpoint on ml.g5.2xlarge has a price: {summary}");
    let next = stderr.lines().last().unwrap_or_default();
    let stackwright = env!("CARGO_BIN_EXE_stackwright");
    assert!(next.starts_with(&format!("next: `{stackwright} status --app out --local`")), "{stderr}");
    assert!(next.contains(&format!("`{stackwright} destroy --all --app out --local`")), "{stderr}");
    assert_eq!(std::fs::read_to_string(workspace.path(".stackwright/local/.gitignore")).unwrap(), "*\n");

    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    assert_eq!(stderr.matches("nothing changed").count(), 3, "{stderr}");

    let (stdout, _) = succeeded(workspace.run(&["status", "--local"]));
    assert!(stdout.contains("arr-coc-Production  CREATE_COMPLETE"), "{stdout}");
    let (outputs, _) = succeeded(workspace.run(&["outputs", "--local", "--format", "json", "DevTest"]));
    let outputs: Json = serde_json::from_str(&outputs).unwrap();
    assert!(outputs["DevTest"]["EndpointName"].is_string(), "{outputs}");

    let (stdout, _) = succeeded(workspace.run(&["drift", "--local"]));
    assert!(stdout.contains("arr-coc-DevTest: no drift"), "{stdout}");

    // There is no terminal on which the name could be typed.
    let stderr = ended(workspace.run(&["destroy", "--local", "--all"]), 4);
    assert!(stderr.contains("- Scorers AWS::SageMaker::Endpoint") && stderr.contains("hint: "), "{stderr}");
    succeeded(workspace.run(&[
        "destroy",
        "--local",
        "--all",
        "--yes",
        "--unprotect",
        "--approve",
        "deletion=*",
    ]));
    let (stdout, _) = succeeded(workspace.run(&["status", "--local"]));
    assert_eq!(stdout.matches("not deployed").count(), 3, "{stdout}");
}

#[test]
fn a_watched_template_is_deployed_again_after_each_change() {
    let directory = tempfile::tempdir().unwrap();
    let template = |display: &str| {
        let topic = json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": display } });
        let text = json!({ "Resources": { "Alarms": topic } }).to_string();
        std::fs::write(directory.path().join("alarms.json"), text).unwrap();
    };
    template("one");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command.env("NO_COLOR", "1").current_dir(directory.path());
    command.args(["--app", "alarms.json", "deploy", "--local", "--yes", "--watch"]);
    let mut running = Running::start(&mut command);
    assert!(running.until("watching 1 files").contains("+ Alarms AWS::SNS::Topic"), "{}", running.text);
    template("another name");
    assert!(running.until("watching ").contains("DisplayName: one → another name"), "{}", running.text);
    // A failure is printed, and the command waits for the next change.
    std::fs::write(directory.path().join("alarms.json"), "{").unwrap();
    assert!(running.until("watching ").contains("error: "), "{}", running.text);
    template("one");
    assert!(running.until("watching ").contains("DisplayName: another name → one"), "{}", running.text);
    assert_eq!(running.interrupt(), Some(0));
}

#[test]
fn a_dangerous_change_needs_its_own_approval() {
    let app = |name: &str| {
        let app = App::new("careful");
        let stack = app.stack("Main").region("us-east-1");
        stack.add("Models", Bucket::new().bucket_name(name));
        let statement =
            json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
        let resource = Resource::of("AWS::SNS::TopicPolicy")
            .property("Topics", json!(["arn:aws:sns:us-east-1:000000000000:alarms"]))
            .property("PolicyDocument", json!({ "Version": "2012-10-17", "Statement": [statement] }));
        stack.add("Policy", resource);
        app
    };
    let workspace = Workspace::with(&app("models-one"));
    let deploy = |more: &[&str]| workspace.run(&[&["deploy", "--local", "--no-check"], more].concat());
    let stderr = ended(deploy(&[]), 4);
    assert!(stderr.contains("hint: to approve, pass --approve permissions"), "{stderr}");
    let (stdout, _) = succeeded(workspace.run(&["status", "--local"]));
    assert!(stdout.contains("not deployed"), "no empty stack is left: {stdout}");
    succeeded(deploy(&["--approve", "permissions"]));

    // The bucket would be replaced, which `--yes` does not approve.
    workspace.write(&app("models-two"));
    let stderr = ended(deploy(&["--yes"]), 4);
    assert!(stderr.contains("± Models AWS::S3::Bucket is replaced because of BucketName"), "{stderr}");
    assert!(stderr.contains("replacement of Models (AWS::S3::Bucket), which holds data"), "{stderr}");
    assert!(stderr.contains("--approve replacement=Models"), "{stderr}");
    let stderr = ended(deploy(&["--approve", "replacement=Other"]), 4);
    assert!(stderr.contains("nothing was changed"), "{stderr}");
    succeeded(deploy(&["--approve", "replacement=Models"]));
    let stderr = ended(deploy(&["--approve", "replacement"]), 2);
    assert!(stderr.contains("name the resource"), "{stderr}");
}

/// `plan` and `deploy` warn about changes that CloudFormation will refuse. For a stack that was not rolled back, they print the
/// options that continue the deployment.
#[test]
fn a_deployment_without_rollback_warns_about_refused_changes() {
    let app = |name: &str| {
        let app = App::new("kept");
        app.stack("Main").region("us-east-1").add("Alarms", Topic::new().topic_name(name));
        app
    };
    let workspace = Workspace::with(&app("one"));
    succeeded(workspace.run(&["deploy", "--local"]));
    workspace.write(&app("two"));
    let warning = "warning: Alarms is replaced because of TopicName: CloudFormation refuses a replacement";
    let (planned, _) = succeeded(workspace.run(&["plan", "--local", "--keep-failed"]));
    assert!(planned.contains(warning), "{planned}");
    let stderr = ended(workspace.run(&["deploy", "--local", "--keep-failed"]), 1);
    assert!(stderr.contains(warning) && stderr.contains("UPDATE_FAILED"), "{stderr}");
    let stderr = ended(workspace.run(&["deploy", "--local"]), 1);
    assert!(stderr.contains("continues from there only with `--keep-failed`"), "{stderr}");
    let (stdout, _) = succeeded(workspace.run(&["recover", "Main", "--local"]));
    assert!(
        stdout.contains(" deploy kept-Main --keep-failed --app out --local` continues")
            && stdout.contains("--action rollback"),
        "{stdout}"
    );
    succeeded(workspace.run(&["recover", "Main", "--local", "--action", "rollback"]));
    succeeded(workspace.run(&["deploy", "--local"]));
}

#[test]
fn many_changes_are_counted() {
    let app = |kept: usize, display: &str| {
        let app = App::new("many");
        let stack = app.stack("Main").region("us-east-1");
        for number in 0..kept {
            stack.add(&format!("Topic{number}"), Topic::new().display_name(display));
        }
        app
    };
    let workspace = Workspace::with(&app(30, "one"));
    let (planned, _) = succeeded(workspace.run(&["plan", "--local"]));
    assert!(planned.contains("in all: 30 added"), "{planned}");
    succeeded(workspace.run(&["deploy", "--local"]));
    workspace.write(&app(25, "two"));
    let (planned, _) = succeeded(workspace.run(&["plan", "--local", "--format", "markdown"]));
    assert!(planned.contains("In all: 25 changed, 5 removed."), "{planned}");
}

/// A comment of GitHub has a limit: a longer plan names what it left out, and its summary and approvals come first.
#[test]
fn a_long_plan_in_markdown_is_cut_with_a_note() {
    let app = App::new("many");
    let stack = app.stack("Main").region("us-east-1");
    for number in 0..100 {
        stack.add(&format!("Topic{number}"), Topic::new().display_name("some topic"));
    }
    stack.add("Group", Resource::of("AWS::IAM::Group"));
    app.stack("Small").region("us-east-1").add("Alarms", Topic::new());
    let workspace = Workspace::with(&app);
    let plan = |limit: &str| {
        let arguments = ["plan", "--local", "--format", "markdown", "--max-length", limit];
        succeeded(workspace.run(&arguments)).0
    };
    let whole = plan("65536");
    assert!(!whole.contains("Left out") && whole.matches("AWS::SNS::Topic").count() == 101, "{whole}");
    assert!(whole.find("--approve permissions") < whole.find("`Topic0`"), "{whole}");
    let cut = plan("3500");
    assert!(cut.chars().count() <= 3_500, "{}", cut.chars().count());
    assert!(cut.contains("In all: 101 added") && cut.contains("--approve permissions"), "{cut}");
    assert!(cut.contains("`Topic0`") && cut.contains("## many-Small") && cut.contains("`Alarms`"), "{cut}");
    assert!(
        cut.contains(
            "**Left out, because a comment takes 3500 characters:** the resources 41 to 80 of many-Main"
        ),
        "{cut}"
    );
    assert!(cut.contains(" plan --app out --local` shows it."), "{cut}");
    assert!(!plan("1100").contains("`Alarms`"), "a table is left out with the heading of its stack");
}

#[test]
fn a_plan_is_deployed_as_it_was_reviewed_or_not_at_all() {
    let workspace = Workspace::with(&small("one"));
    let (markdown, _) =
        succeeded(workspace.run(&["plan", "--local", "--format", "markdown", "--out", "plan.json"]));
    assert!(markdown.contains("## small-Main") && markdown.contains("`Alarms`"), "{markdown}");
    let plan: Json = serde_json::from_slice(&std::fs::read(workspace.path("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["stacks"][0]["region"], "us-east-1");
    let schema: Json = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let is_described = |plan: &Json| {
        let errors: Vec<_> = schema.iter_errors(plan).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{plan:#}");
    };
    is_described(&plan);
    let deploy = || workspace.run(&["deploy", "--local", "--plan", "plan.json"]);
    succeeded(deploy());
    // The plan was used already.
    let stderr = ended(deploy(), 4);
    assert!(stderr.contains("EXECUTE_COMPLETE"), "{stderr}");

    // Another template than the planned one.
    workspace.write(&small("two"));
    succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    workspace.write(&small("three"));
    let stderr = ended(deploy(), 4);
    assert!(stderr.contains("differs from its plan"), "{stderr}");

    // Another deployment was executed first, so that the change set is obsolete.
    workspace.write(&small("two"));
    succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    workspace.write(&small("three"));
    succeeded(workspace.run(&["deploy", "--local"]));
    workspace.write(&small("two"));
    let stderr = ended(deploy(), 4);
    assert!(stderr.contains("OBSOLETE") || stderr.contains("does not exist any more"), "{stderr}");

    // The file was changed.
    succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    let text = std::fs::read_to_string(workspace.path("plan.json")).unwrap();
    std::fs::write(workspace.path("plan.json"), text.replace("\"Modify\"", "\"Add\"")).unwrap();
    let stderr = ended(deploy(), 4);
    assert!(stderr.contains("differ from the planned ones"), "{stderr}");
    std::fs::write(workspace.path("plan.json"), "{}").unwrap();
    let stderr = ended(deploy(), 4);
    assert!(stderr.contains("it is not a plan") && stderr.contains("hint: "), "{stderr}");
    let stderr = ended(workspace.run(&["deploy", "--local", "--plan", "none.json"]), 1);
    assert!(stderr.contains("none.json"), "{stderr}");
}

#[test]
fn a_failure_names_its_cause_and_the_line_that_made_it() {
    let workspace = Workspace::with(&arr_coc::app());
    let words = "Failed to create endpoint: insufficient capacity of ml.g5.2xlarge";
    workspace.fail(&json!({ "resources": [{ "stack": "arr-coc-Production", "resource": "Scorers", "on": "create", "reason": words }] }));
    let output = workspace.run(&[
        "deploy",
        "--local",
        "--yes",
        "--faults",
        "faults.json",
        "--format",
        "json",
        "Production",
        "Training",
    ]);
    let outcome: Json = serde_json::from_slice(&output.stdout).unwrap();
    let stderr = ended(output, 1);
    assert!(stderr.contains("the stack has the status ROLLBACK_COMPLETE"), "{stderr}");
    assert!(stderr.contains("first failure: CREATE_FAILED Scorers AWS::SageMaker::Endpoint"), "{stderr}");
    assert!(stderr.contains(words), "CloudFormation's own words: {stderr}");
    assert!(stderr.contains("--> examples/arr-coc/src/production.rs:"), "{stderr}");
    assert!(
        !stderr.contains("for details: "),
        "clients would ask AWS, where the stack does not exist: {stderr}"
    );
    let last = stderr.lines().last().unwrap_or_default();
    assert!(stderr.find("summary: ") < stderr.rfind("error: ") && !last.contains("deployed"), "{stderr}");
    assert_eq!(outcome["Production"]["result"], "failed");
    assert_eq!(outcome["Production"]["cause"]["diagnosis"]["cause"]["logical_id"], "Scorers");
    // The deployment of independent stacks continued.
    assert_eq!(outcome["Training"]["result"], "deployed");

    // The failure is reported later as well.
    let (stdout, _) = succeeded(workspace.run(&["diagnose", "--local", "Production"]));
    assert!(stdout.contains(words) && stdout.contains("production.rs:"), "{stdout}");
    let (stdout, _) = succeeded(workspace.run(&["recover", "--local", "Production"]));
    assert!(stdout.contains("--action delete") && stdout.contains("loses "), "{stdout}");
    succeeded(workspace.run(&["recover", "--local", "Production", "--action", "delete"]));
    let (stdout, _) = succeeded(workspace.run(&["status", "--local", "Production"]));
    assert!(stdout.contains("not deployed"), "{stdout}");
    let stderr = ended(workspace.run(&["recover", "--local", "Production", "--action", "rollback"]), 1);
    assert!(stderr.contains("does not exist"), "{stderr}");
}

#[test]
fn a_failure_is_followed_into_nested_stacks() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&[]);
    let directory = tempfile::tempdir().unwrap();
    let child = json!({ "Resources": { "Inner": { "Type": "AWS::SNS::Topic" } } });
    endpoint.ask(&format!(
        "[s3.create_bucket(Bucket='templates'), s3.put_object(Bucket='templates', Key='child.json', Body='{child}')]"
    ));
    let url = format!("{}/templates/child.json", endpoint.url);
    let nested = json!({ "Type": "AWS::CloudFormation::Stack", "Properties": { "TemplateURL": url } });
    let parent = json!({ "Resources": { "Child": nested } });
    std::fs::write(directory.path().join("parent.json"), parent.to_string()).unwrap();
    let fault = json!({ "resource": "Inner", "on": "create", "reason": "no more topics" });
    endpoint.put("faults", &json!({ "resources": [fault] }));
    let mut deploy = Command::new(env!("CARGO_BIN_EXE_stackwright"));
    deploy.envs(environment(&endpoint.url));
    deploy.current_dir(directory.path()).args(["--app", "parent.json", "deploy", "--no-check"]);
    let stderr = ended(deploy.output().unwrap(), 1);
    assert!(stderr.contains("first failure: Child/CREATE_FAILED Inner AWS::SNS::Topic"), "{stderr}");
    assert!(stderr.contains("no more topics") && stderr.contains("--> parent.json:1:"), "{stderr}");
}

/// A stack, a stack that uses a value of it, and an independent stack.
/// A stack with an endpoint on two instances of a type, of which an update needs four.
fn served() -> App {
    let app = App::new("served");
    let stack = app.stack("Main").region("us-east-1");
    let variant = json!({ "VariantName": "main", "ModelName": "m", "InstanceType": "ml.g5.2xlarge", "InitialInstanceCount": 2 });
    let config = Resource::of("AWS::SageMaker::EndpointConfig").set("ProductionVariants", json!([variant]));
    let config = stack.add("Config", config);
    let endpoint = Resource::of("AWS::SageMaker::Endpoint");
    stack.add(
        "Endpoint",
        endpoint.set("EndpointConfigName", config.attribute::<String>("EndpointConfigName")),
    );
    app
}

#[test]
fn a_plan_names_the_quotas_of_the_account_that_are_too_small() {
    let workspace = Workspace::with(&served());
    let plan = |more: &[&str]| {
        let arguments = [&["plan", "--local", "--no-check", "--faults", "faults.json"], more].concat();
        succeeded(workspace.run(&arguments)).1
    };
    let quotas =
        |value: u32| json!({ "quotas": { "L-9614C779": value, "L-7A3DF611": 20, "L-ED8DEE9B": 10 } });
    workspace.fail(&quotas(3));
    let stderr = plan(&[]);
    let warning = "the stacks need 4 instances during an update of the quota `ml.g5.2xlarge for endpoint usage` (L-9614C779) in \
                   us-east-1; the account has 3: request an increase in Service Quotas before the deployment";
    assert_eq!(stderr.matches(warning).count(), 1, "{stderr}");
    assert!(stderr.contains("the present usage of the account is not counted"), "{stderr}");
    workspace.fail(&quotas(4));
    let stderr = plan(&[]);
    assert!(stderr.contains("the service quotas of the account are large enough for the stacks"), "{stderr}");
    // Without a value of the account or a known default, the quota of the type is named.
    workspace.fail(&json!({}));
    let stderr = plan(&[]);
    assert!(
        stderr.contains("(L-9614C779) in us-east-1; Service Quotas has no value for the account"),
        "{stderr}"
    );
    // A refused call is reported once, and the plan is made.
    workspace.fail(&json!({ "requests": [{ "action": "GetServiceQuota", "kind": "access-denied" }] }));
    let stderr = plan(&["--out", "plan.json"]);
    assert_eq!(
        stderr.matches("the account's service quotas were not read: GetServiceQuota: ").count(),
        1,
        "{stderr}"
    );
    assert!(stderr.contains("AWS's default is unknown, and the account's value was not read"), "{stderr}");
    assert!(workspace.path("plan.json").exists());
}

#[test]
fn the_quotas_of_an_account_are_listed_beside_what_is_needed() {
    let workspace = Workspace::with(&served());
    workspace.fail(&json!({ "quotas": { "L-9614C779": 3 } }));
    let command = ["estimate", "quotas", "--account-values", "--local", "--faults", "faults.json"];
    let (text, _) = succeeded(workspace.run(&command));
    let row = text.lines().find(|line| line.starts_with("ml.g5.2xlarge for endpoint usage")).unwrap();
    let fields: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(fields[4..], ["L-9614C779", "2", "4", "unknown", "3<", "Main.Endpoint"], "{text}");
    let (text, _) = succeeded(workspace.run(&[&command[..], &["--format", "json"]].concat()));
    let document: Json = serde_json::from_str(&text).unwrap();
    let need =
        document["quotas"].as_array().unwrap().iter().find(|need| need["code"] == "L-9614C779").unwrap();
    assert!(
        document["notes"][0].as_str().unwrap().starts_with("The present usage of the account is not counted"),
        "{document}"
    );
    assert_eq!((&need["account_value"], &need["region"]), (&json!(3), &json!("us-east-1")));
    workspace.fail(&json!({ "requests": [{ "action": "GetServiceQuota", "kind": "access-denied" }] }));
    let stderr = ended(workspace.run(&command), 1);
    assert!(stderr.contains("hint: `permissions plan` prints the permissions to read quotas"), "{stderr}");
    let stderr = ended(workspace.run(&["estimate", "quotas", "--local"]), 2);
    assert!(stderr.contains("need `--account-values`"), "{stderr}");
}

#[test]
fn quotas_of_networks_are_read_from_moto() {
    snapshots::needs!("python/bin/moto_server");
    let app = App::new("network");
    let stack = app.stack("Main").region("us-east-1");
    for number in 0..6 {
        stack.add(
            &format!("Network{number}"),
            Resource::of("AWS::EC2::VPC").set("CidrBlock", format!("10.{number}.0.0/16")),
        );
    }
    let endpoint = Endpoint::moto();
    let (text, _) = succeeded(endpoint.run(&app, &["estimate", "quotas", "--account-values"]));
    let row = text.lines().find(|line| line.starts_with("VPCs per Region")).unwrap();
    assert!(row.contains("L-F678F1CE") && row.contains(" 5< "), "{text}");
}

fn chain() -> App {
    let app = App::new("chain");
    let first = app.stack("First").region("us-east-1");
    let topic = first.add("Alarms", Topic::new());
    let second = app.stack("Second").region("us-east-1");
    second.add("Copy", Topic::new().display_name(sub!("of {}", topic.topic_name())));
    app.stack("Alone").region("us-east-1").add("Alarms", Topic::new());
    app
}

#[test]
fn a_stack_that_uses_changed_values_is_planned_when_it_is_deployed() {
    let workspace = Workspace::with(&chain());
    let (text, _) = succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    assert!(
        text.contains(
            "chain-Second in 000000000000, us-east-1: its change set is created after the deployment of First"
        ),
        "{text}"
    );
    // The template shows already what the change set will do.
    assert!(text.contains("Second is new") && text.contains("+ Copy AWS::SNS::Topic is created"), "{text}");
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--plan", "plan.json"]));
    assert!(
        stderr.contains("+ Copy AWS::SNS::Topic") && stderr.contains("chain-Second: deployed"),
        "{stderr}"
    );
    let (text, _) = succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    assert_eq!(text.matches("nothing changes").count(), 3, "{text}");
}

#[test]
fn stacks_that_depend_on_a_failed_one_are_not_started() {
    let workspace = Workspace::with(&chain());
    workspace.fail(&json!({ "resources": [{ "stack": "chain-First", "resource": "*", "on": "create", "reason": "no" }] }));
    let stderr = ended(workspace.run(&["deploy", "--local", "--faults", "faults.json"]), 1);
    assert!(
        stderr.contains("chain-Second was not deployed, because chain-First was not deployed"),
        "{stderr}"
    );
    assert!(stderr.contains("chain-Alone: deployed"), "{stderr}");
    succeeded(workspace.run(&["deploy", "--local"]));
    let stderr = ended(workspace.run(&["destroy", "--local", "--yes"]), 2);
    assert!(stderr.contains("pass `--all`: the stacks of the program are First, "), "{stderr}");
    let stderr = ended(workspace.run(&["destroy", "--local", "Removed", "--yes"]), 2);
    assert!(stderr.contains("deleted by an earlier version of the program"), "{stderr}");
    // Deletion uses the reverse order.
    let (_, stderr) = succeeded(workspace.run(&["destroy", "--local", "--all", "--yes"]));
    let at = |text: &str| stderr.find(text).unwrap();
    assert!(at("chain-Second: deleted") < at("chain-First: the deletion of the stack"), "{stderr}");
}

#[test]
fn drift_is_reverted_and_existing_resources_are_imported() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&[]);
    succeeded(endpoint.run(&small("as deployed"), &["deploy"]));
    endpoint.put(
        "drift",
        &json!({ "stack": "small-Main", "resource": "Alarms", "properties": { "DisplayName": "by hand" } }),
    );
    let output = endpoint.run(&small("as deployed"), &["drift"]);
    let found = String::from_utf8(output.stdout.clone()).unwrap();
    ended(output, 5);
    assert!(found.contains("/DisplayName: as deployed → by hand"), "{found}");
    succeeded(endpoint.run(&small("as deployed"), &["deploy", "--revert-drift"]));
    succeeded(endpoint.run(&small("as deployed"), &["drift"]));

    let bucket = |extra: bool| {
        let app = App::new("buckets");
        let stack = app.stack("Main").region("us-east-1");
        let kept = Resource::of("AWS::S3::Bucket").property("BucketName", "kept-for-later");
        stack.add("Kept", kept.deletion_policy(DeletionPolicy::Retain));
        if extra {
            stack.add("Alarms", Topic::new());
        }
        app
    };
    succeeded(endpoint.run(&bucket(true), &["deploy"]));
    let (_, stderr) = succeeded(endpoint.run(&bucket(true), &["destroy", "Main", "--yes"]));
    assert!(stderr.contains("retained: Kept AWS::S3::Bucket"), "{stderr}");
    let stderr = ended(endpoint.run(&bucket(false), &["deploy"]), 1);
    assert!(stderr.contains("already exists"), "validation's words: {stderr}");
    assert!(stderr.contains("--> cli/tests/local_mode.rs:"), "{stderr}");
    let stderr = ended(endpoint.run(&bucket(false), &["import", "Main", "Kept", "--prune-tags"]), 2);
    assert!(stderr.contains("`deploy --prune-tags` removes them afterwards"), "{stderr}");
    let (_, stderr) = succeeded(endpoint.run(&bucket(false), &["import", "Main", "Kept"]));
    assert!(stderr.contains("< Kept AWS::S3::Bucket") && stderr.contains("imported"), "{stderr}");
    let stderr = ended(endpoint.run(&bucket(true), &["import", "Main", "Alarms"]), 1);
    assert!(stderr.contains("needs a deletion policy"), "{stderr}");
}

#[test]
fn warnings_of_the_validation_are_printed() {
    snapshots::needs!("python/bin/python");
    let app = |with_bucket: bool| {
        let app = small("one");
        if with_bucket {
            app.stack("Other").region("us-east-1").add("Full", Bucket::new().bucket_name("full-bucket"));
        } else {
            app.stack("Other").region("us-east-1").add("Alarms", Topic::new());
        }
        app
    };
    let endpoint = Endpoint::local(&[]);
    succeeded(endpoint.run(&app(true), &["deploy"]));
    endpoint.ask("s3.put_object(Bucket='full-bucket', Key='weights', Body=b'1') and 1");
    let output = endpoint.run(&app(false), &["deploy", "--approve", "deletion=Full"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("warning: Full: The bucket 'full-bucket' is not empty"), "{stderr}");
}

#[test]
fn a_loop_that_the_deployment_expands_is_simulated() {
    let app = App::new("small");
    let stack = app.stack("Main").region("us-east-1");
    let teams = stack.add("Teams", Parameter::comma_delimited_list().default("search,ads"));
    stack.add("Alarms", ForEach::new(teams, |team| Topic::new().display_name(team)));
    let workspace = Workspace::with(&app);
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local"]));
    assert!(stderr.contains("+ Alarmssearch ") && stderr.contains("+ Alarmsads "), "{stderr}");
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local"]));
    assert!(stderr.contains("nothing changed"), "{stderr}");
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--parameter", "Teams=ads,maps"]));
    assert!(stderr.contains("+ Alarmsmaps ") && stderr.contains("- Alarmssearch "), "{stderr}");
}

#[test]
fn the_advice_of_a_hook_is_printed() {
    let workspace = Workspace::with(&small("one"));
    let annotation = json!({
        "AnnotationName": "TOPIC_KEY", "Status": "FAILED", "StatusMessage": "it has no key",
        "RemediationMessage": "name one", "SeverityLevel": "HIGH",
    });
    let hook = |target: &str, mode: &str| {
        json!({ "hooks": [{
            "hook": "Example::Guard::Topics", "resource": "Alarms", "target": target, "mode": mode,
            "reason": "not allowed", "annotations": [annotation],
        }] })
    };
    let advice = "TOPIC_KEY (HIGH): it has no key; name one";
    let escaped = advice.replace('_', "\\_");
    workspace.fail(&hook("resource", "FAIL"));
    let stderr = ended(workspace.run(&["deploy", "--local", "--faults", "faults.json"]), 1);
    assert!(stderr.contains("first failure: HOOK_COMPLETE_FAILED Alarms"), "{stderr}");
    assert!(stderr.contains(advice) && stderr.contains("cli/tests/local_mode.rs:"), "{stderr}");
    let (stdout, _) = succeeded(workspace.run(&["diagnose", "Main", "--local"]));
    assert!(stdout.contains(advice), "{stdout}");
    workspace.fail(&hook("change-set", "WARN"));
    let arguments = ["plan", "--local", "--faults", "faults.json", "--format", "markdown"];
    let (card, _) = succeeded(workspace.run(&arguments));
    assert!(card.contains("not allowed (Example::Guard::Topics)") && card.contains(&escaped), "{card}");
}

#[test]
fn a_baseline_for_many_accounts_is_a_stack_set() {
    snapshots::needs!("python/bin/cfn-lint", "python/bin/python");
    let baseline = App::new("baseline");
    baseline.stack("Storage").add("Runs", PrivateBucket::new());
    let app = App::new("platform");
    let accounts = ["111122223333", "444455556666"];
    let set = StackSet::in_accounts(&baseline, accounts).region("us-east-1").region("us-west-2");
    app.stack("Accounts").region("us-east-1").add("Baseline", set);
    let workspace = Workspace::with(&app);
    let mut lint = Command::new(tool("python/bin/cfn-lint"));
    lint.arg(workspace.path("out/Accounts.template.json"));
    let output = lint.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let endpoint = Endpoint::local(&[]);
    let (_, stderr) = succeeded(endpoint.run(&app, &["deploy"]));
    assert!(stderr.contains("+ Baseline AWS::CloudFormation::StackSet"), "{stderr}");
    let instances = endpoint.ask(
        "[(one['Region'], one['Account'], one['Status']) for one in \
         cloudformation.list_stack_instances(StackSetName='baseline-Storage')['Summaries']]",
    );
    let expected =
        ["us-east-1", "us-west-2"].map(|region| accounts.map(|account| json!([region, account, "CURRENT"])));
    assert_eq!(instances, json!(expected.as_flattened()));
}

#[test]
fn a_role_is_assumed_in_the_account_of_each_stack() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&["--account", "123456789012"]);
    let app = App::new("roles");
    for id in ["One", "Two"] {
        app.stack(id).region("us-east-1").account("123456789012").add("Alarms", Topic::new());
    }
    let role = ["--role", "arn:aws:iam::{account}:role/deploy"];
    succeeded(endpoint.run(&app, &[&["deploy"], role.as_slice()].concat()));
    let requests = endpoint.requests();
    assert_eq!(requests["AssumeRole"], 1, "once for an account: {requests}");
    assert_eq!(requests["GetCallerIdentity"], 1, "{requests}");

    let other = App::new("other");
    other.stack("One").region("us-east-1").account("999999999999").add("Alarms", Topic::new());
    let stderr = ended(endpoint.run(&other, &["deploy"]), 1);
    assert!(
        stderr.contains(
            "bound to the account 999999999999, but the credentials belong to the account 123456789012"
        ),
        "{stderr}"
    );
}

#[test]
fn missing_credentials_are_reported_with_what_to_configure() {
    let app = App::new("nobody");
    app.stack("Main").region("us-east-1").add("Alarms", Topic::new());
    let workspace = Workspace::with(&app);
    let mut command = workspace.command(&["deploy", "--yes"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", workspace.directory.path());
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PROFILE", "nope");
    let stderr = ended(command.output().unwrap(), 1);
    assert!(stderr.contains("error: no AWS credentials could be loaded: "), "{stderr}");
    assert!(stderr.contains("hint: `AWS_PROFILE` is `nope`: `aws configure list-profiles`"), "{stderr}");
    assert!(stderr.contains("hint: configure credentials as for the AWS CLI"), "{stderr}");
}

#[test]
fn a_service_that_does_not_answer_is_reported_with_what_to_check() {
    let app = App::new("away");
    app.stack("Main").region("us-east-1").add("Alarms", Topic::new());
    let workspace = Workspace::with(&app);
    let mut command = workspace.command(&["deploy", "--yes"]);
    // No program listens on this port.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_MAX_ATTEMPTS", "1");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let stderr = ended(command.output().unwrap(), 1);
    assert!(stderr.contains("error: GetCallerIdentity: "), "{stderr}");
    assert!(
        stderr.contains("hint: AWS did not answer: check that the name of the region is right"),
        "{stderr}"
    );
}

#[test]
fn a_directory_in_which_nothing_can_be_written_is_reported_with_another_one() {
    let app = App::new("full");
    app.stack("Main").region("us-east-1").add("Alarms", Topic::new());
    let workspace = Workspace::with(&app);
    // A file where the directory should be: permissions do not restrict the root user, who may run this test.
    std::fs::write(workspace.path(".stackwright"), "").unwrap();
    let stderr = ended(workspace.run(&["deploy", "--local", "--yes"]), 1);
    assert!(stderr.contains("cannot write the state of local mode to .stackwright/local"), "{stderr}");
    assert!(
        stderr.contains("hint: store the state of local mode in another directory: `--local-state"),
        "{stderr}"
    );
    succeeded(workspace.run(&["deploy", "--local", "--yes", "--local-state", "state"]));
    std::fs::write(workspace.path("file"), "").unwrap();
    let stderr = ended(workspace.run(&["synth", "--out", "file/out"]), 1);
    assert!(stderr.contains("hint: write the templates to another directory (`--out DIR`)"), "{stderr}");
}

#[test]
fn a_protected_stack_stays() {
    let app = App::new("protected");
    app.stack("Main").region("us-east-1").termination_protection(true).add("Alarms", Topic::new());
    let workspace = Workspace::with(&app);
    succeeded(workspace.run(&["deploy", "--local"]));
    let stderr = ended(workspace.run(&["destroy", "--local", "Main", "--yes"]), 1);
    assert!(
        stderr.contains("termination protection is enabled") && stderr.contains("--unprotect"),
        "{stderr}"
    );
    succeeded(workspace.run(&["destroy", "--local", "Main", "--yes", "--unprotect"]));
}

#[test]
fn secrets_are_never_printed() {
    let template = json!({
        "Parameters": { "Token": { "Type": "String", "NoEcho": true } },
        "Resources": { "Alarms": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": { "Ref": "Token" } } } },
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret.json"), template.to_string()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        let output = command
            .env("XDG_STATE_HOME", home.path())
            .current_dir(directory.path())
            .args(["--app", "secret.json"])
            .args(arguments)
            .args(["--local", "--no-check"])
            .output()
            .unwrap();
        succeeded(output)
    };
    for value in ["hunter2-one", "hunter2-two"] {
        let parameter = format!("Token={value}");
        let planned = run(&["plan", "--format", "json", "--out", "plan.json", "--parameter", &parameter]);
        let deployed = run(&["deploy", "--progress", "json", "--parameter", &parameter]);
        let file = std::fs::read_to_string(directory.path().join("plan.json")).unwrap();
        let reported = format!("{planned:?}{deployed:?}{file}");
        assert!(reported.contains("Alarms") && !reported.contains("hunter2"), "{reported}");
        // The state is on disk until the next command reads it, and its key is elsewhere.
        let state = directory.path().join(".stackwright/local/000000000000/state.jsonl");
        let state = std::fs::read_to_string(state).unwrap();
        assert!(state.contains("sealed") && !state.contains("hunter2"), "{state}");
        assert!(home.path().join("stackwright/local.key").exists());
    }
}

/// Every call that a command makes is in the policy that `permissions` prints for it.
#[test]
fn the_printed_permissions_are_those_that_are_used() {
    snapshots::needs!("python/bin/python");
    let called = |endpoint: &Endpoint| endpoint.requests().as_object().unwrap().clone();
    let allowed = |command: &str| -> BTreeSet<String> {
        let workspace = Workspace::with(&arr_coc::app());
        let (text, _) = succeeded(workspace.run(&["permissions", command]));
        let policy: Json = serde_json::from_str(&text).unwrap();
        // IAM cannot limit the two actions that read quotas; all others name stacks or buckets.
        for statement in policy["Statement"].as_array().unwrap() {
            let reads_quotas = statement["Action"]
                == json!(["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota"]);
            assert!(statement["Resource"] != "*" || reads_quotas, "{text}");
        }
        policy["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|statement| statement["Action"].as_array().unwrap())
            .map(|action| action.as_str().unwrap().split(':').nth(1).unwrap().to_owned())
            .collect()
    };
    // What S3 calls the permission for an operation, and what everybody may call.
    let permission = |operation: String| match operation.as_str() {
        "HeadBucket" => Some("ListBucket".to_owned()),
        "HeadObject" => Some("GetObject".into()),
        "ListMultipartUploads" => Some("ListBucketMultipartUploads".into()),
        "ListParts" => Some("ListMultipartUploadParts".into()),
        "PutPublicAccessBlock" => Some("PutBucketPublicAccessBlock".into()),
        "PutBucketEncryption" => Some("PutEncryptionConfiguration".into()),
        "GetCallerIdentity" => None,
        _ => Some(operation),
    };
    let endpoint = Endpoint::local(&[]);
    let mut before = called(&endpoint);
    for (command, arguments) in [
        ("diff", vec!["diff", "--deployed"]),
        ("plan", vec!["plan"]),
        ("deploy", vec!["deploy", "--yes"]),
        ("deploy", vec!["deploy", "--yes"]),
        ("drift", vec!["drift"]),
        ("status", vec!["diagnose", "DevTest"]),
        ("recover", vec!["recover", "DevTest"]),
        ("destroy", vec!["destroy", "--all", "--yes", "--unprotect", "--approve", "deletion=*"]),
    ] {
        succeeded(endpoint.run(&arr_coc::app(), &arguments));
        let now = called(&endpoint);
        let is_new =
            |operation: &&String| now[*operation] != before.get(*operation).cloned().unwrap_or(0.into());
        let used: BTreeSet<_> = now.keys().filter(is_new).cloned().filter_map(permission).collect();
        let missing: Vec<_> = used.difference(&allowed(command)).cloned().collect();
        assert!(missing.is_empty(), "{command} uses {missing:?}");
        before = now;
    }
}

/// Deploys a new stack, kills the deployer at one of its requests, and deploys again. Returns the endpoint, and whether the deployer
/// had so many requests.
fn killed_at_request(
    number: usize,
    workspace: &Workspace,
    runtime: &tokio::runtime::Runtime,
) -> (Local, bool) {
    let faults = serde_json::from_value(json!({
        "requests": [{ "action": "*", "kind": "slow", "milliseconds": 25 }],
        "resources": [{ "resource": "*", "on": "create", "milliseconds": 60 }],
    }))
    .unwrap();
    let local = runtime.block_on(Local::start(stackwright_local::Options::new().faults(faults))).unwrap();
    let command = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command
            .current_dir(workspace.directory.path())
            .args(["--app", "out", "deploy"])
            .envs(environment(&local.url()))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let mut child = command().spawn().unwrap();
    let start = Instant::now();
    let requests = || local.requests().values().sum::<usize>();
    let is_killed = loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{number}");
            break false;
        }
        if requests() >= number {
            child.kill().unwrap();
            child.wait().unwrap();
            break true;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{number}");
        std::thread::sleep(Duration::from_millis(1));
    };
    local.set_faults(stackwright_local::Faults::default());
    assert!(command().status().unwrap().success(), "after {number} requests");
    (local, is_killed)
}

/// After the deployer is killed at any request, the next one continues, and no resource is created twice.
#[test]
fn a_deployer_killed_at_any_request_is_continued_by_the_next_one() {
    snapshots::needs!("python/bin/python");
    let workspace = Workspace::with(&small("one"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // The deployers wait most of the time, so that several run at once.
    let mut ended = Vec::new();
    while ended.last().is_none_or(|(_, is_killed)| *is_killed) {
        assert!(ended.len() < 100, "no deployment ends");
        ended.extend(std::thread::scope(|scope| {
            let numbers = ended.len() + 1..=ended.len() + 6;
            let (workspace, runtime) = (&workspace, &runtime);
            let threads: Vec<_> = numbers
                .map(|number| scope.spawn(move || killed_at_request(number, workspace, runtime)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        }));
    }
    let urls: Vec<String> = ended.iter().map(|(local, _)| local.url()).collect();
    for (number, ((local, _), history)) in ended.iter().zip(events(&urls)).enumerate() {
        let requests = local.requests();
        let times = |operation: &str| requests.get(operation).copied().unwrap_or_default();
        assert!(times("ExecuteChangeSet") <= 2, "{requests:?}");
        let made = history.iter().filter(|line| *line == "CREATE_COMPLETE Alarms").count();
        assert_eq!(made, 1, "killed at request {}: {history:?}", number + 1);
        assert_eq!(history.last().unwrap(), "CREATE_COMPLETE small-Main", "{}", number + 1);
    }
    let killed = ended.iter().filter(|(_, is_killed)| *is_killed).count();
    assert!(killed > 8, "{killed}");
}

/// A program that runs a command on a terminal, types answers, and prints the exit code.
const TERMINAL: &str = r#"
import json, os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
steps = [(wait.encode(), answer.encode()) for wait, answer in json.loads(os.environ['STEPS'])]
deadline = time.time() + 60
while time.time() < deadline:
    try:
        seen += os.read(terminal, 4096)
    except OSError:
        break
    if steps and steps[0][0] in seen:
        os.write(terminal, steps.pop(0)[1])
print(seen.decode(errors='replace'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// Runs `deploy` on a terminal. Each step waits for a text and types an answer. Returns what was printed, and the exit code.
fn on_terminal(endpoint: &Endpoint, workspace: &Workspace, steps: &Json) -> (String, Option<i32>) {
    let mut command = Command::new(tool("python/bin/python"));
    command.envs(environment(&endpoint.url)).env("STEPS", steps.to_string());
    command.env("TERM", "xterm").current_dir(workspace.directory.path());
    command.args(["-c", TERMINAL, env!("CARGO_BIN_EXE_stackwright"), "--app", "out", "deploy"]);
    let output = command.output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn on_a_terminal_deploy_requests_an_approval_and_can_be_cancelled() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&["--resource-time", "1500"]);
    let workspace = Workspace::with(&small("one"));
    let steps = json!([["[y/N]", "y\n"], ["CREATE_IN_PROGRESS", "\u{3}"], ["ait?", "cancel\n"]]);
    let (seen, code) = on_terminal(&endpoint, &workspace, &steps);
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("Deploy small-Main?") && seen.contains("cancelling the operation"), "{seen}");
    assert!(seen.contains("small-Main was deleted while it was being deployed"), "{seen}");
    let (stdout, _) = succeeded(endpoint.run(&small("one"), &["status"]));
    assert!(stdout.contains("not deployed"), "{stdout}");
}

#[test]
fn ctrl_c_at_a_question_withdraws_it_and_leaves_nothing() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&[]);
    let workspace = Workspace::with(&small("one"));
    let (seen, code) = on_terminal(&endpoint, &workspace, &json!([["[y/N]", "\u{3}"]]));
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("stopping: no operation is running"), "{seen}");
    assert!(
        seen.contains("was not deployed, because the command was stopped; nothing was changed"),
        "{seen}"
    );
    let (stdout, _) = succeeded(endpoint.run(&small("one"), &["status"]));
    assert!(stdout.contains("not deployed"), "{stdout}");
}

/// Sends a signal to `deploy` while an operation is running; the command detaches, and the next one continues.
fn detaches_on(signal: &str, name: &str) {
    let endpoint = Endpoint::local(&["--resource-time", "1500"]);
    let workspace = Workspace::with(&small("one"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command
        .current_dir(workspace.directory.path())
        .args(["--app", "out", "deploy"])
        .envs(environment(&endpoint.url))
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut reported = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    for line in lines.by_ref() {
        reported.push_str(&line);
        if line.contains("CREATE_IN_PROGRESS Alarms") {
            break;
        }
    }
    let interrupt =
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    lines.for_each(|line| reported.push_str(&line));
    assert_eq!(child.wait().unwrap().code(), Some(3), "{reported}");
    assert!(
        reported.contains(&format!(
            "stopped by {name}: detached from small-Main; the operation is still running at {}",
            endpoint.url
        )),
        "{reported}"
    );
    let (_, stderr) = succeeded(endpoint.run(&small("one"), &["deploy"]));
    assert!(
        stderr.contains("the stack has the status CREATE_IN_PROGRESS") && stderr.contains("nothing changed"),
        "{stderr}"
    );
}

#[test]
fn without_a_terminal_an_interrupt_detaches() {
    detaches_on("-INT", "an interrupt");
}

#[test]
fn a_termination_signal_detaches() {
    detaches_on("-TERM", "SIGTERM");
}

/// Runs a command until the endpoint has received an operation, and stops it with SIGTERM. Returns the exit code and the
/// messages.
fn terminated(
    endpoint: &Endpoint,
    workspace: &Workspace,
    arguments: &[&str],
    operation: &str,
) -> (i32, String) {
    let before = endpoint.requests()[operation].as_u64().unwrap_or_default();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command
        .current_dir(workspace.directory.path())
        .args(["--app", "out"])
        .args(arguments)
        .envs(environment(&endpoint.url))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while endpoint.requests()[operation].as_u64().unwrap_or_default() <= before {
        assert!(start.elapsed() < Duration::from_secs(60), "{arguments:?} does not send {operation}");
    }
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    (child.wait().unwrap().code().unwrap_or_else(|| panic!("{arguments:?} was killed: {stderr}")), stderr)
}

/// Each command that waits ends with a message when the system stops it.
#[test]
fn every_command_that_waits_reports_how_it_ended() {
    snapshots::needs!("python/bin/python");
    let app = App::new("small");
    let stack = app.stack("Main").region("us-east-1");
    stack.add("Alarms", Topic::new());
    stack.add("Fails", Topic::new());
    let endpoint = Endpoint::local(&[]);
    let workspace = Workspace::with(&app);
    endpoint
        .put("faults", &json!({ "resources": [{ "resource": "Fails", "on": "create", "reason": "no" }] }));
    ended(endpoint.run(&app, &["deploy", "--keep-failed"]), 1);

    let slow = |operation: &str| {
        json!({
            "requests": [{ "action": operation, "kind": "slow", "milliseconds": 120_000 }],
            "resources": [{ "resource": "*", "on": "delete", "milliseconds": 120_000 }],
        })
    };
    for (arguments, operation) in [
        (&["status"][..], "DescribeStacks"),
        (&["outputs"], "DescribeStacks"),
        (&["drift"], "DescribeStacks"),
        (&["diagnose", "Main"], "DescribeEvents"),
        (&["recover", "Main"], "ListStackResources"),
    ] {
        endpoint.put("faults", &slow(operation));
        let (code, stderr) = terminated(&endpoint, &workspace, arguments, operation);
        assert_eq!(code, 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains("stopped by SIGTERM; nothing was changed"), "{arguments:?}: {stderr}");
    }
    endpoint.put("faults", &slow("Nothing"));
    let recover = ["recover", "Main", "--action", "rollback"];
    let (code, stderr) = terminated(&endpoint, &workspace, &recover, "RollbackStack");
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("stopped by SIGTERM: detached from small-Main"), "{stderr}");
    assert!(stderr.contains(&format!("is still running at {}", endpoint.url)), "{stderr}");
}

/// Local mode ends with the command; its state keeps the operation for the next command.
#[test]
fn a_stopped_command_reports_that_the_operation_continues_in_local_mode() {
    let workspace = Workspace::with(&small("one"));
    workspace
        .fail(&json!({ "resources": [{ "resource": "Alarms", "on": "create", "milliseconds": 3_000 }] }));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command
        .current_dir(workspace.directory.path())
        .args(["--app", "out", "deploy", "--local", "--faults", "faults.json"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut reported = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    for line in lines.by_ref() {
        reported.push_str(&line);
        if line.contains("CREATE_IN_PROGRESS Alarms") {
            break;
        }
    }
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    lines.for_each(|line| reported.push_str(&line));
    assert_eq!(child.wait().unwrap().code(), Some(3), "{reported}");
    let expected = "detached from small-Main; the operation continues with the next command in local mode";
    assert!(reported.contains(expected) && !reported.contains("running in AWS"), "{reported}");
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local"]));
    assert!(stderr.contains("nothing changed"), "the first command created the stack: {stderr}");
}

/// The message about a failure stands once in the output, also of one stack, and the commands that it suggests can be copied.
#[test]
fn the_failure_of_one_stack_is_printed_once_with_commands_that_work() {
    let workspace = Workspace::with(&small("one"));
    let once = |stderr: &str, text: &str| assert_eq!(stderr.matches(text).count(), 1, "{text}: {stderr}");
    workspace.fail(&json!({ "resources": [{ "resource": "Alarms", "on": "create", "reason": "no" }] }));
    let local = ["--local", "--local-state", "my state"];
    let run = |arguments: &[&str]| workspace.run(&[arguments, &local].concat());
    let stderr = ended(run(&["deploy", "--keep-failed", "--faults", "faults.json"]), 1);
    once(&stderr, "the operation on the stack small-Main failed");

    let stackwright = env!("CARGO_BIN_EXE_stackwright");
    let options = "--app out --local --local-state 'my state'";
    let recover = format!("{stackwright} recover small-Main {options}");
    assert!(stderr.contains(&format!("hint: `{recover}` lists the recovery actions")), "{stderr}");
    let stderr = ended(run(&["plan"]), 1);
    once(&stderr, "the stack small-Main has the status CREATE_FAILED");
    let shell = std::process::Command::new("sh")
        .current_dir(workspace.directory.path())
        .args(["-c", &recover])
        .output()
        .unwrap();
    let (stdout, _) = succeeded(shell);
    let continued = format!("`{stackwright} deploy small-Main --keep-failed {options}` continues");
    assert!(stdout.contains(&continued), "{stdout}");

    let stderr = ended(run(&["destroy", "Main"]), 4);
    once(&stderr, "the changes to the stack small-Main were not approved");
}

/// The command that the last note of `plan` suggests deploys the plan.
#[test]
fn the_command_that_a_plan_suggests_deploys_it() {
    let app = App::new("small");
    let stack = app.stack("Main").region("us-east-1");
    let name = stack.add("Name", Parameter::string());
    stack.add("Alarms", Topic::new().display_name(name));
    let workspace = Workspace::with(&app);
    let plan = ["plan", "--local", "--parameter", "Name=two words", "--prune-tags", "--out", "a plan.json"];
    let (_, stderr) = succeeded(workspace.run(&plan));
    let suggested = stderr.split('`').find(|text| text.contains(" deploy --plan ")).unwrap_or_default();
    assert!(suggested.contains("--parameter 'Name=two words' --prune-tags"), "{stderr}");
    let shell = std::process::Command::new("sh")
        .current_dir(workspace.directory.path())
        .args(["-c", suggested])
        .output()
        .unwrap();
    let (_, stderr) = succeeded(shell);
    assert!(stderr.contains("small-Main: deployed"), "{stderr}");
    let next = stderr.lines().last().unwrap_or_default();
    assert!(next.contains(" deploy --app out --local`"), "{stderr}");
}

/// A file that nobody writes yet does not keep the command from ending.
#[cfg(unix)]
#[test]
fn a_file_of_faults_is_read_without_blocking() {
    let workspace = Workspace::with(&small("one"));
    let pipe = workspace.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stackwright"));
    command
        .current_dir(workspace.directory.path())
        .args(["--app", "out", "status", "--local", "--faults", "pipe"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The pipe can be opened for writing only when the command reads it.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let stop = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("the command does not react to a signal");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(writer);
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("stopped by SIGTERM; nothing was changed"), "{stderr}");
}

#[test]
fn control_characters_from_outside_are_harmless() {
    let workspace = Workspace::with(&small("one"));
    let reason = "no\u{1b}[2J\u{9b}31m\n::error::fake\n  ::stop-commands::x\n##[error]fake";
    workspace.fail(&json!({ "resources": [{ "resource": "*", "on": "create", "reason": reason }] }));
    let output = workspace.run(&["deploy", "--local", "--faults", "faults.json", "--format", "json"]);
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["Main"]["result"], "failed");
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = ended(output, 1);
    for text in [stdout, stderr] {
        assert!(text.contains("fake"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{9b}') && !text.contains("##["), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    }
}

#[test]
fn a_cycle_in_a_foreign_assembly_is_an_error() {
    let workspace = Workspace::with(&chain());
    let path = workspace.path("out/manifest.json");
    let mut manifest: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest["artifacts"]["First"]["dependencies"] = json!(["Second"]);
    std::fs::write(&path, manifest.to_string()).unwrap();
    for arguments in
        [&["deploy", "--local"][..], &["plan", "--local"], &["destroy", "--local", "--all", "--yes"]]
    {
        let stderr = ended(workspace.run(arguments), 1);
        assert!(
            stderr.contains("depend on each other in a cycle") && stderr.contains("chain-First"),
            "{stderr}"
        );
        assert!(!stderr.contains("chain-Alone: deployed"), "{stderr}");
    }
}

#[test]
fn many_stacks_that_were_not_started_are_one_line() {
    let app = App::new("row");
    let mut before: Option<stackwright::Stack> = None;
    for number in 0..6 {
        let mut stack = app.stack(&format!("Number{number}")).region("us-east-1");
        if let Some(before) = &before {
            stack = stack.depends_on(before);
        }
        stack.add("Alarms", Topic::new());
        before = Some(stack);
    }
    let workspace = Workspace::with(&app);
    workspace.fail(&json!({ "resources": [{ "stack": "row-Number1", "resource": "*", "on": "create", "reason": "no" }] }));
    let stderr = ended(workspace.run(&["deploy", "--local", "--faults", "faults.json"]), 1);
    assert!(stderr.contains("4 stacks were not deployed, because row-Number1 was not deployed"), "{stderr}");
    assert!(stderr.contains("summary: 1 deployed, 1 failed, 4 not started"), "{stderr}");
    let end = stderr.trim_end();
    let last = end.rfind("summary:").unwrap();
    assert!(end[last..].contains("first failure: CREATE_FAILED Alarms"), "the failures are last: {stderr}");
}

#[test]
fn a_usage_error_is_not_taken_for_drift() {
    let workspace = Workspace::with(&small("one"));
    ended(workspace.run(&["drift", "--local", "Unknown"]), 2);
    ended(workspace.run(&["drift", "--no-such-option"]), 2);
}

/// The events of the stack at each endpoint, read with the SDK of AWS for Python.
fn events(urls: &[String]) -> Vec<Vec<String>> {
    let script = "import boto3, json, sys\n\
        def events(url):\n\
        \x20 client = boto3.client('cloudformation', region_name='us-east-1', endpoint_url=url, aws_access_key_id='x', aws_secret_access_key='x')\n\
        \x20 events = client.describe_stack_events(StackName='small-Main')['StackEvents']\n\
        \x20 return [event['ResourceStatus'] + ' ' + event['LogicalResourceId'] for event in reversed(events)]\n\
        print(json.dumps([events(url) for url in sys.argv[1:]]))";
    let output = Command::new(tool("python/bin/python")).args(["-c", script]).args(urls).output().unwrap();
    serde_json::from_str(&succeeded(output).0).unwrap()
}

#[test]
fn the_aws_cli_and_the_cdk_cli_deploy_to_it_too() {
    snapshots::needs!("aws/bin/aws", "node/node_modules/.bin/cdk", "python/bin/python");
    let endpoint = Endpoint::local(&["--account", "123456789012"]);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    stackwright::testing::synth(&arr_coc::app()).write(&out).unwrap();

    let template = stackwright::testing::synth(&small("one")).stacks.remove(0);
    let file = directory.path().join("small.json");
    std::fs::write(&file, template.template_body()).unwrap();
    let aws = |more: &[&str]| {
        let mut command = Command::new(tool("aws/bin/aws"));
        command.envs(environment(&endpoint.url));
        command
            .args(["cloudformation", "deploy", "--stack-name", "small", "--template-file"])
            .arg(&file)
            .args(more);
        succeeded(command.output().unwrap()).0
    };
    assert!(aws(&[]).contains("Successfully created/updated stack - small"));
    // It names change sets after the current second.
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(aws(&["--no-fail-on-empty-changeset"]).contains("No changes to deploy"));

    endpoint.cdk_deploy(&out, "DevTest");
    let status = endpoint
        .ask("cloudformation.describe_stacks(StackName='arr-coc-DevTest')['Stacks'][0]['StackStatus']");
    assert_eq!(status, "CREATE_COMPLETE");
}

#[test]
fn the_cdk_cli_moves_resources_between_stacks() {
    snapshots::needs!("node/node_modules/.bin/cdk", "python/bin/python");
    let endpoint = Endpoint::local(&["--account", "123456789012"]);
    let app = |main: &[(&str, &str)], other: &[(&str, &str)]| {
        let app = App::new("small");
        for (stack, topics) in [("Main", main), ("Other", other)] {
            let stack = app.stack(stack).region("us-east-1");
            for (id, display) in topics {
                stack.add(id, Topic::new().display_name(*display));
            }
        }
        app
    };
    let before = app(&[("Alarms", "alarms"), ("Reports", "reports")], &[("Notes", "notes")]);
    succeeded(endpoint.run(&before, &["deploy"]));
    let topics = |stack: &str| {
        endpoint.ask(&format!(
            "{{one['LogicalResourceId']: one['PhysicalResourceId'] for one in \
             cloudformation.describe_stack_resources(StackName='small-{stack}')['StackResources']}}"
        ))
    };
    let (main, other) = (topics("Main"), topics("Other"));

    let after = app(&[("Alerts", "alarms")], &[("Notes", "notes"), ("Reports", "reports")]);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    stackwright::testing::synth(&after).write(&out).unwrap();
    let reported = endpoint.cdk(&out, &["refactor", "--unstable=refactor", "--force"]);
    assert!(reported.contains("Stack refactor complete"), "{reported}");
    assert_eq!(topics("Main"), json!({ "Alerts": main["Alarms"] }));
    assert_eq!(topics("Other"), json!({ "Notes": other["Notes"], "Reports": main["Reports"] }));
    let (_, stderr) = succeeded(endpoint.run(&after, &["deploy"]));
    assert_eq!(stderr.matches("nothing changed").count(), 2, "{stderr}");
}

#[test]
fn ministack_accepts_the_requests_of_the_deployer() {
    snapshots::needs!("aws/bin/ministack", "python/bin/python");
    let endpoint = Endpoint::ministack();
    let (_, stderr) = succeeded(endpoint.run(&small("one"), &["deploy"]));
    assert!(
        stderr.contains("+ Alarms AWS::SNS::Topic") && stderr.contains("small-Main: deployed"),
        "{stderr}"
    );
    let (_, stderr) = succeeded(endpoint.run(&small("one"), &["deploy"]));
    assert!(stderr.contains("nothing changed"), "{stderr}");
    let (_, stderr) = succeeded(endpoint.run(&small("two"), &["deploy"]));
    assert!(stderr.contains("~ Alarms AWS::SNS::Topic"), "{stderr}");
    let (stdout, _) = succeeded(endpoint.run(&small("two"), &["status"]));
    assert!(stdout.contains("UPDATE_COMPLETE"), "{stdout}");
    succeeded(endpoint.run(&small("two"), &["drift"]));
    succeeded(endpoint.run(&small("two"), &["destroy", "Main", "--yes"]));
    let (stdout, _) = succeeded(endpoint.run(&small("two"), &["status"]));
    assert!(stdout.contains("not deployed"), "{stdout}");

    // A parameter with the name exists: the stack is rolled back, and the next deployment deletes the stack first.
    let app = |name: &str| {
        let app = App::new("failing");
        let parameter = Resource::of("AWS::SSM::Parameter");
        let stack = app.stack("Main").region("us-east-1");
        stack.add(
            "Setting",
            parameter.property("Name", name).property("Type", "String").property("Value", "1"),
        );
        app
    };
    endpoint.ask("client('ssm').put_parameter(Name='taken', Type='String', Value='0') and 1");
    let stderr = ended(endpoint.run(&app("taken"), &["deploy"]), 1);
    assert!(stderr.contains("the stack has the status ROLLBACK_COMPLETE"), "{stderr}");
    assert!(stderr.contains("first failure: CREATE_FAILED Setting AWS::SSM::Parameter"), "{stderr}");
    let (_, stderr) = succeeded(endpoint.run(&app("free"), &["deploy"]));
    assert!(stderr.contains("deleting the empty stack"), "{stderr}");

    endpoint.ask("s3.create_bucket(Bucket='kept-for-later') and 1");
    let app = App::new("heir");
    let kept = Resource::of("AWS::S3::Bucket").property("BucketName", "kept-for-later");
    app.stack("Main").region("us-east-1").add("Kept", kept.deletion_policy(DeletionPolicy::Retain));
    let (_, stderr) = succeeded(endpoint.run(&app, &["import", "Main", "Kept"]));
    assert!(stderr.contains("imported"), "{stderr}");
}
