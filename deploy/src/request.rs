//! The request for a change set.

use aws_sdk_cloudformation::types::{
    Capability, ChangeSetType, DeploymentConfig, DeploymentConfigMode, DeploymentMode, ResourceToImport,
};
use serde_json::json;
use stackwright_synth::{StackArtifact, sha256};

use crate::attributes::{Tags, sdk_tags};
use crate::connection::Connection;
use crate::error::DeployError;
use crate::parameters::{Parameters, without_secrets};
use crate::preparation::Options;

/// The state of a stack before a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// There is no stack with the name.
    Nothing,
    /// A stack with the status `REVIEW_IN_PROGRESS`: it has no resources, and possibly change sets of others.
    InReview,
    /// A stack that was deployed.
    Deployed,
}

/// The request for a change set.
pub(crate) struct ChangeSetRequest<'a> {
    pub stack: &'a StackArtifact,
    pub options: &'a Options,
    /// The text of the template.
    pub template: &'a str,
    /// The URL of the template, if it is too large for the request.
    pub template_url: Option<String>,
    pub parameters: Parameters,
    pub tags: Tags,
    /// The ARN of the change set that was executed last.
    pub last_executed: Option<String>,
}

impl ChangeSetRequest<'_> {
    /// Returns the name of the change set.
    ///
    /// The same request for the same state of the stack has the same name: a process that continues the work of a killed
    /// one finds its change set, and of two processes at the same time one creates it and both use it. Values of
    /// `NoEcho` parameters are left out, because everybody who may list change sets sees the name.
    pub fn name(&self) -> String {
        let Options { revert_drift, import_existing, express, keep_failed, imports, .. } = self.options;
        let given = without_secrets(self.stack, &self.options.parameters);
        let follows: Vec<_> = self.parameters.values.iter().map(|one| one.parameter_key()).collect();
        let imports: Vec<_> =
            imports.iter().map(|one| json!([one.logical_id, one.resource_type, one.identifier])).collect();
        // A JSON document is a stable and unambiguous encoding.
        let identity = json!({
            "template": sha256(self.template),
            "given": given,
            "sent": follows,
            "tags": self.tags.tags,
            "revert_drift": revert_drift,
            "import_existing": import_existing,
            "express": express,
            "keep_failed": keep_failed,
            "imports": imports,
            "last_executed": self.last_executed,
        });
        format!("stackwright-{}", &sha256(identity.to_string())[..24])
    }

    /// Returns whether the request has values that are not part of its name.
    pub fn has_secrets(&self) -> bool {
        without_secrets(self.stack, &self.options.parameters).values().any(Option::is_none)
    }

    /// Sends the request, and returns the ARN of the change set.
    pub async fn send(
        &self,
        connection: &Connection,
        existing: Existing,
        name: &str,
    ) -> Result<Option<String>, DeployError> {
        let Self { stack, options, template_url, .. } = self;
        let kind = match existing {
            _ if !options.imports.is_empty() => ChangeSetType::Import,
            Existing::Deployed => ChangeSetType::Update,
            Existing::Nothing | Existing::InReview => ChangeSetType::Create,
        };
        let mut request = connection
            .cloudformation
            .create_change_set()
            .stack_name(&stack.name)
            .change_set_name(name)
            .change_set_type(kind)
            // If the answer is lost, the SDK sends the same token again, and CloudFormation does not act twice.
            .client_token(uuid::Uuid::new_v4().to_string())
            .set_description(options.description.clone())
            .set_capabilities(Some(vec![
                Capability::CapabilityIam,
                Capability::CapabilityNamedIam,
                Capability::CapabilityAutoExpand,
            ]))
            .set_template_body(template_url.is_none().then(|| self.template.to_owned()))
            .set_template_url(template_url.clone())
            .set_parameters(Some(self.parameters.values.clone()))
            .set_tags(self.tags.tags.as_ref().map(sdk_tags));
        if options.revert_drift && existing == Existing::Deployed {
            request = request.deployment_mode(DeploymentMode::RevertDrift);
        }
        if options.import_existing {
            request = request.import_existing_resources(true);
        }
        if options.express {
            let mode = DeploymentConfig::builder().mode(DeploymentConfigMode::Express);
            request = request.deployment_config(mode.disable_rollback(options.keep_failed).build());
        }
        if stack.template.resources().any(|(_, resource)| resource["Type"] == "AWS::CloudFormation::Stack") {
            request = request.include_nested_stacks(true);
        }
        for import in &options.imports {
            let import = ResourceToImport::builder()
                .logical_resource_id(&import.logical_id)
                .resource_type(&import.resource_type)
                .set_resource_identifier(Some(import.identifier.clone().into_iter().collect()));
            request = request.resources_to_import(import.build());
        }
        request.send().await.map(|answer| answer.id).map_err(DeployError::call("CreateChangeSet"))
    }
}

#[cfg(test)]
mod tests {
    use stackwright_synth::Assembly;

    use super::*;

    fn name(given: &[(&str, &str)]) -> (String, bool) {
        let template = json!({
            "Parameters": { "Token": { "Type": "String", "NoEcho": true }, "Size": { "Type": "Number" } },
            "Resources": { "Alarms": { "Type": "AWS::SNS::Topic" } },
        });
        let stack = Assembly::of_template("one.json", template.to_string()).unwrap().stacks.remove(0);
        let options =
            given.iter().fold(Options::new(), |options, (name, value)| options.parameter(*name, *value));
        let request = ChangeSetRequest {
            stack: &stack,
            options: &options,
            template: stack.template_body(),
            template_url: None,
            parameters: Parameters::default(),
            tags: Tags::default(),
            last_executed: None,
        };
        (request.name(), request.has_secrets())
    }

    /// The name is what a later version of the program finds a change set by: it must not change with the form in which
    /// values happen to be printed.
    #[test]
    fn the_name_of_a_request_is_fixed() {
        assert_eq!(name(&[("Size", "1")]).0, "stackwright-55d81eab1796470c7c1a6f26");
    }

    #[test]
    fn the_name_depends_on_parameters_but_not_on_secrets() {
        assert_ne!(name(&[("Size", "1")]).0, name(&[("Size", "2")]).0);
        assert_eq!(name(&[("Token", "1234")]).0, name(&[("Token", "9999")]).0);
        assert_ne!(name(&[("Token", "1234")]).0, name(&[]).0);
        assert!(name(&[("Token", "1234")]).1 && !name(&[("Size", "1")]).1);
    }
}
