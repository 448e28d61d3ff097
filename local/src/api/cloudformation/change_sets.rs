//! Change sets.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use crate::api::cloudformation::stack_policy;
use crate::api::cloudformation::{
    Answer, Request, add_own_stack, both, check_express, check_not_rolled_back, inputs, non_empty, tag_list,
};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::change_set::{compute_change_set, discard_nested, nested_in, stack_for_new_change_set};
use crate::state::{
    Change, ChangeSet, ChangeSetStatus, ChangeSetType, ExecutionStatus, Inputs, OnFailure, OperationKind,
    OperationOptions, Stack, StackStatus, Target, iso_time,
};
use crate::template::{HIDDEN, StackTemplate, scalar_text};

/// The number of changes in a page.
const PAGE: usize = 50;

pub(crate) fn create_change_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (name, stack_name) = (request.new_name("ChangeSetName")?, request.required("StackName")?);
    let kind = ChangeSetType::from(request.text("ChangeSetType").unwrap_or("UPDATE"));
    let position = stack_for_change_set(engine, request, stack_name, &kind)?;
    let existing = position.map(|position| &engine.state.stacks[position]);
    if let Some(stack) = existing {
        let token = request.text("ClientToken");
        // The name of a change set that was executed, or became obsolete, is free again.
        let is_known = |one: &&ChangeSet| one.name == name && !one.is_past();
        if let Some(known) = stack.change_sets.iter().find(is_known) {
            if token.is_some() && known.token.as_deref() == token {
                return Ok(json!({ "Id": known.id, "StackId": stack.id }));
            }
            return Err(ServiceError::new(
                "AlreadyExistsException",
                format!("ChangeSet {name} cannot be created due to a name conflict"),
            ));
        }
    }
    let config = request.deployment_config()?;
    if config.disable_rollback.is_some() && request.text("OnStackFailure").is_some() {
        return Err(both("OnStackFailure", "DeploymentConfig.DisableRollback"));
    }
    if let Some(stack) = existing {
        check_express(stack, &config)?;
    }
    let keeps_value = |one: &Json| scalar_text(&one["UsePreviousValue"]) == "true";
    if kind == ChangeSetType::Create && request.list("Parameters").iter().any(keeps_value) {
        return Err(ServiceError::validation(
            "Cannot specify UsePreviousValue on Parameters when ChangeSetType is CREATE",
        ));
    }
    let (inputs, template) = inputs(engine, request, existing.map(|stack| &stack.inputs))?;
    let imports: IndexMap<String, String> = request
        .list("ResourcesToImport")
        .iter()
        .map(|one| {
            let identifier = one["ResourceIdentifier"].as_object();
            let mut parts: Vec<String> =
                identifier.into_iter().flatten().map(|(_, value)| scalar_text(value)).collect();
            // In the query protocol, a map is a list of keys and values.
            if let Some(entries) = one["ResourceIdentifier"].as_array() {
                parts = entries.iter().map(|entry| scalar_text(&entry["value"])).collect();
            }
            (scalar_text(&one["LogicalResourceId"]), parts.join("|"))
        })
        .collect();
    if position.is_none() {
        request.new_name("StackName")?;
    }
    let (position, operation) = stack_for_new_change_set(engine, position, request.time, |engine| {
        add_own_stack(engine, stack_name, request)
    });
    let mut change_set = ChangeSet {
        id: ChangeSet::new_id(engine.environment(request.region), name),
        name: name.to_owned(),
        kind,
        created: request.time,
        ready: request.time + engine.settings.change_set_time,
        status: ChangeSetStatus::CreateComplete,
        reason: None,
        execution: ExecutionStatus::Available,
        description: request.text("Description").map(str::to_owned),
        inputs,
        changes: Vec::new(),
        on_failure: request.text("OnStackFailure").map(str::to_owned),
        deployment_mode: request.text("DeploymentMode").map(str::to_owned),
        config,
        import_existing: request.is("ImportExistingResources"),
        disable_validation: request.is("DisableValidation"),
        imports,
        token: request.text("ClientToken").map(str::to_owned),
        operation,
        within: None,
        nested: request.is("IncludeNestedStacks").then(IndexMap::new),
    };
    compute_change_set(engine, position, &mut change_set, &template);
    let answer = json!({ "Id": change_set.id, "StackId": engine.state.stacks[position].id });
    engine.state.stacks[position].change_sets.push(change_set);
    Ok(answer)
}

