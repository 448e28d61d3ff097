//! Resources of the AWS Serverless Application Model (SAM), which CloudFormation replaces by others: the defaults that `Globals`
//! gives them, and the properties that replace what SAM creates of them.

use std::borrow::Cow;

use serde_json::Value as JsonValue;
use stackwright_schemas::registry;
use stackwright_synth::Template;

/// The types of SAM, before their names.
const PREFIX: &str = "AWS::Serverless::";

/// Properties that SAM passes on unchanged, by the type and property that it passes them to.
const PASSED_ON: [(&str, &str, &str, &str); 5] = [
    ("Function", "FunctionName", "AWS::Lambda::Function", "FunctionName"),
    ("Function", "PackageType", "AWS::Lambda::Function", "PackageType"),
    ("SimpleTable", "TableName", "AWS::DynamoDB::Table", "TableName"),
    ("StateMachine", "Name", "AWS::StepFunctions::StateMachine", "StateMachineName"),
    ("StateMachine", "Type", "AWS::StepFunctions::StateMachine", "StateMachineType"),
];

/// Returns the type of resource that holds what a resource of SAM holds.
pub(crate) fn created_type(resource_type: &str) -> &str {
    match resource_type {
        "AWS::Serverless::Function" => "AWS::Lambda::Function",
        "AWS::Serverless::SimpleTable" => "AWS::DynamoDB::Table",
        "AWS::Serverless::Api" => "AWS::ApiGateway::RestApi",
        "AWS::Serverless::HttpApi" => "AWS::ApiGatewayV2::Api",
        other => other,
    }
}

/// Returns whether another value of a property replaces the resource that SAM creates.
pub(crate) fn is_create_only(resource_type: &str, property: &str) -> bool {
    let Some(short) = resource_type.strip_prefix(PREFIX) else { return false };
    let passed = PASSED_ON.iter().find(|one| (one.0, one.1) == (short, property));
    passed.is_some_and(|(.., kind, name)| {
        registry::resource_type(kind).is_some_and(|kind| kind.is_create_only(name))
    })
}

/// Returns the part of the section `Globals` for resources of a type, with the name of the part.
pub(crate) fn globals<'t>(
    template: &'t Template,
    resource_type: &'t str,
) -> Option<(&'t str, &'t JsonValue)> {
    let short = resource_type.strip_prefix(PREFIX)?;
    template.section("Globals").find(|(name, _)| *name == short)
}

/// Properties with the defaults of `Globals`, merged as SAM does: maps are merged at every level, the list of a resource is appended
/// to that of `Globals`, and any other value of a resource overrides the default. An intrinsic function is such a value. See "Globals
/// section of the AWS SAM template" in the AWS SAM Developer Guide.
///
/// The attribute `IgnoreGlobals` of a resource is not considered: the defaults apply to the resource as well.
pub(crate) fn with_globals<'v>(
    globals: Option<&JsonValue>,
    properties: Cow<'v, JsonValue>,
) -> Cow<'v, JsonValue> {
    match globals {
        Some(globals) => Cow::Owned(merged(globals, &properties)),
        None => properties,
    }
}

fn merged(default: &JsonValue, own: &JsonValue) -> JsonValue {
    match (default, own) {
        (default, JsonValue::Null) => default.clone(),
        (JsonValue::Object(defaults), JsonValue::Object(members))
            if !is_function(own) && !is_function(default) =>
        {
            let mut all = defaults.clone();
            for (name, value) in members {
                let value =
                    defaults.get(name).map_or_else(|| value.clone(), |default| merged(default, value));
                all.insert(name.clone(), value);
            }
            JsonValue::Object(all)
        }
        (JsonValue::Array(defaults), JsonValue::Array(items)) => {
            defaults.iter().chain(items).cloned().collect()
        }
        (_, own) => own.clone(),
    }
}

fn is_function(value: &JsonValue) -> bool {
    stackwright_synth::function::function(value).is_some()
}
