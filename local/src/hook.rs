//! Hooks: what they say of change sets and resources, and where that can be read afterwards.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::cloud::{Cloud, Event, Millis, Resource, unique_id};
use crate::faults::{HookFault, HookMode, HookTarget};

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
        change_set: &str,
        operation: &str,
        resources: &[String],
        time: Millis,
    ) -> Vec<String> {
        let stack = self.state.stacks[position].name.clone();
        let mut objecting: Vec<HookFault> = Vec::new();
        for resource in resources {
            let hooks = self.settings.faults.hooks_on(HookTarget::ChangeSet, &stack, resource);
            objecting.extend(hooks.filter(|hook| !objecting.contains(hook)).cloned().collect::<Vec<_>>());
        }
        for hook in &objecting {
            let result = self.note_hook(hook, change_set.to_owned(), None, time);
            let event =
                Event { operation: operation.to_owned(), ..self.blank_event(position, time, &result) };
            self.state.stacks[position].events.push(event);
        }
        let stopping = objecting.into_iter().filter(|hook| hook.mode == HookMode::Fail);
        stopping.map(|hook| hook.hook).collect()
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
        let stopping = objecting.into_iter().filter(|hook| hook.mode == HookMode::Fail);
        stopping.map(|hook| hook.hook).collect()
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

    /// An event of a stack that is about no resource, with what a hook said.
    fn blank_event(&mut self, position: usize, time: Millis, result: &HookResult) -> Event {
        let stack = &self.state.stacks[position];
        Event {
            id: unique_id(),
            time,
            logical_id: stack.name.clone(),
            physical_id: String::new(),
            type_name: crate::template::NESTED.to_owned(),
            status: String::new(),
            reason: None,
            properties: None,
            token: None,
            operation: String::new(),
            operation_type: crate::cloud::MAKING_CHANGE_SET.to_owned(),
            validation: None,
            hook: Some(result.clone()),
        }
    }
}
