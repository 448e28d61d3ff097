//! Operations of stack sets: region by region, with as many accounts at a time as the preferences allow, until more have
//! failed than the preferences tolerate.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::engine::Engine;
use crate::engine::inputs::{given, resolve_inputs, tags};
use crate::engine::template_url::object_of_url;
use crate::state::{
    Environment, Inputs, Instance, Millis, OnFailure, OperationKind, OperationOptions, OperationResult,
    ResourceStatus, SetAction, SetOperation, Stack, StackInstanceStatus, StackSet, StackSetOperationStatus,
    StackSetResultStatus, StackStatus, unique_id,
};
use crate::template::scalar_text;

/// The type of a stack set among resources.
pub(crate) const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// An operation that a caller asks a stack set to perform.
pub(crate) struct Order {
    pub id: String,
    pub action: SetAction,
    pub environments: Vec<(String, String)>,
    pub preferences: Json,
    pub retains: bool,
}

/// Queues an operation of a stack set. Regions come in the preferred order, or else in the order in which they are named.
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

/// Brings every stack set up to a moment; returns whether anything has happened.
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
            moved |= end_result(engine, set, number, result);
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
    let operation = operation_of(engine, set, number).clone();
    let environment = operation.results[result].clone();
    let environment = environment.environment();
    operation_of(engine, set, number).results[result].status = StackSetResultStatus::Running;
    let present = instance_stack(engine, set, environment)
        .filter(|position| !engine.state.stacks[*position].is_deleted());
    if operation.action == SetAction::Delete {
        match present.filter(|_| !operation.retains) {
            Some(position) => {
                engine.begin_delete(position, Vec::new(), OperationOptions::new(OnFailure::DoNothing), time)
            }
            None => remove_instance(engine, set, number, result),
        }
        return;
    }
    let inputs = match inputs_of(engine, set, environment) {
        Ok(inputs) => inputs,
        Err(reason) => return fail_result(engine, set, number, result, reason),
    };
    let how = OperationOptions::new(OnFailure::Rollback);
    // A stack whose creation failed cannot be updated: it is deleted and created again.
    let is_remains = |stack: &Stack| {
        matches!(
            stack.status,
            StackStatus::CreateFailed
                | StackStatus::RollbackInProgress
                | StackStatus::RollbackFailed
                | StackStatus::RollbackComplete
        )
    };
    match present {
        Some(position) if is_remains(&engine.state.stacks[position]) => {
            engine.begin_delete(position, Vec::new(), OperationOptions::new(OnFailure::DoNothing), time);
            create_instance(engine, set, environment, inputs, how, time);
        }
        Some(position) => {
            if engine.state.stacks[position].inputs.are_equivalent(&inputs) {
                succeed(engine, set, number, result);
            } else {
                engine.begin(position, OperationKind::Update, inputs.into(), how, time);
            }
        }
        None => create_instance(engine, set, environment, inputs, how, time),
    }
}

fn create_instance(
    engine: &mut Engine,
    set: usize,
    environment: Environment<'_>,
    inputs: Inputs,
    how: OperationOptions,
    time: Millis,
) {
    let name = format!("StackSet-{}-{}", engine.state.rest.stack_sets[set].name, unique_id());
    let position = engine.add_stack(&name, environment, time);
    engine.begin(position, OperationKind::Create, inputs.into(), how, time);
    let id = engine.state.stacks[position].id.clone();
    if let Some(number) = instance(engine, set, environment) {
        engine.state.rest.stack_sets[set].instances[number].stack = Some(id);
    }
}

/// The inputs of the stack of an instance: the set's inputs with the parameter overrides.
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

