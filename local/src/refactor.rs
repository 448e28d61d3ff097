//! Stack refactors: resources that move to other stacks or to other logical ids, and stay what they are.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::cloud::{Cloud, Inputs, Millis, Output, Resource, Stack};
use crate::engine::{Kind, ROLLBACK};
use crate::evaluate::referred;
use crate::faults::On;
use crate::plan::{outputs, same};
use crate::template::Wanted;

/// A refactor of stacks: made, looked at, executed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refactor {
    pub id: String,
    pub region: String,
    pub description: Option<String>,
    /// From then on it is what `status` says; before, it is being made.
    pub ready: Millis,
    pub status: String,
    pub reason: Option<String>,
    pub execution: String,
    pub execution_reason: Option<String>,
    pub stacks: Vec<Side>,
    pub moves: Vec<Move>,
    /// While it runs: until when, and why it fails.
    pub running: Option<(Millis, Option<String>)>,
}

/// What one of the stacks becomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Side {
    /// The stack's ARN.
    pub id: String,
    pub is_new: bool,
    inputs: Inputs,
    /// Where each of its resources comes from.
    resources: Origins,
    outputs: Vec<Output>,
    imports: Vec<String>,
    /// What was last done to the stack when this was made: something else makes it obsolete.
    after: Option<String>,
}

/// A resource's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The stack's ARN.
    pub stack: String,
    pub logical_id: String,
}

/// Where each resource of a stack comes from, by its logical id.
type Origins = IndexMap<String, Place>;

/// A resource that moves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Move {
    pub from: Place,
    pub to: Place,
    /// Whether the caller said so.
    pub is_manual: bool,
}

/// A stack as somebody wants it.
pub(crate) struct Definition {
    pub position: usize,
    pub is_new: bool,
    pub inputs: Inputs,
    pub wanted: Wanted,
}

/// What a stack says when its resources have moved.
struct Evaluated {
    outputs: Vec<Output>,
    imports: Vec<String>,
    /// Whether a resource would be another than it is.
    is_modified: bool,
}

