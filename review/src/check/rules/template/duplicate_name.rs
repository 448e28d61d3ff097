//! `duplicate-name`

use std::collections::HashMap;

use serde_json::Value as JsonValue;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::resolve::Resolver;
use crate::check::rules::rule;
use crate::check::text::{Piece, Text};
use crate::check::value::{holds_unresolved, string};
use crate::check::view::View;

rule! {
    /// Two resources of one type have the same name, or two outputs export the same name.
    ///
    /// # Why it matters
    ///
    /// The name identifies the resource. The second one fails with "already exists", after the first was created.
    ///
    /// # How to fix
    ///
    /// Give each its own name, or none: CloudFormation then creates a unique one.
    ///
    /// # Limitations
    ///
    /// Two names that are not known before deployment are equal only if both are the same expression.
    Error "duplicate-name",
    source: "AWS CloudFormation registry schemas, `primaryIdentifier`",
    applies_to: [],
    check: Each(check),
}

/// Types whose identifier is an ARN that AWS sets, and whose name is unique in an account and region.
const NAMED: [(&str, &str); 15] = [
    ("AWS::CodeBuild::Project", "Name"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::SageMaker::Cluster", "ClusterName"),
    ("AWS::SageMaker::Endpoint", "EndpointName"),
    ("AWS::SageMaker::EndpointConfig", "EndpointConfigName"),
    ("AWS::SageMaker::InferenceComponent", "InferenceComponentName"),
    ("AWS::SageMaker::Model", "ModelName"),
    ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName"),
    ("AWS::SageMaker::NotebookInstance", "NotebookInstanceName"),
    ("AWS::SecretsManager::Secret", "Name"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"),
];

/// Returns a name in one spelling: `Fn::Sub` and `Fn::Join` of the same parts are the same.
fn expression(name: &JsonValue) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Known(text) => text.to_string(),
        Piece::Hole(hole) => format!("\u{0}{hole}\u{0}"),
    };
    Text::of(name).0.iter().map(piece).collect()
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let mut names: HashMap<(&str, Vec<String>), &str> = HashMap::new();
    for resource in &view.resources {
        let Some(schema) = resource.schema else { continue };
        let named = NAMED.iter().find(|(type_name, _)| *type_name == resource.type_name);
        let identifier: Vec<&str> = match named {
            Some((_, name)) => vec![name],
            None => schema.primary_identifier().collect(),
        };
        let is_given = |name: &&str| !name.contains('/') && !schema.is_read_only(name);
        if identifier.is_empty() || !identifier.iter().all(is_given) {
            continue;
        }
        let values = identifier.iter().map(|name| &(*resource.properties)[*name]);
        let known: Vec<String> = values
            .clone()
            .filter(|value| string(value).is_some_and(|name| !name.is_empty()) || holds_unresolved(value))
            .map(expression)
            .collect();
        if known.len() < identifier.len()
            || known.iter().any(|value| value.contains("Fn::GetAtt")) && known.len() > 1
        {
            continue;
        }
        if let Some(first) = names.insert((resource.type_name, known), resource.id) {
            let message = format!("`{first}` has the same `{}`", identifier.join("` and `"));
            let last = identifier.last().copied().unwrap_or_default();
            findings.add(
                resource,
                &resource.properties[last],
                message,
                "give each resource a different name, or remove the names",
            );
        }
    }
    exports(view, findings);
}

fn exports(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let resolver = Resolver::new(view.template(), view.scenario);
    let mut names: HashMap<String, &str> = HashMap::new();
    for (output, body) in view.template().section("Outputs") {
        let condition = body["Condition"].as_str().and_then(|name| view.scenario.conditions.get(name));
        let export = &body["Export"]["Name"];
        if condition == Some(&false) || export.is_null() {
            continue;
        }
        if let Some(first) = names.insert(expression(&resolver.resolve(export)), output) {
            let message = format!("the output `{first}` exports the same name");
            findings.add_written(
                None,
                pointer::of(["Outputs", output, "Export", "Name"]),
                message,
                "choose another name",
            );
        }
    }
}
