//! The template of an import.
//!
//! CloudFormation accepts no other change in an import: "you have modified resources in your template that are not being
//! imported", and no new outputs. The template is therefore the deployed one with the imported resources added, and with
//! the parameters, conditions and mappings that these use.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use stackwright_synth::function::{children, function, references};
use stackwright_synth::{StackArtifact, Template};

use crate::error::DeployError;
use crate::import::Import;

/// Builds the template; `deployed` is the template of the stack, if the stack exists.
pub(crate) fn build(
    stack: &StackArtifact,
    deployed: Option<&Template>,
    imports: &[Import],
) -> Result<String, DeployError> {
    let program = stack.template.sections();
    let mut sections = match deployed {
        Some(template) => template.sections().clone(),
        None => {
            let copied = ["AWSTemplateFormatVersion", "Description", "Transform"];
            let present =
                copied.iter().filter_map(|name| Some(((*name).to_owned(), program.get(*name)?.clone())));
            present.collect()
        }
    };
    let imported: BTreeSet<&str> = imports.iter().map(|one| one.logical_id.as_str()).collect();
    for import in imports {
        let Some(resource) = program.get("Resources").and_then(|all| all.get(&import.logical_id)) else {
            continue;
        };
        let mut resource = resource.clone();
        keep_present_dependencies(&mut resource, &sections, &imported);
        add_definitions(&resource, program, &mut sections, &imported)
            .map_err(|reason| DeployError::Import { resource: import.logical_id.clone(), reason })?;
        section(&mut sections, "Resources").insert(import.logical_id.clone(), resource);
    }
    let mut text = serde_json::to_string_pretty(&Json::Object(sections)).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

/// Returns a section of a template, which is added if it is missing.
fn section<'t>(sections: &'t mut Map<String, Json>, name: &str) -> &'t mut Map<String, Json> {
    let section = sections.entry(name).or_insert_with(|| json!({}));
    if !section.is_object() {
        *section = json!({});
    }
    match section {
        Json::Object(section) => section,
        _ => unreachable!("the section was made an object"),
    }
}

fn has(sections: &Map<String, Json>, section: &str, name: &str) -> bool {
    sections.get(section).and_then(|section| section.get(name)).is_some()
}

/// Removes dependencies on resources that are not in the stack: they matter only when resources are created.
fn keep_present_dependencies(resource: &mut Json, sections: &Map<String, Json>, imported: &BTreeSet<&str>) {
    let is_present =
        |id: &Json| id.as_str().is_some_and(|id| imported.contains(id) || has(sections, "Resources", id));
    let kept = match &resource["DependsOn"] {
        Json::Array(all) => Json::Array(all.iter().filter(|id| is_present(id)).cloned().collect()),
        one if is_present(one) => one.clone(),
        _ => Json::Null,
    };
    let Some(object) = resource.as_object_mut() else { return };
    if kept.is_null() || kept.as_array().is_some_and(Vec::is_empty) {
        object.shift_remove("DependsOn");
    } else {
        object.insert("DependsOn".into(), kept);
    }
}

/// Adds what a value uses: parameters, conditions and mappings of the program. A resource that it refers to has to be in
/// the stack.
fn add_definitions(
    value: &Json,
    program: &Map<String, Json>,
    sections: &mut Map<String, Json>,
    imported: &BTreeSet<&str>,
) -> Result<(), String> {
    let mut names = Vec::new();
    references(value, &mut String::new(), &mut |name, _, _| names.push(name.to_owned()));
    for name in names {
        let is_resource = imported.contains(name.as_str()) || has(sections, "Resources", &name);
        if name.starts_with("AWS::") || is_resource || has(sections, "Parameters", &name) {
            continue;
        }
        match program.get("Parameters").and_then(|all| all.get(&name)) {
            Some(parameter) => drop(section(sections, "Parameters").insert(name, parameter.clone())),
            None => {
                return Err(format!(
                    "it refers to {name}, which is not in the stack: deploy or import {name} as well"
                ));
            }
        }
    }
    for (kind, name) in named_definitions(value) {
        if has(sections, kind, &name) {
            continue;
        }
        let Some(definition) = program.get(kind).and_then(|all| all.get(&name)).cloned() else { continue };
        section(sections, kind).insert(name, definition.clone());
        add_definitions(&definition, program, sections, imported)?;
    }
    Ok(())
}

/// Returns the conditions and mappings that a value names.
fn named_definitions(value: &Json) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        // In a resource and in a condition, `Condition` names a condition.
        if let Some(name) = value.get("Condition").and_then(Json::as_str) {
            found.push(("Conditions", name.to_owned()));
        }
        let first = |argument: &Json| argument.get(0).and_then(Json::as_str).map(str::to_owned);
        match function(value) {
            Some(("Fn::If", argument)) => found.extend(first(argument).map(|name| ("Conditions", name))),
            Some(("Fn::FindInMap", argument)) => found.extend(first(argument).map(|name| ("Mappings", name))),
            _ => {}
        }
        waiting.extend(children(value).map(|(_, inner)| inner));
    }
    found
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Assembly;

    use super::*;

    fn bucket(properties: Json) -> Json {
        json!({ "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": properties })
    }

    fn stack(template: &Json) -> StackArtifact {
        Assembly::of_template("one.json", template.to_string()).unwrap().stacks.remove(0)
    }

    fn import(id: &str) -> Import {
        Import {
            logical_id: id.into(),
            resource_type: "AWS::S3::Bucket".into(),
            identifier: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn only_the_imported_resource_and_what_it_uses_is_added() {
        let program = stack(&json!({
            "Parameters": { "Name": { "Type": "String" }, "Other": { "Type": "String" } },
            "Conditions": { "IsLarge": { "Fn::Equals": [{ "Ref": "Name" }, "large"] } },
            "Resources": {
                "Topic": { "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": "changed" } },
                "New": { "Type": "AWS::SNS::Topic" },
                "Models": {
                    "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Condition": "IsLarge", "DependsOn": ["New", "Topic"],
                    "Properties": { "BucketName": { "Ref": "Name" } },
                },
            },
            "Outputs": { "Name": { "Value": "x" } },
        }));
        let deployed = json!({ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } } });
        let deployed = Template::read(&deployed.to_string()).unwrap();
        let text = build(&program, Some(&deployed), &[import("Models")]).unwrap();
        let built: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(built["Resources"]["Topic"], json!({ "Type": "AWS::SNS::Topic" }), "it is unchanged");
        assert_eq!(built["Resources"]["Models"]["DependsOn"], json!(["Topic"]));
        assert!(built["Resources"].get("New").is_none() && built.get("Outputs").is_none(), "{built}");
        assert!(built["Conditions"].get("IsLarge").is_some(), "{built}");
        assert_eq!(built["Parameters"], json!({ "Name": { "Type": "String" } }));
    }

    #[test]
    fn a_reference_to_a_resource_that_is_not_there_is_refused() {
        let program = stack(&json!({ "Resources": {
            "Key": { "Type": "AWS::KMS::Key" },
            "Models": bucket(json!({ "BucketName": { "Ref": "Key" } })),
        } }));
        let error = build(&program, None, &[import("Models")]).unwrap_err().to_string();
        assert!(error.contains("it refers to Key, which is not in the stack"), "{error}");
    }
}
