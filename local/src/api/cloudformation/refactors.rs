//! Stack refactors.

use serde_json::{Value as Json, json};

use crate::api::cloudformation::{Answer, Request, add_own_stack, template_of};
use crate::api::error::ServiceError;
use crate::engine::Engine;
use crate::engine::change_set::review;
use crate::engine::inputs::resolve_inputs;
use crate::engine::refactor::{Definition, at, begin_refactor, forget_refactors, outdated_by, plan_refactor};
use crate::state::{
    Environment, Inputs, Location, Move, Refactor, RefactorExecutionStatus, StackRefactorStatus, StackStatus,
    unique_id,
};
use crate::template::{StackTemplate, scalar_text};

/// The maximum number of stacks in a refactor (CloudFormation User Guide, page on stack refactoring).
const MAX_STACKS: usize = 5;

/// The number of refactors or actions in a page.
const PAGE: usize = 100;

pub(crate) fn create_stack_refactor(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let definitions = request.list("StackDefinitions");
    if definitions.is_empty() {
        request.required("StackDefinitions")?;
    }
    if definitions.len() > MAX_STACKS {
        return Err(ServiceError::validation(format!(
            "A stack refactor has at most {MAX_STACKS} stacks, but StackDefinitions has {}",
            definitions.len()
        )));
    }
    let (mut stacks, mut reason): (Vec<Definition>, _) = (Vec::new(), None);
    for one in definitions {
        match definition(engine, request, one) {
            Ok(definition) if stacks.iter().any(|other| other.position == definition.position) => {
                let name = &engine.state.stacks[definition.position].name;
                reason = reason.or_else(|| Some(format!("Stack [{name}] is defined more than once")));
            }
            Ok(definition) => stacks.push(definition),
            Err(refusal) => reason = reason.or(Some(refusal.message)),
        }
    }
    let moved = |one: &Json| {
        let name = scalar_text(&one["StackName"]);
        let position = engine.position(request.region, &name);
        let stack = position.map_or(name, |position| engine.state.stacks[position].id.clone());
        Location { stack, logical_id: scalar_text(&one["LogicalResourceId"]) }
    };
    let mappings: Vec<(Location, Location)> = request
        .list("ResourceMappings")
        .iter()
        .map(|one| (moved(&one["Source"]), moved(&one["Destination"])))
        .collect();
    let planned = match reason {
        Some(reason) => Err(reason),
        None => plan_refactor(engine, stacks, &mappings),
    };
    let is_made = planned.is_ok();
    let (reason, (stacks, moves)) = match planned {
        Ok(planned) => (None, planned),
        Err(reason) => (Some(reason), Default::default()),
    };
    let refactor = Refactor {
        id: unique_id(),
        region: request.region.to_owned(),
        description: request.text("Description").map(str::to_owned),
        ready: request.time + engine.settings.change_set_time,
        status: if is_made { StackRefactorStatus::CreateComplete } else { StackRefactorStatus::CreateFailed },
        reason,
        execution: if is_made {
            RefactorExecutionStatus::Available
        } else {
            RefactorExecutionStatus::Unavailable
        },
        execution_reason: None,
        stacks,
        moves,
        running: None,
    };
    let answer = json!({ "StackRefactorId": refactor.id });
    forget_refactors(engine);
    engine.state.rest.refactors.push(refactor);
    Ok(answer)
}

/// Returns a stack as a request defines it. A missing stack is added if the request allows it and its template is valid.
fn definition(engine: &mut Engine, request: &Request<'_>, one: &Json) -> Result<Definition, ServiceError> {
    let given = Request {
        region: request.region,
        form: one.as_object().cloned().unwrap_or_default(),
        time: request.time,
    };
    let name = given.required("StackName")?;
    let may_be_made = request.is("EnableStackCreation");
    let Some(position) = engine.position(request.region, name) else {
        if !may_be_made {
            return Err(ServiceError::validation(format!("Stack [{name}] does not exist")));
        }
        given.new_name("StackName")?;
        let environment = engine.environment(request.region);
        let (inputs, template) = defined_inputs(engine, &given, environment, &Inputs::default())
            .map_err(|refusal| ServiceError::validation(format!("{name}: {}", refusal.message)))?;
        let position = add_own_stack(engine, name, request);
        review(engine, position, request.time);
        return Ok(Definition { position, is_new: true, inputs, template });
    };
    let stack = &engine.state.stacks[position];
    let is_new = stack.status == StackStatus::ReviewInProgress && may_be_made;
    let refused = |message: String| ServiceError::validation(format!("{}: {message}", stack.id));
    if !is_new && !stack.can_be_updated() {
        return Err(refused(format!("Stack is in {} state and can not be updated.", stack.status)));
    }
    let (inputs, template) = defined_inputs(engine, &given, stack.environment(), &stack.inputs)
        .map_err(|refusal| refused(refusal.message))?;
    Ok(Definition { position, is_new, inputs, template })
}

