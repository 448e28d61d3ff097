//! The properties of resources of the AWS Serverless Application Model (SAM) that replace what SAM creates of them.

use stackwright_schemas::registry;

use crate::globals::PREFIX;

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
