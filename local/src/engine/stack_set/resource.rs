//! Stack sets as resources of templates.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::{Order, accounts, add_instance, instance, order, overrides, settings};
use crate::engine::Engine;
use crate::engine::inputs::{resolve_inputs, tags};
use crate::engine::tasks::already_exists;
use crate::engine::template_url::object_of_url;
use crate::state::{Environment, Inputs, Millis, SetAction, StackInstanceStatus, StackSet, unique_id};
use crate::template::scalar_text;

/// The type of a stack set among resources.
pub(crate) const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// Updates a stack set to the properties of a resource of a template; without properties, deletes it. Returns the IDs of
/// the operations that do it.
pub(crate) fn update_from_resource(
    engine: &mut Engine,
    id: &str,
    region: &str,
    properties: Option<&Map<String, Json>>,
    time: Millis,
) -> Result<Vec<String>, String> {
    let found = engine.state.rest.stack_sets.iter().position(|set| set.id == id);
    let Some(properties) = properties else {
        let Some(set) = found else { return Ok(Vec::new()) };
        let operations = order_instances(engine, set, false, &Map::new(), time);
        let set = &mut engine.state.rest.stack_sets[set];
        set.is_deleted_when_empty = true;
        set.is_deleted |= set.instances.is_empty();
        return Ok(operations);
    };
    // Validate the properties before anything is created or changed.
    let inputs = inputs_of_resource(engine, engine.environment(region), properties)?;
    let set = match found {
        Some(set) => set,
        None => add_stack_set(engine, id, region, properties)?,
    };
    let all = &mut engine.state.rest.stack_sets[set];
    if all.is_deleted {
        // The resource is created again: its ID follows from its stack and its name.
        *all = StackSet::new(id.to_owned(), &all.name, region);
    }
    let is_changed = !all.inputs.are_equivalent(&inputs);
    all.inputs = inputs;
    all.description = properties.get("Description").map(scalar_text);
    all.settings = settings(properties);
    all.is_deleted_when_empty = false;
    Ok(order_instances(engine, set, is_changed, properties, time))
}

/// Adds a stack set; its name has to be free.
fn add_stack_set(
    engine: &mut Engine,
    id: &str,
    region: &str,
    properties: &Map<String, Json>,
) -> Result<usize, String> {
    let name = properties.get("StackSetName").map(scalar_text).unwrap_or_default();
    let sets = &mut engine.state.rest.stack_sets;
    if sets.iter().any(|set| set.is_named(&name, region)) {
        return Err(already_exists(STACK_SET, &name));
    }
    sets.push(StackSet::new(id.to_owned(), &name, region));
    Ok(sets.len() - 1)
}

/// Queues the operations after which a stack set has the instances that properties name, and no others.
fn order_instances(
    engine: &mut Engine,
    set: usize,
    is_changed: bool,
    properties: &Map<String, Json>,
    time: Millis,
) -> Vec<String> {
    let wanted = wanted_instances(engine, properties);
    let preferences = properties.get("OperationPreferences").cloned().unwrap_or_default();
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for one in &mut engine.state.rest.stack_sets[set].instances {
        let environment = (one.account.clone(), one.region.clone());
        match wanted.get(&environment) {
            None => gone.push(environment),
            Some(_) if one.status == StackInstanceStatus::Inoperable => {}
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
            let preferences = preferences.clone();
            let wanted = Order { id: id.clone(), action, environments, preferences, retains: false };
            order(engine, set, wanted, time);
            ids.push(id);
        }
    }
    ids
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

/// Returns the accounts and regions that a resource names, with their parameter overrides.
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
