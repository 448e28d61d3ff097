//! The AWS CDK's own comparison of templates judges ours: what is created, deleted, replaced or changed, and which property
//! causes a replacement.
#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod pairs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use stackwright_review::diff::{self, Consequence, Recreation, ResourceAction};
use stackwright_synth::Assembly;

/// Where we differ from the CDK, with the reason.
const DIFFERENCES: [(&str, &str, &str); 9] = [
    (
        "custom-resource-handler",
        "Custom",
        "the CDK reports `updated`; CloudFormation refuses another service token of a custom resource",
    ),
    (
        "if-turned-off",
        "Address",
        "the CDK evaluates no conditions: the default of a parameter removes the resource",
    ),
    ("list-reordered", "Group", "the order of the rules of a security group has no meaning"),
    ("statement-reordered", "Role", "neither the order of statements nor a list of one action has a meaning"),
    (
        "type-changed",
        "Waiter",
        "the CDK reports `replaced`; CloudFormation refuses another type under the same logical ID",
    ),
    (
        "table-key",
        "Table",
        "the CDK reports `replaced`; the registry lists `KeySchema` as conditionally create-only, so the service decides",
    ),
    ("state/rds-aurora.yaml@84805c0a", "DBCluster", KEY_BY_CONDITION),
    ("state/rds-postgres.yaml@84805c0a", "DBInstance", KEY_BY_CONDITION),
    (
        "EMR/EMRClusterWithAdditionalSecurityGroups.json@61689860",
        "EMRCluster",
        "the CDK reports `may be replaced`; the registry does not list `Instances/AdditionalMasterSecurityGroups` as create-only",
    ),
];

const KEY_BY_CONDITION: &str =
    "the CDK evaluates no conditions: by default, neither version has a `KmsKeyId`";

fn cdk() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/node/node_modules/aws-cdk");
    path.exists().then_some(path)
}

/// Writes the cloud assembly that `cdk diff` compares with the old template.
fn write_assembly(directory: &Path, pair: &pairs::Versions) {
    let json =
        |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap().stacks.remove(0).template;
    std::fs::create_dir(directory).unwrap();
    std::fs::write(directory.join("old.json"), json(&pair.old).json()).unwrap();
    std::fs::write(directory.join("Stack.template.json"), json(&pair.new).json()).unwrap();
    let manifest = json!({ "version": "36.0.0", "artifacts": { "Stack": {
        "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
        "properties": { "templateFile": "Stack.template.json" },
    } } });
    std::fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
}

