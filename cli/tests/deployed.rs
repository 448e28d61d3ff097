//! Commands that compare the program with deployed stacks, and that keep resources under another logical ID, in local mode.
#![allow(clippy::unwrap_used)]

mod aws;

use std::path::PathBuf;

use assert_cmd::Command;
use aws::{Endpoint, ended, succeeded};
use serde_json::{Value as Json, json};
use stackwright::App;
use stackwright::prelude::*;
use stackwright::synth::{Construct, Parameter};

/// A directory with an assembly.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn with(app: &App) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        workspace.write(app);
        workspace
    }

    fn write(&self, app: &App) {
        stackwright::testing::synth(app).write(&self.path("out")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command in local mode, whose state stays in the directory.
    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.env("NO_COLOR", "1").current_dir(self.0.path()).args(["--app", "out"]).args(arguments);
        command.output().unwrap()
    }

    fn ids(&self, stack: &str) -> Json {
        let (text, _) = succeeded(self.run(&["outputs", "--local", "--format", "json", stack]));
        serde_json::from_str::<Json>(&text).unwrap()[stack].clone()
    }
}

fn queue(id: &str, former: Option<&str>, timeout: u32) -> App {
    let app = App::new("shop");
    let stack = app.stack("Work").region("us-east-1");
    let queue = Resource::of("AWS::SQS::Queue").set("VisibilityTimeout", timeout);
    let handle = match former {
        Some(former) => stack.add(id, queue.formerly(former)),
        None => stack.add(id, queue),
    };
    stack.add(
        "Reader",
        Resource::of("AWS::SSM::Parameter").set("Type", "String").set("Value", handle.reference()),
    );
    stack.output("Url", handle.reference());
    app
}

#[test]
fn diff_compares_with_the_deployed_stack_and_its_parameters() {
    let app = |default: &str, display: &str| {
        let app = App::new("shop");
        let stack = app.stack("Work").region("us-east-1").tag("team", display);
        let size = stack.add("Size", Parameter::string().default(default));
        let resource = Resource::of("AWS::SNS::Topic").set("DisplayName", display).set("TopicName", size);
        stack.add("Alarms", resource);
        app
    };
    let workspace = Workspace::with(&app("one", "a"));
    let (text, _) = succeeded(workspace.run(&["diff", "--deployed", "--local"]));
    assert!(text.contains("Work is new") && text.contains("+ Alarms AWS::SNS::Topic is created"), "{text}");
    succeeded(workspace.run(&["deploy", "--local", "--parameter", "Size=two"]));
    let (text, _) = succeeded(workspace.run(&["diff", "--deployed", "Work", "--local", "--exit-code"]));
    assert!(text.contains("1 stack is unchanged"), "{text}");
    // The deployed value stays, whatever the default is.
    workspace.write(&app("three", "b"));
    let output = workspace.run(&["diff", "--deployed", "Work", "--local", "--exit-code", "--format", "json"]);
    assert_eq!(output.status.code(), Some(5));
    let found: Json = serde_json::from_slice(&output.stdout).unwrap();
    let stack = &found["stacks"][0];
    assert_eq!(stack["resources"][0]["consequence"], "updated");
    assert_eq!(stack["resources"][0]["properties"].as_array().unwrap().len(), 1);
    assert_eq!(stack["resources"][0]["properties"][0]["before"], "a");
    assert_eq!(stack["settings"][0]["path"], "Tags.team");
    let (text, _) =
        succeeded(workspace.run(&["diff", "--deployed", "Work", "--local", "--parameter", "Size=four"]));
    assert!(text.contains("TopicName: two → four"), "{text}");

    let stderr = ended(workspace.run(&["diff", "--local"]), 2);
    assert!(stderr.contains("need `--deployed`"), "{stderr}");
    let stderr = ended(workspace.run(&["diff", "Work"]), 1);
    assert!(
        stderr.contains("hint: to compare with a deployed stack, use `diff --deployed Work`"),
        "{stderr}"
    );
    ended(workspace.run(&["diff", "--deployed", "Nothing", "--local"]), 2);
    ended(workspace.run(&["diff", "--deployed", "Work", "--local", "--parameter", "None=1"]), 2);
}

