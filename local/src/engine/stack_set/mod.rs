//! Operations of stack sets: region by region, with as many accounts at a time as the preferences allow, until more have
//! failed than the preferences tolerate.

mod resource;

pub(crate) use self::resource::{STACK_SET, update_from_resource};

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::engine::inputs::{given, resolve_inputs};
use crate::engine::{CREATION_CANCELLED, Engine, UPDATE_CANCELLED};
use crate::state::{
    Environment, Inputs, Instance, Millis, OnFailure, OperationKind, OperationOptions, OperationResult,
    OperationType, ResourceStatus, SetAction, SetOperation, Stack, StackInstanceStatus,
    StackSetOperationStatus, StackSetResultStatus, StackStatus, unique_id,
};
use crate::template::scalar_text;

/// An operation of a stack set.
pub(crate) struct Order {
    pub id: String,
    pub action: SetAction,
    pub environments: Vec<(String, String)>,
    pub preferences: Json,
    pub retains: bool,
}

/// Queues an operation of a stack set. The regions are in the preferred order, or otherwise in the order in which the request
/// names them.
pub(crate) fn order(engine: &mut Engine, set: usize, order: Order, time: Millis) {
    let Order { id, action, mut environments, preferences, retains } = order;
    let preferred: Vec<String> =
        preferences["RegionOrder"].as_array().into_iter().flatten().map(scalar_text).collect();
    environments.sort_by_key(|(_, region)| preferred.iter().position(|one| one == region));
    let results = environments
        .into_iter()
        .map(|(account, region)| OperationResult {
            account,
            region,
            status: StackSetResultStatus::Pending,
            reason: None,
        })
        .collect();
    engine.state.rest.stack_sets[set].operations.push(SetOperation {
        id,
        action,
        status: StackSetOperationStatus::Queued,
        created: time,
        ended: None,
        preferences,
        retains,
        results,
    });
}

/// Advances every stack set to a time; returns whether anything has happened.
pub(crate) fn advance_stack_sets(engine: &mut Engine, now: Millis) -> bool {
    let mut moved = false;
    for set in 0..engine.state.rest.stack_sets.len() {
        let operations = &engine.state.rest.stack_sets[set].operations;
        if let Some(number) = operations.iter().position(|one| !one.is_ended()) {
            moved |= advance_operation(engine, set, number, now);
        }
    }
    moved
}

pub(crate) fn operation_of(engine: &mut Engine, set: usize, number: usize) -> &mut SetOperation {
    &mut engine.state.rest.stack_sets[set].operations[number]
}

fn advance_operation(engine: &mut Engine, set: usize, number: usize, now: Millis) -> bool {
    let mut moved = false;
    if operation_of(engine, set, number).status == StackSetOperationStatus::Queued {
        operation_of(engine, set, number).status = StackSetOperationStatus::Running;
        moved = true;
    }
    for result in 0..operation_of(engine, set, number).results.len() {
        if operation_of(engine, set, number).results[result].status == StackSetResultStatus::Running {
            moved |= end_result(engine, set, number, result, now);
        }
    }
    let operation = operation_of(engine, set, number);
    let ends = match operation.status {
        StackSetOperationStatus::Stopping => Some("Cancelled by user"),
        _ => operation.is_over().then_some("Cancelled since failure tolerance has exceeded"),
    };
    if let Some(reason) = ends {
        for one in operation.results.iter_mut().filter(|one| one.status == StackSetResultStatus::Pending) {
            one.status = StackSetResultStatus::Cancelled;
            one.reason = Some(reason.into());
            moved = true;
        }
    }
    for result in operation_of(engine, set, number).ready() {
        begin_result(engine, set, number, result, now);
        moved = true;
    }
    let operation = operation_of(engine, set, number);
    if operation
        .results
        .iter()
        .all(|one| !matches!(one.status, StackSetResultStatus::Pending | StackSetResultStatus::Running))
    {
        operation.status = match operation.status {
            StackSetOperationStatus::Stopping => StackSetOperationStatus::Stopped,
            _ if operation.is_over() => StackSetOperationStatus::Failed,
            _ => StackSetOperationStatus::Succeeded,
        };
        operation.ended = Some(now);
        let set = &mut engine.state.rest.stack_sets[set];
        set.is_deleted |= set.is_deleted_when_empty && set.instances.is_empty();
        moved = true;
    }
    moved
}

