//! Stack refactors: resources get other logical IDs, or move to other stacks, and CloudFormation neither replaces nor
//! changes them.
//!
//! `CreateStackRefactor` accepts the templates that the stacks have after the refactor. They must differ from the deployed ones
//! only in where resources are (CloudFormation User Guide, "Stack refactoring"), so they are made of the deployed templates. The
//! changes of the program follow in a change set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::operation::describe_stack_refactor::DescribeStackRefactorOutput;
use aws_sdk_cloudformation::types::{
    self, ResourceMapping, StackDefinition, StackRefactorExecutionStatus, StackRefactorStatus, TemplateStage,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use stackwright_schemas::limits::limits;
use stackwright_synth::function::references;
use stackwright_synth::{StackArtifact, Template};

use crate::approval::{ApprovalKind, RequiredApproval};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::execution::MAX_FAILED_POLLS;
use crate::lookup::{deployed_template, find_stack, status_of};
use crate::preparation::{OPERATION_TIMEOUT, wait_until_idle};
use crate::status::{Phase, StackStatus};
use crate::{Progress, Report, assets};

/// The maximum time for the validation of a stack refactor.
const CREATION_TIMEOUT: Duration = Duration::from_secs(600);

/// The maximum number of stacks of one refactor (CloudFormation User Guide, "Stack refactoring").
const MAX_STACKS: usize = 5;

/// A resource whose logical ID or stack changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceMove {
    /// The name of the stack in which the resource is.
    pub from_stack: String,
    /// The logical ID of the resource in the stack `from_stack`.
    pub from_id: String,
    /// The name of the stack in which it will be.
    pub to_stack: String,
    /// The logical ID of the resource in the stack `to_stack`.
    pub to_id: String,
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceLocation {
    /// The name of the stack.
    pub stack: String,
    /// The logical ID of the resource in the stack.
    pub logical_id: String,
}

impl ResourceMove {
    /// Creates the move of a resource from its current stack and logical ID to new ones.
    ///
    /// ```
    /// use stackwright_deploy::{ResourceLocation, ResourceMove};
    ///
    /// let models = |stack: &str| ResourceLocation { stack: stack.into(), logical_id: "Models".into() };
    /// let moved = ResourceMove::new(models("shop-Storage"), models("shop-Shared"));
    /// assert_eq!(moved.to_stack, "shop-Shared");
    /// ```
    pub fn new(from: ResourceLocation, to: ResourceLocation) -> Self {
        Self { from_stack: from.stack, from_id: from.logical_id, to_stack: to.stack, to_id: to.logical_id }
    }
}

impl std::fmt::Display for ResourceMove {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from_stack, from_id, to_stack, to_id } = self;
        if from_stack == to_stack {
            write!(formatter, "{from_stack}: {from_id} → {to_id}")
        } else {
            write!(formatter, "{from_stack}/{from_id} → {to_stack}/{to_id}")
        }
    }
}

/// Returns the resources of a deployed stack that a deployment renames, because the program names their former logical
/// IDs; empty if there are none.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn renames(
    connection: &Connection,
    stack: &StackArtifact,
    report: Report<'_>,
) -> Result<Vec<ResourceMove>, DeployError> {
    if stack.former_ids.is_empty() {
        return Ok(Vec::new());
    }
    let Some(found) = wait_until_idle(connection, &stack.name, &[], report).await? else {
        return Ok(Vec::new());
    };
    let status = status_of(&found);
    if status.phase() != Phase::Complete || status == StackStatus::RollbackComplete {
        return Ok(Vec::new());
    }
    let template = deployed_template(connection, &stack.name, TemplateStage::Original).await?;
    let at = |logical_id: String| ResourceLocation { stack: stack.name.clone(), logical_id };
    let renamed = stack.renamed_resources(&template).into_iter();
    Ok(renamed.map(|(old, new)| ResourceMove::new(at(old), at(new))).collect())
}

/// Returns the approvals that the stack refactor of one stack needs.
pub(crate) fn rename_approvals(stack: &str, moves: &[ResourceMove]) -> Vec<RequiredApproval> {
    if moves.is_empty() {
        return Vec::new();
    }
    vec![RequiredApproval::of_stack(ApprovalKind::Rename, stack)]
}

