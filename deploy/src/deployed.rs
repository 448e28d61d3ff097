//! A stack as it is deployed, for a comparison with the program.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{Stack, TemplateStage};
use stackwright_synth::secret::{MASK, default_text, is_no_echo};
use stackwright_synth::{StackArtifact, Template, with_causes};

use crate::connection::Connection;
use crate::error::DeployError;
use crate::lookup::{deployed_template, find_stack, status_of};
use crate::parameters;
use crate::status::StackStatus;
use crate::{Progress, Report};

/// The deployed version of a stack: its template, tags, parameters and policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeployedStack {
    /// The template as it was given, without transforms applied.
    pub template: Template,
    /// The tags whose keys the program sets too. A deployment does not change other tags.
    pub tags: BTreeMap<String, String>,
    /// Whether termination protection is enabled.
    pub termination_protection: bool,
    /// The values of the parameters; `None` is a value that CloudFormation does not show.
    pub parameters: BTreeMap<String, Option<String>>,
    /// The values that the parameters would have after a deployment; `None` is a value that is a secret.
    pub next_parameters: BTreeMap<String, Option<String>>,
    /// The stack policy, if the stack has one.
    pub policy: Option<String>,
}

/// Reads the deployed stack; `None` if the stack is not deployed. `given` are the values of parameters that a deployment would
/// set.
///
/// # Errors
/// Returns an error if a request fails.
pub async fn deployed_stack(
    connection: &Connection,
    stack: &StackArtifact,
    given: &BTreeMap<String, String>,
    report: Report<'_>,
) -> Result<Option<DeployedStack>, DeployError> {
    let Some(found) = find_stack(connection, &stack.name).await? else { return Ok(None) };
    let is_empty = matches!(
        status_of(&found),
        StackStatus::ReviewInProgress | StackStatus::DeleteComplete | StackStatus::RollbackComplete
    );
    if is_empty {
        return Ok(None);
    }
    let template = deployed_template(connection, &stack.name, TemplateStage::Original).await?;
    let resolved = parameters::resolve(connection, stack, given, Some(&found), report).await?;
    let mut deployed = DeployedStack::new(stack, &found, template, &resolved);
    deployed.policy = policy(connection, &stack.name, report).await?;
    Ok(Some(deployed))
}

impl DeployedStack {
    /// Returns a deployed stack without its policy. `resolved` are the parameters that a deployment would set.
    pub(crate) fn new(
        stack: &StackArtifact,
        found: &Stack,
        template: Template,
        resolved: &parameters::Parameters,
    ) -> Self {
        let secret =
            |name: &str| template.section("Parameters").any(|(known, one)| known == name && is_no_echo(one));
        let parameters: BTreeMap<String, Option<String>> = found
            .parameters()
            .iter()
            .filter_map(|one| Some((one.parameter_key()?, one.parameter_value()?)))
            .map(|(name, value)| {
                let is_hidden = value == MASK || secret(name);
                (name.to_owned(), (!is_hidden).then(|| value.to_owned()))
            })
            .collect();
        let mut next_parameters = BTreeMap::new();
        for (name, declaration) in stack.template.section("Parameters") {
            let sent = resolved.values.iter().find(|one| one.parameter_key() == Some(name));
            let value = match sent {
                Some(one) if one.use_previous_value() == Some(true) => {
                    parameters.get(name).cloned().flatten()
                }
                Some(one) => one.parameter_value().map(str::to_owned),
                None => default_text(declaration),
            };
            next_parameters.insert(name.to_owned(), value.filter(|_| !is_no_echo(declaration)));
        }
        Self {
            tags: own_tags(stack, found),
            termination_protection: found.enable_termination_protection == Some(true),
            policy: None,
            template,
            parameters,
            next_parameters,
        }
    }
}

/// Returns the tags of a stack whose keys the program sets.
fn own_tags(stack: &StackArtifact, found: &Stack) -> BTreeMap<String, String> {
    let current = |key: &str| found.tags().iter().find(|tag| tag.key() == Some(key))?.value();
    let own = stack.tags.keys().filter_map(|key| Some((key.clone(), current(key)?.to_owned())));
    own.collect()
}

async fn policy(
    connection: &Connection,
    stack: &str,
    report: Report<'_>,
) -> Result<Option<String>, DeployError> {
    let answer = connection.cloudformation.get_stack_policy().stack_name(stack).send().await;
    match answer.map_err(DeployError::call("GetStackPolicy")) {
        Ok(answer) => Ok(answer.stack_policy_body),
        Err(error) if error.is_access_denied() => {
            let reason = with_causes(&error);
            report(Progress::OperationUnavailable { operation: "GetStackPolicy", reason });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