pub(crate) fn instance(engine: &Engine, set: usize, environment: Environment<'_>) -> Option<usize> {
    engine.state.rest.stack_sets[set].instances.iter().position(|one| one.environment() == environment)
}

fn instance_stack(engine: &Engine, set: usize, environment: Environment<'_>) -> Option<usize> {
    let instance = &engine.state.rest.stack_sets[set].instances[instance(engine, set, environment)?];
    engine.state.position_of(instance.stack.as_deref()?)
}

/// Starts an operation in one account and region.
fn begin_result(engine: &mut Engine, set: usize, number: usize, result: usize, time: Millis) {
    let operation = operation_of(engine, set, number);
    operation.results[result].status = StackSetResultStatus::Running;
    let (action, retains) = (operation.action, operation.retains);
    let environment = operation.results[result].clone();
    let environment = environment.environment();
    let present = instance_stack(engine, set, environment)
        .filter(|position| !engine.state.stacks[*position].is_deleted());
    if action == SetAction::Delete {
        let Some(position) = present.filter(|_| !retains) else {
            return remove_instance(engine, set, number, result);
        };
        return match engine.deletion_refusal(position) {
            Some(reason) => fail_result(engine, set, number, result, reason),
            None => begin_removal(engine, position, time),
        };
    }
    if instance(engine, set, environment).is_none() {
        // An operation that was queued before has removed it.
        return fail_result(engine, set, number, result, "The stack instance does not exist".to_owned());
    }
    let inputs = match inputs_of(engine, set, environment) {
        Ok(inputs) => inputs,
        Err(reason) => return fail_result(engine, set, number, result, reason),
    };
    let Some(position) = present else { return create_instance(engine, set, environment, inputs, time) };
    let stack = &engine.state.stacks[position];
    if is_left_over(&stack.status) {
        // It is created again after the rest of the stack has been deleted.
        begin_removal(engine, position, time);
    } else if !stack.can_be_updated() {
        let reason = format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status);
        fail_result(engine, set, number, result, reason);
    } else if stack.inputs.are_equivalent(&inputs) {
        succeed(engine, set, number, result);
    } else {
        let how = OperationOptions::new(OnFailure::Rollback);
        engine.begin(position, OperationKind::Update, inputs.into(), how, time);
    }
}

/// Returns whether a stack with this status remains from a failed creation or deletion, so that it cannot be updated.
fn is_left_over(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateFailed
            | StackStatus::RollbackFailed
            | StackStatus::RollbackComplete
            | StackStatus::DeleteFailed
    )
}

fn begin_removal(engine: &mut Engine, position: usize, time: Millis) {
    engine.begin_delete(position, Vec::new(), OperationOptions::new(OnFailure::DoNothing), time);
}

/// Creates the stack of an instance. A stack that cannot be created is deleted, so that it can be created again.
fn create_instance(
    engine: &mut Engine,
    set: usize,
    environment: Environment<'_>,
    inputs: Inputs,
    time: Millis,
) {
    let how = OperationOptions::new(OnFailure::Delete);
    let name = format!("StackSet-{}-{}", engine.state.rest.stack_sets[set].name, unique_id());
    let position = engine.add_stack(&name, environment, time);
    engine.begin(position, OperationKind::Create, inputs.into(), how, time);
    let id = engine.state.stacks[position].id.clone();
    if let Some(number) = instance(engine, set, environment) {
        engine.state.rest.stack_sets[set].instances[number].stack = Some(id);
    }
}

