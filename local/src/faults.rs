//! Failures on request: as data, so that a test or a rehearsal says what goes wrong, and when.

use serde::{Deserialize, Serialize};

/// What goes wrong. As JSON it is read from a file by `stackwright local --faults`, and put by an HTTP `PUT` to
/// `/_local/faults`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Resources that fail or are slow.
    pub resources: Vec<ResourceFault>,
    /// Requests that fail or are slow.
    pub requests: Vec<RequestFault>,
    /// Hooks that object.
    pub hooks: Vec<HookFault>,
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// It is taken back to what it was.
    Rollback,
}

/// A resource that fails, or that takes its time.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ResourceFault {
    /// The stack's name; any if absent.
    #[serde(default)]
    pub stack: Option<String>,
    /// The logical id; `*` for every resource.
    pub resource: String,
    /// When.
    pub on: On,
    /// The service's words; without them the resource is only slow.
    #[serde(default)]
    pub reason: Option<String>,
    /// How long it takes, in milliseconds.
    #[serde(default)]
    pub milliseconds: Option<u64>,
    /// How often it happens; always if absent.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RequestFaultKind {
    /// It is answered that there were too many.
    Throttle,
    /// It is answered with an error of the service.
    ServerError,
    /// It is answered that the credentials have expired.
    ExpiredToken,
    /// It is answered that the caller may not.
    AccessDenied,
    /// The connection is cut before anything is done.
    Drop,
    /// Everything is done, and the connection is cut before the answer.
    DropAnswer,
    /// It is answered late.
    Slow,
    /// The endpoint's clock is ahead: what is signed by another clock is refused.
    ClockSkew,
}

/// A request that fails.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RequestFault {
    /// The operation, such as `CreateChangeSet`; `*` for every one.
    pub action: String,
    /// What becomes of it.
    pub kind: RequestFaultKind,
    /// How many go well before.
    #[serde(default)]
    pub after: u32,
    /// How often it happens; always if absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How late for [`RequestFaultKind::Slow`], how far ahead for [`RequestFaultKind::ClockSkew`].
    #[serde(default)]
    pub milliseconds: u64,
}

/// What a hook looks at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum HookTarget {
    /// Change sets, when they are made.
    ChangeSet,
    /// Resources, before they are made or changed.
    Resource,
}

/// What comes of a hook that objects.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookMode {
    /// It goes no further.
    #[default]
    Fail,
    /// It goes on.
    Warn,
}

/// A hook that objects.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HookFault {
    /// Its name, such as `Company::Guard::Endpoints`.
    pub hook: String,
    /// What it looks at.
    pub target: HookTarget,
    /// The stack's name; any if absent.
    #[serde(default)]
    pub stack: Option<String>,
    /// The logical id; `*` for every resource.
    pub resource: String,
    /// What comes of it.
    #[serde(default)]
    pub mode: HookMode,
    /// Its words.
    pub reason: String,
    /// What it advises: `AnnotationName`, `StatusMessage`, `RemediationMessage` and so on, as `GetHookResult` answers it.
    #[serde(default)]
    pub annotations: Vec<serde_json::Value>,
}

/// Whether something that happens so often happens now; counts it.
fn happens(times: &mut Option<u32>) -> bool {
    match times {
        None => true,
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
    }
}

/// Whether a stack and a resource, as somebody names them, are those of these names.
fn means((stack, resource): (&Option<String>, &str), (of_stack, name): (&str, &str)) -> bool {
    (resource == "*" || resource == name) && stack.as_deref().is_none_or(|stack| stack == of_stack)
}

impl Faults {
    /// What becomes of a request, if anything.
    pub(crate) fn of_request(&mut self, action: &str) -> Option<(RequestFaultKind, u64)> {
        for fault in &mut self.requests {
            if fault.action != "*" && fault.action != action {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if happens(&mut fault.times) {
                return Some((fault.kind, fault.milliseconds));
            }
        }
        None
    }

    /// The hooks that object to a resource.
    pub(crate) fn hooks_on<'f>(
        &'f self,
        target: HookTarget,
        stack: &'f str,
        resource: &'f str,
    ) -> impl Iterator<Item = &'f HookFault> {
        self.hooks.iter().filter(move |hook| {
            hook.target == target && means((&hook.stack, &hook.resource), (stack, resource))
        })
    }

    /// Why something that is done to a resource fails, and how long it takes, as far as a fault says so.
    pub(crate) fn of_resource(
        &mut self,
        stack: &str,
        resource: &str,
        on: On,
    ) -> (Option<String>, Option<u64>) {
        let (mut reason, mut time) = (None, None);
        for fault in &mut self.resources {
            let is_meant = fault.on == on && means((&fault.stack, &fault.resource), (stack, resource));
            if is_meant && happens(&mut fault.times) {
                reason = reason.or_else(|| fault.reason.clone());
                time = time.or(fault.milliseconds);
            }
        }
        (reason, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_of_the_documentation_are_faults() {
        let text = include_str!("../../docs/deploying.md");
        let block = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let faults: Faults = serde_json::from_str(block).unwrap();
        let Faults { resources, requests, hooks } = &faults;
        assert_eq!((resources.len(), requests.len(), hooks.len()), (1, 1, 1));
        assert_eq!((hooks[0].target, hooks[0].mode), (HookTarget::ChangeSet, HookMode::Warn));
    }
}
