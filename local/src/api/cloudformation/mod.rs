//! CloudFormation's operations.

mod change_sets;
mod constraints;
mod drift;
mod events;
mod hooks;
mod inspect;
mod refactors;
mod signal;
mod stack_policy;
mod stack_sets;
mod stacks;
mod types;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};
use stackwright_schemas::limits::limits;

use crate::api::cloudformation::change_sets::{
    create_change_set, delete_change_set, describe_change_set, execute_change_set, list_change_sets,
};
use crate::api::cloudformation::drift::{
    describe_drift_detection, describe_resource_drifts, detect_stack_drift, detect_stack_resource_drift,
};
use crate::api::cloudformation::events::{describe_events, describe_stack_events};
use crate::api::cloudformation::hooks::{describe_change_set_hooks, get_hook_result, list_hook_results};
use crate::api::cloudformation::inspect::{
    describe_stack_resource, describe_stack_resources, get_template, get_template_summary, list_exports,
    list_imports, list_stack_resources, validate_template,
};
use crate::api::cloudformation::refactors::{
    create_stack_refactor, describe_stack_refactor, execute_stack_refactor, list_stack_refactor_actions,
    list_stack_refactors,
};
use crate::api::cloudformation::stack_sets::{
    create_stack_instances, create_stack_set, delete_stack_instances, delete_stack_set,
    describe_stack_instance, describe_stack_set, describe_stack_set_operation, list_stack_instances,
    list_stack_set_operation_results, list_stack_set_operations, list_stack_sets, stop_stack_set_operation,
    update_stack_instances, update_stack_set,
};
use crate::api::cloudformation::stacks::{
    cancel_update_stack, continue_update_rollback, create_stack, delete_stack, describe_stacks,
    get_stack_policy, list_stacks, rollback_stack, set_stack_policy, update_stack,
    update_termination_protection,
};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::inputs::{resolve_inputs, tags};
use crate::engine::template_url::object_of_url;
use crate::state::{
    DeploymentConfig, Environment, Event, Inputs, Millis, OnFailure, OperationType, Stack, StackStatus,
    iso_time,
};
use crate::template::StackTemplate;

pub(crate) const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// The maximum number of characters in the name of a stack, a change set or a stack set.
const MAX_NAME_CHARS: usize = 128;

/// Operations of CloudFormation that local mode does not implement: generated templates and resource scans, types of one's own,
/// trusted access of organizations, and the drift of stack sets.
const UNSUPPORTED: [&str; 35] = [
    "ActivateOrganizationsAccess",
    "ActivateType",
    "BatchDescribeTypeConfigurations",
    "CreateGeneratedTemplate",
    "DeactivateOrganizationsAccess",
    "DeactivateType",
    "DeleteGeneratedTemplate",
    "DeregisterType",
    "DescribeGeneratedTemplate",
    "DescribeOrganizationsAccess",
    "DescribePublisher",
    "DescribeResourceScan",
    "DescribeTypeRegistration",
    "DetectStackSetDrift",
    "GetGeneratedTemplate",
    "ImportStacksToStackSet",
    "ListGeneratedTemplates",
    "ListResourceScanRelatedResources",
    "ListResourceScanResources",
    "ListResourceScans",
    "ListStackInstanceResourceDrifts",
    "ListStackSetAutoDeploymentTargets",
    "ListTypeRegistrations",
    "ListTypeVersions",
    "PublishType",
    "RecordHandlerProgress",
    "RegisterPublisher",
    "RegisterType",
    "RemoveAlias",
    "SetAlias",
    "SetTypeConfiguration",
    "SetTypeDefaultVersion",
    "StartResourceScan",
    "TestType",
    "UpdateGeneratedTemplate",
];

/// Members of requests that local mode does not read.
const WITHOUT_EFFECT: [&str; 8] = [
    "CallAs",
    "ExecutionRoleTemplateBody",
    "ExecutionRoleTemplateUrl",
    "PublicVersionNumber",
    "PublisherId",
    "StackSetOutputBucket",
    "TemplateSummaryConfig",
    "UseAdminExecutionRole",
];