/// Returns the stack that a change set is for; `None` if there is none yet.
fn stack_for_change_set(
    engine: &Engine,
    request: &Request<'_>,
    stack_name: &str,
    kind: &ChangeSetType,
) -> Result<Option<usize>, ServiceError> {
    let found = engine.position(request.region, stack_name);
    let stack = found.map(|position| &engine.state.stacks[position]);
    match (kind, stack.map(|stack| &stack.status)) {
        (ChangeSetType::Create, None | Some(StackStatus::ReviewInProgress))
        | (ChangeSetType::Import, None) => Ok(found),
        (ChangeSetType::Create, Some(status)) => Err(ServiceError::validation(format!(
            "Stack [{stack_name}] already exists and cannot be created again with the changeSet [{}] (it is {status}).",
            request.required("ChangeSetName")?
        ))),
        // A stack that only waits for a change set counts as missing.
        (_, None) | (ChangeSetType::Update, Some(StackStatus::ReviewInProgress)) => {
            Err(ServiceError::validation(format!("Stack [{stack_name}] does not exist")))
        }
        (_, Some(status))
            if stack.is_some_and(Stack::can_be_updated)
                || (*kind == ChangeSetType::Import && *status == StackStatus::ReviewInProgress) =>
        {
            Ok(found)
        }
        (_, Some(status)) => {
            let id = stack.map_or("", |stack| stack.id.as_str());
            Err(ServiceError::validation(format!("Stack:{id} is in {status} state and can not be updated.")))
        }
    }
}

/// Returns the stack and the change set that a request names.
pub(crate) fn change_set(engine: &Engine, request: &Request<'_>) -> Result<(usize, usize), ServiceError> {
    let name = request.required("ChangeSetName")?;
    let missing =
        || ServiceError::new("ChangeSetNotFound", format!("ChangeSet [{name}] does not exist")).status(404);
    let among = |position: usize| {
        let sets = &engine.state.stacks[position].change_sets;
        // If the request has a name, it refers to the newest change set with this name.
        sets.iter().rposition(|one| one.id == name || one.name == name)
    };
    match request.text("StackName") {
        Some(stack_name) => {
            let position = engine
                .position(request.region, stack_name)
                .ok_or_else(|| ServiceError::validation(format!("Stack [{stack_name}] does not exist")))?;
            among(position).map(|number| (position, number)).ok_or_else(missing)
        }
        // A name is unique only in its stack.
        None if !name.starts_with("arn:") => Err(ServiceError::validation(
            "StackName must be specified if ChangeSetName is not specified as an ARN.",
        )),
        None => (0..engine.state.stacks.len())
            .find_map(|position| among(position).map(|number| (position, number)))
            .ok_or_else(missing),
    }
}

pub(crate) fn describe_change_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (position, number) = change_set(engine, request)?;
    let stack = &engine.state.stacks[position];
    let change_set = &stack.change_sets[number];
    let template = engine.template(&change_set.inputs.template).ok();
    let is_ready = change_set.ready <= request.time;
    let shows_values = request.is("IncludePropertyValues");
    let changes: Vec<Json> =
        change_set.changes.iter().map(|change| change_json(change, shows_values)).collect();
    let (changes, next) = request.page(if is_ready { changes } else { Vec::new() }, PAGE)?;
    let status = match (is_ready, request.time.saturating_sub(change_set.created)) {
        (true, _) => change_set.status.clone(),
        (false, 0..=20) => ChangeSetStatus::CreatePending,
        (false, _) => ChangeSetStatus::CreateInProgress,
    };
    let execution = if is_ready { &change_set.execution } else { &ExecutionStatus::Unavailable };
    Ok(json!({
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description,
        "Parameters": shown_parameters(template.as_deref(), &change_set.inputs),
        "CreationTime": iso_time(change_set.created),
        "ExecutionStatus": execution,
        "Status": status,
        "StatusReason": if is_ready { json!(change_set.reason) } else { Json::Null },
        "NotificationARNs": change_set.inputs.notification_arns,
        "RollbackConfiguration": change_set.inputs.rollback_configuration.clone().unwrap_or_else(|| json!({})),
        "Capabilities": change_set.inputs.capabilities,
        "Tags": tag_list(&change_set.inputs.tags),
        "Changes": changes,
        "NextToken": next,
        "OnStackFailure": change_set.on_failure,
        "IncludeNestedStacks": change_set.nested.is_some(),
        "ParentChangeSetId": change_set.within.as_ref().map(|(parent, _)| parent),
        "RootChangeSetId": change_set.within.as_ref().map(|(_, root)| root),
        "ImportExistingResources": change_set.import_existing,
        "DeploymentMode": change_set.deployment_mode,
        "DeploymentConfig": change_set.config.shown(),
    }))
}