/// Returns the inputs of the stack of an instance: the set's inputs with the parameter overrides.
fn inputs_of(engine: &Engine, set: usize, environment: Environment<'_>) -> Result<Inputs, String> {
    let set_of = &engine.state.rest.stack_sets[set];
    let mut values = set_of.inputs.parameters.clone();
    if let Some(number) = instance(engine, set, environment) {
        values.extend(set_of.instances[number].overrides.clone());
    }
    let given = given(values.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let template = set_of.inputs.given().to_owned();
    let made = resolve_inputs(engine, environment, template, &given, &set_of.inputs);
    made.map(|(inputs, _)| inputs).map_err(|refusal| refusal.message)
}

/// Ends an operation in one account and region, if the operation of the stack has ended; returns whether anything has happened.
fn end_result(engine: &mut Engine, set: usize, number: usize, result: usize, time: Millis) -> bool {
    let environment = operation_of(engine, set, number).results[result].clone();
    let environment = environment.environment();
    let Some(position) = instance_stack(engine, set, environment) else {
        fail_result(engine, set, number, result, "The stack instance has no stack".to_owned());
        return true;
    };
    let stack = &engine.state.stacks[position];
    if stack.is_in_progress() {
        return false;
    }
    let is_removed = stack.is_deleted()
        && stack.last_operations.first().is_some_and(|(kind, _)| *kind == OperationType::DeleteStack);
    match (engine.state.rest.stack_sets[set].operations[number].action, &stack.status) {
        (SetAction::Delete, StackStatus::DeleteComplete) => remove_instance(engine, set, number, result),
        (
            SetAction::Create | SetAction::Update,
            StackStatus::CreateComplete | StackStatus::UpdateComplete,
        ) => succeed(engine, set, number, result),
        // The rest of the stack is deleted now.
        (SetAction::Create | SetAction::Update, _) if is_removed => {
            match inputs_of(engine, set, environment) {
                Ok(inputs) => create_instance(engine, set, environment, inputs, time),
                Err(reason) => fail_result(engine, set, number, result, reason),
            }
        }
        _ => {
            let reason = first_failure(stack);
            fail_result(engine, set, number, result, reason);
        }
    }
    true
}

fn fail_result(engine: &mut Engine, set: usize, number: usize, result: usize, reason: String) {
    let is_stuck = operation_of(engine, set, number).action == SetAction::Delete;
    let status = if is_stuck { StackInstanceStatus::Inoperable } else { StackInstanceStatus::Outdated };
    set_result(engine, set, number, result, (StackSetResultStatus::Failed, status), Some(reason));
}

/// Ends an operation in one account and region: the stack has the template and the parameters of the stack set.
fn succeed(engine: &mut Engine, set: usize, number: usize, result: usize) {
    let status = (StackSetResultStatus::Succeeded, StackInstanceStatus::Current);
    set_result(engine, set, number, result, status, None);
}

fn set_result(
    engine: &mut Engine,
    set: usize,
    number: usize,
    result: usize,
    (status, of_instance): (StackSetResultStatus, StackInstanceStatus),
    reason: Option<String>,
) {
    let operation = operation_of(engine, set, number);
    let id = operation.id.clone();
    let one = &mut operation.results[result];
    one.status = status;
    one.reason.clone_from(&reason);
    let one = one.clone();
    if let Some(instance) = instance(engine, set, one.environment()) {
        let instance = &mut engine.state.rest.stack_sets[set].instances[instance];
        instance.status = of_instance;
        instance.reason = reason;
        instance.last = (id, one.status);
    }
}

/// Removes an instance from the set.
fn remove_instance(engine: &mut Engine, set: usize, number: usize, result: usize) {
    set_result(
        engine,
        set,
        number,
        result,
        (StackSetResultStatus::Succeeded, StackInstanceStatus::Current),
        None,
    );
    let environment = operation_of(engine, set, number).results[result].clone();
    engine.state.rest.stack_sets[set].instances.retain(|one| one.environment() != environment.environment());
}

pub(crate) fn add_instance(
    engine: &mut Engine,
    set: usize,
    (account, region): (String, String),
    overrides: IndexMap<String, String>,
) {
    engine.state.rest.stack_sets[set].instances.push(Instance {
        account,
        region,
        stack: None,
        status: StackInstanceStatus::Outdated,
        reason: None,
        overrides,
        last: (String::new(), StackSetResultStatus::Pending),
    });
}

/// Returns the accounts of deployment targets. Local mode has no organization: an organizational unit is the endpoint's account.
pub(crate) fn accounts(engine: &Engine, targets: &Json) -> Vec<String> {
    let named: Vec<String> = targets["Accounts"].as_array().into_iter().flatten().map(scalar_text).collect();
    match named.is_empty() && targets["OrganizationalUnitIds"].is_array() {
        true => vec![engine.settings.account.clone()],
        false => named,
    }
}

/// Returns the time at which the operations of a stack set ended; `None` if one is running.
pub(crate) fn operations_end(engine: &Engine, ids: &[String]) -> Option<Millis> {
    let ended = operations_of(engine, ids).map(|operation| operation.ended);
    ended.collect::<Option<Vec<_>>>().map(|all| all.into_iter().max().unwrap_or(0))
}

/// Why operations of a stack set failed, if they did.
pub(crate) fn operations_failure(engine: &Engine, ids: &[String]) -> Option<String> {
    let failed = operations_of(engine, ids)
        .find(|operation| operation.status != StackSetOperationStatus::Succeeded)?;
    let first = failed.results.iter().find(|result| result.status == StackSetResultStatus::Failed);
    let reason = first.map(|result| {
        let why = result.reason.as_deref().unwrap_or_default();
        format!("Account [{}], Region [{}]: {why}", result.account, result.region)
    });
    Some(format!("Stack set operation {} {}. {}", failed.id, failed.status, reason.unwrap_or_default()))
}

fn operations_of<'c>(engine: &'c Engine, ids: &'c [String]) -> impl Iterator<Item = &'c SetOperation> {
    let all = engine.state.rest.stack_sets.iter().flat_map(|set| &set.operations);
    all.filter(|operation| ids.contains(&operation.id))
}

/// The settings of a stack set other than its inputs.
const SETTINGS: [&str; 5] =
    ["AdministrationRoleARN", "ExecutionRoleName", "PermissionModel", "AutoDeployment", "ManagedExecution"];

/// Returns the settings in a request or a resource.
pub(crate) fn settings(given: &Map<String, Json>) -> Map<String, Json> {
    let named = SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), given.get(*name)?.clone())));
    named.collect()
}

pub(crate) fn overrides(given: &[Json]) -> IndexMap<String, String> {
    given.iter().map(|one| (scalar_text(&one["ParameterKey"]), scalar_text(&one["ParameterValue"]))).collect()
}

/// Why a stack of a set failed, as results of stack sets report it.
fn first_failure(stack: &Stack) -> String {
    let failed = stack.events.iter().rev().take_while(|event| {
        !(event.physical_id == stack.id && event.reason.as_deref() == Some("User Initiated"))
    });
    let is_cause = |reason: &str| ![CREATION_CANCELLED, UPDATE_CANCELLED].contains(&reason);
    let first = failed
        .filter(|event| {
            event.status.as_ref().is_some_and(ResourceStatus::is_failed) && event.physical_id != stack.id
        })
        .filter(|event| event.reason.as_deref().is_some_and(is_cause))
        .last();
    match first {
        Some(event) => format!(
            "ResourceLogicalId:{}, ResourceType:{}, ResourceStatusReason:{}.",
            event.logical_id,
            event.type_name,
            event.reason.as_deref().unwrap_or_default()
        ),
        None => stack.reason.clone(),
    }
}
