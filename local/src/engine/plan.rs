//! What a template would change: the changes of a change set, with their causes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};
use stackwright_schemas::registry;
use stackwright_schemas::registry::ResourceType;

use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::resource::problems;
use crate::state::{Change, Environment, Output, Resource, Stack};
use crate::template::evaluate::{KNOWN_AFTER_APPLY, Scope};
use crate::template::{NESTED, StackTemplate, is_custom, references, scalar_text};

/// What a template would do to a stack.
pub(crate) struct Plan {
    pub changes: Vec<Change>,
    /// Whether outputs change, or anything else that is no resource.
    pub outputs_change: bool,
    /// Validations before deployment that fail: logical id, type, path, words.
    pub problems: Vec<(String, String, String, String)>,
    /// The properties of nested stacks, as far as they are known now.
    pub nested: Vec<(String, Map<String, Json>)>,
}

/// Names that mean the same to every stack of an account and region.
pub(crate) fn pseudo_of(environment: Environment<'_>) -> BTreeMap<&'static str, Json> {
    BTreeMap::from([
        ("AWS::AccountId", environment.account.into()),
        ("AWS::Partition", "aws".into()),
        ("AWS::Region", environment.region.into()),
        ("AWS::URLSuffix", "amazonaws.com".into()),
    ])
}

/// A stack's own names, and those.
pub(crate) fn pseudo(stack: &Stack) -> BTreeMap<&'static str, Json> {
    let topics = stack.inputs.notification_arns.iter().map(|topic| Json::from(topic.as_str()));
    let mut names = pseudo_of(stack.environment());
    names.extend([
        ("AWS::NotificationARNs", topics.collect()),
        ("AWS::StackId", stack.id.as_str().into()),
        ("AWS::StackName", stack.name.as_str().into()),
    ]);
    names
}

/// How a stack is to be.
pub(crate) struct DesiredState<'a> {
    pub template: &'a StackTemplate,
    pub parameters: &'a IndexMap<String, String>,
    pub tags: &'a IndexMap<String, String>,
    /// Logical id to physical id of what is imported.
    pub imports: &'a IndexMap<String, String>,
    /// Whether what was changed past the stack is changed back.
    pub reverts_drift: bool,
    pub import_existing: bool,
}

/// What is known of a resource while a change set is made.
#[derive(Clone, Copy, PartialEq)]
enum ExpectedChange {
    /// It stays what it is.
    Unchanged,
    /// It is changed in place: its `Ref` stays.
    Updated,
    /// It is made, or made anew: nothing is known of it.
    Created,
    /// It may be made anew.
    MayBeReplaced,
}

