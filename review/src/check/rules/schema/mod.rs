//! Resources and requests against the schemas that AWS publishes of them.

mod arn_of_another_partition;
mod deprecated_property;
mod ended_service;
mod ending_service;
mod instance_type_not_in_region;
mod invalid_tag;
mod missing_property;
mod out_of_range;
mod pattern_mismatch;
mod read_only_property;
mod service_in_maintenance;
mod type_not_in_region;
mod unknown_property;
mod unknown_resource_type;
mod unpackaged_path;
mod value_not_allowed;
mod wrong_combination;
mod wrong_reference;
mod wrong_type;

pub(in crate::check) use deprecated_property::RULE as DEPRECATED_PROPERTY;
pub(in crate::check) use missing_property::RULE as MISSING_PROPERTY;
pub(in crate::check) use out_of_range::RULE as OUT_OF_RANGE;
pub(in crate::check) use pattern_mismatch::RULE as PATTERN_MISMATCH;
pub(in crate::check) use read_only_property::RULE as READ_ONLY_PROPERTY;
pub(in crate::check) use unknown_property::RULE as UNKNOWN_PROPERTY;
pub(in crate::check) use value_not_allowed::RULE as VALUE_NOT_ALLOWED;
pub(in crate::check) use wrong_combination::RULE as WRONG_COMBINATION;
pub(in crate::check) use wrong_reference::named_resource;
pub(in crate::check) use wrong_type::RULE as WRONG_TYPE;

use crate::check::rules::Rule;

pub(super) const RULES: &[&Rule] = &[
    &unknown_resource_type::RULE,
    &unknown_property::RULE,
    &missing_property::RULE,
    &value_not_allowed::RULE,
    &pattern_mismatch::RULE,
    &wrong_type::RULE,
    &out_of_range::RULE,
    &wrong_combination::RULE,
    &read_only_property::RULE,
    &deprecated_property::RULE,
    &type_not_in_region::RULE,
    &arn_of_another_partition::RULE,
    &instance_type_not_in_region::RULE,
    &invalid_tag::RULE,
    &unpackaged_path::RULE,
    &ended_service::RULE,
    &ending_service::RULE,
    &service_in_maintenance::RULE,
    &wrong_reference::RULE,
];

/// Returns the property of a type that may hold a path of a machine, which `aws cloudformation package` or SAM uploads and
/// replaces.
pub(in crate::check) fn packaged_property(type_name: &str) -> Option<&'static [&'static str]> {
    PACKAGED.iter().find(|(name, _)| *name == type_name).map(|(_, path)| *path)
}

const PACKAGED: &[(&str, &[&str])] = &[
    ("AWS::ApiGateway::RestApi", &["BodyS3Location"]),
    ("AWS::AppSync::FunctionConfiguration", &["CodeS3Location"]),
    ("AWS::AppSync::GraphQLSchema", &["DefinitionS3Location"]),
    ("AWS::AppSync::Resolver", &["CodeS3Location"]),
    ("AWS::CloudFormation::Stack", &["TemplateURL"]),
    ("AWS::CodeCommit::Repository", &["Code", "S3"]),
    ("AWS::ElasticBeanstalk::ApplicationVersion", &["SourceBundle"]),
    ("AWS::Glue::Job", &["Command", "ScriptLocation"]),
    ("AWS::Lambda::Function", &["Code"]),
    ("AWS::Lambda::LayerVersion", &["Content"]),
    ("AWS::Serverless::Api", &["DefinitionUri"]),
    ("AWS::Serverless::Application", &["Location"]),
    ("AWS::Serverless::Function", &["CodeUri"]),
    ("AWS::Serverless::HttpApi", &["DefinitionUri"]),
    ("AWS::Serverless::LayerVersion", &["ContentUri"]),
    ("AWS::Serverless::StateMachine", &["DefinitionUri"]),
    ("AWS::StepFunctions::StateMachine", &["DefinitionS3Location"]),
];