pub(crate) fn list_change_sets(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let position = engine.stack(request.region, request.required("StackName")?)?;
    let stack = &engine.state.stacks[position];
    let summaries = stack
        .change_sets
        .iter()
        .map(|one| {
            json!({
                "StackId": stack.id,
                "StackName": stack.name,
                "ChangeSetId": one.id,
                "ChangeSetName": one.name,
                "ExecutionStatus": one.execution,
                "Status": one.status,
                "StatusReason": one.reason,
                "CreationTime": iso_time(one.created),
                "Description": one.description,
                "IncludeNestedStacks": one.nested.is_some(),
                "ParentChangeSetId": one.within.as_ref().map(|(parent, _)| parent),
                "RootChangeSetId": one.within.as_ref().map(|(_, root)| root),
            })
        })
        .collect();
    let (summaries, next) = request.page(summaries, 100)?;
    Ok(json!({ "Summaries": summaries, "NextToken": next }))
}

pub(crate) fn delete_change_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    match change_set(engine, request) {
        Ok((position, number)) => {
            let change_set = &engine.state.stacks[position].change_sets[number];
            if change_set.execution == ExecutionStatus::ExecuteInProgress {
                return Err(ServiceError::new(
                    "InvalidChangeSetStatus",
                    format!("ChangeSet [{}] cannot be deleted in status EXECUTE_IN_PROGRESS", change_set.id),
                ));
            }
            if change_set.within.is_some() {
                return Err(nested_refusal(change_set, "deleted"));
            }
            let change_set = engine.state.stacks[position].change_sets.remove(number);
            discard_nested(engine, &change_set, request.time);
            Ok(json!({}))
        }
        // A change set that does not exist is deleted already.
        Err(refusal) if refusal.code == "ChangeSetNotFound" => Ok(json!({})),
        Err(refusal) => Err(refusal),
    }
}

pub(crate) fn execute_change_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (position, number) = change_set(engine, request)?;
    let stack = &engine.state.stacks[position];
    let change_set = stack.change_sets[number].clone();
    let token = request.token();
    let is_repeated = token.is_some()
        && matches!(
            change_set.execution,
            ExecutionStatus::ExecuteInProgress
                | ExecutionStatus::ExecuteComplete
                | ExecutionStatus::ExecuteFailed
        )
        && stack.events.iter().any(|event| event.token == token);
    if is_repeated {
        return Ok(json!({}));
    }
    if change_set.within.is_some() {
        return Err(nested_refusal(&change_set, "executed"));
    }
    if change_set.ready > request.time || change_set.status != ChangeSetStatus::CreateComplete {
        return Err(ServiceError::new(
            "InvalidChangeSetStatus",
            format!(
                "ChangeSet [{}] cannot be executed in its current status of [{}]",
                change_set.id, change_set.status
            ),
        ));
    }
    if change_set.execution != ExecutionStatus::Available {
        return Err(ServiceError::new(
            "InvalidChangeSetStatus",
            format!(
                "ChangeSet [{}] cannot be executed in its current execution status of [{}]",
                change_set.id, change_set.execution
            ),
        ));
    }
    if stack.is_in_progress() {
        return Err(ServiceError::validation(format!(
            "Stack:{} is in {} state and can not be updated.",
            stack.id, stack.status
        )));
    }
    if change_set.on_failure.is_some() && request.is("DisableRollback") {
        return Err(ServiceError::validation(
            "DisableRollback cannot be specified when OnStackFailure was specified for the change set",
        ));
    }
    stack_policy::check(engine.state.stacks[position].policy.as_deref(), &change_set.changes)?;
    let stack = &engine.state.stacks[position];
    let kind = match (&change_set.kind, &stack.status) {
        (ChangeSetType::Import, _) => OperationKind::Import,
        (_, StackStatus::ReviewInProgress) => OperationKind::Create,
        _ => OperationKind::Update,
    };
    let on_failure = match change_set.on_failure.as_deref() {
        Some("DO_NOTHING") => OnFailure::DoNothing,
        Some("DELETE") if kind == OperationKind::Create => OnFailure::Delete,
        _ if request.is("DisableRollback") || change_set.config.disables_rollback() => OnFailure::DoNothing,
        _ => OnFailure::Rollback,
    };
    check_not_rolled_back(stack, on_failure)?;
    mark_executed(engine, &change_set);
    let stack = &mut engine.state.stacks[position];
    stack.disable_rollback = on_failure == OnFailure::DoNothing;
    stack.last_change_set = Some(change_set.id.clone());
    let how = OperationOptions {
        on_failure,
        token,
        retain_except_on_create: request.is("RetainExceptOnCreate"),
        config: change_set.config.clone(),
    };
    engine.begin(position, kind, Target::of_change_set(&change_set), how, request.time);
    Ok(json!({}))
}