/// What a resource has beside its properties that no refactor may change.
const HELD: [&str; 6] =
    ["Type", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy"];

/// No refactor moves it.
const NOT_MOVED: &str = "AWS::CDK::Metadata";

fn not_permitted(action: &str) -> String {
    format!("Found an action type that is not permitted during refactor operations: {action}")
}

impl Cloud {
    /// What stacks become, and what moves; or why that is no refactor, in CloudFormation's words.
    pub fn plan_refactor(
        &self,
        definitions: Vec<Definition>,
        mappings: &[(Place, Place)],
    ) -> Result<(Vec<Side>, Vec<Move>), String> {
        for one in &definitions {
            let refused = |what: String| format!("{}: {what}", self.state.stacks[one.position].id);
            let sections: Vec<&str> = ["Conditions", "Rules"]
                .into_iter()
                .filter(|name| one.is_new && one.wanted.top(name).is_some())
                .collect();
            if !sections.is_empty() {
                return Err(refused(format!(
                    "Following template sections are not allowed when creating a stack while refactoring: {}",
                    sections.join(", ")
                )));
            }
            if one.wanted.section("Resources").any(|(_, resource)| resource["Type"] == NOT_MOVED) {
                return Err(refused(format!("Stack Refactor does not support {NOT_MOVED}.")));
            }
        }
        let (origins, moves) = self.origins(&definitions, mappings)?;
        let sides = self.sides(definitions, &origins)?;
        let stacks: Vec<&Stack> = sides.iter().filter_map(|side| self.stack_of(&side.id)).collect();
        let old: Vec<&Output> = stacks.iter().flat_map(|stack| &stack.outputs).collect();
        let new: Vec<&Output> = sides.iter().flat_map(|side| &side.outputs).collect();
        let is_own = |id: &str| sides.iter().any(|side| side.id == id);
        if let Some(first) = stacks.first() {
            self.check_exports(first.home(), &old, &new, is_own, |user| !is_own(&user.id))?;
        }
        Ok((sides, moves))
    }

    /// Where every resource that is wanted comes from, stack by stack, and which of them move.
    fn origins(
        &self,
        definitions: &[Definition],
        mappings: &[(Place, Place)],
    ) -> Result<(Vec<Origins>, Vec<Move>), String> {
        let mut left: BTreeMap<Place, &Resource> = BTreeMap::new();
        for one in definitions {
            let stack = &self.state.stacks[one.position];
            left.extend(
                stack.resources.iter().map(|(id, resource)| {
                    (Place { stack: stack.id.clone(), logical_id: id.clone() }, resource)
                }),
            );
        }
        let mut asked: Vec<(Place, &Json)> = Vec::new();
        for one in definitions {
            let stack = &self.state.stacks[one.position];
            let nothing = |name: &str, _: Option<&str>| Err(format!("{name} is no part of a condition"));
            self.in_scope(stack, (&one.wanted, &one.inputs), &BTreeMap::new(), &nothing, |scope| {
                for (id, written) in one.wanted.section("Resources") {
                    if scope.is_wanted(written)? {
                        asked.push((Place { stack: stack.id.clone(), logical_id: id.to_owned() }, written));
                    }
                }
                Ok(())
            })?;
        }
        let mut found: BTreeMap<Place, (Place, bool)> = BTreeMap::new();
        for (from, to) in mappings {
            if !left.contains_key(from) || !asked.iter().any(|(place, _)| place == to) {
                return Err(format!(
                    "The resource {} defined in the resources mapping did no move from its original stack {}. Review your \
                     stack template desired state.",
                    from.logical_id, from.stack
                ));
            }
            left.remove(from);
            found.insert(to.clone(), (from.clone(), true));
        }
        for (place, _) in &asked {
            if !found.contains_key(place) && left.remove(place).is_some() {
                found.insert(place.clone(), (place.clone(), false));
            }
        }
        // Of what is left, what looks the same is the same, if nothing else looks like it.
        let mut lost = Vec::new();
        for (place, written) in &asked {
            if found.contains_key(place) {
                continue;
            }
            let looks =
                |other: &Json| HELD.iter().chain(&["Properties"]).all(|name| other[*name] == written[*name]);
            let alike: Vec<Place> =
                left.iter().filter(|(_, one)| looks(&one.written)).map(|(place, _)| place.clone()).collect();
            match &alike[..] {
                [only] => {
                    left.remove(only);
                    found.insert(place.clone(), (only.clone(), false));
                }
                _ => lost.push(format!("{} -> {}", place.logical_id, place.stack)),
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
            let side = definitions.iter().position(|one| self.state.stacks[one.position].id == to.stack);
            if let (Some(side), Some((from, _))) = (side, found.remove(&to)) {
                origins[side].insert(to.logical_id, from);
            }
        }
        Ok((origins, moves))
    }

    /// Evaluates what is wanted with every resource in its new place: nothing but places may change.
    fn sides(&self, definitions: Vec<Definition>, origins: &[Origins]) -> Result<Vec<Side>, String> {
        let ids: Vec<&str> =
            definitions.iter().map(|one| self.state.stacks[one.position].id.as_str()).collect();
        let Some(first) = definitions.first() else { return Ok(Vec::new()) };
        let first = &self.state.stacks[first.position];
        let mut exports = self.exports(first.home());
        exports.retain(|_, (_, owner)| !ids.contains(&owner.as_str()));
        let outside = exports.clone();
        // A stack may read what another one exports: each round knows the exports of the one before.
        let mut evaluated = Vec::new();
        for _ in 0..=definitions.len() {
            evaluated = definitions
                .iter()
                .zip(origins)
                .map(|(one, origins)| self.evaluated(one, origins, &exports))
                .collect();
            exports = outside.clone();
            for (result, id) in evaluated.iter().zip(&ids) {
                let outputs = result.as_ref().map_or(&[][..], |found| &found.outputs);
                exports.extend(outputs.iter().filter_map(|output| {
                    Some((output.export.clone()?, (output.value.clone(), (*id).to_owned())))
                }));
            }
        }
        definitions
            .into_iter()
            .zip(origins)
            .zip(evaluated)
            .map(|((one, origins), evaluated)| {
                let stack = &self.state.stacks[one.position];
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

    /// What a stack says whose resources come from elsewhere.
    fn evaluated(
        &self,
        definition: &Definition,
        origins: &Origins,
        exports: &BTreeMap<String, (String, String)>,
    ) -> Result<Evaluated, String> {
        let lookup = |name: &str, wants: Option<&str>| -> Result<Json, String> {
            let resource = origins.get(name).and_then(|place| self.at(place));
            referred(resource, name, wants)
        };
        let Definition { position, inputs, wanted, .. } = definition;
        let stack = &self.state.stacks[*position];
        self.in_scope(stack, (wanted, inputs), exports, &lookup, |scope| {
            let mut is_modified = false;
            for (id, place) in origins {
                let Some((written, present)) = wanted.resource(id).zip(self.at(place)) else {
                    continue;
                };
                let properties: Json = scope.properties(written)?.into();
                is_modified |= HELD.iter().any(|name| written[*name] != present.written[*name])
                    || !same(&properties, &present.properties.clone().into());
            }
            let outputs = outputs(scope, wanted)?;
            Ok(Evaluated { outputs, imports: scope.imported.take(), is_modified })
        })
    }

    pub fn at(&self, place: &Place) -> Option<&Resource> {
        self.stack_of(&place.stack)?.resources.get(&place.logical_id)
    }

    /// Why a refactor that waits can no longer be executed, if so.
    pub fn outdated_by(&self, refactor: &Refactor) -> Option<String> {
        let changed = refactor.stacks.iter().find(|side| {
            let stack = self.stack_of(&side.id);
            stack.is_none_or(|stack| stack.is_deleted() || stack.last_operation() != side.after.as_deref())
        })?;
        Some(format!("{}: Stack was updated.", changed.id))
    }

    /// Begins to move resources.
    pub fn begin_refactor(&mut self, number: usize, time: Millis) {
        let Refactor { stacks, moves, .. } = self.state.refactors[number].clone();
        for side in &stacks {
            if let Some(position) = self.position_of(&side.id) {
                let (kind, status) = match side.is_new {
                    true => (Kind::Create, "CREATE_IN_PROGRESS"),
                    false => (Kind::Update, "UPDATE_IN_PROGRESS"),
                };
                self.state.stacks[position].enter(kind.operation_type());
                self.set_status(position, time, status, Some("User Initiated".into()));
            }
        }
        self.tell_moves(&moves, time, "IN_PROGRESS", None);
        let (mut until, mut fails) = (time, None);
        for Move { to, .. } in &moves {
            let name = self.stack_of(&to.stack).map(|stack| stack.name.clone());
            let (reason, takes) =
                self.settings.faults.of_resource(&name.unwrap_or_default(), &to.logical_id, On::Update);
            until = until.max(time + takes.unwrap_or(self.settings.resource_time));
            fails = fails.or(reason);
        }
        let refactor = &mut self.state.refactors[number];
        refactor.execution = "EXECUTE_IN_PROGRESS".into();
        refactor.running = Some((until, fails));
    }

    /// Ends refactors that have run for their time; whether there was one.
    pub fn end_refactors(&mut self, now: Millis) -> bool {
        let mut ended = false;
        for number in 0..self.state.refactors.len() {
            let Some((until, fails)) = self.state.refactors[number].running.clone() else { continue };
            if until > now {
                continue;
            }
            ended = true;
            self.state.refactors[number].running = None;
            let Refactor { stacks, moves, .. } = self.state.refactors[number].clone();
            match fails {
                Some(reason) => self.take_back(number, &stacks, &moves, until, reason),
                None => self.settle(number, &stacks, &moves, until),
            }
        }
        ended
    }

    fn settle(&mut self, number: usize, stacks: &[Side], moves: &[Move], time: Millis) {
        let moved =
            |id: &str, to: &str| moves.iter().any(|one| one.to.stack == id && one.to.logical_id == to);
        let mut contents = Vec::new();
        for side in stacks {
            let wanted = self.wanted(&side.inputs.template).ok();
            let mut resources = IndexMap::new();
            for (id, place) in &side.resources {
                let Some(mut resource) = self.at(place).cloned() else { continue };
                resource.logical_id.clone_from(id);
                if let Some((wanted, written)) =
                    wanted.as_ref().and_then(|all| Some((all, all.resource(id)?)))
                {
                    resource.depends_on = wanted.needs(written).into_iter().collect();
                    resource.written = written.clone();
                }
                if moved(&side.id, id) {
                    resource.status = "IMPORT_COMPLETE".into();
                    resource.time = time;
                }
                resources.insert(id.clone(), resource);
            }
            contents.push(resources);
        }
        self.tell_moves(moves, time, "COMPLETE", None);
        for (side, resources) in stacks.iter().zip(contents) {
            let Some(position) = self.position_of(&side.id) else { continue };
            let stack = &mut self.state.stacks[position];
            stack.resources = resources;
            stack.inputs = side.inputs.clone();
            stack.outputs.clone_from(&side.outputs);
            stack.imports.clone_from(&side.imports);
            stack.updated = (!side.is_new).then_some(time).or(stack.updated);
            let status = if side.is_new { "CREATE_COMPLETE" } else { "UPDATE_COMPLETE" };
            self.set_status(position, time, status, None);
        }
        self.state.refactors[number].execution = "EXECUTE_COMPLETE".into();
    }

    fn take_back(&mut self, number: usize, stacks: &[Side], moves: &[Move], time: Millis, reason: String) {
        self.tell_moves(moves, time, "FAILED", Some(&reason));
        for side in stacks {
            let Some(position) = self.position_of(&side.id) else { continue };
            let rollback = if side.is_new { "ROLLBACK" } else { "UPDATE_ROLLBACK" };
            self.state.stacks[position].enter(ROLLBACK);
            self.set_status(position, time, &format!("{rollback}_IN_PROGRESS"), Some(reason.clone()));
            self.set_status(position, time, &format!("{rollback}_COMPLETE"), None);
        }
        let refactor = &mut self.state.refactors[number];
        refactor.execution = "ROLLBACK_COMPLETE".into();
        refactor.execution_reason = Some(reason);
    }

    /// A resource leaves its place, and comes to another.
    fn tell_moves(&mut self, moves: &[Move], time: Millis, how: &str, reason: Option<&str>) {
        for Move { from, to, .. } in moves {
            for (place, verb) in [(from, "EXPORT"), (to, "IMPORT")] {
                let resource = self.at(from).cloned();
                let Some((position, mut resource)) = self.position_of(&place.stack).zip(resource) else {
                    continue;
                };
                resource.logical_id.clone_from(&place.logical_id);
                self.event(
                    position,
                    time,
                    Some(&resource),
                    &format!("{verb}_{how}"),
                    reason.map(str::to_owned),
                );
            }
        }
    }
}