/// Performs a stack refactor and waits for its end. The stacks are those of the moves; one that does not exist is created.
///
/// # Errors
/// Returns [`DeployError::Refactor`] if the moves are not possible, or if CloudFormation refuses or rolls back the refactor.
pub async fn refactor(
    connection: &Connection,
    stacks: &[&StackArtifact],
    moves: &[ResourceMove],
    description: Option<&str>,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let names: BTreeSet<&str> =
        moves.iter().flat_map(|one| [one.from_stack.as_str(), one.to_stack.as_str()]).collect();
    let refuse = |reason: String| {
        let stacks: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Err(DeployError::Refactor { stacks, reason })
    };
    if names.len() > MAX_STACKS {
        return refuse(format!(
            "it concerns {} stacks, and CloudFormation takes at most {MAX_STACKS}: move the resources in several steps",
            names.len()
        ));
    }
    let mut deployed: BTreeMap<String, Template> = BTreeMap::new();
    let mut creates = false;
    for name in &names {
        let found = find_stack(connection, name).await?;
        let exists = found.as_ref().is_some_and(|stack| status_of(stack) != StackStatus::ReviewInProgress);
        creates |= !exists;
        let template = if exists {
            deployed_template(connection, name, TemplateStage::Original).await?
        } else {
            Template::default()
        };
        deployed.insert((*name).to_owned(), template);
    }
    let templates = match refactored(&deployed, moves) {
        Ok(templates) => templates,
        Err(reason) => return refuse(reason),
    };
    let mut request =
        connection.cloudformation.create_stack_refactor().set_description(description.map(str::to_owned));
    if creates {
        request = request.enable_stack_creation(true);
    }
    for (name, template) in &templates {
        let mut definition = StackDefinition::builder().stack_name(name);
        let body = template.json();
        let artifact = stacks.iter().find(|stack| stack.name == *name);
        definition = match artifact.filter(|_| body.len() > limits().template_body_bytes) {
            Some(artifact) => {
                definition.set_template_url(assets::upload(connection, artifact, body, report).await?)
            }
            None => definition.template_body(body),
        };
        request = request.stack_definitions(definition.build());
    }
    for one in moves {
        let location = |stack: &str, id: &str| {
            types::ResourceLocation::builder().stack_name(stack).logical_resource_id(id).build()
        };
        let mapping = ResourceMapping::builder()
            .source(location(&one.from_stack, &one.from_id))
            .destination(location(&one.to_stack, &one.to_id));
        request = request.resource_mappings(mapping.build());
    }
    report(Progress::Refactoring { moves: moves.to_vec() });
    let answer = request.send().await.map_err(DeployError::call("CreateStackRefactor"))?;
    let id = answer.stack_refactor_id.unwrap_or_default();
    let created = wait(connection, &id, CREATION_TIMEOUT, "the validation of the stack refactor", |found| {
        !matches!(found.status, Some(StackRefactorStatus::CreateInProgress) | None)
    })
    .await?;
    if created.status != Some(StackRefactorStatus::CreateComplete) {
        return refuse(created.status_reason.unwrap_or_else(|| "CloudFormation gives no reason".into()));
    }
    start(connection, &id).await?;
    let ended = wait(connection, &id, OPERATION_TIMEOUT, "the stack refactor", |found| {
        use StackRefactorExecutionStatus::{Available, ExecuteInProgress, RollbackInProgress, Unavailable};
        let running = [Available, ExecuteInProgress, RollbackInProgress, Unavailable];
        found.execution_status.as_ref().is_some_and(|status| !running.contains(status))
    })
    .await
    .map_err(|error| match error {
        DeployError::Call { .. } => DeployError::LostContact {
            stack: names.iter().copied().collect::<Vec<_>>().join(", "),
            backend: connection.backend(),
            source: Box::new(error),
        },
        other => other,
    })?;
    match ended.execution_status {
        Some(StackRefactorExecutionStatus::ExecuteComplete) => {
            report(Progress::Refactored { moves: moves.to_vec() });
            Ok(())
        }
        status => {
            let status = status.map_or("UNKNOWN".to_owned(), |status| status.as_str().to_owned());
            let reason = ended.execution_status_reason.map(|reason| format!(": {reason}"));
            refuse(format!("it ended with the status {status}{}", reason.unwrap_or_default()))
        }
    }
}

