//! Change sets: made once for the same wish, waited for, read to the last page.

use std::time::{Duration, Instant};

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, DeploymentConfig, DeploymentConfigMode, DeploymentMode,
    ExecutionStatus, OnStackFailure, Parameter, ResourceChange, ResourceToImport, Tag,
};
use serde::{Deserialize, Serialize};
use stackwright_synth::{StackArtifact, sha256};

use crate::Progress;
use crate::approval::{Concern, concerns};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::filled;
use crate::problem::Problem;
use crate::secret::Secrets;
use crate::stack::{Found, Options};

/// What CloudFormation says of a change set in which nothing changes.
const NOTHING_CHANGES: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// A change set, ready to be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeSet {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub id: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// What it does, nested stacks' changes too. A change to outputs alone is none of these.
    pub changes: Vec<Change>,
    /// What validation before deployment or a hook warns of.
    #[serde(default)]
    pub warnings: Vec<Problem>,
}

impl ChangeSet {
    /// What in it wants somebody's word.
    pub fn concerns(&self) -> Vec<Concern> {
        concerns(&self.changes)
    }
}

/// What a change set does to one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import` and so on.
    pub action: String,
    /// The logical id; after the stack's and a slash in a nested stack.
    pub logical_id: String,
    /// The physical id, where there is one.
    pub physical_id: Option<String>,
    /// The type.
    pub resource_type: String,
    /// `True`, `False`, `Conditional`; `None` where the question does not arise.
    pub replacement: Option<String>,
    /// What becomes of what goes: `Delete`, `Retain`, `ReplaceAndDelete` and so on.
    pub policy_action: Option<String>,
    /// The properties that change.
    pub properties: Vec<PropertyChange>,
}

impl Change {
    /// The properties that make CloudFormation replace the resource.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().filter(|one| one.recreation != "Never").map(|one| one.name.as_str())
    }
}

/// A property that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PropertyChange {
    /// The property's name, or that of the resource's attribute: `Metadata`, `Tags`.
    pub name: String,
    /// `Never`, `Conditionally`, `Always`.
    pub recreation: String,
    /// What it was.
    pub before: Option<String>,
    /// What it will be.
    pub after: Option<String>,
    /// The parameter or resource that it changes because of.
    pub because_of: Option<String>,
}

/// How long CloudFormation may take to make a change set.
const DEADLINE: Duration = Duration::from_secs(600);

/// What a change set is asked for.
pub(crate) struct Wish<'a> {
    pub stack: &'a StackArtifact,
    pub options: &'a Options,
    /// Where the template lies, if it is too large for a request.
    pub template_url: Option<String>,
    /// Parameters that keep the values that the stack has.
    pub kept: Vec<String>,
    /// The change set that was executed last: the same wish of a stack that has moved on is another.
    pub last: Option<String>,
}

impl Wish<'_> {
    /// The same wish has the same name: a deployer that was killed finds its own change set again, and of two at a time
    /// one makes it and both see it.
    fn name(&self) -> String {
        let Self { stack, options, last, .. } = self;
        let mut wish = Vec::new();
        let mut add = |part: &str| {
            wish.extend((part.len() as u64).to_be_bytes());
            wish.extend(part.as_bytes());
        };
        add(stack.template_body());
        for (key, value) in &options.parameters {
            add(key);
            add(value);
        }
        for (key, value) in &stack.tags {
            add(key);
            add(value);
        }
        let ways = [options.revert_drift, options.import_existing, options.express, options.keep_failed];
        add(&format!("{ways:?}"));
        for import in &options.imports {
            add(&format!("{import:?}"));
        }
        add(last.as_deref().unwrap_or_default());
        format!("stackwright-{}", &sha256(wish)[..24])
    }
}

