//! Prepares the deployment of a stack: waits for other operations, uploads assets, and creates the change set.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use aws_sdk_cloudformation::types::{DeploymentConfigMode, Stack, TemplateStage};
use serde::Serialize;
use stackwright_synth::StackArtifact;

use crate::attributes::AttributeChange;
use crate::change_set::{self, ChangeSet};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::import::Import;
use crate::lookup::{deployed_template, find_stack, resources, status_of};
use crate::prediction::{self, ComparePrediction};
use crate::request::{ChangeSetRequest, Existing};
use crate::secret::Secrets;
use crate::status::{ResourceStatus, StackStatus};
use crate::{Progress, Report, assets, attributes, import_template, parameters};

/// The options of the deployment of a stack. By default, only the template and the attributes that the program sets are deployed.
///
/// ```
/// let options = stackwright_deploy::Options::new().parameter("Stage", "prod").keep_failed(true);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) description: Option<String>,
    pub(crate) revert_drift: bool,
    pub(crate) import_existing: bool,
    pub(crate) express: bool,
    pub(crate) keep_failed: bool,
    pub(crate) prune_tags: bool,
    pub(crate) imports: Vec<Import>,
}

impl Options {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a parameter of the template. A parameter that is not set keeps the value of an earlier deployment, or
    /// has the default of the template.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Sets the description of the change set, for example the commit and the program that created it.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets whether changes made outside CloudFormation (drift) are reverted. The default is `false`.
    #[must_use]
    pub fn revert_drift(mut self, revert_drift: bool) -> Self {
        self.revert_drift = revert_drift;
        self
    }

    /// Sets whether existing resources with the names that the template sets are imported, instead of created. The default is
    /// `false`.
    #[must_use]
    pub fn import_existing(mut self, import_existing: bool) -> Self {
        self.import_existing = import_existing;
        self
    }

    /// Sets whether the deployment ends when all resources are configured, without waiting until they are ready (CloudFormation's
    /// express mode). The default is `false`.
    #[must_use]
    pub fn express(mut self, express: bool) -> Self {
        self.express = express;
        self
    }

    /// Sets whether resources are kept after a failure, for inspection. The default is `false`: CloudFormation rolls back.
    #[must_use]
    pub fn keep_failed(mut self, keep_failed: bool) -> Self {
        self.keep_failed = keep_failed;
        self
    }

    /// Sets whether tags of the stack that the program does not set are removed. The default is `false`.
    #[must_use]
    pub fn prune_tags(mut self, prune_tags: bool) -> Self {
        self.prune_tags = prune_tags;
        self
    }

    /// Sets the resources to import. If there are any, the deployment makes no other change. By default, there are none.
    #[must_use]
    pub fn imports(mut self, imports: Vec<Import>) -> Self {
        self.imports = imports;
        self
    }
}

/// The result of [`prepare`]: a change set, or the information that nothing changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Prepared {
    /// Nothing in the template changes.
    Unchanged {
        /// Changes to attributes of the stack that are not part of a change set.
        attributes: Vec<AttributeChange>,
    },
    /// A change set that can be executed.
    Ready(Box<ChangeSet>),
}

/// The maximum time for the deletion of an empty stack.
const DELETION_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum time for another operation on the stack, or for the deployment itself.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

/// The maximum number of times that a change set is requested while other processes create and delete the stack.
const MAX_ATTEMPTS: usize = 4;

/// Waits until a stack can be changed, uploads its assets, and creates a change set.
///
/// # Errors
/// Returns an error if the stack cannot be deployed in its current status, if CloudFormation cannot create the change
/// set, or if a request fails.
pub async fn prepare(
    connection: &Connection,
    stack: &StackArtifact,
    options: &Options,
    report: Report<'_>,
) -> Result<Prepared, DeployError> {
    prepare_compared(connection, stack, options, None, report).await
}