/// Starts the execution of a stack refactor.
async fn start(connection: &Connection, id: &str) -> Result<(), DeployError> {
    let request = connection.cloudformation.execute_stack_refactor().stack_refactor_id(id);
    let Err(error) = request.send().await.map_err(DeployError::call("ExecuteStackRefactor")) else {
        return Ok(());
    };
    // The first request may have been received, and its answer lost.
    use StackRefactorExecutionStatus::{Available, Unavailable};
    let found = describe(connection, id).await?;
    match found.execution_status {
        Some(status) if ![Available, Unavailable].contains(&status) => Ok(()),
        _ => Err(error),
    }
}

async fn describe(connection: &Connection, id: &str) -> Result<DescribeStackRefactorOutput, DeployError> {
    let request = connection.cloudformation.describe_stack_refactor().stack_refactor_id(id);
    request.send().await.map_err(DeployError::call("DescribeStackRefactor"))
}

/// Reads a stack refactor until it is in a wanted state. A request that fails is sent again.
async fn wait(
    connection: &Connection,
    id: &str,
    limit: Duration,
    activity: &str,
    is_end: impl Fn(&DescribeStackRefactorOutput) -> bool,
) -> Result<DescribeStackRefactorOutput, DeployError> {
    let (start, mut failed_polls) = (Instant::now(), 0);
    loop {
        match describe(connection, id).await {
            Ok(found) if is_end(&found) => return Ok(found),
            Ok(_) => failed_polls = 0,
            Err(error) if error.is_permanent() || failed_polls >= MAX_FAILED_POLLS => return Err(error),
            Err(_) => failed_polls += 1,
        }
        if start.elapsed() > limit {
            return Err(DeployError::Timeout {
                activity: activity.to_owned(),
                limit,
                backend: connection.backend(),
            });
        }
        connection.poller.wait(start.elapsed()).await;
    }
}

/// Returns the templates that the stacks have after the moves, or why they cannot be made.
fn refactored(
    deployed: &BTreeMap<String, Template>,
    moves: &[ResourceMove],
) -> Result<BTreeMap<String, Template>, String> {
    for one in moves {
        let from = &deployed[&one.from_stack];
        if from.resource(&one.from_id).is_none() {
            return Err(format!("the deployed stack {} has no resource `{}`", one.from_stack, one.from_id));
        }
        let leaves =
            |id: &str| moves.iter().any(|other| other.from_stack == one.to_stack && other.from_id == id);
        if deployed[&one.to_stack].resource(&one.to_id).is_some() && !leaves(&one.to_id) {
            return Err(format!(
                "the deployed stack {} has a resource `{}` already",
                one.to_stack, one.to_id
            ));
        }
    }
    let across: Vec<&ResourceMove> = moves.iter().filter(|one| one.from_stack != one.to_stack).collect();
    for one in &across {
        check_references(deployed, moves, one)?;
    }
    let mut templates = BTreeMap::new();
    for (name, template) in deployed {
        let renamed: BTreeMap<String, String> = moves
            .iter()
            .filter(|one| one.from_stack == *name)
            .map(|one| (one.from_id.clone(), one.to_id.clone()))
            .collect();
        templates.insert(name.clone(), template.with_renamed_resources(&renamed));
    }
    for one in &across {
        let source = templates[&one.from_stack].clone();
        let (rest, moved) = taken_out(&source, &one.to_id);
        templates.insert(one.from_stack.clone(), rest);
        let target = put_in(&templates[&one.to_stack], &one.to_id, moved, &source);
        templates.insert(one.to_stack.clone(), target);
    }
    Ok(templates)
}

/// Refuses a move that would separate a resource from what it refers to, or from what refers to it: a refactor adds neither
/// exports nor parameters.
fn check_references(
    deployed: &BTreeMap<String, Template>,
    moves: &[ResourceMove],
    one: &ResourceMove,
) -> Result<(), String> {
    let template = &deployed[&one.from_stack];
    let goes_along = |id: &str| {
        let is_it = |other: &ResourceMove| {
            (&other.from_stack, other.from_id.as_str(), &other.to_stack)
                == (&one.from_stack, id, &one.to_stack)
        };
        moves.iter().any(is_it)
    };
    let separated = |user: &str, used: &str| {
        Err(format!(
            "`{user}` refers to `{used}`, and only one of them moves from {} to {}: move both, or remove the reference \
             in a deployment before",
            one.from_stack, one.to_stack
        ))
    };
    let elements: BTreeSet<&str> = ["Resources", "Parameters", "Mappings", "Conditions"]
        .iter()
        .flat_map(|name| template.section(name).map(|(id, _)| id))
        .collect();
    for (id, body) in template.resources().chain(template.section("Outputs")) {
        let mut used: BTreeSet<&str> = BTreeSet::new();
        references(body, &mut String::new(), &mut |name, _, _| {
            used.extend(elements.get(name));
        });
        for name in dependencies(body) {
            used.insert(name);
        }
        if id == one.from_id {
            if let Some(condition) = body["Condition"].as_str() {
                return Err(format!(
                    "`{id}` has the condition `{condition}`, which the stack {} does not have",
                    one.to_stack
                ));
            }
            if let Some(other) = used.into_iter().find(|other| *other != id && !goes_along(other)) {
                return separated(id, other);
            }
        } else if used.contains(one.from_id.as_str()) && !goes_along(id) {
            return separated(id, &one.from_id);
        }
    }
    Ok(())
}

