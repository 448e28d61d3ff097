//! Stack refactors: resources that move to other stacks or to other logical IDs without being changed.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::engine::Engine;
use crate::engine::plan::{outputs, same};
use crate::faults::FaultAction;
use crate::state::{
    Inputs, Location, Millis, Move, OperationKind, OperationType, Origins, Output, Refactor,
    RefactorExecutionStatus, Resource, ResourceStatus, Side, Stack, StackStatus, millis,
};
use crate::template::StackTemplate;
use crate::template::evaluate::reference_value;

/// A stack as a refactor defines it.
pub(crate) struct Definition {
    pub position: usize,
    pub is_new: bool,
    pub inputs: Inputs,
    pub template: StackTemplate,
}

/// The outputs and imports of a stack after its resources have moved.
struct Evaluated {
    outputs: Vec<Output>,
    imports: Vec<String>,
    /// Whether a resource would be modified.
    is_modified: bool,
}

/// The attributes of a resource other than its properties that a refactor may not change.
const FIXED_ATTRIBUTES: [&str; 6] =
    ["Type", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"];

/// The type of CDK's metadata resource, which a refactor rejects.
const CDK_METADATA: &str = "AWS::CDK::Metadata";

/// The maximum number of stored refactors that were executed or cannot be executed any more. Older ones are removed.
const MAX_REFACTORS: usize = 1000;

fn not_permitted(action: &str) -> String {
    format!("Found an action type that is not permitted during refactor operations: {action}")
}

/// Returns the new definition of each stack, and the resources that move; or the reason why CloudFormation rejects the refactor.
pub(crate) fn plan_refactor(
    engine: &Engine,
    definitions: Vec<Definition>,
    mappings: &[(Location, Location)],
) -> Result<(Vec<Side>, Vec<Move>), String> {
    for one in &definitions {
        let refused = |what: String| format!("{}: {what}", engine.state.stacks[one.position].id);
        let sections: Vec<&str> = ["Conditions", "Rules"]
            .into_iter()
            .filter(|name| one.is_new && one.template.top(name).is_some())
            .collect();
        if !sections.is_empty() {
            return Err(refused(format!(
                "Following template sections are not allowed when creating a stack while refactoring: {}",
                sections.join(", ")
            )));
        }
        if one.template.section("Resources").any(|(_, resource)| resource["Type"] == CDK_METADATA) {
            return Err(refused(format!("Stack Refactor does not support {CDK_METADATA}.")));
        }
    }
    let (origins, moves) = origins(engine, &definitions, mappings)?;
    let sides = sides(engine, definitions, &origins)?;
    let stacks: Vec<&Stack> = sides.iter().filter_map(|side| engine.state.stack_of(&side.id)).collect();
    let old: Vec<&Output> = stacks.iter().flat_map(|stack| &stack.outputs).collect();
    let new: Vec<&Output> = sides.iter().flat_map(|side| &side.outputs).collect();
    let is_own = |id: &str| sides.iter().any(|side| side.id == id);
    if let Some(first) = stacks.first() {
        engine.check_exports(first.environment(), &old, &new, is_own, |user| !is_own(&user.id))?;
    }
    Ok((sides, moves))
}

/// Returns for each stack the former location of each resource of its new template, and the resources that move.
fn origins(
    engine: &Engine,
    definitions: &[Definition],
    mappings: &[(Location, Location)],
) -> Result<(Vec<Origins>, Vec<Move>), String> {
    let mut left: BTreeMap<Location, &Resource> = BTreeMap::new();
    for one in definitions {
        let stack = &engine.state.stacks[one.position];
        left.extend(
            stack.resources.iter().map(|(id, resource)| {
                (Location { stack: stack.id.clone(), logical_id: id.clone() }, resource)
            }),
        );
    }
    let mut asked: Vec<(Location, &Json)> = Vec::new();
    for one in definitions {
        let stack = &engine.state.stacks[one.position];
        let nothing = |name: &str, _: Option<&str>| Err(format!("a condition cannot refer to {name}"));
        engine.in_scope(stack, (&one.template, &one.inputs), &BTreeMap::new(), &nothing, |scope| {
            for (id, written) in one.template.section("Resources") {
                if scope.is_wanted(written)? {
                    asked.push((Location { stack: stack.id.clone(), logical_id: id.to_owned() }, written));
                }
            }
            Ok(())
        })?;
    }
    let mut found: BTreeMap<Location, (Location, bool)> = BTreeMap::new();
    for (from, to) in mappings {
        if !left.contains_key(from) || !asked.iter().any(|(location, _)| location == to) {
            return Err(format!(
                "The resource {} defined in the resources mapping did no move from its original stack {}. Review your \
                 stack template desired state.",
                from.logical_id, from.stack
            ));
        }
        left.remove(from);
        found.insert(to.clone(), (from.clone(), true));
    }
    for (location, _) in &asked {
        if !found.contains_key(location) && left.remove(location).is_some() {
            found.insert(location.clone(), (location.clone(), false));
        }
    }
    // A resource without a mapping is matched with the resource that has the same properties, if there is only one.
    let mut lost = Vec::new();
    for (location, written) in &asked {
        if found.contains_key(location) {
            continue;
        }
        let is_equal = |other: &Json| {
            FIXED_ATTRIBUTES.iter().chain(&["Properties"]).all(|name| other[*name] == written[*name])
        };
        let alike: Vec<Location> = left
            .iter()
            .filter(|(_, one)| is_equal(&one.written))
            .map(|(location, _)| location.clone())
            .collect();
        match &alike[..] {
            [only] => {
                left.remove(only);
                found.insert(location.clone(), (only.clone(), false));
            }
            _ => lost.push(format!("{} -> {}", location.logical_id, location.stack)),
        }
    }
    if !lost.is_empty() {
        return Err(format!(
            "Could not find any source stacks for Logical ID and Stack ID pairs: {}",
            lost.join(", ")
        ));
    }
    if !left.is_empty() {
        return Err(not_permitted("Remove"));
    }
    let moves = found
        .iter()
        .filter(|(to, (from, _))| to != &from)
        .map(|(to, (from, is_manual))| Move { from: from.clone(), to: to.clone(), is_manual: *is_manual })
        .collect();
    let mut origins = vec![IndexMap::new(); definitions.len()];
    for (to, _) in asked {
        let side = definitions.iter().position(|one| engine.state.stacks[one.position].id == to.stack);
        if let (Some(side), Some((from, _))) = (side, found.remove(&to)) {
            origins[side].insert(to.logical_id, from);
        }
    }
    Ok((origins, moves))
}

/// Evaluates the new templates with every resource in its new stack: nothing else may change.
fn sides(engine: &Engine, definitions: Vec<Definition>, origins: &[Origins]) -> Result<Vec<Side>, String> {
    let ids: Vec<&str> =
        definitions.iter().map(|one| engine.state.stacks[one.position].id.as_str()).collect();
    let Some(first) = definitions.first() else { return Ok(Vec::new()) };
    let first = &engine.state.stacks[first.position];
    let mut exports = engine.state.exports(first.environment());
    exports.retain(|_, (_, owner)| !ids.contains(&owner.as_str()));
    let outside = exports.clone();
    // A stack may import what another one exports: each round reads the exports of the previous round.
    let mut results = Vec::new();
    for _ in 0..=definitions.len() {
        results = definitions
            .iter()
            .zip(origins)
            .map(|(one, origins)| evaluated(engine, one, origins, &exports))
            .collect();
        exports = outside.clone();
        for (result, id) in results.iter().zip(&ids) {
            let outputs = result.as_ref().map_or(&[][..], |found| &found.outputs);
            exports.extend(outputs.iter().filter_map(|output| {
                Some((output.export.clone()?, (output.value.clone(), (*id).to_owned())))
            }));
        }
    }
    definitions
        .into_iter()
        .zip(origins)
        .zip(results)
        .map(|((one, origins), evaluated)| {
            let stack = &engine.state.stacks[one.position];
            let refused = |reason| format!("{}: {reason}", stack.id);
            let Evaluated { outputs, imports, is_modified } = evaluated.map_err(refused)?;
            if is_modified {
                return Err(refused(not_permitted("Modify")));
            }
            Ok(Side {
                id: stack.id.clone(),
                is_new: one.is_new,
                inputs: one.inputs,
                resources: origins.clone(),
                outputs,
                imports,
                after: stack.last_operation().map(str::to_owned),
            })
        })
        .collect()
}

/// Evaluates a stack whose resources were in other stacks before.
fn evaluated(
    engine: &Engine,
    definition: &Definition,
    origins: &Origins,
    exports: &BTreeMap<String, (String, String)>,
) -> Result<Evaluated, String> {
    let lookup = |name: &str, wants: Option<&str>| -> Result<Json, String> {
        let resource = origins.get(name).and_then(|location| at(engine, location));
        reference_value(resource, name, wants)
    };
    let Definition { position, inputs, template, .. } = definition;
    let stack = &engine.state.stacks[*position];
    engine.in_scope(stack, (template, inputs), exports, &lookup, |scope| {
        let mut is_modified = false;
        for (id, location) in origins {
            let Some((written, present)) = template.resource(id).zip(at(engine, location)) else {
                continue;
            };
            let properties: Json = scope.properties(written)?.into();
            is_modified |= FIXED_ATTRIBUTES.iter().any(|name| written[*name] != present.written[*name])
                || !same(&properties, &present.properties.clone().into());
        }
        let new_outputs = outputs(scope, template)?;
        Ok(Evaluated { outputs: new_outputs, imports: scope.imported.take(), is_modified })
    })
}

pub(crate) fn at<'e>(engine: &'e Engine, location: &Location) -> Option<&'e Resource> {
    engine.state.stack_of(&location.stack)?.resources.get(&location.logical_id)
}

