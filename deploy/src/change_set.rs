//! Change sets: made, waited for, read to the last page.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, ResourceChange, Tag,
};
use stackwright_synth::StackArtifact;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::stack::Found;

/// What CloudFormation says of a change set in which nothing changes.
const NOTHING_CHANGES: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// A change set, ready to be executed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChangeSet {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub id: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// What it does. A change to outputs alone is none of these.
    pub changes: Vec<Change>,
}

/// What a change set does to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import` and so on.
    pub action: String,
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub resource_type: String,
    /// `True`, `False`, `Conditional`; `None` where the question does not arise.
    pub replacement: Option<String>,
    /// Properties that change and make CloudFormation replace the resource.
    pub causes: Vec<String>,
}

/// How long CloudFormation may take to make a change set.
const DEADLINE: Duration = Duration::from_secs(600);

/// Makes a change set; `None` where nothing changes.
pub(crate) async fn make(
    connection: &Connection,
    stack: &StackArtifact,
    found: Found,
    name: &str,
    template_url: Option<String>,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<ChangeSet>, DeployError> {
    let request = connection
        .cloudformation
        .create_change_set()
        .stack_name(&stack.name)
        .change_set_name(name)
        .change_set_type(if found == Found::Stack { ChangeSetType::Update } else { ChangeSetType::Create })
        .set_capabilities(Some(vec![
            Capability::CapabilityIam,
            Capability::CapabilityNamedIam,
            Capability::CapabilityAutoExpand,
        ]))
        .set_template_body(template_url.is_none().then(|| stack.template_body().to_owned()))
        .set_template_url(template_url)
        .set_parameters(Some(
            parameters
                .iter()
                .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build())
                .collect(),
        ))
        .set_tags(Some(
            stack.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect(),
        ));
    match request.send().await.map_err(DeployError::call("CreateChangeSet")) {
        Ok(_) => {}
        // Some endpoints refuse at once what CloudFormation finds out later.
        Err(DeployError::Call { message, .. }) if says_nothing_changes(&message) => return Ok(None),
        Err(error) => return Err(error),
    }
    let described = wait(connection, &stack.name, name).await?;
    let reason = described.status_reason.clone().unwrap_or_default();
    if described.status == Some(ChangeSetStatus::Failed) {
        discard(connection, &stack.name, name, found).await?;
        if says_nothing_changes(&reason) {
            return Ok(None);
        }
        return Err(DeployError::ChangeSet { stack: stack.name.clone(), reason });
    }
    if described.execution_status != Some(ExecutionStatus::Available) {
        let status =
            described.execution_status.map_or("not to be executed".to_owned(), |status| status.to_string());
        return Err(DeployError::ChangeSet {
            stack: stack.name.clone(),
            reason: format!("it is {status}: {reason}"),
        });
    }
    let id = described.change_set_id.clone().unwrap_or_default();
    let stack_id = described.stack_id.clone().unwrap_or_default();
    let changes = every_change(connection, &stack.name, name, described).await?;
    Ok(Some(ChangeSet { name: name.to_owned(), id, stack_id, changes }))
}

fn says_nothing_changes(reason: &str) -> bool {
    NOTHING_CHANGES.iter().any(|text| reason.contains(text))
}

async fn describe(
    connection: &Connection,
    stack: &str,
    name: &str,
    page: Option<String>,
) -> Result<DescribeChangeSetOutput, DeployError> {
    connection
        .cloudformation
        .describe_change_set()
        .stack_name(stack)
        .change_set_name(name)
        .include_property_values(true)
        .set_next_token(page)
        .send()
        .await
        .map_err(DeployError::call("DescribeChangeSet"))
}

async fn wait(
    connection: &Connection,
    stack: &str,
    name: &str,
) -> Result<DescribeChangeSetOutput, DeployError> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        let described = describe(connection, stack, name, None).await?;
        match described.status {
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) | None => {}
            _ => return Ok(described),
        }
        if start.elapsed() > DEADLINE {
            return Err(DeployError::Deadline {
                what: format!("the change set {name}"),
                seconds: DEADLINE.as_secs(),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

async fn every_change(
    connection: &Connection,
    stack: &str,
    name: &str,
    first: DescribeChangeSetOutput,
) -> Result<Vec<Change>, DeployError> {
    let mut changes = Vec::new();
    let mut page = first;
    loop {
        changes.extend(page.changes().iter().filter_map(|change| change.resource_change()).map(read_change));
        match page.next_token.take() {
            Some(token) => page = describe(connection, stack, name, Some(token)).await?,
            None => return Ok(changes),
        }
    }
}

fn read_change(change: &ResourceChange) -> Change {
    let causes = change
        .details()
        .iter()
        .filter_map(|detail| detail.target())
        .filter(|target| {
            target.requires_recreation().is_some_and(|recreation| recreation.as_str() != "Never")
        })
        .filter_map(|target| target.name())
        .map(str::to_owned)
        .collect();
    Change {
        action: change.action().map(|action| action.to_string()).unwrap_or_default(),
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        replacement: change.replacement().map(|replacement| replacement.to_string()),
        causes,
    }
}

/// Deletes a change set, and the empty stack that it brought along.
pub(crate) async fn discard(
    connection: &Connection,
    stack: &str,
    name: &str,
    found: Found,
) -> Result<(), DeployError> {
    let client = &connection.cloudformation;
    let request = client.delete_change_set().stack_name(stack).change_set_name(name);
    request.send().await.map_err(DeployError::call("DeleteChangeSet"))?;
    if found == Found::Nothing {
        client.delete_stack().stack_name(stack).send().await.map_err(DeployError::call("DeleteStack"))?;
    }
    Ok(())
}

pub(crate) async fn execute(
    connection: &Connection,
    stack: &str,
    change_set: &ChangeSet,
) -> Result<(), DeployError> {
    connection
        .cloudformation
        .execute_change_set()
        .stack_name(stack)
        .change_set_name(&change_set.name)
        // A call that is repeated after a lost answer must not count twice.
        .client_request_token(&change_set.name)
        .send()
        .await
        .map(drop)
        .map_err(DeployError::call("ExecuteChangeSet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_wordings_of_nothing_to_do_are_known() {
        assert!(says_nothing_changes(
            "The submitted information didn't contain changes. Submit different information."
        ));
        assert!(says_nothing_changes("No updates are to be performed."));
        assert!(!says_nothing_changes("Template error: no such export"));
    }
}
