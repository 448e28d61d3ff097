//! Operations on stacks: create, update and delete without a change set, roll back, set termination protection, and describe.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::api::cloudformation::change_sets::shown_parameters;
use crate::api::cloudformation::stack_policy;
use crate::api::cloudformation::{
    Answer, Request, add_own_stack, check_express, check_not_rolled_back, inputs, non_empty, tag_list,
    time_of,
};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::plan::{DesiredState, plan};
use crate::engine::template_url::object_of_url;
use crate::state::{
    ExecutionStatus, Inputs, OnFailure, OperationKind, OperationOptions, OperationType, ResourceStatus,
    Stack, StackDriftStatus, StackStatus, iso_time,
};
use crate::template::StackTemplate;

pub(crate) fn create_stack(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let name = request.new_name("StackName")?;
    if let Some(position) = engine.position(request.region, name) {
        let stack = &engine.state.stacks[position];
        if request.is_repeated(stack, &[OperationType::CreateStack, OperationType::Rollback]) {
            return Ok(begun(stack));
        }
        return Err(ServiceError::new("AlreadyExistsException", format!("Stack [{name}] already exists")));
    }
    let policy = stack_policy_of(engine, request, ["StackPolicyBody", "StackPolicyURL"])?;
    let config = request.deployment_config()?;
    let on_failure = request.on_failure(&config)?;
    let (inputs, _) = inputs(engine, request, None)?;
    check_auto_expand(&inputs)?;
    let position = add_own_stack(engine, name, request);
    let stack = &mut engine.state.stacks[position];
    stack.termination_protection = request.is("EnableTerminationProtection");
    stack.disable_rollback = on_failure == OnFailure::DoNothing;
    stack.was_created_with_do_nothing = request.text("OnFailure") == Some("DO_NOTHING");
    stack.policy = policy;
    stack.timeout_minutes = request.text("TimeoutInMinutes").and_then(|text| text.parse().ok());
    let how = OperationOptions {
        on_failure,
        token: request.token(),
        retain_except_on_create: request.is("RetainExceptOnCreate"),
        config,
    };
    engine.begin(position, OperationKind::Create, inputs.into(), how, request.time);
    Ok(begun(&engine.state.stacks[position]))
}

pub(crate) fn update_stack(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    if request.is_repeated(stack, &[OperationType::UpdateStack, OperationType::Rollback]) {
        return Ok(begun(stack));
    }
    if !stack.can_be_updated() {
        return Err(ServiceError::validation(format!(
            "Stack:{} is in {} state and can not be updated.",
            stack.id, stack.status
        )));
    }
    let config = request.deployment_config()?;
    check_express(stack, &config)?;
    let on_failure = request.on_failure(&config)?;
    check_not_rolled_back(stack, on_failure)?;
    let (inputs, template) = inputs(engine, request, Some(&stack.inputs))?;
    check_auto_expand(&inputs)?;
    let temporary =
        stack_policy_of(engine, request, ["StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL"])?;
    let new_policy = stack_policy_of(engine, request, ["StackPolicyBody", "StackPolicyURL"])?;
    let none = IndexMap::new();
    let desired = DesiredState {
        template: &template,
        inputs: &inputs,
        imports: &none,
        is_import: false,
        reverts_drift: false,
        import_existing: false,
    };
    let found = plan(engine, &engine.state.stacks[position], &desired)?;
    if found.changes.is_empty() && !found.has_other_changes {
        return Err(ServiceError::validation("No updates are to be performed."));
    }
    let stack = &engine.state.stacks[position];
    stack_policy::check(temporary.as_deref().or(stack.policy.as_deref()), &found.changes)?;
    let stack = &mut engine.state.stacks[position];
    if new_policy.is_some() {
        stack.policy = new_policy;
    }
    // A change set that was created before would overwrite the update.
    for change_set in stack.change_sets.iter_mut().filter(|one| one.execution == ExecutionStatus::Available) {
        change_set.execution = ExecutionStatus::Obsolete;
    }
    let how = OperationOptions {
        on_failure,
        token: request.token(),
        retain_except_on_create: request.is("RetainExceptOnCreate"),
        config,
    };
    engine.begin(position, OperationKind::Update, inputs.into(), how, request.time);
    Ok(begun(&engine.state.stacks[position]))
}