/// Returns the reason why a refactor cannot be executed any more; `None` if it can.
pub(crate) fn outdated_by(engine: &Engine, refactor: &Refactor) -> Option<String> {
    let changed = refactor.stacks.iter().find(|side| {
        let stack = engine.state.stack_of(&side.id);
        stack.is_none_or(|stack| stack.is_deleted() || stack.last_operation() != side.after.as_deref())
    })?;
    Some(format!("{}: Stack was updated.", changed.id))
}

/// Removes the planned changes of refactors that cannot be executed any more, and removes the oldest of these refactors.
pub(crate) fn forget_refactors(engine: &mut Engine) {
    for number in 0..engine.state.rest.refactors.len() {
        let refactor = &engine.state.rest.refactors[number];
        let outdated = (refactor.execution == RefactorExecutionStatus::Available)
            .then(|| outdated_by(engine, refactor))
            .flatten();
        let refactor = &mut engine.state.rest.refactors[number];
        if let Some(reason) = outdated {
            refactor.execution = RefactorExecutionStatus::Obsolete;
            refactor.execution_reason = Some(reason);
        }
        if is_over(refactor) {
            refactor.stacks.iter_mut().for_each(Side::forget);
        }
    }
    let refactors = &mut engine.state.rest.refactors;
    let mut surplus = refactors.iter().filter(|one| is_over(one)).count().saturating_sub(MAX_REFACTORS);
    refactors.retain(|one| {
        let is_kept = surplus == 0 || !is_over(one);
        surplus -= usize::from(!is_kept);
        is_kept
    });
}

