//! CloudFormation's operations.

mod change_sets;
mod drift;
mod events;
mod hooks;
mod inspect;
mod making;
mod refactors;
mod stack_sets;
mod stacks;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};
use stackwright_schemas::limits::limits;

use crate::cloud::{Cloud, Home, Inputs, Millis, written};
use crate::error::Refusal;
use crate::inputs::tags;
use crate::template::Wanted;

pub(crate) const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// How many characters the name of a stack, a change set or a stack set has at most.
const LONGEST_NAME: usize = 128;

/// What a service answers.
pub(crate) type Answer = Result<Json, Refusal>;

/// A request to CloudFormation.
pub(crate) struct Request<'a> {
    pub region: &'a str,
    pub form: Map<String, Json>,
    pub time: Millis,
}

impl Request<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.form.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(name)
            ))
        })
    }

    /// The name of something that is to be made.
    fn new_name(&self, field: &str) -> Result<&str, Refusal> {
        let name = self.required(field)?;
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_plain = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
        let constraint = match (begins && is_plain, name.len()) {
            (false, _) => "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*".to_owned(),
            (true, length) if length > LONGEST_NAME => {
                format!("have length less than or equal to {LONGEST_NAME}")
            }
            _ => return Ok(name),
        };
        Err(Refusal::validation(format!(
            "1 validation error detected: Value '{name}' at '{}' failed to satisfy constraint: Member must {constraint}",
            lower_first(field)
        )))
    }

    fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    fn list(&self, name: &str) -> &[Json] {
        self.form.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Json::as_str).map(str::to_owned).collect()
    }

    fn token(&self) -> Option<String> {
        self.text("ClientRequestToken").map(str::to_owned)
    }

    fn tags(&self) -> Option<IndexMap<String, String>> {
        self.form.get("Tags")?;
        Some(tags(self.list("Tags")))
    }
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + characters.as_str())
        .unwrap_or_default()
}

impl Cloud {
    /// Answers an operation of CloudFormation.
    pub(crate) fn cloudformation(&mut self, action: &str, request: &Request<'_>) -> Answer {
        match action {
            "CreateChangeSet" => self.create_change_set(request),
            "DescribeChangeSet" => self.describe_change_set(request),
            "DescribeChangeSetHooks" => self.describe_change_set_hooks(request),
            "ListChangeSets" => self.list_change_sets(request),
            "DeleteChangeSet" => self.delete_change_set(request),
            "ExecuteChangeSet" => self.execute_change_set(request),
            "CreateStack" => self.create_stack(request),
            "UpdateStack" => self.update_stack(request),
            "DeleteStack" => self.delete_stack(request),
            "CancelUpdateStack" => self.cancel_update_stack(request),
            "ContinueUpdateRollback" => self.continue_update_rollback(request),
            "RollbackStack" => self.rollback_stack(request),
            "UpdateTerminationProtection" => self.update_termination_protection(request),
            "SetStackPolicy" => self.set_stack_policy(request),
            "GetStackPolicy" => self.get_stack_policy(request),
            "DescribeStacks" => self.describe_stacks(request),
            "ListStacks" => self.list_stacks(request),
            "DescribeStackEvents" => self.describe_stack_events(request),
            "DescribeEvents" => self.describe_events(request),
            "DescribeStackResource" => self.describe_stack_resource(request),
            "DescribeStackResources" => self.describe_stack_resources(request),
            "ListStackResources" => self.list_stack_resources(request),
            "GetTemplate" => self.get_template(request),
            "GetTemplateSummary" => self.get_template_summary(request),
            "ValidateTemplate" => self.validate_template(request),
            "ListExports" => self.list_exports(request),
            "ListImports" => self.list_imports(request),
            "DetectStackDrift" => self.detect_stack_drift(request),
            "DetectStackResourceDrift" => self.detect_stack_resource_drift(request),
            "DescribeStackDriftDetectionStatus" => self.describe_drift_detection(request),
            "DescribeStackResourceDrifts" => self.describe_resource_drifts(request),
            "ListHookResults" => self.list_hook_results(request),
            "GetHookResult" => self.get_hook_result(request),
            "CreateStackRefactor" => self.create_stack_refactor(request),
            "DescribeStackRefactor" => self.describe_stack_refactor(request),
            "ExecuteStackRefactor" => self.execute_stack_refactor(request),
            "ListStackRefactors" => self.list_stack_refactors(request),
            "ListStackRefactorActions" => self.list_stack_refactor_actions(request),
            "CreateStackSet" => self.create_stack_set(request),
            "UpdateStackSet" => self.update_stack_set(request),
            "DeleteStackSet" => self.delete_stack_set(request),
            "DescribeStackSet" => self.describe_stack_set(request),
            "ListStackSets" => self.list_stack_sets(request),
            "CreateStackInstances" => self.create_stack_instances(request),
            "UpdateStackInstances" => self.update_stack_instances(request),
            "DeleteStackInstances" => self.delete_stack_instances(request),
            "DescribeStackInstance" => self.describe_stack_instance(request),
            "ListStackInstances" => self.list_stack_instances(request),
            "DescribeStackSetOperation" => self.describe_stack_set_operation(request),
            "ListStackSetOperations" => self.list_stack_set_operations(request),
            "ListStackSetOperationResults" => self.list_stack_set_operation_results(request),
            "StopStackSetOperation" => self.stop_stack_set_operation(request),
            _ => Err(Refusal::new(
                "InvalidAction",
                format!("Could not find operation {action} for version 2010-05-15"),
            )),
        }
    }