/// Makes a change set; `None` where nothing changes.
pub(crate) async fn make(
    connection: &Connection,
    wish: &Wish<'_>,
    found: Found,
    tell: &dyn Fn(Progress),
) -> Result<Option<ChangeSet>, DeployError> {
    let (stack, name) = (wish.stack, wish.name());
    // One from before may be used up or out of date: then it makes room.
    for _ in 0..3 {
        match create(connection, wish, found, &name).await {
            Ok(()) => {}
            Err(DeployError::Call { code: Some(code), .. }) if code == "AlreadyExistsException" => {}
            // Some endpoints refuse at once what CloudFormation finds out later.
            Err(DeployError::Call { message, .. }) if says_nothing_changes(&message) => return Ok(None),
            Err(error) => return Err(error),
        }
        let described = match wait(connection, &stack.name, &name).await {
            Ok(described) => described,
            // Somebody has deleted it in the meantime.
            Err(DeployError::Call { code: Some(code), .. }) if code.starts_with("ChangeSetNotFound") => {
                continue;
            }
            Err(error) => return Err(error),
        };
        let reason = described.status_reason.clone().unwrap_or_default();
        if described.status == Some(ChangeSetStatus::Failed) {
            if says_nothing_changes(&reason) {
                discard(connection, &stack.name, &name, found).await?;
                return Ok(None);
            }
            let problems = connection.problems_within(&described, tell).await;
            discard(connection, &stack.name, &name, found).await?;
            let (problems, reason) = match problems {
                Ok(problems) => (problems, reason),
                Err(error) => (Vec::new(), format!("{reason} (details cannot be read: {error})")),
            };
            return Err(DeployError::ChangeSet { stack: stack.name.clone(), reason, problems });
        }
        match described.execution_status {
            Some(ExecutionStatus::Available) => {
                let id = described.change_set_id.clone().unwrap_or_default();
                let stack_id = described.stack_id.clone().unwrap_or_default();
                let mut warnings = connection.problems(&id, "", tell).await.unwrap_or_default();
                let (changes, nested) = every_change(connection, stack, &name, described).await?;
                for (id, path) in nested {
                    warnings.extend(connection.problems(&id, &path, tell).await.unwrap_or_default());
                }
                return Ok(Some(ChangeSet { name, id, stack_id, changes, warnings }));
            }
            Some(ExecutionStatus::ExecuteInProgress) => {
                return Err(DeployError::State {
                    stack: stack.name.clone(),
                    status: "being deployed".into(),
                    reason: "another deployer executes the same change set".into(),
                });
            }
            _ => delete(connection, &stack.name, &name).await?,
        }
    }
    Err(DeployError::ChangeSet {
        stack: stack.name.clone(),
        reason: "somebody else makes it obsolete or deletes it again and again".into(),
        problems: Vec::new(),
    })
}

async fn create(
    connection: &Connection,
    wish: &Wish<'_>,
    found: Found,
    name: &str,
) -> Result<(), DeployError> {
    let Wish { stack, options, template_url, kept, .. } = wish;
    let kind = match found {
        _ if !options.imports.is_empty() => ChangeSetType::Import,
        Found::Stack => ChangeSetType::Update,
        Found::Nothing | Found::Shell => ChangeSetType::Create,
    };
    let parameters = options
        .parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
    let kept = kept
        .iter()
        .filter(|name| !options.parameters.contains_key(*name))
        .map(|name| Parameter::builder().parameter_key(name).use_previous_value(true).build());
    let mut request = connection
        .cloudformation
        .create_change_set()
        .stack_name(&stack.name)
        .change_set_name(name)
        .change_set_type(kind)
        // The same request twice, because the first answer was lost, is one.
        .client_token(uuid::Uuid::new_v4().to_string())
        .set_description(options.description.clone())
        .set_capabilities(Some(vec![
            Capability::CapabilityIam,
            Capability::CapabilityNamedIam,
            Capability::CapabilityAutoExpand,
        ]))
        .set_template_body(template_url.is_none().then(|| stack.template_body().to_owned()))
        .set_template_url(template_url.clone())
        .set_parameters(Some(parameters.chain(kept).collect()))
        .set_tags(Some(
            stack.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect(),
        ));
    if options.revert_drift && found == Found::Stack {
        request = request.deployment_mode(DeploymentMode::RevertDrift);
    }
    if options.import_existing {
        request = request.import_existing_resources(true);
    }
    // Either says what becomes of a failure, and neither beside the other.
    if options.express {
        let mode = DeploymentConfig::builder().mode(DeploymentConfigMode::Express);
        request = request.deployment_config(mode.disable_rollback(options.keep_failed).build());
    } else if options.keep_failed {
        request = request.on_stack_failure(OnStackFailure::DoNothing);
    }
    if stack.template.resources().any(|(_, resource)| resource["Type"] == "AWS::CloudFormation::Stack") {
        request = request.include_nested_stacks(true);
    }
    for import in &options.imports {
        request = request.resources_to_import(
            ResourceToImport::builder()
                .logical_resource_id(&import.logical_id)
                .resource_type(&import.resource_type)
                .set_resource_identifier(Some(import.identifier.clone().into_iter().collect()))
                .build(),
        );
    }
    request.send().await.map(drop).map_err(DeployError::call("CreateChangeSet"))
}

fn says_nothing_changes(reason: &str) -> bool {
    NOTHING_CHANGES.iter().any(|text| reason.contains(text))
}

/// A change set by its name in a stack, or by its ARN alone.
pub(crate) async fn describe(
    connection: &Connection,
    stack: Option<&str>,
    name: &str,
    page: Option<String>,
) -> Result<DescribeChangeSetOutput, DeployError> {
    connection
        .cloudformation
        .describe_change_set()
        .set_stack_name(stack.map(str::to_owned))
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
    loop {
        let described = describe(connection, Some(stack), name, None).await?;
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
        connection.poller.turn(start.elapsed()).await;
    }
}

