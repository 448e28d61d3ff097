//! Stack sets.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Value as Json, json};

use crate::api::cloudformation::change_sets::shown_parameters;
use crate::api::cloudformation::{Answer, Request, both, inputs, non_empty, tag_list, time_of};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::stack_set::{Order, accounts, add_instance, instance, order, overrides, settings};
use crate::state::{
    Environment, Inputs, Instance, SetAction, SetOperation, StackInstanceStatus, StackSet,
    StackSetOperationStatus, StackSetResultStatus, iso_time, unique_id,
};
use crate::template::scalar_text;

/// The number of items in a page.
const PAGE: usize = 100;

/// Returns a stack set by its name or ID. One that is deleted is found by its ID only.
fn stack_set(engine: &Engine, request: &Request<'_>) -> Result<usize, ServiceError> {
    let name = request.required("StackSetName")?;
    let is_it = |set: &StackSet| {
        (set.id == name && set.region == request.region) || set.is_named(name, request.region)
    };
    engine.state.rest.stack_sets.iter().position(is_it).ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> ServiceError {
    ServiceError::new("StackSetNotFoundException", format!("StackSet {name} not found")).status(404)
}

pub(crate) fn create_stack_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let name = request.new_name("StackSetName")?;
    let (inputs, _) = inputs(engine, request, None)?;
    let token = request.token();
    let mut all = engine.state.rest.stack_sets.iter();
    if let Some(present) = all.find(|set| set.is_named(name, request.region)) {
        if token.is_none() || present.token != token {
            let message = format!("The name '{name}' is already in use by another stack set.");
            return Err(ServiceError::new("NameAlreadyExistsException", message).status(409));
        }
        if !present.inputs.are_equivalent(&inputs) {
            let message = format!("StackSet {name} exists, but has been changed");
            return Err(ServiceError::new("CreatedButModifiedException", message).status(409));
        }
        return Ok(json!({ "StackSetId": present.id }));
    }
    let set = StackSet {
        token,
        description: request.text("Description").map(str::to_owned),
        inputs,
        settings: settings(&request.form),
        ..StackSet::new(format!("{name}:{}", unique_id()), name, request.region)
    };
    let answer = json!({ "StackSetId": set.id });
    engine.state.rest.stack_sets.push(set);
    Ok(answer)
}

pub(crate) fn update_stack_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = idle_stack_set(engine, request)?;
    let before = engine.state.rest.stack_sets[set].inputs.clone();
    let (inputs, _) = inputs(engine, request, Some(&before))?;
    let environments = match (given_accounts(engine, request)?, request.texts("Regions")) {
        (None, regions) if regions.is_empty() => {
            let instances = &engine.state.rest.stack_sets[set].instances;
            instances.iter().map(|one| (one.account.clone(), one.region.clone())).collect()
        }
        (accounts, regions) => crossed(accounts, &regions)?,
    };
    let mut updated = Vec::new();
    for environment in environments {
        // Updates skip instances that could not be deleted.
        if instance_at(engine, set, &environment)?.status != StackInstanceStatus::Inoperable {
            updated.push(environment);
        }
    }
    let order = new_order(engine, set, request, SetAction::Update, updated)?;
    let all = &mut engine.state.rest.stack_sets[set];
    let is_changed = !all.inputs.are_equivalent(&inputs);
    all.inputs = inputs;
    all.settings.extend(settings(&request.form));
    if let Some(description) = request.text("Description") {
        all.description = Some(description.to_owned());
    }
    let is_operable = |one: &&mut Instance| one.status != StackInstanceStatus::Inoperable;
    for one in all.instances.iter_mut().filter(is_operable).filter(|_| is_changed) {
        one.status = StackInstanceStatus::Outdated;
    }
    Ok(begin(engine, set, order, request))
}

pub(crate) fn delete_stack_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = idle_stack_set(engine, request)?;
    let set = &mut engine.state.rest.stack_sets[set];
    if !set.instances.is_empty() {
        return Err(ServiceError::new("StackSetNotEmptyException", "StackSet is not empty").status(409));
    }
    set.is_deleted = true;
    Ok(json!({}))
}

pub(crate) fn create_stack_instances(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = idle_stack_set(engine, request)?;
    let environments = given_environments(engine, request)?;
    let order = new_order(engine, set, request, SetAction::Create, environments)?;
    for environment in &order.environments {
        if instance(engine, set, at(environment)).is_none() {
            add_instance(engine, set, environment.clone(), overrides(request.list("ParameterOverrides")));
        }
    }
    Ok(begin(engine, set, order, request))
}

