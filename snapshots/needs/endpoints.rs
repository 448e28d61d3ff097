//! What the roles of models, endpoints and inference components need.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Needs;

impl Needs<'_> {
    pub(super) fn endpoints(&mut self) {
        let template = self.template;
        let roles: BTreeMap<String, String> = template
            .of_type("AWS::SageMaker::Model")
            .map(|(id, model)| (id.clone(), template.role(&model["ExecutionRoleArn"])))
            .collect();
        for (id, model) in template.of_type("AWS::SageMaker::Model") {
            self.model(&roles[id], model);
        }
        for (id, config) in template.of_type("AWS::SageMaker::EndpointConfig") {
            let mut of_config = Vec::new();
            for list in ["ProductionVariants", "ShadowProductionVariants"] {
                for variant in config[list].as_array().into_iter().flatten() {
                    let role = match variant.get("ModelName") {
                        Some(name) => roles[&self.referenced(name)].clone(),
                        None => template.role(&config["ExecutionRoleArn"]),
                    };
                    self.writes(&role, &variant["CoreDumpConfig"]["DestinationS3Uri"]);
                    self.key(&role, &variant["CoreDumpConfig"]["KmsKeyId"]);
                    of_config.push((role, variant.get("ModelName").is_some()));
                }
            }
            for (role, has_model) in of_config {
                self.configuration(&role, config);
                for (_, endpoint) in template.of_type("AWS::SageMaker::Endpoint") {
                    if has_model && self.referenced(&endpoint["EndpointConfigName"]) == *id {
                        let name = self.text(&endpoint["EndpointName"]);
                        self.logs(&role, &format!("Endpoints/{name}"));
                    }
                }
            }
        }
        self.components(&roles);
    }

    /// The logical ID of the resource that a name refers to.
    fn referenced(&self, name: &Json) -> String {
        let text = self.text(name);
        let text = text.trim_matches(['<', '>']);
        text.split('.').next().unwrap_or_default().to_owned()
    }

    fn model(&mut self, role: &str, model: &Json) {
        let containers = model["Containers"].as_array().into_iter().flatten();
        for container in containers.chain(model.get("PrimaryContainer")) {
            self.reads(role, &container["ModelDataUrl"]);
            let sources = container["AdditionalModelDataSources"].as_array().into_iter().flatten();
            for source in sources.chain(container.get("ModelDataSource")) {
                let source = &source["S3DataSource"];
                self.reads(role, &source["S3Uri"]);
                let content = &source["HubAccessConfig"]["HubContentArn"];
                if !content.is_null() {
                    let content = self.text(content);
                    self.add(role, "sagemaker:DescribeHubContent", content);
                }
            }
            if !container["Image"].is_null() {
                let credentials =
                    &container["ImageConfig"]["RepositoryAuthConfig"]["RepositoryCredentialsProviderArn"];
                self.image(role, &container["Image"], credentials);
            }
            self.secrets(role, &container["Environment"]);
        }
        self.network(role, &model["VpcConfig"]);
    }

    fn configuration(&mut self, role: &str, config: &Json) {
        let captured = &config["DataCaptureConfig"];
        self.writes(role, &captured["DestinationS3Uri"]);
        self.key(role, &captured["KmsKeyId"]);
        let output = &config["AsyncInferenceConfig"]["OutputConfig"];
        self.writes(role, &output["S3OutputPath"]);
        self.writes(role, &output["S3FailurePath"]);
        self.key(role, &output["KmsKeyId"]);
        for topic in ["SuccessTopic", "ErrorTopic"] {
            let Some(topic) = output["NotificationConfig"].get(topic) else { continue };
            let topic = self.text(topic);
            self.publishes(role, &topic);
        }
        self.key(role, &config["KmsKeyId"]);
        self.add(role, "cloudwatch:PutMetricData", "*");
    }

    /// What a role needs to publish to a topic: SNS encrypts a message with the permissions of its sender.
    pub(super) fn publishes(&mut self, role: &str, topic: &str) {
        self.add(role, "sns:Publish", topic);
        let id = topic.trim_matches(['<', '>']);
        let Some(resource) = self.template.resources.get(id) else { return };
        let key = &resource["Properties"]["KmsMasterKeyId"];
        let key = if key.is_null() { String::new() } else { self.text(key) };
        // The policy of a key of AWS allows it to everyone in the account who may publish.
        if !key.is_empty() && !key.starts_with("alias/aws/") {
            for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
                self.add(role, action, key.clone());
            }
        }
    }

    /// A component runs with the role of its model, or with that of its endpoint.
    fn components(&mut self, roles: &BTreeMap<String, String>) {
        let template = self.template;
        for (_, component) in template.of_type("AWS::SageMaker::InferenceComponent") {
            let host = self.referenced(&component["EndpointName"]);
            let Some(endpoint) = template.resources.get(&host) else { continue };
            let config = self.referenced(&endpoint["Properties"]["EndpointConfigName"]);
            let config = &template.resources[&config]["Properties"];
            let specifications = component["Specifications"].as_array().into_iter().flatten();
            for specification in specifications.chain(component.get("Specification")) {
                let role = match specification.get("ModelName") {
                    Some(name) => roles[&self.referenced(name)].clone(),
                    None => template.role(&config["ExecutionRoleArn"]),
                };
                let container = &specification["Container"];
                self.reads(&role, &container["ArtifactUrl"]);
                if !container["Image"].is_null() {
                    self.image(&role, &container["Image"], &Json::Null);
                }
                self.secrets(&role, &container["Environment"]);
                // An adapter runs in the container of its base component.
                if specification["BaseInferenceComponentName"].is_null() {
                    let name = self.text(&component["InferenceComponentName"]);
                    self.logs(&role, &format!("InferenceComponents/{name}"));
                }
            }
        }
    }
}