/// A topic whose name is read from an SSM parameter of another stack, and a subscription to it.
fn named_by_ssm(name: &str, display: &str) -> App {
    let app = App::new("shop");
    let values = app.stack("Values").region("us-east-1");
    let parameter = Resource::of("AWS::SSM::Parameter").set("Name", "/shop/topic").set("Type", "String");
    values.add("Name", parameter.set("Value", name));
    let stack = app.stack("Work").region("us-east-1");
    let parameter = stack.add("TopicName", Parameter::ssm().default("/shop/topic"));
    let topic = Resource::of("AWS::SNS::Topic").set("TopicName", parameter).set("DisplayName", display);
    let topic = stack.add("Alarms", topic);
    let subscription = Resource::of("AWS::SNS::Subscription").set("Protocol", "email");
    stack.add("Mail", subscription.set("Endpoint", "a@example.com").set("TopicArn", topic.reference()));
    app
}

fn is_described_plan(plan: &Json) {
    let schema: Json = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = schema.iter_errors(plan).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{plan:#}");
}

/// The value of an SSM parameter is known only to CloudFormation: the templates predict that the topic is updated, and the change
/// set replaces it.
#[test]
fn a_change_set_that_differs_from_the_prediction_is_reported() {
    let workspace = Workspace::with(&named_by_ssm("one", "a"));
    succeeded(workspace.run(&["deploy", "--local", "--yes", "Values"]));
    succeeded(workspace.run(&["deploy", "--local", "--yes", "Work"]));
    workspace.write(&named_by_ssm("two", "b"));
    succeeded(workspace.run(&["deploy", "--local", "--yes", "Values"]));

    let plan = |format: &str| workspace.run(&["plan", "--local", "Work", "--format", format]);
    let lines = [
        "Alarms AWS::SNS::Topic is replaced because of TopicName in this change set; the templates predict that it is updated in \
         place",
        "Mail AWS::SNS::Subscription is replaced because of TopicArn in this change set; the templates predict that it does not \
         change",
    ];
    let (text, _) = succeeded(plan("text"));
    let (markdown, _) = succeeded(plan("markdown"));
    for line in lines {
        assert!(text.contains(&format!("  warning: {line}")), "{text}");
        assert!(markdown.contains(&format!("- Warning: {line}")), "{markdown}");
    }
    let (json, _) = succeeded(plan("json"));
    let plan: Json = serde_json::from_str(&json).unwrap();
    is_described_plan(&plan);
    let expected = json!([
        {
            "logical_id": "Alarms", "resource_type": "AWS::SNS::Topic",
            "predicted": { "consequence": "updated", "causes": [] },
            "reported": { "consequence": "replaced", "causes": ["TopicName"] },
        },
        {
            "logical_id": "Mail", "resource_type": "AWS::SNS::Subscription",
            "predicted": null,
            "reported": { "consequence": "replaced", "causes": ["TopicArn"] },
        },
    ]);
    assert_eq!(plan["stacks"][0]["outcome"]["ready"]["change_set"]["prediction"], expected);

    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes", "Work"]));
    assert!(stderr.contains(lines[0]) && stderr.contains(lines[1]), "{stderr}");
}

#[test]
fn a_change_set_that_agrees_with_the_prediction_has_no_such_line() {
    let app = |name: &str, display: &str| {
        let app = App::new("shop");
        let stack = app.stack("Work").region("us-east-1").tag("team", display);
        let name = stack.add("TopicName", Parameter::string().default(name));
        let topic = Resource::of("AWS::SNS::Topic").set("TopicName", name).set("DisplayName", display);
        let topic = stack.add("Alarms", topic);
        let subscription = Resource::of("AWS::SNS::Subscription").set("Protocol", "email");
        stack.add("Mail", subscription.set("Endpoint", "a@example.com").set("TopicArn", topic.reference()));
        stack.add(display, Resource::of("AWS::SQS::Queue"));
        stack.add("Jobs", Resource::of("AWS::SQS::Queue"));
        app
    };
    let workspace = Workspace::with(&app("one", "A"));
    succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    let json = || -> Json {
        let (json, _) = succeeded(workspace.run(&["plan", "--local", "--format", "json", "Work"]));
        serde_json::from_str(&json).unwrap()
    };
    workspace.write(&app("two", "B"));
    let plan = json();
    is_described_plan(&plan);
    let change_set = &plan["stacks"][0]["outcome"]["ready"]["change_set"];
    // The name of the topic, the chain through the reference, a queue that is created, one that is deleted, and tags.
    assert!(change_set["changes"].as_array().unwrap().len() >= 4, "{change_set}");
    assert_eq!(change_set["prediction"], json!([]));
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes", "--approve", "deletion=A"]));
    assert!(stderr.contains("Alarms AWS::SNS::Topic is replaced because of TopicName"), "{stderr}");
    assert!(!stderr.contains("templates predict"), "{stderr}");
}

/// The templates are compared with their transforms applied.
#[test]
fn a_template_with_a_transform_is_compared_as_cloudformation_processes_it() {
    let directory = tempfile::tempdir().unwrap();
    let write = |names: &str| {
        let text = format!(
            "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Topics:\n    - Name\n    - [{names}]\n    - \
             Topic${{Name}}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: {{Ref: Name}}}}}}\n"
        );
        std::fs::write(directory.path().join("topics.yaml"), text).unwrap();
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwright"));
        command.env("NO_COLOR", "1").current_dir(directory.path());
        let region = ["--region", "us-east-1"];
        command.args(["--app", "topics.yaml"]).args(arguments).args(region).output().unwrap()
    };
    write("A, B");
    succeeded(run(&["deploy", "--local", "--yes"]));
    write("B, C");
    let (json, _) = succeeded(run(&["plan", "--local", "--format", "json"]));
    let plan: Json = serde_json::from_str(&json).unwrap();
    let change_set = &plan["stacks"][0]["outcome"]["ready"]["change_set"];
    assert_eq!(change_set["changes"].as_array().unwrap().len(), 2, "{change_set}");
    assert_eq!(change_set["prediction"], json!([]));
}

/// `diff --deployed` prints neither the deployed value of a parameter with `NoEcho` nor the one that is given, and reports that it may
/// change.
#[test]
fn diff_prints_no_secret_of_a_deployed_stack() {
    let app = |display: &str| {
        let app = App::new("shop");
        let stack = app.stack("Work").region("us-east-1");
        let token = stack.add("Token", Parameter::string().no_echo());
        let queue = Resource::of("AWS::SNS::Topic").set("DisplayName", display).set("TopicName", token);
        stack.add("Alarms", queue);
        app
    };
    let workspace = Workspace::with(&app("a"));
    succeeded(workspace.run(&["deploy", "--local", "--yes", "--parameter", "Token=hunter2"]));
    workspace.write(&app("b"));
    for format in ["text", "markdown", "json"] {
        let diff = ["diff", "--deployed", "Work", "--local", "--format", format];
        for given in [&[][..], &["--parameter", "Token=hunter3"]] {
            let (text, stderr) = succeeded(workspace.run(&[&diff[..], given].concat()));
            assert!(text.contains("DisplayName"), "{format}: {text}");
            assert!(!text.contains("hunter") && !stderr.contains("hunter"), "{format}: {text}{stderr}");
        }
    }
}

#[test]
fn a_stack_policy_that_refuses_the_update_is_reported() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&[]);
    succeeded(endpoint.run(&queue("Jobs", None, 30), &["deploy", "--yes"]));
    let policy = json!({ "Statement": [
        { "Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/Jobs" },
        { "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*" },
    ] });
    endpoint.ask(&format!(
        "cloudformation.set_stack_policy(StackName='shop-Work', StackPolicyBody={:?}) and 1",
        policy.to_string()
    ));
    let (text, _) = succeeded(endpoint.run(&queue("Jobs", None, 60), &["diff", "--deployed"]));
    assert!(
        text.contains("will fail: The stack policy denies `Update:Modify` of `LogicalResourceId/Jobs`: by its statement 1"),
        "{text}"
    );
}