pub(crate) fn update_stack_instances(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = idle_stack_set(engine, request)?;
    let environments = given_environments(engine, request)?;
    for environment in &environments {
        instance_at(engine, set, environment)?;
    }
    let order = new_order(engine, set, request, SetAction::Update, environments)?;
    if request.form.contains_key("ParameterOverrides") {
        let given = request.list("ParameterOverrides");
        let is_updated =
            |one: &&mut Instance| order.environments.iter().any(|other| one.environment() == at(other));
        for one in engine.state.rest.stack_sets[set].instances.iter_mut().filter(is_updated) {
            one.overrides = new_overrides(&one.overrides, given);
        }
    }
    Ok(begin(engine, set, order, request))
}

/// Returns the overrides of an instance after an update: those of the request and no others, some with their present values.
fn new_overrides(present: &IndexMap<String, String>, given: &[Json]) -> IndexMap<String, String> {
    let is_kept = |one: &&Json| scalar_text(&one["UsePreviousValue"]) == "true";
    let kept = given.iter().filter(is_kept).map(|one| scalar_text(&one["ParameterKey"]));
    let kept = kept.filter_map(|key| present.get(&key).map(|value| (key.clone(), value.clone())));
    let set: Vec<Json> = given.iter().filter(|one| !is_kept(one)).cloned().collect();
    kept.chain(overrides(&set)).collect()
}

pub(crate) fn delete_stack_instances(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = idle_stack_set(engine, request)?;
    let mut environments = given_environments(engine, request)?;
    // An instance that is not in the set was removed already.
    environments.retain(|environment| instance_at(engine, set, environment).is_ok());
    let order = new_order(engine, set, request, SetAction::Delete, environments)?;
    Ok(begin(engine, set, order, request))
}

/// Returns a stack set on which an operation can start: none runs, unless the set queues operations.
fn idle_stack_set(engine: &Engine, request: &Request<'_>) -> Result<usize, ServiceError> {
    let number = stack_set(engine, request)?;
    let set = &engine.state.rest.stack_sets[number];
    if set.is_deleted {
        return Err(not_found(request.required("StackSetName")?));
    }
    let manages =
        scalar_text(&set.settings.get("ManagedExecution").unwrap_or(&Json::Null)["Active"]) == "true";
    if let Some(busy) = set.operations.iter().find(|one| !one.is_ended() && !manages) {
        return Err(ServiceError::new(
            "OperationInProgressException",
            format!("Another Operation on StackSet {} is in progress: {}", set.id, busy.id),
        )
        .status(409));
    }
    Ok(number)
}

/// Returns an operation as a request describes it.
fn new_order(
    engine: &Engine,
    set: usize,
    request: &Request<'_>,
    action: SetAction,
    environments: Vec<(String, String)>,
) -> Result<Order, ServiceError> {
    let id = request.text("OperationId").map_or_else(unique_id, str::to_owned);
    if engine.state.rest.stack_sets[set].operations.iter().any(|one| one.id == id) {
        let message = format!("OperationId {id} already exists");
        return Err(ServiceError::new("OperationIdAlreadyExistsException", message).status(409));
    }
    let preferences = request.form.get("OperationPreferences").cloned().unwrap_or_default();
    for name in ["MaxConcurrent", "FailureTolerance"] {
        let [count, percentage] = ["Count", "Percentage"].map(|kind| format!("{name}{kind}"));
        if !preferences[&count].is_null() && !preferences[&percentage].is_null() {
            return Err(both(&count, &percentage));
        }
    }
    Ok(Order { id, action, environments, preferences, retains: request.is("RetainStacks") })
}

fn begin(engine: &mut Engine, set: usize, wanted: Order, request: &Request<'_>) -> Json {
    let answer = json!({ "OperationId": wanted.id });
    order(engine, set, wanted, request.time);
    answer
}

/// Returns the accounts that a request names, if it names any.
fn given_accounts(engine: &Engine, request: &Request<'_>) -> Result<Option<Vec<String>>, ServiceError> {
    let named = request.texts("Accounts");
    match request.form.get("DeploymentTargets") {
        Some(_) if !named.is_empty() => Err(both("Accounts", "DeploymentTargets")),
        Some(targets) => Ok(Some(accounts(engine, targets))),
        None => Ok((!named.is_empty()).then_some(named)),
    }
}

fn given_environments(engine: &Engine, request: &Request<'_>) -> Result<Vec<(String, String)>, ServiceError> {
    crossed(given_accounts(engine, request)?, &request.texts("Regions"))
}

