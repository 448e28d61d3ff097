//! Hooks: what they say of change sets and resources, and where that can be read afterwards.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::cloud::{ChangeSet, Cloud, Event, Millis, Resource, unique_id};
use crate::faults::{HookFault, HookMode, HookTarget};
use crate::plan::Change;
use crate::template::NESTED;

/// What a hook said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HookResult {
    pub id: String,
    pub hook: String,
    pub mode: HookMode,
    pub reason: String,
    pub annotations: Vec<Json>,
    pub time: Millis,
    /// The change set's ARN, or the resource's logical id.
    pub target: String,
    /// Of a resource: its type.
    pub type_name: Option<String>,
}

/// A hook objected.
pub(crate) const OBJECTED: &str = "HOOK_COMPLETE_FAILED";

impl Cloud {
    /// Asks the hooks that look at a change set; the names of those that do not let it pass.
    pub fn hooks_of_change_set(
        &mut self,
        position: usize,
        change_set: &ChangeSet,
        changes: &[Change],
    ) -> Vec<String> {
        let name = self.state.stacks[position].name.clone();
        let mut objecting: Vec<HookFault> = Vec::new();
        for change in changes {
            for hook in self.settings.faults.hooks_on(HookTarget::ChangeSet, &name, &change.logical_id) {
                if !objecting.contains(hook) {
                    objecting.push(hook.clone());
                }
            }
        }
        for hook in &objecting {
            let result = self.note_hook(hook, change_set.id.clone(), None, change_set.created);
            let event = Event { hook: Some(result), ..change_set.finding(&name, NESTED) };
            self.state.stacks[position].events.push(event);
        }
        stopping(objecting)
    }

    /// Asks the hooks that look at a resource before it is made or changed; the names of those that do not let it pass.
    pub fn hooks_of_resource(&mut self, position: usize, resource: &Resource, time: Millis) -> Vec<String> {
        let stack = self.state.stacks[position].name.clone();
        let hooks = self.settings.faults.hooks_on(HookTarget::Resource, &stack, &resource.logical_id);
        let objecting: Vec<HookFault> = hooks.cloned().collect();
        for hook in &objecting {
            let result =
                self.note_hook(hook, resource.logical_id.clone(), Some(resource.type_name.clone()), time);
            self.event(position, time, Some(resource), &resource.status, None);
            if let Some(event) = self.state.stacks[position].events.last_mut() {
                event.hook = Some(result);
            }
        }
        stopping(objecting)
    }

    fn note_hook(
        &mut self,
        hook: &HookFault,
        target: String,
        type_name: Option<String>,
        time: Millis,
    ) -> HookResult {
        let result = HookResult {
            id: unique_id(),
            hook: hook.hook.clone(),
            mode: hook.mode,
            reason: hook.reason.clone(),
            annotations: hook.annotations.clone(),
            time,
            target,
            type_name,
        };
        self.state.hook_results.push(result.clone());
        result
    }
}

/// The names of hooks that do not let anything pass.
fn stopping(objecting: Vec<HookFault>) -> Vec<String> {
    objecting.into_iter().filter(|hook| hook.mode == HookMode::Fail).map(|hook| hook.hook).collect()
}
