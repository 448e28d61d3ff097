//! Secrets: the values of parameters with `NoEcho`, and everything that contains them.
//!
//! All texts that leave this crate pass through [`Secrets`]: property values, outputs, reasons in events, and errors.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use stackwright_synth::StackArtifact;
use stackwright_synth::function::references;
use stackwright_synth::secret::{MASK, SecretValues, default_text, is_no_echo};

use crate::Progress;
use crate::diagnosis::Diagnosis;
use crate::error::DeployError;
use crate::events::ResourceEvent;
use crate::validation::{Annotation, ValidationFailure};

/// The secrets of a stack.
///
/// ```
/// use std::collections::BTreeMap;
/// use stackwright_deploy::Secrets;
/// use stackwright_synth::Assembly;
///
/// let template = "Parameters: {Token: {Type: String, NoEcho: true}}\nResources: {}";
/// let stack = Assembly::of_template("one.yaml", template.to_owned()).unwrap().stacks.remove(0);
/// let secrets = Secrets::new(&stack, &BTreeMap::from([("Token".to_owned(), "hunter2".to_owned())]));
/// # let _ = secrets;
/// ```
#[derive(Clone, Debug)]
pub struct Secrets<'a> {
    stack: &'a StackArtifact,
    /// The names of the parameters with `NoEcho`.
    parameters: Vec<&'a str>,
    /// The values of these parameters, as far as they are known.
    values: SecretValues,
}

impl<'a> Secrets<'a> {
    /// Finds the secrets of a stack, with the values that are given for its parameters.
    pub fn new(stack: &'a StackArtifact, given: &BTreeMap<String, String>) -> Self {
        let declared: Vec<(&str, &Json)> =
            stack.template.section("Parameters").filter(|(_, one)| is_no_echo(one)).collect();
        let values = declared.iter();
        let values = values.filter_map(|(name, one)| given.get(*name).cloned().or_else(|| default_text(one)));
        let values = SecretValues::new(values);
        Self { stack, parameters: declared.into_iter().map(|(name, _)| name).collect(), values }
    }

    /// Returns whether a parameter has `NoEcho`.
    pub fn is_secret(&self, parameter: &str) -> bool {
        self.parameters.contains(&parameter)
    }

    /// Replaces the known secrets in a text with `****`.
    pub fn mask(&self, text: &str) -> String {
        self.values.mask(text)
    }

    /// Returns the value of an output; masked if it is made of a secret.
    pub fn output(&self, key: &str, value: &str) -> String {
        let is_made_of_secret = self
            .stack
            .template
            .section("Outputs")
            .find(|(name, _)| *name == key)
            .is_some_and(|(_, output)| self.mentions_secret(&output["Value"]));
        if is_made_of_secret { MASK.into() } else { self.mask(value) }
    }

    /// Masks the value of a property if it is made of a secret.
    pub(crate) fn mask_property(&self, logical_id: &str, property: &str, value: &mut Option<String>) {
        if let Some(text) = value {
            *text = if self.covers(logical_id, property) { MASK.into() } else { self.mask(text) };
        }
    }

    /// Returns whether a property is made of a secret. A property that is not in the template counts as made of one if
    /// anything in its resource is.
    pub(crate) fn covers(&self, logical_id: &str, property: &str) -> bool {
        if self.parameters.is_empty() {
            return false;
        }
        let Some((_, resource)) = self.stack.template.resources().find(|(id, _)| *id == logical_id) else {
            // A resource that leaves the stack, or one of a nested stack: its template is not known here.
            return true;
        };
        let written = resource["Properties"].get(property).unwrap_or(resource);
        self.mentions(written)
    }

    /// Returns whether a value refers to a secret parameter, or to an attribute of a resource that is made of one.
    fn mentions_secret(&self, value: &Json) -> bool {
        if self.parameters.is_empty() {
            return false;
        }
        let mut found = false;
        references(value, &mut String::new(), &mut |name, attribute, _| {
            found |= self.is_secret(name);
            let property = attribute.as_deref().and_then(|path| path.split('.').next());
            let resource = self.stack.template.resources().find(|(id, _)| *id == name);
            if let (Some(property), Some((_, resource))) = (property, resource) {
                found |= resource["Properties"].get(property).is_some_and(|value| self.mentions(value));
            }
        });
        found
    }

    fn mentions(&self, value: &Json) -> bool {
        let mut found = false;
        references(value, &mut String::new(), &mut |name, _, _| found |= self.is_secret(name));
        found
    }

    /// Masks the secrets in a progress message.
    pub fn mask_progress(&self, progress: Progress) -> Progress {
        match progress {
            Progress::Event(event) => Progress::Event(self.mask_event(event)),
            Progress::StillWaiting { activity, elapsed, last_error } => {
                let last_error = last_error.map(|error| self.mask(&error));
                Progress::StillWaiting { activity, elapsed, last_error }
            }
            Progress::OutputsUnavailable { reason } => {
                Progress::OutputsUnavailable { reason: self.mask(&reason) }
            }
            Progress::ChangeSetNotDeleted { change_set, reason } => {
                Progress::ChangeSetNotDeleted { change_set, reason: self.mask(&reason) }
            }
            Progress::NotCompared { reason } => Progress::NotCompared { reason: self.mask(&reason) },
            Progress::OperationUnavailable { operation, reason } => {
                Progress::OperationUnavailable { operation, reason: self.mask(&reason) }
            }
            Progress::ChangeSetCreated(mut change_set) => {
                for warning in &mut change_set.warnings {
                    self.mask_failure(warning);
                }
                Progress::ChangeSetCreated(change_set)
            }
            other => other,
        }
    }