    /// What a stack is to be made from, and its template, read and checked; what is not given stays as it was before.
    fn inputs(&self, request: &Request<'_>, before: Option<&Inputs>) -> Result<(Inputs, Wanted), Refusal> {
        let template = self.template_of(request, before)?;
        let nothing = Inputs::default();
        let before = before.unwrap_or(&nothing);
        let given = request.list("Parameters");
        let (inputs, wanted) = self.made_from(self.here(request.region), template, given, before)?;
        let capabilities = request.texts("Capabilities");
        wanted.check_capabilities(&capabilities)?;
        let inputs = Inputs {
            tags: request.tags().unwrap_or(inputs.tags),
            capabilities,
            role: request.text("RoleARN").map(str::to_owned),
            notification_arns: request.texts("NotificationARNs"),
            ..inputs
        };
        Ok((inputs, wanted))
    }

    /// A stack without anything in it, in the account and region of a request.
    fn add_own_stack(&mut self, name: &str, request: &Request<'_>) -> usize {
        let account = self.settings.account.clone();
        self.add_stack(name, Home { account: &account, region: request.region }, request.time)
    }

    /// The text of a template: given, at a URL, or the one from before.
    fn template_of(&self, request: &Request<'_>, before: Option<&Inputs>) -> Result<String, Refusal> {
        if let Some(body) = request.text("TemplateBody") {
            let most = limits().template_body_bytes;
            if body.len() > most {
                return Err(Refusal::validation(format!(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have \
                     length less than or equal to {most} (it has {})",
                    body.len()
                )));
            }
            return Ok(body.to_owned());
        }
        if let Some(url) = request.text("TemplateURL") {
            return self.object_of_url(url);
        }
        if request.is("UsePreviousTemplate")
            && let Some(before) = before
        {
            return Ok(before.given().to_owned());
        }
        Err(Refusal::validation("Either Template URL or Template Body must be specified."))
    }
}

/// A page of a list: so many items from where the last page ended.
fn page(items: Vec<Json>, token: Option<&str>, most: usize) -> (Vec<Json>, Json) {
    let start: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let end = start.saturating_add(most).min(items.len());
    let next = if end < items.len() { Json::from(end.to_string()) } else { Json::Null };
    (items.into_iter().skip(start).take(most).collect(), next)
}

fn tag_list(tags: &IndexMap<String, String>) -> Json {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn time_of(time: Option<Millis>) -> Json {
    time.map_or(Json::Null, |time| written(time).into())
}

/// Nothing where there is nothing to say: AWS leaves such fields out.
fn said(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { text.into() }
}