#[test]
fn deploy_renames_a_resource_whose_former_id_the_program_names() {
    let workspace = Workspace::with(&queue("Tasks", None, 30));
    succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    let before = workspace.ids("Work");
    assert!(before["Url"].as_str().is_some_and(|url| !url.is_empty()), "{before}");

    workspace.write(&queue("Jobs", Some("Tasks"), 60));
    let (text, _) = succeeded(workspace.run(&["diff", "--deployed", "--local"]));
    assert!(text.contains("~ Tasks → Jobs AWS::SQS::Queue is kept by a stack refactor"), "{text}");
    assert!(text.contains("VisibilityTimeout: 30 → 60"), "{text}");

    let (plan, _) = succeeded(workspace.run(&["plan", "--local", "--out", "plan.json"]));
    let schema: Json = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
    let written: Json = serde_json::from_slice(&std::fs::read(workspace.path("plan.json")).unwrap()).unwrap();
    jsonschema::validate(&schema, &written).unwrap();
    assert!(plan.contains("after a stack refactor that keeps resources (Tasks → Jobs)"), "{plan}");
    assert!(plan.contains("VisibilityTimeout: 30 → 60"), "{plan}");
    let (markdown, _) = succeeded(workspace.run(&["plan", "--local", "--format", "markdown"]));
    assert!(
        markdown.contains("- `--approve rename`: a stack refactor renames resources of shop-Work"),
        "{markdown}"
    );
    // A stack refactor needs an approval, also of what was planned.
    let stderr = ended(workspace.run(&["deploy", "--local", "--plan", "plan.json"]), 4);
    assert!(
        stderr.contains(
            "a stack refactor renames resources before the change set is created: shop-Work: Tasks → Jobs"
        ),
        "{stderr}"
    );
    assert!(stderr.contains("to approve, pass --approve rename"), "{stderr}");
    assert!(!stderr.contains("moving resources"), "{stderr}");
    let (_, stderr) =
        succeeded(workspace.run(&["deploy", "--local", "--approve", "rename", "--plan", "plan.json"]));
    assert!(stderr.contains("moved with a stack refactor: shop-Work: Tasks → Jobs"), "{stderr}");
    assert!(stderr.contains("~ Jobs AWS::SQS::Queue"), "{stderr}");
    assert_eq!(workspace.ids("Work"), before, "it is the same queue");

    // The next deployment has nothing to rename.
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    assert!(stderr.contains("nothing changed") && !stderr.contains("refactor"), "{stderr}");
    // A plan that renames is not deployed if there is something else to rename.
    let stderr = ended(workspace.run(&["deploy", "--local", "--yes", "--plan", "plan.json"]), 4);
    assert!(stderr.contains("the resources to rename differ from the planned ones"), "{stderr}");

    let (text, _) = succeeded(workspace.run(&["permissions", "deploy"]));
    assert!(text.contains("cloudformation:ExecuteStackRefactor"), "{text}");
}