    /// Masks the secrets in an error.
    pub fn mask_error(&self, error: DeployError) -> DeployError {
        match error {
            // The cause is a failure of the connection, without content of a request.
            DeployError::Call { operation, code, message, source } => {
                DeployError::Call { operation, code, message: self.mask(&message), source }
            }
            DeployError::State { stack, status, reason } => {
                DeployError::State { stack, status, reason: self.mask(&reason) }
            }
            DeployError::ChangeSet { stack, reason, mut failures } => {
                for failure in &mut failures {
                    self.mask_failure(failure);
                }
                DeployError::ChangeSet { stack, reason: self.mask(&reason), failures }
            }
            DeployError::LostContact { stack, backend, source } => {
                DeployError::LostContact { stack, backend, source: Box::new(self.mask_error(*source)) }
            }
            DeployError::AttributeNotChanged { stack, change, source } => {
                let source = Box::new(self.mask_error(*source));
                DeployError::AttributeNotChanged { stack, change, source }
            }
            DeployError::Failed { stack, status, cancelled, diagnosis } => {
                let diagnosis = diagnosis.map(|found| Box::new(self.mask_diagnosis(*found)));
                DeployError::Failed { stack, status, cancelled, diagnosis }
            }
            DeployError::Changed { stack, reason } => {
                DeployError::Changed { stack, reason: self.mask(&reason) }
            }
            DeployError::Import { resource, reason } => {
                DeployError::Import { resource, reason: self.mask(&reason) }
            }
            DeployError::Refactor { stacks, reason } => {
                DeployError::Refactor { stacks, reason: self.mask(&reason) }
            }
            DeployError::Bucket { bucket, reason } => {
                DeployError::Bucket { bucket, reason: self.mask(&reason) }
            }
            // The others hold names, numbers and statuses only.
            other => other,
        }
    }

    /// Masks the secrets in a diagnosis.
    pub fn mask_diagnosis(&self, mut diagnosis: Diagnosis) -> Diagnosis {
        diagnosis.cause = self.mask_event(diagnosis.cause);
        diagnosis.others = diagnosis.others.into_iter().map(|event| self.mask_event(event)).collect();
        self.mask_annotations(&mut diagnosis.annotations);
        diagnosis
    }

    fn mask_event(&self, mut event: ResourceEvent) -> ResourceEvent {
        event.reason = event.reason.as_deref().map(|reason| self.mask(reason));
        event.physical_id = event.physical_id.as_deref().map(|id| self.mask(id));
        event
    }

    fn mask_failure(&self, failure: &mut ValidationFailure) {
        failure.reason = self.mask(&failure.reason);
        self.mask_annotations(&mut failure.annotations);
    }

    fn mask_annotations(&self, annotations: &mut [Annotation]) {
        for annotation in annotations {
            for text in [&mut annotation.message, &mut annotation.remediation, &mut annotation.link] {
                *text = text.as_deref().map(|text| self.mask(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackwright_synth::Assembly;

    use super::*;

    fn stack() -> StackArtifact {
        let template = json!({
            "Parameters": {
                "Token": { "Type": "String", "NoEcho": true },
                "Pin": { "Type": "String", "NoEcho": "true", "Default": 123 },
                "Name": { "Type": "String" },
            },
            "Resources": {
                "Setting": { "Type": "AWS::SSM::Parameter", "Properties": { "Name": "n", "Type": "String", "Value": { "Ref": "Token" } } },
            },
            "Outputs": {
                "Direct": { "Value": { "Fn::Sub": "https://${Token}@example.com" } },
                "Indirect": { "Value": { "Fn::GetAtt": ["Setting", "Value"] } },
                "Plain": { "Value": { "Ref": "Name" } },
            },
        });
        Assembly::of_template("one.json", template.to_string()).unwrap().stacks.remove(0)
    }

    #[test]
    fn outputs_that_are_made_of_secrets_are_masked() {
        let stack = stack();
        let secrets = Secrets::new(&stack, &BTreeMap::new());
        assert_eq!(secrets.output("Direct", "https://hunter2@example.com"), MASK);
        assert_eq!(secrets.output("Indirect", "hunter2"), MASK);
        assert_eq!(secrets.output("Plain", "a name"), "a name");
    }

    #[test]
    fn a_known_secret_is_masked_in_outputs() {
        let stack = stack();
        let given = BTreeMap::from([("Token".to_owned(), "hunter\"2".to_owned())]);
        let secrets = Secrets::new(&stack, &given);
        assert_eq!(secrets.output("Plain", "x hunter\"2"), "x ****");
    }
}