/// Compares a stack with what is wanted of it.
pub(crate) fn plan(engine: &Engine, stack: &Stack, goal: &DesiredState<'_>) -> Result<Plan, ServiceError> {
    let template = goal.template;
    let values = template.parameter_values(goal.parameters, &engine.state, stack.environment())?;
    // A stack that is still to be made was made from nothing.
    let before = engine.template(&stack.inputs.template).ok();
    let before_values = before.as_ref().map(|before| {
        before
            .parameter_values(&stack.inputs.parameters, &engine.state, stack.environment())
            .unwrap_or_default()
    });
    let before_values = before_values.unwrap_or_default();
    let shown_before = |resource: &Resource, properties: &Map<String, Json>| match &before {
        Some(before) => before.shown(&resource.written, properties),
        None => properties.clone(),
    };
    let changed_parameters: BTreeSet<&str> = values
        .iter()
        .filter(|(name, value)| before_values.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    let expected: RefCell<BTreeMap<String, ExpectedChange>> = RefCell::default();
    let exports = engine.state.exports(stack.environment());
    let lookup = |name: &str, wants: Option<&str>| -> Result<Json, String> {
        let expected_change = expected.borrow().get(name).copied().unwrap_or(ExpectedChange::Unchanged);
        let Some(resource) = stack.resources.get(name).filter(|_| expected_change != ExpectedChange::Created)
        else {
            return Ok(KNOWN_AFTER_APPLY.into());
        };
        let known = resource.value(wants).filter(|_| expected_change != ExpectedChange::MayBeReplaced);
        Ok(known.unwrap_or_else(|| KNOWN_AFTER_APPLY.into()))
    };
    let scope = Scope {
        template,
        parameters: &values,
        pseudo: pseudo(stack),
        exports: &exports,
        resource: &lookup,
        imported: RefCell::default(),
    };
    let wrong = |message: String| ServiceError::validation(message);
    let (mut changes, mut found, mut retyped, mut nested) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for id in template.order()? {
        let Some(written) = template.resource(&id) else { continue };
        if !scope.is_wanted(written).map_err(wrong)? {
            continue;
        }
        kept.insert(id.clone());
        let type_name = written["Type"].as_str().unwrap_or_default().to_owned();
        let properties = scope.properties(written).map_err(wrong)?;
        if type_name == NESTED {
            nested.push((id.clone(), properties.clone()));
        }
        for (path, words) in problems(&type_name, &properties) {
            found.push((id.clone(), type_name.clone(), path, words));
        }
        match stack.resources.get(&id) {
            None => {
                let imported = goal
                    .imports
                    .get(&id)
                    .cloned()
                    .or_else(|| existing(engine, goal, &type_name, &properties));
                if let Some(physical) =
                    stranger(engine, stack, &type_name, &properties).filter(|_| imported.is_none())
                {
                    let words = format!(
                        "Resource of type '{type_name}' with identifier '{physical}' already exists."
                    );
                    found.push((id.clone(), type_name.clone(), String::new(), words));
                }
                expected.borrow_mut().insert(id.clone(), ExpectedChange::Created);
                changes.push(Change {
                    action: if imported.is_some() { "Import" } else { "Add" }.into(),
                    logical_id: id,
                    physical_id: imported,
                    type_name,
                    replacement: None,
                    scope: Vec::new(),
                    details: Vec::new(),
                    policy_action: None,
                    before: None,
                    after: Some(context(&template.shown(written, &properties))),
                    change_set: None,
                });
            }
            Some(present) if present.type_name != type_name => retyped.push(id),
            Some(present) => {
                let known = if goal.reverts_drift { &present.live } else { &present.properties };
                let shown = (shown_before(present, known), template.shown(written, &properties));
                let sides = Sides { before: known, after: &properties, shown };
                let change = modify(present, written, sides, &changed_parameters, &expected.borrow());
                if let Some(change) = change {
                    let expected_change = match change.replacement.as_deref() {
                        Some("True") => ExpectedChange::Created,
                        Some("Conditional") => ExpectedChange::MayBeReplaced,
                        _ => ExpectedChange::Updated,
                    };
                    expected.borrow_mut().insert(id, expected_change);
                    changes.push(change);
                }
            }
        }
    }
    if !retyped.is_empty() {
        return Err(ServiceError::validation(format!(
            "Update of resource type is not permitted. The new template modifies resource type of the following \
             resources: [{}]",
            retyped.join(", ")
        )));
    }
    for (id, present) in stack.resources.iter().filter(|(id, _)| !kept.contains(*id)) {
        let policy = present.written["DeletionPolicy"].as_str().unwrap_or("Delete");
        changes.push(Change {
            action: "Remove".into(),
            logical_id: id.clone(),
            physical_id: Some(present.physical_id.clone()),
            type_name: present.type_name.clone(),
            replacement: None,
            scope: Vec::new(),
            details: Vec::new(),
            policy_action: Some(if policy.starts_with("Retain") { "Retain" } else { policy }.into()),
            before: Some(context(&shown_before(present, &present.properties))),
            after: None,
            change_set: None,
        });
    }
    let outputs = outputs(&scope, template).map_err(wrong)?;
    let known: Vec<(String, String)> =
        stack.outputs.iter().map(|output| (output.key.clone(), output.value.clone())).collect();
    let wanted_outputs: Vec<(String, String)> =
        outputs.iter().map(|output| (output.key.clone(), output.value.clone())).collect();
    let exports_differ =
        outputs.iter().map(|one| &one.export).ne(stack.outputs.iter().map(|one| &one.export));
    let outputs_change = known != wanted_outputs || exports_differ || *goal.tags != stack.inputs.tags;
    Ok(Plan { changes, outputs_change, problems: found, nested })
}

/// The outputs of a template, with what their values are now.
pub(crate) fn outputs(scope: &Scope<'_>, template: &StackTemplate) -> Result<Vec<Output>, String> {
    let mut outputs = Vec::new();
    for (key, output) in template.section("Outputs") {
        if !scope.is_wanted(output)? {
            continue;
        }
        let value = scope.value(&output["Value"])?.map(|value| scalar_text(&value)).unwrap_or_default();
        let export = match output.get("Export") {
            Some(export) => scope.value(&export["Name"])?.map(|name| scalar_text(&name)),
            None => None,
        };
        let description = output["Description"].as_str().map(str::to_owned);
        outputs.push(Output { key: key.to_owned(), value, description, export });
    }
    Ok(outputs)
}

/// What identifies a resource of these properties, if they say it.
pub(crate) fn identifier(type_name: &str, properties: &Map<String, Json>) -> Option<String> {
    let kind = registry::resource_type(type_name)?;
    let parts: Option<Vec<String>> =
        kind.primary_identifier().map(|name| properties.get(name).map(scalar_text)).collect();
    Some(parts.filter(|parts| !parts.is_empty())?.join("|"))
}

/// What lies about without a stack and is taken in by its name, if that is asked for.
fn existing(
    engine: &Engine,
    goal: &DesiredState<'_>,
    type_name: &str,
    properties: &Map<String, Json>,
) -> Option<String> {
    let wanted = identifier(type_name, properties).filter(|_| goal.import_existing)?;
    let is_it = |one: &Resource| one.type_name == type_name && one.physical_id == wanted;
    engine.state.rest.unowned.iter().any(is_it).then_some(wanted)
}

/// A resource of that name, whoever has it.
fn stranger(
    engine: &Engine,
    stack: &Stack,
    type_name: &str,
    properties: &Map<String, Json>,
) -> Option<String> {
    identifier(type_name, properties).filter(|wanted| engine.state.is_taken(stack, type_name, wanted))
}

fn context(properties: &Map<String, Json>) -> String {
    json!({ "Properties": properties }).to_string()
}

/// How a change to a property reaches the resource: `Never`, `Conditionally`, `Always` made anew.
pub(crate) fn recreation(
    kind: Option<&ResourceType>,
    name: &str,
    before: &Json,
    after: &Json,
) -> &'static str {
    let Some(kind) = kind else { return "Never" };
    if kind.is_create_only(name) {
        return "Always";
    }
    if kind.is_conditionally_create_only(name) {
        return "Conditionally";
    }
    // What only a part of the property decides.
    if let (Json::Object(before), Json::Object(after)) = (before, after) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for inner in names {
            let (one, other) =
                (before.get(inner).unwrap_or(&Json::Null), after.get(inner).unwrap_or(&Json::Null));
            if one != other {
                let found = recreation(Some(kind), &format!("{name}/{inner}"), one, other);
                if found != "Never" {
                    return found;
                }
            }
        }
    }
    "Never"
}