/// Returns every account in every region, each once.
fn crossed(accounts: Option<Vec<String>>, regions: &[String]) -> Result<Vec<(String, String)>, ServiceError> {
    let accounts = accounts
        .ok_or_else(|| ServiceError::validation("Either Accounts or DeploymentTargets must be specified"))?;
    if regions.is_empty() {
        return Err(ServiceError::validation("At least one value must be specified for Regions"));
    }
    let inside = |region: &String| {
        accounts.iter().map(|account| (account.clone(), region.clone())).collect::<Vec<_>>()
    };
    let all: IndexSet<(String, String)> = regions.iter().flat_map(inside).collect();
    Ok(all.into_iter().collect())
}

fn instance_at<'e>(
    engine: &'e Engine,
    set: usize,
    environment: &(String, String),
) -> Result<&'e Instance, ServiceError> {
    let found = instance(engine, set, at(environment));
    let set = &engine.state.rest.stack_sets[set];
    found.map(|number| &set.instances[number]).ok_or_else(|| {
        let message = format!("Stack instance not found: {}, {}, {}", set.name, environment.0, environment.1);
        ServiceError::new("StackInstanceNotFoundException", message).status(404)
    })
}

pub(crate) fn describe_stack_set(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = &engine.state.rest.stack_sets[stack_set(engine, request)?];
    let template = engine.template(&set.inputs.template).ok();
    let Environment { account, region } = engine.environment(&set.region);
    let mut shown = set_json(set);
    shown["StackSetARN"] = format!("arn:aws:cloudformation:{region}:{account}:stackset/{}", set.id).into();
    shown["TemplateBody"] = set.inputs.given().into();
    shown["Parameters"] = shown_parameters(template.as_deref(), &set.inputs);
    shown["Capabilities"] = json!(set.inputs.capabilities);
    shown["Tags"] = tag_list(&set.inputs.tags);
    let regions: IndexSet<&str> = set.instances.iter().map(|one| one.region.as_str()).collect();
    shown["Regions"] = json!(regions);
    Ok(json!({ "StackSet": shown }))
}

pub(crate) fn list_stack_sets(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let template = request.text("Status");
    let here = engine.state.rest.stack_sets.iter().filter(|set| set.region == request.region);
    let summaries = here
        .map(set_json)
        .filter(|set| template.is_none_or(|status| set["Status"] == status))
        .map(|mut set| {
            for name in ["AdministrationRoleARN", "ExecutionRoleName"] {
                set[name] = Json::Null;
            }
            set
        })
        .collect();
    let (summaries, next) = request.page(summaries, PAGE)?;
    Ok(json!({ "Summaries": summaries, "NextToken": next }))
}

pub(crate) fn list_stack_instances(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = &engine.state.rest.stack_sets[stack_set(engine, request)?];
    let is_asked = |name: &str, value: &str| request.text(name).is_none_or(|asked| asked == value);
    let summaries = set
        .instances
        .iter()
        .filter(|one| is_asked("StackInstanceAccount", &one.account))
        .filter(|one| is_asked("StackInstanceRegion", &one.region))
        .filter(|one| {
            filters(request).all(|(name, wanted)| match name.as_str() {
                "DETAILED_STATUS" => wanted == detailed_status(one),
                "LAST_OPERATION_ID" => wanted == one.last.0,
                _ => wanted == DRIFT_STATUS,
            })
        })
        .map(|one| instance_json(set, one))
        .collect();
    let (summaries, next) = request.page(summaries, PAGE)?;
    Ok(json!({ "Summaries": summaries, "NextToken": next }))
}

pub(crate) fn describe_stack_instance(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let number = stack_set(engine, request)?;
    let environment = (
        request.required("StackInstanceAccount")?.to_owned(),
        request.required("StackInstanceRegion")?.to_owned(),
    );
    let instance = instance_at(engine, number, &environment)?;
    let set = &engine.state.rest.stack_sets[number];
    let mut shown = instance_json(set, instance);
    let template = engine.template(&set.inputs.template).ok();
    shown["ParameterOverrides"] = shown_parameters(
        template.as_deref(),
        &Inputs { parameters: instance.overrides.clone(), ..Inputs::default() },
    );
    Ok(json!({ "StackInstance": shown }))
}

/// The drift status of every instance: local mode does not detect the drift of stack sets.
const DRIFT_STATUS: &str = "NOT_CHECKED";