/// Returns whether a refactor has been executed, or cannot be executed.
fn is_over(refactor: &Refactor) -> bool {
    !matches!(
        refactor.execution,
        RefactorExecutionStatus::Available | RefactorExecutionStatus::ExecuteInProgress
    )
}

/// Starts to move resources.
pub(crate) fn begin_refactor(engine: &mut Engine, number: usize, time: Millis) {
    let Refactor { stacks, moves, .. } = engine.state.rest.refactors[number].clone();
    for side in &stacks {
        if let Some(position) = engine.state.position_of(&side.id) {
            let (kind, status) = match side.is_new {
                true => (OperationKind::Create, StackStatus::CreateInProgress),
                false => (OperationKind::Update, StackStatus::UpdateInProgress),
            };
            engine.state.stacks[position].enter(kind.operation_type());
            engine.set_status(position, time, status, Some("User Initiated".into()));
        }
    }
    let started = [ResourceStatus::ExportInProgress, ResourceStatus::ImportInProgress];
    add_move_events(engine, &moves, time, started, None);
    let (mut until, mut fails) = (time, None);
    for Move { to, .. } in &moves {
        let name = engine.state.stack_of(&to.stack).map(|stack| stack.name.clone());
        let (reason, takes) = engine.settings.faults.of_resource(
            &name.unwrap_or_default(),
            &to.logical_id,
            FaultAction::Update,
        );
        until = until.max(time.saturating_add(takes.map_or(engine.settings.resource_time, millis)));
        fails = fails.or(reason);
    }
    let refactor = &mut engine.state.rest.refactors[number];
    refactor.execution = RefactorExecutionStatus::ExecuteInProgress;
    refactor.running = Some((until, fails));
}

