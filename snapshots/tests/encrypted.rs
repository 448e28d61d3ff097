//! The apps in which everything is encrypted hold every construct, and set every property for a key.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;
use snapshots::encrypted_clusters::KeyOf;
use snapshots::template::Template;
use stackwright::prelude::*;
use stackwright::stacks::function::{Function, Runtime};
use stackwright_schemas::registry::{Schema, resource_type};

/// Constructs that are in no such app, each with the reason.
const LEFT_OUT: [(&str, &str); 6] = [
    ("EksJob", "a manifest beside the template, without resources"),
    (
        "ExecutionRole",
        "a role of the program; encrypted.rs in cli/tests tests that a missing permission is found",
    ),
    ("ModelRepository", "files of an asset, which is in the bucket of the bootstrap stack"),
    ("RecipeJob", "a recipe beside the template, without resources"),
    ("SlurmJob", "a script beside the template, without resources"),
    ("StackSet", "holds the template of another app"),
];

/// The public constructs, steps and jobs, by the implementations in the sources.
fn constructs() -> BTreeSet<String> {
    let mut sources = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/src"), &mut sources);
    let mut found = BTreeSet::new();
    for kind in ["Construct", "Step", "RoleOptions"] {
        for (_, rest) in
            sources.match_indices(&format!("{kind} for ")).map(|(at, text)| sources.split_at(at + text.len()))
        {
            let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            let is_public =
                [" ", "<", "("].iter().any(|end| sources.contains(&format!("pub struct {name}{end}")));
            if is_public {
                found.insert(name);
            }
        }
    }
    found
}

fn read(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_construct_is_in_an_encrypted_app() {
    let apps = [
        include_str!("../encrypted_clusters.rs"),
        include_str!("../encrypted_endpoints.rs"),
        include_str!("../encrypted_jobs.rs"),
    ]
    .concat();
    let constructs = constructs();
    assert!(constructs.len() > 40, "{constructs:?}");
    let missing: Vec<&String> = constructs
        .iter()
        .filter(|name| !apps.contains(&format!("{name}::")))
        .filter(|name| !LEFT_OUT.iter().any(|(left_out, _)| left_out == name))
        .collect();
    assert!(missing.is_empty(), "in no encrypted app: {missing:?}");
    for (name, _) in LEFT_OUT {
        assert!(constructs.contains(name) && !apps.contains(&format!("{name}::")), "{name} is not left out");
    }
}

/// Properties for a key that constructs do not set, by how they start, each with the reason.
const WITHOUT_KEY: [(&str, &str); 6] = [
    ("AWS::Lambda::EventSourceMapping/KmsKeyArn of ", "encrypts filter criteria, of which there are none"),
    ("AWS::Lambda::Function/Code/SourceKMSKeyArn of ", "the archive is in the bucket of the bootstrap stack"),
    ("AWS::SageMaker::EndpointConfig/KmsKeyId of HostConfig", "local storage"),
    ("AWS::SageMaker::EndpointConfig/KmsKeyId of LocalStorageConfig", "local storage"),
    ("AWS::SageMaker::EndpointConfig/KmsKeyId of ServerlessConfig", "no volumes"),
    ("AWS::Scheduler::Schedule/KmsKeyArn of ", "EventBridge Scheduler encrypts inputs with a key of AWS"),
];

/// Each endpoint and component, and each function, has a log group of the stack with a key that its policy allows.
#[test]
fn every_log_group_is_encrypted() {
    for (app, number) in [(snapshots::encrypted_endpoints::app(1), 6), (snapshots::encrypted_jobs::app(), 2)]
    {
        let template = Template::of(&app);
        let groups: Vec<&Json> =
            template.of_type("AWS::Logs::LogGroup").map(|(_, group)| &group["KmsKeyId"]).collect();
        assert_eq!(groups, vec![&serde_json::json!({ "Fn::GetAtt": ["Key", "Arn"] }); number]);
        let policy = &template.resources["Key"]["Properties"]["KeyPolicy"].to_string();
        assert!(policy.contains("kms:EncryptionContext:aws:logs:arn"), "{policy}");
    }
}

/// Whether the name of a property means that it holds a KMS key.
fn is_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("kms") && (name.ends_with("id") || name.ends_with("arn"))
}

/// The properties for keys that a schema has, at places that a value has.
fn unset(schema: Schema<'_>, value: &Json, path: &str, found: &mut BTreeSet<String>) {
    let schema = schema.resolved();
    if let Json::Array(items) = value {
        for item in items {
            if let Some(inner) = schema.items() {
                unset(inner, item, path, found);
            }
        }
    }
    for (name, inner) in schema.properties() {
        let path = format!("{path}/{name}");
        match value.get(name) {
            Some(value) => unset(inner, value, &path, found),
            None if is_key(name) => {
                found.insert(path);
            }
            None => {}
        }
    }
}

#[test]
fn every_property_for_a_key_is_set() {
    let apps = [
        snapshots::encrypted_clusters::app(KeyOf::Setters),
        snapshots::encrypted_clusters::app(KeyOf::Stack),
        snapshots::encrypted_endpoints::app(1),
        snapshots::encrypted_jobs::app(),
    ];
    let mut missing = BTreeSet::new();
    for template in apps.iter().flat_map(Template::all) {
        for (id, resource) in &template.resources {
            let name = resource["Type"].as_str().unwrap();
            let Some(of_type) = resource_type(name) else { continue };
            let mut found = BTreeSet::new();
            unset(of_type.schema(), &resource["Properties"], "", &mut found);
            missing.extend(found.into_iter().map(|path| format!("{name}{path} of {id}")));
        }
    }
    for (start, _) in WITHOUT_KEY {
        assert!(missing.iter().any(|one| one.starts_with(start)), "nothing is {start}");
    }
    missing.retain(|one| !WITHOUT_KEY.iter().any(|(start, _)| one.starts_with(start)));
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn an_alias_is_an_error_where_a_service_takes_only_the_arn_of_a_key() {
    let app = snapshots::encrypted_clusters::app(KeyOf::Alias);
    let errors = app.synth().unwrap_err().to_string();
    let expected = "Amazon Managed Service for Prometheus takes the ARN of a KMS key, not an alias";
    assert!(errors.contains(expected), "{errors}");
    assert!(errors.contains("encrypted_clusters.rs:"), "{errors}");

    let app = App::new("encrypted");
    let stack = app.stack("Functions").region("us-east-1").encryption_key("alias/vision");
    let source = || Asset::archive().file("index.py", "def handler(event, _): return {}");
    stack.add("Plain", Function::zip(Runtime::python(), "index.handler", source()));
    assert_eq!(snapshots::findings(&app), "nothing found\n");
    let with_variable = Function::zip(Runtime::python(), "index.handler", source()).environment("A", "b");
    stack.add("Variables", with_variable);
    assert!(snapshots::findings(&app).contains("Lambda takes the ARN of a KMS key, not an alias"));
}
