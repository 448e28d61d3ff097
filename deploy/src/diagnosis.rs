//! Why an operation failed: the first cause by time, down into nested stacks, and where to look next.

use aws_sdk_cloudformation::types::StackEvent;
use serde::Serialize;

use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::ResourceEvent;

/// Why an operation on a stack failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The stack, or the nested one, in which it failed first.
    pub stack: String,
    /// Nested stacks on the way there, outermost first, by their logical ids.
    pub path: Vec<String>,
    /// What failed first.
    pub cause: ResourceEvent,
    /// What failed after it and is no consequence, as far as one can tell.
    pub others: Vec<ResourceEvent>,
    /// Commands that show more.
    pub look: Vec<String>,
}

/// How deep stacks are followed into each other.
const DEEPEST: usize = 8;

const STACK: &str = "AWS::CloudFormation::Stack";

impl Connection {
    /// Why the last operation on a stack that failed did so; `None` if none did.
    ///
    /// # Errors
    /// There is no such stack, or a call failed.
    pub async fn diagnose(&self, stack: &str) -> Result<Option<Diagnosis>, DeployError> {
        diagnose(self, stack).await
    }
}

pub(crate) async fn diagnose(connection: &Connection, stack: &str) -> Result<Option<Diagnosis>, DeployError> {
    let mut at = stack.to_owned();
    let mut path = Vec::new();
    let mut found = None;
    for _ in 0..DEEPEST {
        let mut failures = last_failures(connection, &at).await?.into_iter();
        let Some(cause) = failures.next() else { break };
        let inside =
            cause.physical_id.clone().filter(|id| cause.resource_type == STACK && id.starts_with("arn:"));
        let look = look(&cause, connection);
        found = Some(Diagnosis {
            stack: at.clone(),
            path: path.clone(),
            cause: cause.clone(),
            others: failures.collect(),
            look,
        });
        let Some(inside) = inside.filter(|id| *id != at) else { break };
        path.push(cause.logical_id);
        at = inside;
    }
    Ok(found)
}

/// The failures of resources in the last operation that had any, oldest first.
async fn last_failures(connection: &Connection, stack: &str) -> Result<Vec<ResourceEvent>, DeployError> {
    let mut failures = Vec::new();
    let mut page = None;
    loop {
        let answer = connection
            .cloudformation
            .describe_stack_events()
            .stack_name(stack)
            .set_next_token(page.take())
            .send()
            .await
            .map_err(DeployError::call("DescribeStackEvents"))?;
        for event in answer.stack_events() {
            let read = ResourceEvent::read(event);
            // The beginning of an operation, newest first: all of it has been read.
            if is_beginning(event) && !failures.is_empty() {
                failures.reverse();
                return Ok(failures);
            }
            if read.is_failure() && !is_the_stack(event) {
                failures.push(read);
            }
        }
        match answer.next_token {
            Some(token) => page = Some(token),
            None => {
                failures.reverse();
                return Ok(failures);
            }
        }
    }
}

fn is_the_stack(event: &StackEvent) -> bool {
    event.physical_resource_id() == event.stack_id()
}

fn is_beginning(event: &StackEvent) -> bool {
    is_the_stack(event)
        && event.resource_status().is_some_and(|status| {
            matches!(
                status.as_str(),
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS"
            )
        })
}

/// Where more stands about what failed: the logs and descriptions of the services that this is for.
fn look(cause: &ResourceEvent, connection: &Connection) -> Vec<String> {
    let region = connection.region();
    // An ARN's last part is the name.
    let id = cause.physical_id.as_deref().unwrap_or_default();
    let name = id.rsplit('/').next().unwrap_or(id);
    let sagemaker =
        |command: &str, option: &str| format!("aws sagemaker {command} --region {region} --{option} {name}");
    let logs = |group: &str| format!("aws logs tail {group}{name} --region {region} --since 1h");
    if name.is_empty() {
        return Vec::new();
    }
    match cause.resource_type.as_str() {
        "AWS::SageMaker::Endpoint" => {
            vec![logs("/aws/sagemaker/Endpoints/"), sagemaker("describe-endpoint", "endpoint-name")]
        }
        "AWS::SageMaker::InferenceComponent" => vec![
            logs("/aws/sagemaker/InferenceComponents/"),
            sagemaker("describe-inference-component", "inference-component-name"),
        ],
        "AWS::SageMaker::Pipeline" => vec![sagemaker("describe-pipeline", "pipeline-name")],
        "AWS::SageMaker::Cluster" => vec![
            sagemaker("describe-cluster", "cluster-name"),
            sagemaker("list-cluster-nodes", "cluster-name"),
            logs("/aws/sagemaker/Clusters/"),
        ],
        "AWS::Lambda::Function" => vec![logs("/aws/lambda/")],
        _ => Vec::new(),
    }
}