/// Ends refactors whose time has elapsed; returns whether there was one.
pub(crate) fn end_refactors(engine: &mut Engine, now: Millis) -> bool {
    let mut ended = false;
    for number in 0..engine.state.rest.refactors.len() {
        let Some((until, fails)) = engine.state.rest.refactors[number].running.clone() else { continue };
        if until > now {
            continue;
        }
        ended = true;
        engine.state.rest.refactors[number].running = None;
        let Refactor { stacks, moves, .. } = engine.state.rest.refactors[number].clone();
        match fails {
            Some(reason) => roll_back_refactor(engine, number, &stacks, &moves, until, reason),
            None => complete_refactor(engine, number, &stacks, &moves, until),
        }
    }
    ended
}

fn complete_refactor(engine: &mut Engine, number: usize, stacks: &[Side], moves: &[Move], time: Millis) {
    let moved = |id: &str, to: &str| moves.iter().any(|one| one.to.stack == id && one.to.logical_id == to);
    let mut contents = Vec::new();
    for side in stacks {
        let template = engine.template(&side.inputs.template).ok();
        let mut resources = IndexMap::new();
        for (id, location) in &side.resources {
            let Some(mut resource) = at(engine, location).cloned() else { continue };
            resource.logical_id.clone_from(id);
            if let Some((template, written)) =
                template.as_ref().and_then(|all| Some((all, all.resource(id)?)))
            {
                resource.depends_on = template.needs(written).into_iter().collect();
                resource.written = written.clone();
            }
            if moved(&side.id, id) {
                resource.status = ResourceStatus::ImportComplete;
                resource.time = time;
            }
            resources.insert(id.clone(), resource);
        }
        contents.push(resources);
    }
    let ended = [ResourceStatus::ExportComplete, ResourceStatus::ImportComplete];
    add_move_events(engine, moves, time, ended, None);
    for (side, resources) in stacks.iter().zip(contents) {
        let Some(position) = engine.state.position_of(&side.id) else { continue };
        let stack = &mut engine.state.stacks[position];
        stack.resources = resources;
        stack.inputs = side.inputs.clone();
        stack.outputs.clone_from(&side.outputs);
        stack.imports.clone_from(&side.imports);
        stack.updated = (!side.is_new).then_some(time).or(stack.updated);
        let status = if side.is_new { StackStatus::CreateComplete } else { StackStatus::UpdateComplete };
        engine.set_status(position, time, status, None);
    }
    engine.state.rest.refactors[number].execution = RefactorExecutionStatus::ExecuteComplete;
}

fn roll_back_refactor(
    engine: &mut Engine,
    number: usize,
    stacks: &[Side],
    moves: &[Move],
    time: Millis,
    reason: String,
) {
    let failed = [ResourceStatus::ExportFailed, ResourceStatus::ImportFailed];
    add_move_events(engine, moves, time, failed, Some(&reason));
    for side in stacks {
        let Some(position) = engine.state.position_of(&side.id) else { continue };
        let (during, after) = match side.is_new {
            true => (StackStatus::RollbackInProgress, StackStatus::RollbackComplete),
            false => (StackStatus::UpdateRollbackInProgress, StackStatus::UpdateRollbackComplete),
        };
        engine.state.stacks[position].enter(OperationType::Rollback);
        engine.set_status(position, time, during, Some(reason.clone()));
        engine.set_status(position, time, after, None);
    }
    let refactor = &mut engine.state.rest.refactors[number];
    refactor.execution = RefactorExecutionStatus::RollbackComplete;
    refactor.execution_reason = Some(reason);
}

/// Adds the events of resources that move: the status in the source stack, and the status in the destination stack.
fn add_move_events(
    engine: &mut Engine,
    moves: &[Move],
    time: Millis,
    [of_source, of_destination]: [ResourceStatus; 2],
    reason: Option<&str>,
) {
    for Move { from, to, .. } in moves {
        for (location, status) in [(from, &of_source), (to, &of_destination)] {
            let resource = at(engine, from).cloned();
            let Some((position, mut resource)) = engine.state.position_of(&location.stack).zip(resource)
            else {
                continue;
            };
            resource.logical_id.clone_from(&location.logical_id);
            engine.event(position, time, Some(&resource), status.clone(), reason.map(str::to_owned));
        }
    }
}
