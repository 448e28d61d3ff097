//! The advice about a failed resource: the meaning of its reason, and the commands that print logs and descriptions.

use serde_json::Value as Json;
use stackwright_schemas::failures::failure;

use crate::events::ResourceEvent;

const CLUSTER: &str = "AWS::SageMaker::Cluster";

/// Hints and commands about a failed resource.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    /// Sentences that explain the reason.
    pub hints: Vec<String>,
    /// Commands that show logs and descriptions.
    pub commands: Vec<String>,
}

impl Advice {
    /// Returns the advice on a failed resource. `properties` are those of the resource as JSON, as its event has them.
    pub fn on(cause: &ResourceEvent, properties: Option<&str>, region: &str) -> Self {
        let id = plain(cause.physical_id.as_deref().unwrap_or_default());
        // The name is the last part of an ARN.
        let name = id.rsplit('/').next().unwrap_or(id);
        let mut commands = match cause.resource_type.as_str() {
            CLUSTER => Cluster::of(id, properties).commands(region),
            _ if name.is_empty() => Vec::new(),
            kind => commands(kind, name, region),
        };
        let operation = cause.operation.as_deref().map(plain).filter(|operation| !operation.is_empty());
        if let Some(operation) = operation {
            commands.push(format!(
                "aws cloudformation describe-events --region {region} --operation-id {operation} --filters FailedEvents=true"
            ));
        }
        let known = failure(&cause.resource_type, cause.reason.as_deref().unwrap_or_default());
        let hints = known.map(|known| known.hint.replace("{logs}", &Cluster::of(id, properties).log_group()));
        Self { hints: hints.into_iter().collect(), commands }
    }
}

/// Returns a name from outside if a shell does not interpret it, otherwise nothing.
pub(crate) fn plain(name: &str) -> &str {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:".contains(character);
    if name.chars().all(is_plain) { name } else { "" }
}

fn commands(resource_type: &str, name: &str, region: &str) -> Vec<String> {
    let sagemaker =
        |command: &str, option: &str| format!("aws sagemaker {command} --region {region} --{option} {name}");
    let logs = |group: &str| format!("aws logs tail {group}{name} --region {region} --since 1h");
    match resource_type {
        "AWS::SageMaker::Endpoint" => {
            vec![logs("/aws/sagemaker/Endpoints/"), sagemaker("describe-endpoint", "endpoint-name")]
        }
        "AWS::SageMaker::InferenceComponent" => vec![
            logs("/aws/sagemaker/InferenceComponents/"),
            sagemaker("describe-inference-component", "inference-component-name"),
        ],
        "AWS::SageMaker::Pipeline" => vec![sagemaker("describe-pipeline", "pipeline-name")],
        "AWS::Lambda::Function" => vec![logs("/aws/lambda/")],
        _ => Vec::new(),
    }
}

/// A HyperPod cluster. Its physical ID is an ARN that ends in an ID; its log group has the name and that ID.
struct Cluster<'a> {
    arn: &'a str,
    id: Option<&'a str>,
    name: Option<String>,
}

impl<'a> Cluster<'a> {
    fn of(physical_id: &'a str, properties: Option<&str>) -> Self {
        let properties: Option<Json> = properties.and_then(|text| serde_json::from_str(text).ok());
        let name = properties.as_ref().and_then(|properties| properties["ClusterName"].as_str());
        let name = name.map(plain).filter(|name| !name.is_empty()).map(str::to_owned);
        let id = physical_id.split_once(":cluster/").map(|(_, id)| id);
        Self { arn: physical_id, id, name }
    }

    fn log_group(&self) -> String {
        let name = self.name.as_deref().unwrap_or("CLUSTER_NAME");
        format!("/aws/sagemaker/Clusters/{name}/{}", self.id.unwrap_or("CLUSTER_ID"))
    }

    fn commands(&self, region: &str) -> Vec<String> {
        let mut commands = Vec::new();
        if let Some(cluster) = self.name.as_deref().or(self.id.map(|_| self.arn)) {
            for command in ["describe-cluster", "list-cluster-nodes", "list-cluster-events"] {
                commands.push(format!("aws sagemaker {command} --region {region} --cluster-name {cluster}"));
            }
        }
        match (&self.name, self.id) {
            (Some(_), Some(_)) => commands.push(format!(
                "aws logs tail {} --region {region} --since 3h --log-stream-name-prefix LifecycleConfig/",
                self.log_group()
            )),
            (Some(name), None) => commands.push(format!(
                "aws logs describe-log-groups --region {region} --log-group-name-prefix /aws/sagemaker/Clusters/{name}/"
            )),
            (None, _) => {}
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:cluster/ab12cd34ef56";

    fn cluster(physical_id: Option<&str>, reason: &str) -> ResourceEvent {
        ResourceEvent {
            logical_id: "Training".into(),
            physical_id: physical_id.map(str::to_owned),
            resource_type: CLUSTER.into(),
            status: "CREATE_FAILED".into(),
            reason: Some(reason.into()),
            operation: None,
        }
    }

    #[test]
    fn a_failed_cluster_has_a_log_group_and_a_cause() {
        let properties = r#"{"ClusterName":"research"}"#;
        let failed = cluster(Some(ARN), "Lifecycle scripts did not run successfully.");
        let advice = Advice::on(&failed, Some(properties), "us-east-1");
        assert!(
            advice.hints[0]
                .contains("/aws/sagemaker/Clusters/research/ab12cd34ef56, streams LifecycleConfig/")
        );
        assert_eq!(
            advice.commands,
            [
                "aws sagemaker describe-cluster --region us-east-1 --cluster-name research",
                "aws sagemaker list-cluster-nodes --region us-east-1 --cluster-name research",
                "aws sagemaker list-cluster-events --region us-east-1 --cluster-name research",
                "aws logs tail /aws/sagemaker/Clusters/research/ab12cd34ef56 --region us-east-1 --since 3h \
                 --log-stream-name-prefix LifecycleConfig/",
            ]
        );
        let failed = cluster(None, "Insufficient capacity in the Availability Zone");
        let advice = Advice::on(&failed, Some(properties), "us-east-1");
        assert!(advice.hints[0].starts_with("AWS has no capacity"));
        assert!(advice.commands[3].contains("--log-group-name-prefix /aws/sagemaker/Clusters/research/"));
        let advice = Advice::on(&cluster(None, "unknown"), None, "us-east-1");
        assert_eq!(advice, Advice::default());
    }

    #[test]
    fn a_name_that_a_shell_interprets_is_in_no_command() {
        let failed = cluster(Some(ARN), "Insufficient capacity");
        let advice = Advice::on(&failed, Some(r#"{"ClusterName":"$(reboot)"}"#), "us-east-1");
        assert!(!advice.commands.is_empty() && advice.commands.iter().all(|command| !command.contains('$')));
    }
}