pub(crate) fn delete_stack(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let name = request.required("StackName")?;
    let Some(position) = engine.position(request.region, name) else {
        // A stack that does not exist is deleted already.
        return Ok(json!({}));
    };
    let stack = &engine.state.stacks[position];
    if stack.is_deleted() || stack.status == StackStatus::DeleteInProgress {
        return Ok(json!({}));
    }
    if let Some(reason) = engine.deletion_refusal(position) {
        return Err(ServiceError::validation(reason));
    }
    let stack = &engine.state.stacks[position];
    let mut retain = request.texts("RetainResources");
    if request.text("DeletionMode") == Some("FORCE_DELETE_STACK") {
        if stack.status != StackStatus::DeleteFailed {
            return Err(ServiceError::validation(format!(
                "Invalid operation on stack [{}]: FORCE_DELETE_STACK is only valid for stacks in DELETE_FAILED state",
                stack.id
            )));
        }
        let failed = stack.resources.values().filter(|one| one.status == ResourceStatus::DeleteFailed);
        retain.extend(failed.map(|one| one.logical_id.clone()));
    }
    if !retain.is_empty() && stack.status != StackStatus::DeleteFailed {
        return Err(ServiceError::validation(format!(
            "Invalid operation on stack [{}]: RetainResources is only valid for stacks in DELETE_FAILED state",
            stack.id
        )));
    }
    if retain.iter().any(|id| !stack.resources.contains_key(id)) {
        return Err(ServiceError::validation(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the DELETE_COMPLETE \
             state.",
        ));
    }
    let how = OperationOptions {
        token: request.token(),
        config: request.deployment_config()?,
        ..OperationOptions::new(OnFailure::DoNothing)
    };
    engine.set_role(position, request.text("RoleARN"));
    engine.begin_delete(position, retain, how, request.time);
    Ok(json!({}))
}

pub(crate) fn cancel_update_stack(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    if request.is_repeated(stack, &[OperationType::Rollback]) {
        return Ok(json!({}));
    }
    // A stack refactor has the same status, but no update that can be cancelled.
    if stack.status != StackStatus::UpdateInProgress || stack.operation.is_none() {
        return Err(ServiceError::validation(format!(
            "CancelUpdateStack cannot be called from current stack status {}",
            stack.status
        )));
    }
    if let (Some(token), Some(operation)) = (request.token(), &mut engine.state.stacks[position].operation) {
        operation.token = Some(token);
    }
    engine.cancel(position, request.time);
    Ok(json!({}))
}

pub(crate) fn continue_update_rollback(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    if request.is_repeated(stack, &[OperationType::ContinueRollback]) {
        return Ok(json!({}));
    }
    if stack.status != StackStatus::UpdateRollbackFailed {
        return Err(ServiceError::validation(format!(
            "Stack:{} is in {} state and can not continue rollback. Only stacks in UPDATE_ROLLBACK_FAILED state can.",
            stack.id, stack.status
        )));
    }
    let forces = request.is("ForceRollback");
    let mut skip = request.texts("ResourcesToSkip");
    if forces && !skip.is_empty() {
        return Err(ServiceError::validation(
            "ForceRollback and ResourcesToSkip are mutually exclusive. Specify only one of them.",
        ));
    }
    if forces {
        let failed = stack.resources.values().filter(|one| one.status == ResourceStatus::UpdateFailed);
        skip.extend(failed.map(|one| one.logical_id.clone()));
    }
    let others: Vec<&str> = skip
        .iter()
        .filter(|id| stack.resources.get(*id).is_none_or(|one| one.status != ResourceStatus::UpdateFailed))
        .map(String::as_str)
        .collect();
    if !others.is_empty() {
        return Err(ServiceError::validation(format!(
            "Resources [{}] are not in UPDATE_FAILED state and cannot be skipped",
            others.join(", ")
        )));
    }
    begin_rollback(engine, request, position, skip)?;
    Ok(json!({}))
}

fn begin_rollback(
    engine: &mut Engine,
    request: &Request<'_>,
    position: usize,
    skip: Vec<String>,
) -> Result<(), ServiceError> {
    let how = OperationOptions {
        on_failure: OnFailure::Rollback,
        token: request.token(),
        retain_except_on_create: request.is("RetainExceptOnCreate"),
        config: request.deployment_config()?,
    };
    engine.set_role(position, request.text("RoleARN"));
    engine.begin_rollback(position, skip, how, request.time);
    Ok(())
}

pub(crate) fn rollback_stack(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    if request.is_repeated(stack, &[OperationType::Rollback]) {
        return Ok(begun(stack));
    }
    if !matches!(stack.status, StackStatus::CreateFailed | StackStatus::UpdateFailed) {
        return Err(ServiceError::validation(format!(
            "Rollback of Stack:{} cannot be called from current stack status {}",
            stack.id, stack.status
        )));
    }
    if stack.failed_in_express_mode() {
        return Err(ServiceError::validation(
            "RollbackStack is not supported for stacks that were last updated using EXPRESS deployment mode and are in a failed \
             state",
        ));
    }
    begin_rollback(engine, request, position, Vec::new())?;
    Ok(begun(&engine.state.stacks[position]))
}

pub(crate) fn update_termination_protection(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    if engine.state.stacks[position].parent.is_some() {
        return Err(ServiceError::validation(
            "Termination protection of a nested stack is set on its root stack and cannot be changed directly",
        ));
    }
    engine.state.stacks[position].termination_protection = request.is("EnableTerminationProtection");
    Ok(json!({ "StackId": engine.state.stacks[position].id }))
}