fn dependencies(body: &Json) -> impl Iterator<Item = &str> {
    let value = &body["DependsOn"];
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    all.iter().filter_map(Json::as_str)
}

/// Returns a template without a resource, and the resource.
fn taken_out(template: &Template, id: &str) -> (Template, Json) {
    let mut sections = template.sections().clone();
    let resources = sections.get_mut("Resources").and_then(Json::as_object_mut);
    let moved = resources.and_then(|resources| resources.shift_remove(id)).unwrap_or_default();
    (Template::from(sections), moved)
}

/// Returns a template with a resource of another one. A stack that does not exist gets what the other template is headed with.
fn put_in(template: &Template, id: &str, resource: Json, source: &Template) -> Template {
    let mut sections = template.sections().clone();
    if sections.is_empty() {
        for name in ["AWSTemplateFormatVersion", "Transform"] {
            sections.extend(source.sections().get(name).map(|value| (name.to_owned(), value.clone())));
        }
    }
    let resources = sections.entry("Resources").or_insert_with(|| Json::Object(Map::new()));
    if let Some(resources) = resources.as_object_mut() {
        resources.insert(id.to_owned(), resource);
    }
    Template::from(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(stack: &str, logical_id: &str) -> ResourceLocation {
        ResourceLocation { stack: stack.to_owned(), logical_id: logical_id.to_owned() }
    }

    fn templates(sources: &[(&str, &str)]) -> BTreeMap<String, Template> {
        sources.iter().map(|(name, text)| ((*name).to_owned(), Template::read(text).unwrap())).collect()
    }

    #[test]
    fn resources_move_with_their_references_and_names() {
        let deployed = templates(&[
            (
                "one",
                "Resources: {Topic: {Type: AWS::SNS::Topic}, Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Topic.TopicName}}, Other: {Type: AWS::SNS::Topic}}",
            ),
            ("two", "Resources: {Kept: {Type: AWS::SNS::Topic}}"),
        ]);
        let moves = [
            ResourceMove::new(at("one", "Topic"), at("two", "Alarms")),
            ResourceMove::new(at("one", "Queue"), at("two", "Queue")),
            ResourceMove::new(at("one", "Other"), at("one", "Another")),
        ];
        let found = refactored(&deployed, &moves).unwrap();
        let expected = templates(&[
            ("one", "Resources: {Another: {Type: AWS::SNS::Topic}}"),
            (
                "two",
                "Resources: {Kept: {Type: AWS::SNS::Topic}, Alarms: {Type: AWS::SNS::Topic}, Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Alarms.TopicName}}}",
            ),
        ]);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_move_that_is_not_possible_is_explained() {
        let deployed = templates(&[
            (
                "one",
                "Conditions: {C: !Equals [a, a]}\nResources: {Topic: {Type: AWS::SNS::Topic}, Queue: {Type: AWS::SQS::Queue, DependsOn: Topic}, Sometimes: {Type: AWS::SNS::Topic, Condition: C}}",
            ),
            ("two", "Resources: {Kept: {Type: AWS::SNS::Topic}}"),
        ]);
        let refusal = |from: &str, to: &str| {
            let moves = [ResourceMove::new(at("one", from), at("two", to))];
            refactored(&deployed, &moves).unwrap_err()
        };
        assert!(refusal("Nothing", "Topic").contains("no resource `Nothing`"));
        assert!(refusal("Topic", "Kept").contains("has a resource `Kept` already"));
        assert!(refusal("Topic", "Topic").contains("`Queue` refers to `Topic`"));
        assert!(refusal("Queue", "Queue").contains("`Queue` refers to `Topic`"));
        assert!(refusal("Sometimes", "Sometimes").contains("the condition `C`"));
    }
}
