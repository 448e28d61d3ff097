//! Reads stacks, their resources and their templates.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    ChangeSetSummary, Stack, StackResourceSummary, StackStatus as SdkStackStatus, TemplateStage,
};
use serde::Serialize;
use stackwright_synth::{StackArtifact, Template};

use crate::connection::Connection;
use crate::error::DeployError;
use crate::secret::Secrets;
use crate::status::StackStatus;

/// The current state of a stack in the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackDescription {
    /// The name of the stack.
    pub stack: String,
    /// The status; `None` if the stack does not exist.
    pub status: Option<StackStatus>,
    /// The reason that CloudFormation reports for the status; `None` if it reports none.
    pub reason: Option<String>,
    /// The outputs. Outputs that contain values of `NoEcho` parameters are masked.
    pub outputs: BTreeMap<String, String>,
    /// Whether termination protection is enabled.
    pub termination_protection: bool,
}

/// Returns the current state of a stack.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn describe_stack(
    connection: &Connection,
    stack: &StackArtifact,
) -> Result<StackDescription, DeployError> {
    let found = find_stack(connection, &stack.name).await?;
    let secrets = Secrets::new(stack, &BTreeMap::new());
    Ok(StackDescription {
        stack: stack.name.clone(),
        status: found.as_ref().map(status_of),
        reason: found.as_ref().and_then(|found| found.stack_status_reason()).map(|text| secrets.mask(text)),
        outputs: found.as_ref().map(|found| outputs_of(found, &secrets)).unwrap_or_default(),
        termination_protection: found.is_some_and(|found| found.enable_termination_protection == Some(true)),
    })
}

/// Returns the stack with a name or an ARN, if it exists.
pub(crate) async fn find_stack(connection: &Connection, name: &str) -> Result<Option<Stack>, DeployError> {
    let answer = connection.cloudformation.describe_stacks().stack_name(name).send().await;
    match answer.map_err(DeployError::call("DescribeStacks")) {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        Err(error) if error.is_missing_stack() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns all resources of a stack. `DescribeStackResources` would return only the first 100.
pub(crate) async fn resources(
    connection: &Connection,
    stack: &str,
) -> Result<Vec<StackResourceSummary>, DeployError> {
    let mut resources = Vec::new();
    let mut page = None;
    loop {
        let request = connection.cloudformation.list_stack_resources().stack_name(stack).set_next_token(page);
        let answer = request.send().await.map_err(DeployError::call("ListStackResources"))?;
        resources.extend(answer.stack_resource_summaries.unwrap_or_default());
        page = answer.next_token;
        if page.is_none() {
            return Ok(resources);
        }
    }
}

/// Returns all change sets of a stack.
pub(crate) async fn change_sets(
    connection: &Connection,
    stack: &str,
) -> Result<Vec<ChangeSetSummary>, DeployError> {
    let mut change_sets = Vec::new();
    let mut page = None;
    loop {
        let request = connection.cloudformation.list_change_sets().stack_name(stack).set_next_token(page);
        let answer = request.send().await.map_err(DeployError::call("ListChangeSets"))?;
        change_sets.extend(answer.summaries.unwrap_or_default());
        page = answer.next_token;
        if page.is_none() {
            return Ok(change_sets);
        }
    }
}

/// Returns the template of a stack as it was given (`Original`) or with transforms applied (`Processed`).
pub(crate) async fn deployed_template(
    connection: &Connection,
    stack: &str,
    stage: TemplateStage,
) -> Result<Template, DeployError> {
    let request = connection.cloudformation.get_template().stack_name(stack).template_stage(stage);
    let answer = request.send().await.map_err(DeployError::call("GetTemplate"))?;
    read_template(stack, answer.template_body())
}

/// Parses the template of a stack that `GetTemplate` has returned.
pub(crate) fn read_template(stack: &str, body: Option<&str>) -> Result<Template, DeployError> {
    Template::read(body.unwrap_or_default()).map_err(|error| DeployError::Call {
        operation: "GetTemplate",
        code: None,
        message: format!("the deployed template of {stack} cannot be parsed: {}", error.message),
        source: None,
    })
}

/// Returns the status of a stack.
pub(crate) fn status_of(stack: &Stack) -> StackStatus {
    stack.stack_status.as_ref().map_or("", SdkStackStatus::as_str).into()
}

/// Returns the outputs of a stack; those that are made of secrets are masked.
pub(crate) fn outputs_of(stack: &Stack, secrets: &Secrets<'_>) -> BTreeMap<String, String> {
    let pairs =
        stack.outputs().iter().filter_map(|output| Some((output.output_key()?, output.output_value()?)));
    pairs.map(|(key, value)| (key.to_owned(), secrets.output(key, value))).collect()
}