pub(crate) fn set_stack_policy(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let policy = stack_policy_of(engine, request, ["StackPolicyBody", "StackPolicyURL"])?;
    if policy.is_none() {
        request.required("StackPolicyBody")?;
    }
    engine.state.stacks[position].policy = policy;
    Ok(json!({}))
}

pub(crate) fn get_stack_policy(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    Ok(json!({ "StackPolicyBody": engine.state.stacks[position].policy }))
}

pub(crate) fn describe_stacks(engine: &mut Engine, request: &Request<'_>) -> Answer {
    if let Some(name) = request.text("StackName") {
        let position = engine.stack(request.region, name)?;
        return Ok(json!({ "Stacks": [stack_json(engine, &engine.state.stacks[position])] }));
    }
    let all = engine.state.stacks_in(engine.environment(request.region));
    let stacks = all.map(|stack| stack_json(engine, stack)).collect();
    let (stacks, next) = request.page(stacks, 100)?;
    Ok(json!({ "Stacks": stacks, "NextToken": next }))
}

pub(crate) fn list_stacks(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let wanted = request.texts("StackStatusFilter");
    let summaries = engine
        .state
        .stacks
        .iter()
        .filter(|stack| stack.environment() == engine.environment(request.region))
        .filter(|stack| wanted.is_empty() || wanted.iter().any(|one| one == stack.status.as_str()))
        .map(|stack| {
            json!({
                "StackId": stack.id,
                "StackName": stack.name,
                "CreationTime": iso_time(stack.created),
                "LastUpdatedTime": time_of(stack.updated),
                "DeletionTime": time_of(stack.deleted),
                "StackStatus": stack.status,
                "StackStatusReason": non_empty(&stack.reason),
                "ParentId": stack.parent,
                "RootId": root_id(engine, stack),
            })
        })
        .collect();
    let (summaries, next) = request.page(summaries, 100)?;
    Ok(json!({ "StackSummaries": summaries, "NextToken": next }))
}

/// Returns the ID of the root stack, for a nested stack.
fn root_id<'e>(engine: &'e Engine, stack: &'e Stack) -> Option<&'e str> {
    stack.parent.as_ref()?;
    Some(&engine.root_of(stack).id)
}

/// Returns a stack policy that a request contains as text, or names by the URL of an object.
fn stack_policy_of(
    engine: &Engine,
    request: &Request<'_>,
    [body, url]: [&str; 2],
) -> Result<Option<String>, ServiceError> {
    let policy = match (request.text(body), request.text(url)) {
        (Some(text), _) => text.to_owned(),
        (None, Some(url)) => object_of_url(engine, url)?,
        (None, None) => return Ok(None),
    };
    stack_policy::validate(&policy)?;
    Ok(Some(policy))
}

/// Rejects macros that no change set has shown, unless the caller has acknowledged them.
fn check_auto_expand(inputs: &Inputs) -> Result<(), ServiceError> {
    StackTemplate::read(inputs.given())?.check_auto_expand(&inputs.capabilities)
}

/// Returns the response to a call that has started an operation.
fn begun(stack: &Stack) -> Json {
    json!({ "StackId": stack.id, "OperationId": stack.last_operation() })
}

fn stack_json(engine: &Engine, stack: &Stack) -> Json {
    let outputs: Vec<Json> = stack
        .outputs
        .iter()
        .map(|output| {
            json!({
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export,
            })
        })
        .collect();
    let operations: Vec<Json> = stack
        .last_operations_shown()
        .map(|(kind, id)| json!({ "OperationType": kind, "OperationId": id }))
        .collect();
    let template = engine.template(&stack.inputs.template).ok();
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.last_change_set,
        "Description": template.as_ref().and_then(|template| template.top("Description")),
        "Parameters": shown_parameters(template.as_deref(), &stack.inputs),
        "CreationTime": iso_time(stack.created),
        "LastUpdatedTime": time_of(stack.updated),
        "DeletionTime": time_of(stack.deleted),
        "StackStatus": stack.status,
        "StackStatusReason": non_empty(&stack.reason),
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": stack.inputs.notification_arns,
        "RollbackConfiguration": stack.inputs.rollback_configuration.clone().unwrap_or_else(|| json!({})),
        "TimeoutInMinutes": stack.timeout_minutes,
        "Capabilities": stack.inputs.capabilities,
        "Outputs": outputs,
        "RoleARN": stack.inputs.role,
        "DeploymentConfig": stack.config.shown(),
        "Tags": tag_list(&stack.inputs.tags),
        "EnableTerminationProtection": engine.is_protected(stack),
        "ParentId": stack.parent,
        "RootId": root_id(engine, stack),
        "DriftInformation": {
            "StackDriftStatus": stack.drift.as_ref().map_or(&StackDriftStatus::NotChecked, |drift| &drift.status),
        },
        "LastOperations": operations,
    })
}