/// Returns what `cdk diff` prints about each pair.
fn printed(cdk: &Path, pairs: &[pairs::Versions]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let assemblies: Vec<PathBuf> =
        (0..pairs.len()).map(|number| directory.path().join(number.to_string())).collect();
    for (assembly, pair) in assemblies.iter().zip(pairs) {
        write_assembly(assembly, pair);
    }
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cdk.js"))
        .arg(cdk)
        .args(&assemblies)
        .env("CDK_DISABLE_VERSION_CHECK", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |assembly: &PathBuf| std::fs::read_to_string(assembly.join("diff.txt")).unwrap();
    assemblies.iter().map(read).collect()
}

/// What happens to a resource, and the properties that cause a replacement.
type Fate = (&'static str, BTreeSet<String>);

/// The consequence of each resource in what the CDK prints, by logical ID.
fn judged(text: &str) -> BTreeMap<String, Fate> {
    let mut found: BTreeMap<String, Fate> = BTreeMap::new();
    let resources = text.split("\nResources\n").nth(1).unwrap_or_default();
    let mut last = String::new();
    for line in resources.lines().take_while(|line| !line.is_empty()) {
        let property = [" ├─ ", " └─ "].iter().find_map(|branch| line.strip_prefix(branch));
        let is_cause = line.ends_with("(requires replacement)") || line.ends_with("(may cause replacement)");
        if let (Some(property), true, Some((_, causes))) = (property, is_cause, found.get_mut(&last)) {
            causes.extend(property.split_whitespace().nth(1).map(str::to_owned));
        }
        let Some((sign, rest)) =
            ["[+]", "[-]", "[~]"].iter().find_map(|sign| Some((*sign, line.strip_prefix(sign)?)))
        else {
            continue;
        };
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (id, fate) = (words[1], words[2..].join(" "));
        let what = match (sign, fate.as_str()) {
            ("[+]", _) => "created",
            ("[-]", fate) if fate.contains("orphan") => "retained",
            ("[-]", _) => "deleted",
            (_, fate) if fate.contains("may be replaced") => "may-be-replaced",
            (_, fate) if fate.contains("replace") => "replaced",
            _ => "updated",
        };
        last = id.to_owned();
        found.insert(id.to_owned(), (what, BTreeSet::new()));
    }
    found
}

fn ours(old: &str, new: &str) -> BTreeMap<String, Fate> {
    let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
    let mut found = BTreeMap::new();
    for change in diff::compare(&read(old), &read(new)).resources() {
        let what = match change.consequence {
            Consequence::AttributesOnly => "updated",
            Consequence::Unchanged => continue,
            // The CDK does not know what CloudFormation takes a snapshot of.
            Consequence::Snapshot => "deleted",
            other => other.name(),
        };
        if change.action == ResourceAction::Renamed {
            found.insert(change.renamed_from.clone().unwrap_or_default(), (what, BTreeSet::new()));
            found.insert(change.logical_id.clone(), ("created", BTreeSet::new()));
        } else {
            let top = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
            let causes = change.causes().map(|cause| top(&cause.path)).collect();
            found.insert(change.logical_id.clone(), (what, causes));
        }
    }
    found
}

/// Parts of our comparison that the CDK does not report: it resolves no parameters, and follows references only to replaced resources'
/// properties that are create-only.
fn is_effective_only(old: &str, new: &str, id: &str) -> bool {
    let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
    let found = diff::compare(&read(old), &read(new));
    let is_it = |change: &&diff::ResourceChange| change.logical_id == id;
    found.resources().find(is_it).is_some_and(|change| {
        change.properties.iter().all(|one| one.because.is_some())
            || change
                .properties
                .iter()
                .all(|one| one.recreation == Recreation::Never && one.because.is_some())
    })
}

/// Differences that make none with the default of every parameter: the CDK evaluates neither conditions nor mappings. They are
/// reported as such.
fn is_written_only(old: &str, new: &str, id: &str) -> bool {
    let read = |text: &str| Assembly::of_template("Stack.yaml", text.to_owned()).unwrap();
    let found = diff::compare(&read(old), &read(new));
    let mut changes = found.resources();
    changes.any(|change| change.logical_id == id && change.consequence == Consequence::Unchanged)
}

#[test]
fn the_cdk_finds_the_same_consequences() {
    let Some(cdk) = cdk() else {
        eprintln!("skipped: the CDK is not installed; run `cargo xtask tools`");
        return;
    };
    let all = pairs::all();
    let parts = all.chunks(all.len().div_ceil(2));
    let disagreements: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = parts.map(|part| scope.spawn(|| disagreements(&cdk, part))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}

fn disagreements(cdk: &Path, pairs: &[pairs::Versions]) -> Vec<String> {
    let mut disagreements = Vec::new();
    let explained: BTreeSet<(&str, &str)> = DIFFERENCES.iter().map(|(pair, id, _)| (*pair, *id)).collect();
    for (pair, text) in pairs.iter().zip(printed(cdk, pairs)) {
        let (old, new) = (&pair.old, &pair.new);
        let theirs = judged(&text);
        let ours = ours(old, new);
        let ids: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for id in ids {
            let (their, our) = (theirs.get(id), ours.get(id));
            let is_explained = explained.contains(&(pair.name.as_str(), id.as_str()));
            let is_reported = match (their, our) {
                (None, _) => is_effective_only(old, new, id),
                (_, None) => is_written_only(old, new, id),
                _ => false,
            };
            if their != our && !is_explained && !is_reported {
                disagreements.push(format!("{}: {id}: CDK {their:?}, ours {our:?}\n{text}", pair.name));
            }
        }
    }
    disagreements
}