/// The response of a service.
pub(crate) type Answer = Result<Json, ServiceError>;

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

    fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.text(name).ok_or_else(|| {
            ServiceError::validation(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(name)
            ))
        })
    }

    /// Returns the name of something that is to be created.
    fn new_name(&self, field: &str) -> Result<&str, ServiceError> {
        let name = self.required(field)?;
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_plain = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
        let constraint = match (begins && is_plain, name.len()) {
            (false, _) => "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*".to_owned(),
            (true, length) if length > MAX_NAME_CHARS => {
                format!("have length less than or equal to {MAX_NAME_CHARS}")
            }
            _ => return Ok(name),
        };
        Err(ServiceError::validation(format!(
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

    /// Returns whether the request was performed already, and its response was lost: its token is that of the last operation.
    fn is_repeated(&self, stack: &Stack, kinds: &[OperationType]) -> bool {
        let Some((kind, operation)) = stack.last_operations.first() else { return false };
        let of_operation = |event: &&Event| event.operation == *operation;
        self.text("ClientRequestToken").is_some_and(|token| {
            let mut events = stack.events.iter().rev().take_while(of_operation);
            kinds.contains(kind) && events.any(|event| event.token.as_deref() == Some(token))
        })
    }

    fn token(&self) -> Option<String> {
        self.text("ClientRequestToken").map(str::to_owned)
    }

    fn deployment_config(&self) -> Result<DeploymentConfig, ServiceError> {
        let given = self.form.get("DeploymentConfig").unwrap_or(&Json::Null);
        DeploymentConfig::read(given).map_err(ServiceError::validation)
    }

    /// Returns whether an operation is rolled back if it fails, according to the request and its `DeploymentConfig`.
    fn on_failure(&self, config: &DeploymentConfig) -> Result<OnFailure, ServiceError> {
        let given = ["DisableRollback", "OnFailure"].into_iter().find(|name| self.text(name).is_some());
        match (given, self.text("OnFailure")) {
            (Some("DisableRollback"), Some(_)) => return Err(both("DisableRollback", "OnFailure")),
            // The documentation does not state which of the two applies.
            (Some(name), _) if config.disable_rollback.is_some() => {
                return Err(both(name, "DeploymentConfig.DisableRollback"));
            }
            (_, Some("DO_NOTHING")) => return Ok(OnFailure::DoNothing),
            (_, Some("DELETE")) => return Ok(OnFailure::Delete),
            (_, Some(_)) => return Ok(OnFailure::Rollback),
            (_, None) => {}
        }
        let is_disabled = match self.text("DisableRollback") {
            Some(text) => text == "true",
            None => config.disables_rollback(),
        };
        Ok(if is_disabled { OnFailure::DoNothing } else { OnFailure::Rollback })
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

/// Performs an operation of CloudFormation.
pub(crate) fn cloudformation(engine: &mut Engine, action: &str, request: &Request<'_>) -> Answer {
    constraints::check(action, &request.form)?;
    for name in WITHOUT_EFFECT.iter().filter(|name| request.form.contains_key(**name)) {
        engine.assume(format!("{name} of {action} has no effect"));
    }
    match action {
        "CreateChangeSet" => create_change_set(engine, request),
        "DescribeChangeSet" => describe_change_set(engine, request),
        "DescribeChangeSetHooks" => describe_change_set_hooks(engine, request),
        "ListChangeSets" => list_change_sets(engine, request),
        "DeleteChangeSet" => delete_change_set(engine, request),
        "ExecuteChangeSet" => execute_change_set(engine, request),
        "CreateStack" => create_stack(engine, request),
        "UpdateStack" => update_stack(engine, request),
        "DeleteStack" => delete_stack(engine, request),
        "CancelUpdateStack" => cancel_update_stack(engine, request),
        "ContinueUpdateRollback" => continue_update_rollback(engine, request),
        "RollbackStack" => rollback_stack(engine, request),
        "UpdateTerminationProtection" => update_termination_protection(engine, request),
        "SetStackPolicy" => set_stack_policy(engine, request),
        "GetStackPolicy" => get_stack_policy(engine, request),
        "DescribeStacks" => describe_stacks(engine, request),
        "ListStacks" => list_stacks(engine, request),
        "DescribeStackEvents" => describe_stack_events(engine, request),
        "DescribeEvents" => describe_events(engine, request),
        "DescribeStackResource" => describe_stack_resource(engine, request),
        "DescribeStackResources" => describe_stack_resources(engine, request),
        "ListStackResources" => list_stack_resources(engine, request),
        "GetTemplate" => get_template(engine, request),
        "GetTemplateSummary" => get_template_summary(engine, request),
        "ValidateTemplate" => validate_template(engine, request),
        "ListExports" => list_exports(engine, request),
        "ListImports" => list_imports(engine, request),
        "DetectStackDrift" => detect_stack_drift(engine, request),
        "DetectStackResourceDrift" => detect_stack_resource_drift(engine, request),
        "DescribeStackDriftDetectionStatus" => describe_drift_detection(engine, request),
        "DescribeStackResourceDrifts" => describe_resource_drifts(engine, request),
        "ListHookResults" => list_hook_results(engine, request),
        "GetHookResult" => get_hook_result(engine, request),
        "CreateStackRefactor" => create_stack_refactor(engine, request),
        "DescribeStackRefactor" => describe_stack_refactor(engine, request),
        "ExecuteStackRefactor" => execute_stack_refactor(engine, request),
        "ListStackRefactors" => list_stack_refactors(engine, request),
        "ListStackRefactorActions" => list_stack_refactor_actions(engine, request),
        "CreateStackSet" => create_stack_set(engine, request),
        "UpdateStackSet" => update_stack_set(engine, request),
        "DeleteStackSet" => delete_stack_set(engine, request),
        "DescribeStackSet" => describe_stack_set(engine, request),
        "ListStackSets" => list_stack_sets(engine, request),
        "CreateStackInstances" => create_stack_instances(engine, request),
        "UpdateStackInstances" => update_stack_instances(engine, request),
        "DeleteStackInstances" => delete_stack_instances(engine, request),
        "DescribeStackInstance" => describe_stack_instance(engine, request),
        "ListStackInstances" => list_stack_instances(engine, request),
        "DescribeStackSetOperation" => describe_stack_set_operation(engine, request),
        "ListStackSetOperations" => list_stack_set_operations(engine, request),
        "ListStackSetOperationResults" => list_stack_set_operation_results(engine, request),
        "SignalResource" => signal::signal_resource(engine, request),
        "DescribeAccountLimits" => Ok(types::describe_account_limits()),
        "EstimateTemplateCost" => types::estimate_template_cost(engine, request),
        "ListTypes" => types::list_types(request),
        "DescribeType" => types::describe_type(engine, request),
        "StopStackSetOperation" => stop_stack_set_operation(engine, request),
        _ if UNSUPPORTED.contains(&action) => Err(ServiceError::new(
            "NotImplemented",
            format!("Local mode does not implement the operation {action} of CloudFormation"),
        )),
        _ => Err(ServiceError::new(
            "InvalidAction",
            format!("Could not find operation {action} for version 2010-05-15"),
        )),
    }
}

/// Returns the inputs of a stack and its template, after reading and checking them. Inputs that the request does not set do not
/// change.
pub(crate) fn inputs(
    engine: &Engine,
    request: &Request<'_>,
    before: Option<&Inputs>,
) -> Result<(Inputs, StackTemplate), ServiceError> {
    let template = template_of(engine, request, before)?;
    let nothing = Inputs::default();
    let before = before.unwrap_or(&nothing);
    let given = request.list("Parameters");
    let (inputs, template) =
        resolve_inputs(engine, engine.environment(request.region), template, given, before)?;
    let capabilities = request.texts("Capabilities");
    template.check_capabilities(&capabilities)?;
    check_resource_types(&template, &request.texts("ResourceTypes"))?;
    let inputs = Inputs {
        tags: request.tags().unwrap_or(inputs.tags),
        capabilities,
        // If the request names no role, the stack keeps the role of the earlier operation.
        role: request.text("RoleARN").map(str::to_owned).or(inputs.role),
        notification_arns: match request.form.get("NotificationARNs") {
            Some(_) => request.texts("NotificationARNs"),
            None => inputs.notification_arns,
        },
        rollback_configuration: match request.form.get("RollbackConfiguration") {
            Some(given) => Some(rollback_configuration(given)),
            None => inputs.rollback_configuration,
        },
        ..inputs
    };
    Ok((inputs, template))
}

/// Rejects resources of types that the caller does not allow: `AWS::EC2::Instance`, `AWS::EC2::*`, `AWS::*`, `Custom::*`.
fn check_resource_types(template: &StackTemplate, allowed: &[String]) -> Result<(), ServiceError> {
    let allows = |allowed: &String, kind: &str| match allowed.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => allowed == kind,
    };
    for (id, resource) in template.section("Resources") {
        let kind = resource["Type"].as_str().unwrap_or_default();
        if !allowed.is_empty() && !allowed.iter().any(|one| allows(one, kind)) {
            return Err(ServiceError::validation(format!(
                "The type {kind} of the resource {id} is not one of ResourceTypes [{}]",
                allowed.join(", ")
            )));
        }
    }
    Ok(())
}

/// Returns the error for two parameters that exclude each other.
pub(crate) fn both(one: &str, other: &str) -> ServiceError {
    ServiceError::validation(format!("You can specify either {one} or {other}, but not both."))
}

/// Rejects another mode for a stack whose last operation failed in express mode and was not rolled back.
pub(crate) fn check_express(stack: &Stack, config: &DeploymentConfig) -> Result<(), ServiceError> {
    if !stack.failed_in_express_mode() || config.is_express {
        return Ok(());
    }
    Err(ServiceError::validation(format!(
        "This stack is in a {} state from a previous operation that used EXPRESS deployment mode with disable-rollback. \
         Follow-up operations must use the same DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state.",
        stack.status
    )))
}

/// Rejects an operation with rollback on a stack whose last operation failed and was not rolled back. The messages are those of
/// CloudFormation (aws/aws-cli#6368, aws/aws-cdk-cli#1973).
pub(crate) fn check_not_rolled_back(stack: &Stack, on_failure: OnFailure) -> Result<(), ServiceError> {
    if !matches!(stack.status, StackStatus::CreateFailed | StackStatus::UpdateFailed) {
        return Ok(());
    }
    if stack.status == StackStatus::CreateFailed && stack.was_created_with_do_nothing {
        return Err(ServiceError::validation(
            "This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]. Please use \
             disable-rollback option instead during stack creation.",
        ));
    }
    if on_failure == OnFailure::DoNothing {
        return Ok(());
    }
    Err(ServiceError::validation(format!(
        "This stack is currently in a non-terminal [{}] state. To update the stack from this state, please use the disable-rollback \
         parameter with update-stack API. To rollback to the last known good state, use the rollback-stack API",
        stack.status
    )))
}

/// Adds an empty stack in the account and region of a request; returns its index.
pub(crate) fn add_own_stack(engine: &mut Engine, name: &str, request: &Request<'_>) -> usize {
    let account = engine.settings.account.clone();
    engine.add_stack(name, Environment { account: &account, region: request.region }, request.time)
}

/// Returns the text of a template: that in the request, that at a URL, or the previous one.
pub(crate) fn template_of(
    engine: &Engine,
    request: &Request<'_>,
    before: Option<&Inputs>,
) -> Result<String, ServiceError> {
    let [body, url] = ["TemplateBody", "TemplateURL"].map(|name| request.text(name));
    if body.is_some() && url.is_some() {
        return Err(ServiceError::validation("You cannot specify both Template Body and Template URL"));
    }
    if request.is("UsePreviousTemplate") && (body.is_some() || url.is_some()) {
        return Err(ServiceError::validation(
            "You cannot specify both usePreviousTemplate and Template Body/Template URL.",
        ));
    }
    if let Some(body) = body {
        let most = limits().template_body_bytes;
        if body.len() > most {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have \
                 length less than or equal to {most} (it has {})",
                body.len()
            )));
        }
        return Ok(body.to_owned());
    }
    if let Some(url) = url {
        return object_of_url(engine, url);
    }
    if request.is("UsePreviousTemplate")
        && let Some(before) = before
    {
        return Ok(before.given().to_owned());
    }
    Err(ServiceError::validation("Either Template URL or Template Body must be specified."))
}

/// Returns a rollback configuration as responses contain it: with a list of triggers, and the time as a number.
fn rollback_configuration(given: &Json) -> Json {
    let mut configuration = given.clone();
    if !configuration.is_object() {
        return json!({ "RollbackTriggers": [] });
    }
    if !configuration["RollbackTriggers"].is_array() {
        configuration["RollbackTriggers"] = json!([]);
    }
    configuration
}

impl Request<'_> {
    /// Returns a page of a list that grows at its end, and the token of the next page. A page has at most `max` items, and at
    /// most the number in the request.
    ///
    /// # Errors
    /// The token is not one that this endpoint returned.
    pub(crate) fn page(&self, items: Vec<Json>, max: usize) -> Result<(Vec<Json>, Json), ServiceError> {
        let total = items.len();
        self.page_from(items, max, |number| number, |end| end.min(total))
    }

    /// Returns a page of a list that grows at its beginning. The token counts from the end, so that no item is returned twice if
    /// new items are added.
    pub(crate) fn page_newest_first(
        &self,
        items: Vec<Json>,
        max: usize,
    ) -> Result<(Vec<Json>, Json), ServiceError> {
        let total = items.len();
        self.page_from(items, max, |left| total.saturating_sub(left), |end| total - end.min(total))
    }

    fn page_from(
        &self,
        items: Vec<Json>,
        max: usize,
        start_of: impl Fn(usize) -> usize,
        number_of: impl Fn(usize) -> usize,
    ) -> Result<(Vec<Json>, Json), ServiceError> {
        let start = match self.text("NextToken") {
            None => 0,
            Some(token) => token
                .parse::<usize>()
                .ok()
                .filter(|number| *number <= items.len())
                .map(start_of)
                .ok_or_else(|| ServiceError::validation("The specified NextToken is not valid"))?,
        };
        let wanted = self.text("MaxResults").and_then(|text| text.parse().ok()).unwrap_or(max);
        let end = start.saturating_add(wanted.clamp(1, max));
        let next = if end < items.len() { Json::from(number_of(end).to_string()) } else { Json::Null };
        Ok((items.into_iter().take(end).skip(start).collect(), next))
    }
}

pub(crate) fn tag_list(tags: &IndexMap<String, String>) -> Json {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

pub(crate) fn time_of(time: Option<Millis>) -> Json {
    time.map_or(Json::Null, |time| iso_time(time).into())
}

/// Returns a string, or null if it is empty: AWS leaves such fields out.
pub(crate) fn non_empty(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { text.into() }
}