/// Marks a change set and those of its nested stacks as being executed, and the others of the same stacks as obsolete.
fn mark_executed(engine: &mut Engine, change_set: &ChangeSet) {
    for position in 0..engine.state.stacks.len() {
        if !engine.state.stacks[position].change_sets.iter().any(|one| one.id == change_set.id) {
            continue;
        }
        let stack = &mut engine.state.stacks[position];
        for one in &mut stack.change_sets {
            if one.id == change_set.id {
                one.execution = ExecutionStatus::ExecuteInProgress;
            } else if one.execution == ExecutionStatus::Available {
                one.execution = ExecutionStatus::Obsolete;
            }
        }
    }
    for nested in nested_in(engine, change_set) {
        mark_executed(engine, &nested);
    }
}

fn nested_refusal(change_set: &ChangeSet, verb: &str) -> ServiceError {
    let root = change_set.within.as_ref().map_or("", |(_, root)| root.as_str());
    ServiceError::validation(format!(
        "Change set [{}] is nested and cannot be {verb} by itself. Its root change set is [{root}]",
        change_set.id
    ))
}

/// Parameters as they are shown: the value of one with `NoEcho` is hidden, and one that names an SSM parameter shows its
/// value too.
pub(super) fn shown_parameters(template: Option<&StackTemplate>, inputs: &Inputs) -> Json {
    let shown = inputs.parameters.iter().map(|(key, value)| {
        let is_secret = template.is_some_and(|template| template.is_secret(key));
        let hidden = |value: &String| if is_secret { HIDDEN.to_owned() } else { value.clone() };
        json!({
            "ParameterKey": key,
            "ParameterValue": hidden(value),
            "ResolvedValue": inputs.resolved.get(key).map(hidden),
        })
    });
    shown.collect()
}

fn change_json(change: &Change, shows_values: bool) -> Json {
    let details: Vec<Json> = change
        .details
        .iter()
        .cloned()
        .map(|mut detail| {
            if !shows_values && let Some(target) = detail["Target"].as_object_mut() {
                for name in ["BeforeValue", "AfterValue", "Path", "AttributeChangeType"] {
                    target.remove(name);
                }
            }
            detail
        })
        .collect();
    json!({
        "Type": "Resource",
        "ResourceChange": {
            "PolicyAction": change.policy_action,
            "Action": change.action,
            "LogicalResourceId": change.logical_id,
            "PhysicalResourceId": change.physical_id.as_deref().map_or(Json::Null, non_empty),
            "ResourceType": change.type_name,
            "ChangeSetId": change.change_set,
            "Replacement": change.replacement,
            "Scope": change.scope,
            "Details": details,
            "BeforeContext": if shows_values { json!(change.before) } else { Json::Null },
            "AfterContext": if shows_values { json!(change.after) } else { Json::Null },
        },
    })
}
