//! Hooks on change sets and resources, and their results.

use crate::engine::Engine;
use crate::faults::{HookFault, HookMode, HookTarget};
use crate::state::{Change, ChangeSet, Event, HookAction, HookResult, Millis, Resource, unique_id};
use crate::template::NESTED;

/// The maximum number of stored results of hooks. Older results are removed.
const MAX_HOOK_RESULTS: usize = 10_000;

/// Runs the hooks on a change set; returns the names of those that fail it.
pub(crate) fn run_change_set_hooks(
    engine: &mut Engine,
    position: usize,
    change_set: &ChangeSet,
    changes: &[Change],
) -> Vec<String> {
    let name = engine.state.stacks[position].name.clone();
    let mut objecting: Vec<HookFault> = Vec::new();
    for change in changes {
        for hook in engine.settings.faults.hooks_on(HookTarget::ChangeSet, &name, &change.logical_id) {
            if !objecting.contains(hook) {
                objecting.push(hook.clone());
            }
        }
    }
    for hook in &objecting {
        let stack = engine.state.stacks[position].id.clone();
        let result = record_hook_result(
            engine,
            HookResult { target: change_set.id.clone(), ..new_result(hook, stack, change_set.created) },
        );
        let event = Event { hook: Some(result), ..change_set.finding(&name, NESTED) };
        engine.state.stacks[position].events.push(event);
    }
    stopping(objecting)
}

/// Runs the hooks on a resource before it is created or updated; returns the names of those that fail it.
pub(crate) fn run_resource_hooks(
    engine: &mut Engine,
    position: usize,
    resource: &Resource,
    action: HookAction,
    time: Millis,
) -> Vec<String> {
    let stack = &engine.state.stacks[position];
    let (name, id) = (stack.name.clone(), stack.id.clone());
    let hooks = engine.settings.faults.hooks_on(HookTarget::Resource, &name, &resource.logical_id);
    let objecting: Vec<HookFault> = hooks.cloned().collect();
    for hook in &objecting {
        let result = HookResult {
            target: resource.logical_id.clone(),
            type_name: Some(resource.type_name.clone()),
            action,
            ..new_result(hook, id.clone(), time)
        };
        let result = record_hook_result(engine, result);
        engine.event(position, time, Some(resource), resource.status.clone(), None);
        if let Some(event) = engine.state.stacks[position].events.last_mut() {
            event.hook = Some(result);
        }
    }
    stopping(objecting)
}

/// Returns a result of a hook in a stack, without its target.
fn new_result(hook: &HookFault, stack: String, time: Millis) -> HookResult {
    HookResult {
        id: unique_id(),
        hook: hook.hook.clone(),
        mode: hook.mode,
        reason: hook.reason.clone(),
        annotations: hook.annotations.clone(),
        time,
        target: String::new(),
        type_name: None,
        stack,
        action: HookAction::default(),
    }
}

fn record_hook_result(engine: &mut Engine, result: HookResult) -> HookResult {
    let results = &mut engine.state.rest.hook_results;
    let surplus = (results.len() + 1).saturating_sub(MAX_HOOK_RESULTS);
    results.drain(..surplus);
    results.push(result.clone());
    result
}

/// Returns the names of the hooks that fail the operation.
fn stopping(objecting: Vec<HookFault>) -> Vec<String> {
    objecting.into_iter().filter(|hook| hook.mode == HookMode::Fail).map(|hook| hook.hook).collect()
}