/// The changes that a change set makes, nested stacks' too, and the change sets of these with the paths of their stacks.
pub(crate) async fn every_change(
    connection: &Connection,
    stack: &StackArtifact,
    name: &str,
    first: DescribeChangeSetOutput,
) -> Result<(Vec<Change>, Vec<(String, String)>), DeployError> {
    let mut changes = Vec::new();
    let mut page = first;
    let mut nested: Vec<(String, String)> = Vec::new();
    let mut read_nested = 0;
    let (mut id, mut path) = (name.to_owned(), String::new());
    let secrets = Secrets::of(stack);
    loop {
        for change in page.changes().iter().filter_map(|change| change.resource_change()) {
            let read = read_change(change, &path, &secrets);
            if let Some(id) = change.change_set_id() {
                nested.push((id.to_owned(), format!("{}/", read.logical_id)));
            }
            changes.push(read);
        }
        let next = page.next_token.take();
        if next.is_none() {
            match nested.get(read_nested) {
                Some(one) => (id, path) = one.clone(),
                None => return Ok((changes, nested)),
            }
            read_nested += 1;
        }
        // A name is one in its stack; a nested change set is known by its ARN.
        let stack = path.is_empty().then_some(stack.name.as_str());
        page = describe(connection, stack, &id, next).await?;
    }
}

fn read_change(change: &ResourceChange, path: &str, secrets: &Secrets<'_>) -> Change {
    let logical_id = format!("{path}{}", change.logical_resource_id().unwrap_or_default());
    let mut properties: Vec<_> = change
        .details()
        .iter()
        .filter_map(|detail| Some((detail, detail.target()?)))
        .map(|(detail, target)| PropertyChange {
            name: filled(target.name())
                .or_else(|| target.attribute().map(|attribute| attribute.to_string()))
                .unwrap_or_default(),
            recreation: target.requires_recreation().map_or("Never", |one| one.as_str()).to_owned(),
            before: filled(target.before_value()),
            after: filled(target.after_value()),
            because_of: filled(detail.causing_entity()),
        })
        .collect();
    for one in &mut properties {
        secrets.hide(&logical_id, &one.name, &mut one.before);
        secrets.hide(&logical_id, &one.name, &mut one.after);
    }
    Change {
        action: change.action().map(|action| action.to_string()).unwrap_or_default(),
        logical_id,
        physical_id: filled(change.physical_resource_id()),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        replacement: change.replacement().map(|replacement| replacement.to_string()),
        policy_action: change.policy_action().map(|action| action.to_string()),
        properties,
    }
}

async fn delete(connection: &Connection, stack: &str, name: &str) -> Result<(), DeployError> {
    let request = connection.cloudformation.delete_change_set().stack_name(stack).change_set_name(name);
    request.send().await.map(drop).map_err(DeployError::call("DeleteChangeSet"))
}

/// Deletes a change set, and the empty stack that it brought along.
pub(crate) async fn discard(
    connection: &Connection,
    stack: &str,
    name: &str,
    found: Found,
) -> Result<(), DeployError> {
    delete(connection, stack, name).await?;
    if found == Found::Nothing {
        let request = connection.cloudformation.delete_stack().stack_name(stack);
        request.send().await.map_err(DeployError::call("DeleteStack"))?;
    }
    Ok(())
}

pub(crate) async fn execute(
    connection: &Connection,
    stack: &str,
    change_set: &ChangeSet,
) -> Result<(), DeployError> {
    let request = connection
        .cloudformation
        .execute_change_set()
        .stack_name(stack)
        .change_set_name(&change_set.id)
        // A call that is repeated after a lost answer must not count twice; the same wish at another time is another.
        .client_request_token(change_set.id.rsplit('/').next().unwrap_or(&change_set.name))
        .retain_except_on_create(true);
    let error = match request.send().await.map_err(DeployError::call("ExecuteChangeSet")) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    if matches!(&error, DeployError::Call { code: Some(code), .. } if code.starts_with("ChangeSetNotFound")) {
        return Err(DeployError::Changed { stack: stack.to_owned(), what: "the change set is gone".into() });
    }
    // The first call may have come through, and its answer not.
    if matches!(&error, DeployError::Call { code: Some(code), .. } if code.starts_with("InvalidChangeSetStatus"))
    {
        let described = describe(connection, Some(stack), &change_set.id, None).await?;
        let is_ours = matches!(
            described.execution_status,
            Some(ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete)
        );
        if is_ours {
            return Ok(());
        }
        return Err(DeployError::Changed {
            stack: stack.to_owned(),
            what: format!(
                "the change set is {}",
                described.execution_status.map_or("gone".to_owned(), |status| status.to_string())
            ),
        });
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_told_by_both_texts() {
        assert!(says_nothing_changes(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(says_nothing_changes("No updates are to be performed."));
        assert!(!says_nothing_changes("Transform failed"));
    }
}