/// Ends an operation in one account and region, if the operation of the stack has ended.
fn end_result(engine: &mut Engine, set: usize, number: usize, result: usize) -> bool {
    let environment = operation_of(engine, set, number).results[result].clone();
    let Some(position) = instance_stack(engine, set, environment.environment()) else { return false };
    let stack = &engine.state.stacks[position];
    if stack.is_in_progress() {
        return false;
    }
    match (engine.state.rest.stack_sets[set].operations[number].action, &stack.status) {
        (SetAction::Delete, StackStatus::DeleteComplete) => remove_instance(engine, set, number, result),
        (
            SetAction::Create | SetAction::Update,
            StackStatus::CreateComplete | StackStatus::UpdateComplete,
        ) => succeed(engine, set, number, result),
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

/// Brings a stack set to the properties of a resource of a template; without properties, deletes it. Returns the IDs of
/// the operations that do it.
pub(crate) fn update_from_resource(
    engine: &mut Engine,
    id: &str,
    region: &str,
    properties: Option<&Map<String, Json>>,
    time: Millis,
) -> Result<Vec<String>, String> {
    let none = Map::new();
    let is_gone = properties.is_none();
    let properties = properties.unwrap_or(&none);
    let found = engine.state.rest.stack_sets.iter().position(|set| set.id == id);
    let set = match found {
        Some(set) => set,
        None if is_gone => return Ok(Vec::new()),
        None => {
            let name = properties.get("StackSetName").map(scalar_text).unwrap_or_default();
            engine.state.rest.stack_sets.push(StackSet::new(id.to_owned(), &name, region));
            engine.state.rest.stack_sets.len() - 1
        }
    };
    let before = engine.state.rest.stack_sets[set].inputs.clone();
    if !is_gone {
        let inputs = inputs_of_resource(engine, engine.environment(region), properties)?;
        let all = &mut engine.state.rest.stack_sets[set];
        all.inputs = inputs;
        all.description = properties.get("Description").map(scalar_text);
        all.settings = settings(properties);
    }
    let wanted = wanted_instances(engine, properties);
    let preferences = properties.get("OperationPreferences").cloned().unwrap_or_default();
    let inputs = &engine.state.rest.stack_sets[set].inputs;
    let is_changed = !before.are_equivalent(inputs);
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for one in &mut engine.state.rest.stack_sets[set].instances {
        let environment = (one.account.clone(), one.region.clone());
        match wanted.get(&environment) {
            None => gone.push(environment),
            Some(overrides) => {
                if is_changed || one.overrides != *overrides || one.status != StackInstanceStatus::Current {
                    one.overrides.clone_from(overrides);
                    changed.push(environment);
                }
            }
        }
    }
    let is_there = |(account, region): &(String, String)| {
        instance(engine, set, Environment { account, region }).is_some()
    };
    let new: Vec<_> = wanted.into_iter().filter(|(environment, _)| !is_there(environment)).collect();
    let added: Vec<_> = new.iter().map(|(environment, _)| environment.clone()).collect();
    for (environment, overrides) in new {
        add_instance(engine, set, environment, overrides);
    }
    let mut ids = Vec::new();
    for (action, environments) in
        [(SetAction::Delete, gone), (SetAction::Update, changed), (SetAction::Create, added)]
    {
        if !environments.is_empty() {
            let id = unique_id();
            let wanted = Order {
                id: id.clone(),
                action,
                environments,
                preferences: preferences.clone(),
                retains: false,
            };
            order(engine, set, wanted, time);
            ids.push(id);
        }
    }
    let set = &mut engine.state.rest.stack_sets[set];
    set.is_deleted_when_empty = is_gone;
    set.is_deleted |= is_gone && set.instances.is_empty();
    Ok(ids)
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

fn inputs_of_resource(
    engine: &Engine,
    environment: Environment<'_>,
    properties: &Map<String, Json>,
) -> Result<Inputs, String> {
    let text = |name: &str| properties.get(name).map(scalar_text);
    let list = |name: &str| properties.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let template = match text("TemplateURL") {
        Some(url) => object_of_url(engine, &url).map_err(|refusal| refusal.message)?,
        None => text("TemplateBody").unwrap_or_default(),
    };
    let before = Inputs {
        tags: tags(&list("Tags")),
        capabilities: list("Capabilities").iter().map(scalar_text).collect(),
        ..Inputs::default()
    };
    let made = resolve_inputs(engine, environment, template, &list("Parameters"), &before).and_then(
        |(inputs, template)| {
            template.check_capabilities(&inputs.capabilities)?;
            Ok(inputs)
        },
    );
    made.map_err(|refusal| refusal.message)
}

/// The accounts and regions that a resource names, with their parameter overrides.
fn wanted_instances(
    engine: &Engine,
    properties: &Map<String, Json>,
) -> IndexMap<(String, String), IndexMap<String, String>> {
    let mut wanted = IndexMap::new();
    let groups = properties.get("StackInstancesGroup").and_then(Json::as_array);
    for group in groups.into_iter().flatten() {
        let overrides =
            overrides(group["ParameterOverrides"].as_array().map(Vec::as_slice).unwrap_or_default());
        let regions = group["Regions"].as_array().into_iter().flatten().map(scalar_text);
        for region in regions {
            for account in accounts(engine, &group["DeploymentTargets"]) {
                wanted.insert((account, region.clone()), overrides.clone());
            }
        }
    }
    wanted
}

/// The accounts of deployment targets. Local mode has no organization: an organizational unit is the endpoint's account.
pub(crate) fn accounts(engine: &Engine, targets: &Json) -> Vec<String> {
    let named: Vec<String> = targets["Accounts"].as_array().into_iter().flatten().map(scalar_text).collect();
    match named.is_empty() && targets["OrganizationalUnitIds"].is_array() {
        true => vec![engine.settings.account.clone()],
        false => named,
    }
}

/// When the operations of a stack set ended, if they have.
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

/// The settings of a stack set beside its inputs.
const SETTINGS: [&str; 5] =
    ["AdministrationRoleARN", "ExecutionRoleName", "PermissionModel", "AutoDeployment", "ManagedExecution"];

/// The settings that a request or a resource gives.
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
    let is_cause = |reason: &str| !reason.contains("cancelled");
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
