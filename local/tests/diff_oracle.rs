//! The comparison of two templates and the change sets of local mode agree about the same edits: what is created,
//! deleted, replaced or changed, and which properties cause a replacement.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

#[path = "../../review/tests/pairs/mod.rs"]
mod pairs;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use stackwright_local::{Local, Options};
use stackwright_review::diff::{self, Consequence, ResourceAction};
use stackwright_synth::Assembly;

/// Where the two differ, with the reason.
const DIFFERENCES: [(&str, &str, &str); 6] = [
    ("custom-resource-handler", "Custom", "the update fails when it runs; the comparison reports it before"),
    ("list-reordered", "Group", "CloudFormation compares the text; the order of the rules has no meaning"),
    (
        "statement-reordered",
        "Role",
        "CloudFormation compares the text; the order of statements has no meaning",
    ),
    (
        "condition-removed",
        "Address",
        "the condition holds, so that CloudFormation changes nothing; the comparison shows the attribute",
    ),
    ("vpc/vpc-2azs.yaml@07d45cda", "RouteTablePublicAInternetRouteIPv6", ORDER_ONLY),
    ("vpc/vpc-2azs.yaml@07d45cda", "RouteTablePublicBInternetRouteIPv6", ORDER_ONLY),
];

const ORDER_ONLY: &str =
    "`DependsOn` alone changes nothing in the resource; the comparison shows the attribute";

/// Templates that local mode does not deploy, with the reason.
const NOT_DEPLOYED: [(&str, &str); 11] = [
    ("type-changed", "CloudFormation refuses another type, and so does the comparison"),
    ("nested-template", "the template of the nested stack has to exist"),
    ("nested-parameter", "the template of the nested stack has to exist"),
    (
        "ec2/ec2-auto-recovery.json@6abb1bab",
        "the template is not valid: a dependency on a resource that it does not have",
    ),
    (
        "ElasticLoadBalancing/ELBGuidedAutoScalingRollingUpgrade.yaml@d86410db",
        "local mode does not have the public parameter that names the image",
    ),
    ("Solutions/OperatingSystems/RHEL9_cfn-hup.json@a19d9311", "the instance has to send a signal"),
    ("Solutions/OperatingSystems/RHEL9_cfn-hup.yaml@87f2cf0c", "the instance has to send a signal"),
    (
        "DMS/DMSAuroraToS3FullLoadAndOngoingReplication.yaml@e71febc7",
        "the secret that the template names has to exist",
    ),
    (
        "DMS/DMSAuroraToS3FullLoadAndOngoingReplication.yaml@e58f08ae",
        "the secret that the template names has to exist",
    ),
    (
        "CloudFormation/StackSets/templates/common-resources-stackset.yaml@1d59468d",
        "the stack set needs accounts of an organization",
    ),
    (
        "EC2/InstanceWithCfnInit.yaml@53a936c0",
        "local mode does not have the public parameter that names the image",
    ),
];

/// What happens to a resource, and the properties that cause it.
type Fate = (String, BTreeSet<String>);

fn read(text: &str) -> Assembly {
    Assembly::of_template("Stack.yaml", text.to_owned()).unwrap()
}

/// What a change set does.
fn theirs(changes: &Json) -> BTreeMap<String, Fate> {
    let mut found = BTreeMap::new();
    for change in changes.as_array().unwrap() {
        let text = |name: &str| change[name].as_str().unwrap_or_default();
        let what = match (text("Action"), text("Replacement"), text("PolicyAction")) {
            ("Add", ..) => "created",
            ("Remove", _, "Retain") => "retained",
            ("Remove", _, "Snapshot") => "snapshot",
            ("Remove", ..) => "deleted",
            (_, "True", _) => "replaced",
            (_, "Conditional", _) => "may-be-replaced",
            _ => "updated",
        };
        let details = change["Details"].as_array().into_iter().flatten();
        let causes = details
            .map(|detail| &detail["Target"])
            .filter(|target| target["RequiresRecreation"].as_str().is_some_and(|it| it != "Never"))
            .filter_map(|target| target["Name"].as_str().map(str::to_owned))
            .collect();
        found.insert(text("LogicalResourceId").to_owned(), (what.to_owned(), causes));
    }
    found
}

/// The result of the comparison.
fn ours(old: &str, new: &str) -> BTreeMap<String, Fate> {
    let mut found = BTreeMap::new();
    for change in diff::compare(&read(old), &read(new)).resources() {
        let what = match change.consequence {
            Consequence::AttributesOnly => "updated",
            Consequence::Unchanged => continue,
            other => other.name(),
        };
        let top = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let causes: BTreeSet<String> = change.causes().map(|cause| top(&cause.path)).collect();
        if change.action == ResourceAction::Renamed {
            found.insert(change.renamed_from.clone().unwrap(), (what.to_owned(), BTreeSet::new()));
            found.insert(change.logical_id.clone(), ("created".to_owned(), BTreeSet::new()));
        } else {
            found.insert(change.logical_id.clone(), (what.to_owned(), causes));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_sets_and_the_comparison_agree() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../.tools/python/bin/python");
    if !python.exists() {
        eprintln!("skipped: Python's tools are not installed; run `cargo xtask tools`");
        return;
    }
    let local = Local::start(Options::default()).await.unwrap();
    let all = pairs::all();
    let body = |text: &str| read(text).stacks[0].template.json().to_owned();
    let request: Json = all
        .iter()
        .map(|pair| json!({ "name": pair.name, "old": body(&pair.old), "new": body(&pair.new) }))
        .collect();
    let url = local.url();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(python)
            .arg(here.join("tests/change_sets.py"))
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Json = serde_json::from_slice(&output.stdout).unwrap();
    let mut disagreements = Vec::new();
    let mut compared = 0;
    for pair in all {
        let result = &results[&pair.name];
        let is_explained = NOT_DEPLOYED.iter().any(|(name, _)| *name == pair.name);
        if result["changes"].is_null() && is_explained {
            continue;
        }
        if result["changes"].is_null() {
            disagreements.push(format!("{}: no change set: {}", pair.name, result["failed"]));
            continue;
        }
        let (theirs, ours) = (theirs(&result["changes"]), ours(&pair.old, &pair.new));
        compared += 1;
        for id in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
            let is_explained = DIFFERENCES
                .iter()
                .any(|(name, explained, _)| (*name, *explained) == (pair.name.as_str(), id));
            if theirs.get(id) != ours.get(id) && !is_explained {
                let (one, other) = (theirs.get(id), ours.get(id));
                disagreements.push(format!("{}: {id}: change set {one:?}, comparison {other:?}", pair.name));
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    // Without the histories of public repositories, the edits are left.
    assert!(compared == 43 || compared >= 66, "{compared}");
}
