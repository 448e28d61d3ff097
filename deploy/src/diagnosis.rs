//! Why an operation failed: the first cause by time, down into nested stacks, and where to look next.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Progress;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::{Of, ResourceEvent, Told};
use crate::problem::Annotation;

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
    /// What a hook advises, where one did not let it pass.
    pub annotations: Vec<Annotation>,
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
    pub async fn diagnose(
        &self,
        stack: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<Option<Diagnosis>, DeployError> {
        self.diagnose_within(stack, None, tell).await
    }

    /// The same of some operations only, where these are known.
    pub(crate) async fn diagnose_within(
        &self,
        stack: &str,
        mut operations: Option<&BTreeSet<String>>,
        tell: &dyn Fn(Progress),
    ) -> Result<Option<Diagnosis>, DeployError> {
        let mut at = stack.to_owned();
        let mut path = Vec::new();
        let mut found = None;
        for _ in 0..DEEPEST {
            let failures = self.last_failures(&at, tell).await?;
            // A nested stack has operations of its own.
            let known = operations.take();
            let is_within = |failure: &ResourceEvent| match (known, &failure.operation) {
                (Some(known), Some(operation)) => known.contains(operation),
                _ => true,
            };
            let mut failures = failures.into_iter().filter(is_within);
            let Some(cause) = failures.next() else { break };
            let inside =
                cause.physical_id.clone().filter(|id| cause.resource_type == STACK && id.starts_with("arn:"));
            let annotations = match cause.status.starts_with("HOOK_") {
                true => self.advice_on(&at, &cause, tell).await,
                false => Vec::new(),
            };
            found = Some(Diagnosis {
                annotations,
                stack: at.clone(),
                path: path.clone(),
                cause: cause.clone(),
                others: failures.collect(),
                look: look(&cause, self),
            });
            let Some(inside) = inside.filter(|id| *id != at) else { break };
            path.push(cause.logical_id);
            at = inside;
        }
        Ok(found)
    }

    /// The failures in the last operation that had any, with those of taking it back, oldest first.
    async fn last_failures(
        &self,
        stack: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<Vec<ResourceEvent>, DeployError> {
        match self.failures_of_operations(stack, tell).await? {
            Some(failures) => Ok(failures),
            None => self.failures_of_stack(stack).await,
        }
    }

    /// As operations tell it: asked for failures alone, they are a page, however large the stack. `None` where none of them
    /// tells of one.
    async fn failures_of_operations(
        &self,
        stack: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<Option<Vec<ResourceEvent>>, DeployError> {
        // Of the last operation that failed, and of the one that failed before it.
        let (mut last, mut before): (Vec<Told>, Vec<Told>) = (Vec::new(), Vec::new());
        let mut page = None;
        'pages: loop {
            let Some(answer) = self.operation_events(Of::Failures(stack), page, tell).await? else {
                return Ok(None);
            };
            for told in answer.operation_events().iter().map(Told::from).filter(is_cause) {
                let is_of = |known: &[Told]| {
                    known.first().is_none_or(|first| first.event.operation == told.event.operation)
                };
                match () {
                    () if is_of(&last) => last.push(told),
                    () if is_of(&before) => before.push(told),
                    () => break 'pages,
                }
            }
            page = answer.next_token;
            if page.is_none() {
                break;
            }
        }
        // What could not be taken back failed first where it could not be done.
        if last.first().is_some_and(|told| told.takes_back) && !before.is_empty() {
            let found = self.find(stack).await?;
            let known = found.as_ref().map(|found| found.last_operations()).unwrap_or_default();
            let is_known =
                |told: &Told| known.iter().any(|one| one.operation_id() == told.event.operation.as_deref());
            last.extend(before.into_iter().filter(is_known));
        }
        last.reverse();
        Ok(Some(last.into_iter().map(|told| told.event).collect()).filter(|all: &Vec<_>| !all.is_empty()))
    }

    /// What the hook advises that did not let a resource pass.
    async fn advice_on(
        &self,
        stack: &str,
        cause: &ResourceEvent,
        tell: &dyn Fn(Progress),
    ) -> Vec<Annotation> {
        let advice = async {
            let mut page = None;
            loop {
                let (events, next) = self.stack_events(stack, page).await?;
                let mut of_hooks = events.iter().filter(|told| told.event.status.starts_with("HOOK_"));
                let about = of_hooks.find(|told| told.event.logical_id == cause.logical_id);
                if let Some(id) = about.and_then(|told| told.hook_result.as_ref()) {
                    return self.annotations(id).await;
                }
                page = next;
                if page.is_none() {
                    return Ok(Vec::new());
                }
            }
        };
        advice.await.unwrap_or_else(|error: DeployError| {
            tell(Progress::Unavailable { operation: "GetHookResult", reason: error.to_string() });
            Vec::new()
        })
    }

    /// As the stack's own events tell it.
    async fn failures_of_stack(&self, stack: &str) -> Result<Vec<ResourceEvent>, DeployError> {
        let mut failures = Vec::new();
        let mut page = None;
        'pages: loop {
            let (events, next) = self.stack_events(stack, page).await?;
            for told in events {
                // The beginning of an operation, newest first: all of it has been read.
                if is_beginning(&told) && !failures.is_empty() {
                    break 'pages;
                }
                if is_cause(&told) {
                    failures.push(told.event);
                }
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        failures.reverse();
        Ok(failures)
    }
}

fn is_cause(told: &Told) -> bool {
    told.event.is_failure() && !told.of_stack && !told.is_warning
}

fn is_beginning(told: &Told) -> bool {
    told.of_stack
        && matches!(
            told.event.status.as_str(),
            "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS"
        )
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
    let mut look = match cause.resource_type.as_str() {
        _ if name.is_empty() => Vec::new(),
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
    };
    if let Some(operation) = &cause.operation {
        look.push(format!(
            "aws cloudformation describe-events --region {region} --operation-id {operation} --filters FailedEvents=true"
        ));
    }
    look
}
