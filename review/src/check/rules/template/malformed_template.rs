//! `malformed-template`

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{entries, function, items};
use crate::check::view::{View, references};
use crate::check::written::has;

rule! {
    /// The description, the transform, a rule, a section or the interface for the console
    /// (`AWS::CloudFormation::Interface`) does not have the shape that CloudFormation takes.
    ///
    /// # Why it matters
    ///
    /// CloudFormation refuses the template. The console shows no groups and labels of parameters if the interface is
    /// malformed.
    ///
    /// # How to fix
    ///
    /// `Description` is a constant string, `Transform` names macros, each rule has `Assertions`, and every other section is an
    /// object.
    Error "malformed-template",
    source: "AWS CloudFormation Template Reference, \"Template sections\"",
    applies_to: [],
    check: Written(check),
}

const INTERFACE: &str = "AWS::CloudFormation::Interface";

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let sections = view.template().sections();
    for (name, section) in sections {
        let is_object = section.is_object() || section.is_null();
        let is_text = matches!(name.as_str(), "Description" | "AWSTemplateFormatVersion");
        if is_text && !section.is_string() && !section.is_null() && name == "Description" {
            let message = "`Description` is a constant string";
            findings.add_written(None, "/Description".into(), message, "write it without a function");
        } else if !is_text && name != "Transform" && !is_object {
            findings.add_written(None, pointer::of([name]), format!("the section `{name}` is an object"), "");
        }
    }
    if let Some(transform) = sections.get("Transform") {
        let single = std::slice::from_ref(transform);
        let all = transform.as_array().map_or(single, Vec::as_slice);
        if let Some(message) = all.iter().find_map(transform_fault) {
            findings.add_written(
                None,
                "/Transform".into(),
                message,
                "write the name of a macro, or `Name` and `Parameters`",
            );
        }
    }
    for (name, rule) in view.template().section("Rules") {
        let mut resource = None;
        references(rule, &mut String::new(), &mut |name, _, _| {
            resource = resource.or_else(|| has(view.template(), "Resources", name).then_some(name));
        });
        if let Some(resource) = resource {
            let message = format!("the rule refers to the resource `{resource}`, which does not exist yet");
            findings.add_written(None, pointer::of(["Rules", name]), message, "use parameters and mappings");
        }
        if let Some(message) = rule_fault(rule) {
            let help = "give it a list of `Assertions`, each with `Assert` and `AssertDescription`";
            findings.add_written(None, pointer::of(["Rules", name]), message, help);
        }
    }
    if let Some(interface) = sections.get("Metadata").and_then(|metadata| metadata.get(INTERFACE)) {
        let confirmed = interface_fault(interface);
        let is_confirmed = confirmed.is_some();
        if let Some(message) = confirmed.or_else(|| wrong_label(view, interface)) {
            let help = "use `ParameterGroups` with `Label` and `Parameters`, and `ParameterLabels`";
            findings.add_written(None, pointer::of(["Metadata", INTERFACE]), message, help);
            if !is_confirmed {
                findings.doubt_last();
            }
        }
    }
}

fn transform_fault(transform: &JsonValue) -> Option<String> {
    match transform {
        JsonValue::String(name) if name.trim().is_empty() => Some("the name of a transform is empty".into()),
        JsonValue::String(_) | JsonValue::Null => None,
        JsonValue::Object(map) => {
            let unknown = map.keys().find(|key| !["Name", "Parameters"].contains(&key.as_str()));
            match unknown {
                Some(key) => Some(format!("a transform has no `{key}`")),
                None if !transform["Name"].is_string() => {
                    Some("the transform has no `Name` that is a string".into())
                }
                None if map.get("Parameters").is_some_and(|it| !it.is_object()) => {
                    Some("`Parameters` of a transform is an object".into())
                }
                None => None,
            }
        }
        _ => Some("a transform is a string or an object".into()),
    }
}

fn rule_fault(rule: &JsonValue) -> Option<String> {
    let map = rule.as_object()?;
    if let Some(key) = map.keys().find(|key| !["RuleCondition", "Assertions"].contains(&key.as_str())) {
        return Some(format!("a rule has no `{key}`"));
    }
    if rule["Assertions"].as_array().is_none_or(Vec::is_empty) {
        return Some("the rule has no `Assertions`".into());
    }
    items(&rule["Assertions"]).find_map(|assertion| {
        // Other keys are not confirmed to be refused: templates of AWS have `AssetDescription`.
        let is_missing = function(&assertion["Assert"]).is_none();
        is_missing.then(|| "an assertion has no `Assert` that is a rule function".to_owned())
    })
}

fn interface_fault(interface: &JsonValue) -> Option<String> {
    let map = interface.as_object().filter(|_| function(interface).is_none());
    let Some(map) = map else { return Some("the interface is an object".into()) };
    if let Some(key) = map.keys().find(|key| !["ParameterGroups", "ParameterLabels"].contains(&key.as_str()))
    {
        return Some(format!("the interface has no `{key}`"));
    }
    let groups = map.get("ParameterGroups");
    if groups.is_some_and(|groups| !groups.is_array()) {
        return Some("`ParameterGroups` is a list".into());
    }
    items(&interface["ParameterGroups"]).find_map(|group| {
        let unknown = entries(group).find(|(key, _)| !["Label", "Parameters"].contains(key));
        let is_list = group.get("Parameters").is_none_or(JsonValue::is_array);
        match unknown {
            Some((key, _)) => Some(format!("a parameter group has no `{key}`")),
            None if !group.is_object() => Some("a parameter group is an object".into()),
            None if !is_list => Some("`Parameters` of a parameter group is a list".into()),
            None => None,
        }
    })
}

/// Returns a label that is not an object with `default`. Only consoles read labels.
fn wrong_label(view: &View<'_>, interface: &JsonValue) -> Option<String> {
    entries(&interface["ParameterLabels"]).find_map(|(name, label)| {
        let is_known = has(view.template(), "Parameters", name);
        let unknown = entries(label).find(|(key, _)| *key != "default");
        (is_known && (unknown.is_some() || !label.is_object()))
            .then(|| format!("the label of `{name}` is an object with `default`"))
    })
}