/// Does the same as [`prepare`], and compares the change set of a deployed stack with the outcome that the templates
/// predict.
pub(crate) async fn prepare_compared(
    connection: &Connection,
    stack: &StackArtifact,
    options: &Options,
    compare: Option<ComparePrediction<'_>>,
    report: Report<'_>,
) -> Result<Prepared, DeployError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (existing, present) = wait_until_deployable(connection, &stack.name, options, report).await?;
        let deployed = present.as_ref().filter(|_| existing == Existing::Deployed);
        let imported = if options.imports.is_empty() {
            None
        } else {
            let base = match deployed {
                Some(_) => Some(deployed_template(connection, &stack.name, TemplateStage::Original).await?),
                None => None,
            };
            Some(import_template::build(stack, base.as_ref(), &options.imports)?)
        };
        let template = imported.as_deref().unwrap_or_else(|| stack.template_body());
        let template_url = assets::upload(connection, stack, template, report).await?;
        report(Progress::CreatingChangeSet);
        let request = ChangeSetRequest {
            stack,
            options,
            template,
            template_url,
            parameters: match &imported {
                Some(template) => {
                    let secrets = Secrets::new(stack, &options.parameters);
                    parameters::of_import(template, &options.parameters, deployed, &secrets)
                }
                None => parameters::resolve(connection, stack, &options.parameters, deployed, report).await?,
            },
            tags: if options.imports.is_empty() {
                attributes::tags(stack, deployed, options.prune_tags)
            } else {
                attributes::Tags::default()
            },
            last_executed: deployed.and_then(|stack| stack.change_set_id.clone()),
        };
        let deployed_parameters = deployed.map(Stack::parameters).unwrap_or_default();
        match change_set::create(connection, &request, existing, deployed_parameters, report).await {
            // Another process has created, changed or deleted the stack since it was read.
            Err(error) if error.is_outdated() && attempts < MAX_ATTEMPTS => {}
            Err(error) => return Err(error),
            Ok(change_set) => {
                let is_import = !options.imports.is_empty();
                let protection =
                    if is_import { None } else { attributes::termination_protection(stack, deployed) };
                return Ok(match change_set {
                    Some(mut change_set) => {
                        change_set.attributes.extend(protection);
                        if let (Some(compare), Some(deployed), false) = (compare, deployed, is_import) {
                            let known = (deployed, &request.parameters);
                            let versions =
                                prediction::versions(connection, stack, known, &change_set, report).await?;
                            change_set.prediction =
                                versions.map(|versions| compare(stack, versions, &change_set));
                        }
                        Prepared::Ready(Box::new(change_set))
                    }
                    None => {
                        check_settled(stack, deployed)?;
                        Prepared::Unchanged { attributes: protection.into_iter().collect() }
                    }
                });
            }
        }
    }
}

/// Waits until a stack can be changed. The empty stack that a failed first deployment left is deleted, because
/// CloudFormation cannot update it.
async fn wait_until_deployable(
    connection: &Connection,
    name: &str,
    options: &Options,
    report: Report<'_>,
) -> Result<(Existing, Option<Stack>), DeployError> {
    loop {
        let Some(stack) = wait_until_idle(connection, name, &[], report).await? else {
            return Ok((Existing::Nothing, None));
        };
        let status = status_of(&stack);
        match status {
            StackStatus::DeleteComplete => return Ok((Existing::Nothing, None)),
            StackStatus::ReviewInProgress => return Ok((Existing::InReview, Some(stack))),
            StackStatus::RollbackComplete => delete_empty_stack(connection, &stack, report).await?,
            StackStatus::RollbackFailed
            | StackStatus::DeleteFailed
            | StackStatus::UpdateRollbackFailed
            | StackStatus::ImportRollbackFailed => {
                let reason = stack
                    .stack_status_reason
                    .unwrap_or_else(|| "CloudFormation cannot update a stack with this status".into());
                return Err(DeployError::State { stack: name.to_owned(), status, reason });
            }
            StackStatus::CreateFailed | StackStatus::UpdateFailed => {
                return match missing_options(&stack, options) {
                    None => Ok((Existing::Deployed, Some(stack))),
                    Some(reason) => Err(DeployError::State { stack: name.to_owned(), status, reason }),
                };
            }
            _ => return Ok((Existing::Deployed, Some(stack))),
        }
    }
}

/// Returns whether the last operation on a stack used express mode.
pub(crate) fn used_express(stack: &Stack) -> bool {
    let mode = stack.deployment_config().and_then(|config| config.mode());
    mode == Some(&DeploymentConfigMode::Express)
}

/// Returns why the options do not fit a stack whose last operation failed and was not rolled back: CloudFormation updates it
/// only in an operation that is not rolled back either, and after one in express mode only in express mode.
fn missing_options(stack: &Stack, options: &Options) -> Option<String> {
    if options.keep_failed && (options.express || !used_express(stack)) {
        return None;
    }
    Some(format!(
        "its last operation failed and was not rolled back, and CloudFormation continues from there only with `{}`",
        ContinueMode::of(stack)
    ))
}