/// The properties of a resource, and how they are shown.
struct Sides<'a> {
    before: &'a Map<String, Json>,
    after: &'a Map<String, Json>,
    shown: (Map<String, Json>, Map<String, Json>),
}

fn modify(
    present: &Resource,
    written: &Json,
    Sides { before, after, shown: (shown_before, shown_after) }: Sides<'_>,
    changed_parameters: &BTreeSet<&str>,
    expected: &BTreeMap<String, ExpectedChange>,
) -> Option<Change> {
    let kind = registry::resource_type(&present.type_name);
    let (mut details, mut scope) = (Vec::new(), BTreeSet::new());
    let (mut replaced, mut perhaps) = (false, false);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (one, other) = (before.get(name).unwrap_or(&Json::Null), after.get(name).unwrap_or(&Json::Null));
        if same(one, other) {
            continue;
        }
        let is_dynamic = other.to_string().contains(KNOWN_AFTER_APPLY);
        let mut recreates = recreation(kind, name, one, other);
        if is_custom(&present.type_name) && name == "ServiceToken" {
            recreates = "Always";
        }
        let raw = &written["Properties"][name];
        let raw_before = &present.written["Properties"][name];
        let mentioned = references(raw);
        let parameter = mentioned.iter().find(|one| changed_parameters.contains(one.name.as_str()));
        let resource = mentioned.iter().find(|one| expected.contains_key(&one.name));
        let (source, cause) = match (raw == raw_before, parameter, resource) {
            (true, Some(parameter), _) => ("ParameterReference", Some(parameter.name.clone())),
            (_, _, Some(one)) if is_dynamic => match &one.attribute {
                Some(attribute) => ("ResourceAttribute", Some(format!("{}.{attribute}", one.name))),
                None => ("ResourceReference", Some(one.name.clone())),
            },
            _ => ("DirectModification", None),
        };
        // Whether a value is another is not known before it is there, unless what it comes from is made anew for sure.
        let is_sure =
            !is_dynamic || resource.is_some_and(|one| expected[&one.name] == ExpectedChange::Created);
        match recreates {
            "Always" if is_sure => replaced = true,
            "Always" | "Conditionally" => perhaps = true,
            _ => {}
        }
        let is_tags = kind.and_then(ResourceType::tag_property) == Some(name.as_str());
        let attribute = if is_tags { "Tags" } else { "Properties" };
        scope.insert(attribute);
        let mut target = json!({
            "Attribute": attribute,
            "RequiresRecreation": recreates,
            "Path": format!("/Properties/{name}"),
            "AttributeChangeType": match (one.is_null(), other.is_null()) {
                (true, _) => "Add",
                (_, true) => "Remove",
                _ => "Modify",
            },
        });
        if !is_tags {
            target["Name"] = name.as_str().into();
        }
        // No secret is shown, neither of a parameter nor of a property that is only written.
        if kind.is_none_or(|kind| !kind.is_write_only(name)) {
            if let Some(value) = shown_before.get(name) {
                target["BeforeValue"] = scalar_text(value).into();
            }
            if let Some(value) = shown_after.get(name) {
                target["AfterValue"] = scalar_text(value).into();
            }
        }
        details.push(json!({
            "Target": target,
            "Evaluation": if is_dynamic { "Dynamic" } else { "Static" },
            "ChangeSource": source,
            "CausingEntity": cause,
        }));
    }
    for name in ["Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy"] {
        if written.get(name) != present.written.get(name) {
            scope.insert(name);
            details.push(json!({
                "Target": { "Attribute": name, "RequiresRecreation": "Never" },
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }));
        }
    }
    if details.is_empty() {
        return None;
    }
    let replacement = match (replaced, perhaps) {
        (true, _) => "True",
        (false, true) => "Conditional",
        _ => "False",
    };
    let policy = written["UpdateReplacePolicy"].as_str().unwrap_or("Delete");
    Some(Change {
        action: "Modify".into(),
        logical_id: present.logical_id.clone(),
        physical_id: Some(present.physical_id.clone()),
        type_name: present.type_name.clone(),
        replacement: Some(replacement.into()),
        scope: scope.into_iter().map(str::to_owned).collect(),
        details,
        policy_action: (replacement == "True").then(|| format!("ReplaceAnd{policy}")),
        before: Some(context(&shown_before)),
        after: Some(context(&shown_after)),
        change_set: None,
    })
}

/// Whether two values are the same to CloudFormation, which takes `"1"` for `1`.
pub(crate) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|there| same(value, there)))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Null, Json::Null) => true,
        (Json::Null, _) | (_, Json::Null) => false,
        (Json::Object(_) | Json::Array(_), _) | (_, Json::Object(_) | Json::Array(_)) => false,
        (one, other) => scalar_text(one) == scalar_text(other),
    }
}