#[test]
fn a_refactor_that_cloudformation_refuses_changes_nothing() {
    let workspace = Workspace::with(&queue("Tasks", None, 30));
    succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    let before = workspace.ids("Work");
    workspace.write(&queue("Jobs", Some("Tasks"), 30));
    let faults = json!({ "resources": [{ "resource": "Jobs", "on": "update", "reason": "the tags are not supported" }] });
    std::fs::write(workspace.path("faults.json"), faults.to_string()).unwrap();
    let stderr = ended(workspace.run(&["deploy", "--local", "--yes", "--faults", "faults.json"]), 1);
    assert!(stderr.contains("the resources of shop-Work were not moved"), "{stderr}");
    assert!(stderr.contains("the tags are not supported"), "{stderr}");
    assert_eq!(workspace.ids("Work"), before);
    let (_, stderr) = succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    assert!(stderr.contains("moved with a stack refactor"), "{stderr}");
    assert_eq!(workspace.ids("Work"), before);
}

#[test]
fn refactor_moves_resources_between_stacks() {
    let app = |moved: bool| {
        let app = App::new("shop");
        let (work, storage) =
            (app.stack("Work").region("us-east-1"), app.stack("Storage").region("us-east-1"));
        let topic = Resource::of("AWS::SNS::Topic").set("DisplayName", "late");
        let target = if moved { &storage } else { &work };
        let handle = target.add(if moved { "Late" } else { "Alarms" }, topic);
        target.output("Topic", handle.reference());
        work.add("Jobs", Resource::of("AWS::SQS::Queue"));
        storage.add("Kept", Resource::of("AWS::SQS::Queue"));
        app
    };
    let workspace = Workspace::with(&app(false));
    succeeded(workspace.run(&["deploy", "--local", "--yes"]));
    let before = workspace.ids("Work")["Topic"].clone();
    workspace.write(&app(true));
    let (text, _) = succeeded(workspace.run(&["diff", "--deployed", "--local"]));
    assert!(text.contains("stackwright refactor --move Work/Alarms=Storage/Late"), "{text}");

    let (text, _) = succeeded(workspace.run(&["refactor", "--local"]));
    assert!(
        text.contains("shop-Work/Alarms → shop-Storage/Late") && text.contains("Nothing was moved"),
        "{text}"
    );
    // The output refers to the topic: it has to go in a deployment before.
    let stderr = ended(workspace.run(&["refactor", "--local", "--execute"]), 1);
    assert!(stderr.contains("`Topic` refers to `Alarms`"), "{stderr}");
    let stderr = ended(workspace.run(&["refactor", "--local", "--move", "Work/Alarms"]), 2);
    assert!(stderr.contains("STACK/ID=STACK/ID"), "{stderr}");
    let moves = ["refactor", "--local", "--execute", "--move", "Work/Jobs=Storage/Tasks", "--format", "json"];
    let (text, _) = succeeded(workspace.run(&moves));
    let found: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["executed"], &found["moves"][0]["to_id"]), (&json!(true), &json!("Tasks")));
    let stderr = ended(workspace.run(&moves), 1);
    assert!(stderr.contains("the deployed stack shop-Work has no resource `Jobs`"), "{stderr}");
    assert_eq!(workspace.ids("Work")["Topic"], before);
}

#[test]
fn refactor_calls_only_what_its_policy_allows() {
    snapshots::needs!("python/bin/python");
    let endpoint = Endpoint::local(&[]);
    succeeded(endpoint.run(&queue("Tasks", None, 30), &["deploy", "--yes"]));
    let before = endpoint.requests();
    let (text, _) = succeeded(endpoint.run(&queue("Jobs", Some("Tasks"), 30), &["permissions", "refactor"]));
    succeeded(endpoint.run(&queue("Jobs", Some("Tasks"), 30), &["refactor", "--execute"]));
    for (operation, count) in endpoint.requests().as_object().unwrap() {
        let is_used = before.get(operation) != Some(count) && operation != "GetCallerIdentity";
        assert!(!is_used || text.contains(&format!("\"cloudformation:{operation}\"")), "{operation}: {text}");
    }
}
