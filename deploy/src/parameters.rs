//! The values of parameters for a change set.
//!
//! CloudFormation does not record whether a value was passed or comes from the default of the template. It is
//! derived: a value that equals the default of the deployed template was not given, and follows the new template. Any
//! other value was given by an earlier deployment, and is kept.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{Parameter, Stack};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use stackwright_synth::secret::{MASK, default_text, is_no_echo};
use stackwright_synth::{StackArtifact, Template, with_causes};

use crate::connection::Connection;
use crate::error::DeployError;
use crate::secret::Secrets;
use crate::{Progress, Report};

/// A note about a parameter whose value does not follow from the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterNote {
    /// The name of the parameter.
    pub name: String,
    /// The reason of the note.
    pub reason: ParameterReason,
    /// The value that the stack has; `None` if it has none, or if the value is a secret.
    pub current: Option<String>,
    /// The default of the new template, the new value of the SSM parameter, or the given value.
    pub new: Option<String>,
}

/// The action for a parameter for which no value is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParameterReason {
    /// The stack keeps a value that an earlier deployment gave, although the template has another default.
    Kept,
    /// The stack follows the template, whose default has changed.
    DefaultChanged,
    /// The SSM parameter that the parameter reads has another value than at the last deployment.
    SsmValueChanged,
    /// A value was given that an import does not use, because it changes nothing but the imported resources.
    IgnoredByImport,
}

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    pub values: Vec<Parameter>,
    pub notes: Vec<ParameterNote>,
}

/// Decides the value of each parameter of the template.
pub(crate) async fn resolve(
    connection: &Connection,
    stack: &StackArtifact,
    given: &BTreeMap<String, String>,
    existing: Option<&Stack>,
    report: Report<'_>,
) -> Result<Parameters, DeployError> {
    let deployed: BTreeMap<&str, &Parameter> = existing
        .into_iter()
        .flat_map(Stack::parameters)
        .filter_map(|one| Some((one.parameter_key()?, one)))
        .collect();
    let mut result = Parameters::default();
    // The defaults of the deployed template are read only if they matter.
    let mut defaults: Option<Option<BTreeMap<String, String>>> = None;
    for (name, declaration) in stack.template.section("Parameters") {
        if let Some(value) = given.get(name) {
            let value = Parameter::builder().parameter_key(name).parameter_value(value);
            result.values.push(value.build());
            continue;
        }
        let Some(current) = deployed.get(name).map(|one| one.parameter_value().unwrap_or_default()) else {
            continue;
        };
        let new = default_text(declaration);
        if new.as_deref() == Some(current) {
            continue;
        }
        let is_hidden = is_no_echo(declaration) || current == MASK;
        if defaults.is_none() && new.is_some() && !is_hidden {
            defaults = Some(deployed_defaults(connection, &stack.name, report).await?);
        }
        let deployed_default = defaults.as_ref().and_then(Option::as_ref).and_then(|all| all.get(name));
        let follows = new.is_some() && !is_hidden && deployed_default.is_some_and(|old| old == current);
        if !follows {
            result.values.push(Parameter::builder().parameter_key(name).use_previous_value(true).build());
        }
        if new.is_some() {
            let shown = |text: Option<String>| text.filter(|_| !is_hidden);
            result.notes.push(ParameterNote {
                name: name.to_owned(),
                reason: if follows { ParameterReason::DefaultChanged } else { ParameterReason::Kept },
                current: shown(Some(current.to_owned())),
                new: shown(new),
            });
        }
    }
    Ok(result)
}

/// Decides the values of the parameters of the template of an import: those that the stack has stay as they are, because an
/// import changes nothing else. Notes name the given values that are not used.
pub(crate) fn of_import(
    template: &str,
    given: &BTreeMap<String, String>,
    existing: Option<&Stack>,
    secrets: &Secrets<'_>,
) -> Parameters {
    let Ok(template) = Template::read(template) else { return Parameters::default() };
    let deployed = |name: &str| {
        existing.into_iter().flat_map(Stack::parameters).find(|one| one.parameter_key() == Some(name))
    };
    let value = |name: &str| {
        let parameter = Parameter::builder().parameter_key(name);
        match given.get(name) {
            _ if deployed(name).is_some() => Some(parameter.use_previous_value(true).build()),
            Some(value) => Some(parameter.parameter_value(value).build()),
            None => None,
        }
    };
    let values = template.section("Parameters").filter_map(|(name, _)| value(name)).collect();
    let is_of_import = |name: &str| template.section("Parameters").any(|(known, _)| known == name);
    let note = |(name, new): (&String, &String)| {
        let current = deployed(name).and_then(Parameter::parameter_value);
        let is_unused = if deployed(name).is_some() { current != Some(new) } else { !is_of_import(name) };
        let is_hidden = current == Some(MASK) || secrets.is_secret(name);
        let shown = |text: &str| (!is_hidden).then(|| text.to_owned());
        is_unused.then(|| ParameterNote {
            name: name.clone(),
            reason: ParameterReason::IgnoredByImport,
            current: current.and_then(shown),
            new: shown(new),
        })
    };
    Parameters { values, notes: given.iter().filter_map(note).collect() }
}

/// Returns the defaults of the deployed template; `None` if they cannot be read.
async fn deployed_defaults(
    connection: &Connection,
    stack: &str,
    report: Report<'_>,
) -> Result<Option<BTreeMap<String, String>>, DeployError> {
    let answer = connection.cloudformation.get_template_summary().stack_name(stack).send().await;
    match answer.map_err(DeployError::call("GetTemplateSummary")) {
        Ok(answer) => Ok(Some(
            answer
                .parameters()
                .iter()
                .filter_map(|one| Some((one.parameter_key()?.to_owned(), one.default_value()?.to_owned())))
                .collect(),
        )),
        Err(error) if error.is_expired() => Err(error),
        Err(error) => {
            report(Progress::OperationUnavailable {
                operation: "GetTemplateSummary",
                reason: with_causes(&error),
            });
            Ok(None)
        }
    }
}

/// Returns notes about SSM parameters whose value has changed since the last deployment.
pub(crate) fn changed_ssm_values(
    before: &[Parameter],
    after: &[Parameter],
    secrets: &Secrets<'_>,
) -> Vec<ParameterNote> {
    after
        .iter()
        .filter_map(|new| {
            let name = new.parameter_key()?;
            let old = before.iter().find(|one| one.parameter_key() == Some(name))?;
            let (old_value, new_value) = (old.resolved_value()?, new.resolved_value()?);
            let is_same_path = old.parameter_value() == new.parameter_value();
            (is_same_path && old_value != new_value).then(|| {
                let shown = |text: &str| (!secrets.is_secret(name)).then(|| secrets.mask(text));
                ParameterNote {
                    name: name.to_owned(),
                    reason: ParameterReason::SsmValueChanged,
                    current: shown(old_value),
                    new: shown(new_value),
                }
            })
        })
        .collect()
}

/// Returns the values that identify a request: those of secret parameters are left out, because a hash of a short secret
/// can be guessed.
pub(crate) fn without_secrets(
    stack: &StackArtifact,
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let is_secret = |name: &str| {
        let declared: Option<&Json> =
            stack.template.section("Parameters").find(|(known, _)| *known == name).map(|(_, one)| one);
        declared.is_none_or(is_no_echo)
    };
    given.iter().map(|(name, value)| (name.clone(), (!is_secret(name)).then(|| value.clone()))).collect()
}