/// Returns the inputs and the template of a definition. A refactor sets no values of parameters: the previous values are kept.
fn defined_inputs(
    engine: &Engine,
    given: &Request<'_>,
    environment: Environment<'_>,
    before: &Inputs,
) -> Result<(Inputs, StackTemplate), ServiceError> {
    let template = template_of(engine, given, None)?;
    let kept: Vec<Json> = StackTemplate::read(&template)?
        .section("Parameters")
        .filter(|(name, _)| before.parameters.contains_key(*name))
        .map(|(name, _)| json!({ "ParameterKey": name, "UsePreviousValue": "true" }))
        .collect();
    resolve_inputs(engine, environment, template, &kept, before)
}

fn refactor(engine: &Engine, request: &Request<'_>) -> Result<usize, ServiceError> {
    let id = request.required("StackRefactorId")?;
    engine
        .state
        .rest
        .refactors
        .iter()
        .position(|one| one.id == id && one.region == request.region)
        .ok_or_else(|| {
            ServiceError::new("StackRefactorNotFoundException", format!("Stack refactor {id} does not exist"))
                .status(404)
        })
}

/// Returns a refactor as responses contain it. A refactor that was not executed can be obsolete.
fn refactor_json(engine: &Engine, request: &Request<'_>, refactor: &Refactor) -> Json {
    let is_ready = refactor.ready <= request.time;
    let obsolete =
        outdated_by(engine, refactor).filter(|_| refactor.execution == RefactorExecutionStatus::Available);
    let (execution, reason) = match obsolete {
        _ if !is_ready => (RefactorExecutionStatus::Unavailable, None),
        Some(reason) => (RefactorExecutionStatus::Obsolete, Some(reason)),
        None => (refactor.execution.clone(), refactor.execution_reason.clone()),
    };
    json!({
        "StackRefactorId": refactor.id,
        "Description": refactor.description,
        "ExecutionStatus": execution,
        "ExecutionStatusReason": reason,
        "Status": if is_ready { &refactor.status } else { &StackRefactorStatus::CreateInProgress },
        "StatusReason": refactor.reason.as_ref().filter(|_| is_ready),
    })
}

pub(crate) fn describe_stack_refactor(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let refactor = &engine.state.rest.refactors[refactor(engine, request)?];
    let mut answer = refactor_json(engine, request, refactor);
    answer["StackIds"] = refactor.stacks.iter().map(|side| Json::from(side.id.as_str())).collect();
    Ok(answer)
}

pub(crate) fn execute_stack_refactor(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let number = refactor(engine, request)?;
    let refactor = &engine.state.rest.refactors[number];
    let shown = refactor_json(engine, request, refactor);
    if shown["ExecutionStatus"] != RefactorExecutionStatus::Available.as_str() {
        return Err(ServiceError::validation(format!(
            "Stack refactor {} cannot be executed in its current execution status of [{}]",
            refactor.id,
            scalar_text(&shown["ExecutionStatus"])
        )));
    }
    begin_refactor(engine, number, request.time);
    Ok(json!({}))
}

pub(crate) fn list_stack_refactors(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let wanted = request.texts("ExecutionStatusFilter");
    let all = engine.state.rest.refactors.iter().filter(|one| one.region == request.region);
    let summaries = all
        .map(|refactor| refactor_json(engine, request, refactor))
        .filter(|one| wanted.is_empty() || wanted.iter().any(|status| one["ExecutionStatus"] == *status))
        .collect();
    let (summaries, next) = request.page(summaries, PAGE)?;
    Ok(json!({ "StackRefactorSummaries": summaries, "NextToken": next }))
}

pub(crate) fn list_stack_refactor_actions(engine: &mut Engine, request: &Request<'_>) -> Answer {
    let refactor = &engine.state.rest.refactors[refactor(engine, request)?];
    let made = refactor.stacks.iter().filter(|side| side.is_new).map(|side| {
        json!({ "Action": "CREATE", "Entity": "STACK", "PhysicalResourceId": side.id, "Description": "Stack will be created." })
    });
    let actions = made.chain(refactor.moves.iter().map(|one| move_json(engine, one))).collect();
    let (actions, next) = request.page(actions, PAGE)?;
    Ok(json!({ "StackRefactorActions": actions, "NextToken": next }))
}

fn move_json(engine: &Engine, Move { from, to, is_manual }: &Move) -> Json {
    let name = |moved: &Location| {
        engine.state.stack_of(&moved.stack).map(|stack| stack.name.clone()).unwrap_or_default()
    };
    let location =
        |moved: &Location| json!({ "StackName": name(moved), "LogicalResourceId": moved.logical_id });
    // Before the move, the resource is in the source stack; after the move, it is in the destination stack.
    let resource = at(engine, from).or_else(|| at(engine, to));
    let physical_id = resource.map(|one| one.physical_id.as_str()).unwrap_or_default();
    let tags = [
        ("aws:cloudformation:stack-name", name(to)),
        ("aws:cloudformation:logical-id", to.logical_id.clone()),
        ("aws:cloudformation:stack-id", to.stack.clone()),
    ];
    json!({
        "Action": "MOVE",
        "Entity": "RESOURCE",
        "PhysicalResourceId": physical_id,
        "ResourceIdentifier": physical_id,
        "Description": "No configuration changes detected.",
        "Detection": if *is_manual { "MANUAL" } else { "AUTO" },
        "TagResources": tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
        "UntagResources": tags.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        "ResourceMapping": { "Source": location(from), "Destination": location(to) },
    })
}