/// Refuses to report that nothing changes for a stack whose last operation failed and was not rolled back: it keeps its status.
fn check_settled(stack: &StackArtifact, deployed: Option<&Stack>) -> Result<(), DeployError> {
    match deployed.map(status_of) {
        Some(status @ (StackStatus::CreateFailed | StackStatus::UpdateFailed)) => Err(DeployError::State {
            stack: stack.name.clone(),
            status,
            reason: "CloudFormation finds no change to deploy, so that the stack keeps this status".into(),
        }),
        _ => Ok(()),
    }
}

/// The mode in which `deploy` continues from a failed operation that was not rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ContinueMode {
    /// The next operation keeps failed resources too, instead of rolling back.
    #[serde(rename = "--keep-failed")]
    KeepFailed,
    /// The next operation keeps failed resources too, and uses express mode, as the failed operation did.
    #[serde(rename = "--express --keep-failed")]
    ExpressKeepFailed,
}

impl ContinueMode {
    /// Returns the mode for a stack whose last operation failed and was not rolled back.
    pub(crate) fn of(stack: &Stack) -> Self {
        if used_express(stack) { Self::ExpressKeepFailed } else { Self::KeepFailed }
    }
}

impl fmt::Display for ContinueMode {
    /// Writes the options of `deploy`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::KeepFailed => "--keep-failed",
            Self::ExpressKeepFailed => "--express --keep-failed",
        })
    }
}

/// Waits until no operation is running on a stack, except operations with the named statuses, and returns the stack.
pub(crate) async fn wait_until_idle(
    connection: &Connection,
    name: &str,
    except: &[StackStatus],
    report: Report<'_>,
) -> Result<Option<Stack>, DeployError> {
    let start = Instant::now();
    let mut reported = None;
    loop {
        let Some(stack) = find_stack(connection, name).await? else { return Ok(None) };
        let status = status_of(&stack);
        if !status.is_in_progress() || except.contains(&status) {
            return Ok(Some(stack));
        }
        if start.elapsed() > OPERATION_TIMEOUT {
            return Err(DeployError::Timeout {
                activity: format!("another operation on the stack {name} ({status})"),
                limit: OPERATION_TIMEOUT,
                backend: connection.backend(),
            });
        }
        if reported.as_ref() != Some(&status) {
            report(Progress::WaitingForOperation { status: status.clone() });
            reported = Some(status);
        }
        connection.poller.wait(start.elapsed()).await;
    }
}

/// Deletes a stack whose first deployment was rolled back, if it has no resources left.
async fn delete_empty_stack(
    connection: &Connection,
    stack: &Stack,
    report: Report<'_>,
) -> Result<(), DeployError> {
    let name = stack.stack_name().unwrap_or_default().to_owned();
    let id = stack.stack_id().unwrap_or_default().to_owned();
    let left: Vec<String> = resources(connection, &id)
        .await?
        .into_iter()
        .filter(|one| {
            let status = one.resource_status().map_or("", |status| status.as_str());
            ResourceStatus::from(status) != ResourceStatus::DeleteComplete
        })
        .filter_map(|one| one.logical_resource_id)
        .collect();
    let refuse = |reason: String| {
        Err(DeployError::State { stack: name.clone(), status: StackStatus::RollbackComplete, reason })
    };
    if !left.is_empty() {
        return refuse(format!("the failed first deployment has left {}", left.join(", ")));
    }
    if stack.enable_termination_protection == Some(true) {
        return refuse(
            "the stack is empty and has to be deleted, but termination protection is enabled".into(),
        );
    }
    report(Progress::DeletingEmptyStack);
    let request = connection.cloudformation.delete_stack().stack_name(&id);
    request.send().await.map_err(DeployError::call("DeleteStack"))?;
    let start = Instant::now();
    while find_stack(connection, &id)
        .await?
        .is_some_and(|stack| status_of(&stack) != StackStatus::DeleteComplete)
    {
        if start.elapsed() > DELETION_TIMEOUT {
            return Err(DeployError::Timeout {
                activity: format!("the deletion of the empty stack {name}"),
                limit: DELETION_TIMEOUT,
                backend: connection.backend(),
            });
        }
        connection.poller.wait(start.elapsed()).await;
    }
    Ok(())
}
