//! What stops or warns before anything is made: validation before deployment, and hooks with what they advise.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    AnnotationStatus, HookStatus, ListHookResultsTargetType, OperationEvent,
};
use serde::{Deserialize, Serialize};

use crate::Progress;
use crate::change_set;
use crate::connection::Connection;
use crate::error::DeployError;
use crate::events::{Of, filled};

/// Something that validation before deployment, or a hook, found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// The resource's logical id; in a nested stack after the stack's and a slash.
    pub logical_id: String,
    /// Where in the template, as a JSON pointer.
    pub path: String,
    /// What looked: the name of the validation or of the hook.
    pub check: String,
    /// Its words.
    pub reason: String,
    /// What a hook advises.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

/// What a hook found in detail, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Annotation {
    /// The rule or control.
    pub name: String,
    /// How grave it is: `LOW`, `CRITICAL` and so on.
    pub severity: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// What to change.
    pub remediation: Option<String>,
    /// Where more stands about it.
    pub link: Option<String>,
}

impl Connection {
    /// What validation before deployment and hooks found in a change set, as far as the endpoint tells: a hint where it does
    /// not.
    pub(crate) async fn problems(
        &self,
        change_set: &str,
        path: &str,
        tell: &dyn Fn(Progress),
    ) -> Result<Vec<Problem>, DeployError> {
        let (mut problems, mut hooks) = (Vec::new(), false);
        let mut page = None;
        while let Some(answer) = self.operation_events(Of::ChangeSet(change_set), page, tell).await? {
            hooks |= answer.operation_events().iter().any(|event| event.hook_type().is_some());
            problems.extend(answer.operation_events().iter().filter_map(|event| problem(event, path)));
            page = answer.next_token;
            if page.is_none() {
                break;
            }
        }
        if hooks {
            match self.advice(change_set).await {
                Ok(advice) => {
                    for (hook, annotations) in advice {
                        let about = |one: &&mut Problem| one.check == hook && one.annotations.is_empty();
                        if let Some(problem) = problems.iter_mut().find(about) {
                            problem.annotations = annotations;
                        }
                    }
                }
                Err(error) => {
                    tell(Progress::Unavailable { operation: "GetHookResult", reason: error.to_string() })
                }
            }
        }
        Ok(problems)
    }

    /// The same of a change set that failed, and of those of nested stacks that its reason names.
    pub(crate) async fn problems_within(
        &self,
        change_set: &DescribeChangeSetOutput,
        tell: &dyn Fn(Progress),
    ) -> Result<Vec<Problem>, DeployError> {
        let mut problems = self.problems(change_set.change_set_id().unwrap_or_default(), "", tell).await?;
        let reason = change_set.status_reason().unwrap_or_default();
        // The outer one's reason repeats those of the inner ones.
        for id in
            reason.split_whitespace().filter(|word| word.starts_with("arn:") && word.contains(":changeSet/"))
        {
            let nested = change_set::describe(self, None, id, None).await?;
            let path = format!("{}/", nested.stack_name().unwrap_or_default());
            problems.extend(self.problems(id, &path, tell).await?);
        }
        Ok(problems)
    }

    /// What the hooks advise that looked at a change set, each with its name.
    async fn advice(&self, change_set: &str) -> Result<Vec<(String, Vec<Annotation>)>, DeployError> {
        let mut advice = Vec::new();
        let mut page = None;
        loop {
            let request = self
                .cloudformation
                .list_hook_results()
                .target_type(ListHookResultsTargetType::ChangeSet)
                .target_id(change_set)
                .set_next_token(page);
            let answer = request.send().await.map_err(DeployError::call("ListHookResults"))?;
            for result in answer.hook_results() {
                let objects =
                    matches!(result.status(), Some(HookStatus::HookCompleteFailed | HookStatus::HookFailed));
                let known = result.type_name().zip(result.hook_result_id()).filter(|_| objects);
                if let Some((name, id)) = known {
                    advice.push((name.to_owned(), self.annotations(id).await?));
                }
            }
            page = answer.next_token;
            if page.is_none() {
                return Ok(advice);
            }
        }
    }

    /// What a hook found that is wrong.
    pub(crate) async fn annotations(&self, hook_result: &str) -> Result<Vec<Annotation>, DeployError> {
        let request = self.cloudformation.get_hook_result().hook_result_id(hook_result);
        let answer = request.send().await.map_err(DeployError::call("GetHookResult"))?;
        let wrong = answer.annotations().iter().filter(|one| one.status() == Some(&AnnotationStatus::Failed));
        Ok(wrong
            .map(|one| Annotation {
                name: filled(one.annotation_name()).unwrap_or_default(),
                severity: one.severity_level().map(|level| level.to_string()),
                message: filled(one.status_message()),
                remediation: filled(one.remediation_message()),
                link: filled(one.remediation_link()),
            })
            .collect())
    }
}

fn problem(event: &OperationEvent, path: &str) -> Option<Problem> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Some(Problem {
        logical_id: format!("{path}{}", text(event.logical_resource_id())),
        path: text(event.validation_path()),
        check: text(event.validation_name().or(event.hook_type())),
        reason: event.validation_status_reason().or(event.hook_status_reason())?.to_owned(),
        annotations: Vec::new(),
    })
}