/// Returns the filters of a request by their names. Each has one value.
fn filters<'r>(request: &'r Request<'_>) -> impl Iterator<Item = (String, String)> + 'r {
    request.list("Filters").iter().map(|one| (scalar_text(&one["Name"]), scalar_text(&one["Values"])))
}

fn detailed_status(one: &Instance) -> &str {
    match one.status {
        StackInstanceStatus::Inoperable => one.status.as_str(),
        _ => one.last.1.as_str(),
    }
}

/// Returns the operation that a request names.
fn set_operation(engine: &Engine, request: &Request<'_>) -> Result<(usize, usize), ServiceError> {
    let set = stack_set(engine, request)?;
    let id = request.required("OperationId")?;
    let operation = engine.state.rest.stack_sets[set].operations.iter().position(|one| one.id == id);
    let missing =
        || ServiceError::new("OperationNotFoundException", format!("Operation {id} not found")).status(404);
    Ok((set, operation.ok_or_else(missing)?))
}

pub(crate) fn describe_stack_set_operation(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (set, number) = set_operation(engine, request)?;
    let set = &engine.state.rest.stack_sets[set];
    let operation = &set.operations[number];
    let mut shown = operation_json(operation);
    shown["StackSetId"] = set.id.as_str().into();
    if operation.action == SetAction::Delete {
        shown["RetainStacks"] = operation.retains.into();
    }
    for name in ["AdministrationRoleARN", "ExecutionRoleName"] {
        shown[name] = set.settings.get(name).cloned().unwrap_or_default();
    }
    Ok(json!({ "StackSetOperation": shown }))
}

pub(crate) fn list_stack_set_operations(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let set = &engine.state.rest.stack_sets[stack_set(engine, request)?];
    let all = set.operations.iter().rev().map(operation_json).collect();
    let (summaries, next) = request.page(all, PAGE)?;
    Ok(json!({ "Summaries": summaries, "NextToken": next }))
}

pub(crate) fn list_stack_set_operation_results(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (set, number) = set_operation(engine, request)?;
    let results = &engine.state.rest.stack_sets[set].operations[number].results;
    let all = results
        .iter()
        .filter(|one| filters(request).all(|(_, wanted)| wanted == one.status.as_str()))
        .map(|one| {
            json!({
                "Account": one.account,
                "Region": one.region,
                "Status": one.status,
                "StatusReason": one.reason,
                "AccountGateResult": {
                    "Status": "SKIPPED",
                    "StatusReason": format!(
                        "Function not found: arn:aws:lambda:{}:{}:function:AWSCloudFormationStackSetAccountGate",
                        one.region, one.account
                    ),
                },
            })
        })
        .collect();
    let (summaries, next) = request.page(all, PAGE)?;
    Ok(json!({ "Summaries": summaries, "NextToken": next }))
}

pub(crate) fn stop_stack_set_operation(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let (set, number) = set_operation(engine, request)?;
    let operation = &mut engine.state.rest.stack_sets[set].operations[number];
    if operation.is_ended() {
        let message = format!("Operation {} is {} and cannot be stopped", operation.id, operation.status);
        return Err(ServiceError::new("InvalidOperationException", message));
    }
    operation.status = StackSetOperationStatus::Stopping;
    Ok(json!({}))
}

pub(crate) fn at((account, region): &(String, String)) -> Environment<'_> {
    Environment { account, region }
}

fn set_json(set: &StackSet) -> Json {
    let mut shown = json!({
        "StackSetName": set.name,
        "StackSetId": set.id,
        "Description": set.description,
        "Status": if set.is_deleted { "DELETED" } else { "ACTIVE" },
        "PermissionModel": "SELF_MANAGED",
    });
    for (name, value) in &set.settings {
        shown[name.as_str()] = value.clone();
    }
    shown
}

fn instance_json(set: &StackSet, one: &Instance) -> Json {
    json!({
        "StackSetId": set.id,
        "Region": one.region,
        "Account": one.account,
        "StackId": one.stack,
        "Status": one.status,
        "StatusReason": one.reason,
        "StackInstanceStatus": { "DetailedStatus": detailed_status(one) },
        "DriftStatus": DRIFT_STATUS,
        "LastOperationId": non_empty(&one.last.0),
    })
}

fn operation_json(operation: &SetOperation) -> Json {
    let failed = operation.results.iter().filter(|one| one.status == StackSetResultStatus::Failed).count();
    json!({
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": iso_time(operation.created),
        "EndTimestamp": time_of(operation.ended),
        "OperationPreferences": operation.preferences,
        "StatusDetails": { "FailedStackInstancesCount": failed },
    })
}
