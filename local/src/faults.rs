//! Simulated failures: which resources, requests and hooks fail, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The simulated failures. `stackwright local --faults FILE` reads them as JSON, and an HTTP `PUT` to `/_local/faults` replaces
/// them. A program can deserialize them from JSON as well.
///
/// ```
/// use stackwright_local::Faults;
///
/// let fault = serde_json::json!({ "resource": "Models", "on": "create", "reason": "no capacity" });
/// let faults: Faults = serde_json::from_value(serde_json::json!({ "resources": [fault] }))?;
/// assert_eq!(faults.resources.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Faults {
    /// The resources that fail or are slow. Default: none.
    pub resources: Vec<ResourceFault>,
    /// The requests that fail or are slow. Default: none.
    pub requests: Vec<RequestFault>,
    /// The hooks that fail or warn. Default: none.
    pub hooks: Vec<HookFault>,
    /// The account's service quotas by their codes, such as `{"L-9614C779": 2}`. The others have AWS's default values, as far as
    /// they are known.
    pub quotas: BTreeMap<String, u64>,
    /// The attributes that the handlers of custom resources return. Local mode runs no handler; an attribute that is
    /// not set here is a placeholder.
    pub custom_resources: Vec<CustomResource>,
}

/// The result of the handler of a custom resource.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CustomResource {
    /// The name of the stack. Default: every stack.
    #[serde(default)]
    pub stack: Option<String>,
    /// The logical ID of the custom resource; `*` matches every custom resource.
    pub resource: String,
    /// The physical ID, which `Ref` returns. Default: a generated ID.
    #[serde(default)]
    pub physical_id: Option<String>,
    /// The attributes, which `Fn::GetAtt` returns.
    #[serde(default)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// The action on a resource that a fault applies to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FaultAction {
    /// The resource is created.
    Create,
    /// The resource is updated.
    Update,
    /// The resource is deleted.
    Delete,
    /// The resource is rolled back to its previous properties.
    Rollback,
}

/// A fault of a resource: an action on it fails, or takes longer.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ResourceFault {
    /// The name of the stack. Default: every stack.
    #[serde(default)]
    pub stack: Option<String>,
    /// The logical ID of the resource; `*` matches every resource.
    pub resource: String,
    /// The action that fails.
    pub on: FaultAction,
    /// The error message of the service. Default: the resource does not fail, and only takes longer.
    #[serde(default)]
    pub reason: Option<String>,
    /// The simulated time of the operation, in JSON as `milliseconds`. Default:
    /// [`Options::resource_time`](crate::Options::resource_time).
    #[serde(default, rename = "milliseconds", with = "optional_milliseconds")]
    pub time: Option<Duration>,
    /// The number of times that the fault occurs. Default: always.
    #[serde(default)]
    pub times: Option<u32>,
}

/// The kind of failure of a request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RequestFaultKind {
    /// The response is a throttling error.
    Throttle,
    /// The response is an internal error of the service.
    ServerError,
    /// The response states that the credentials have expired.
    ExpiredToken,
    /// The response states that the caller has no permission.
    AccessDenied,
    /// The connection is closed before the operation is performed.
    Drop,
    /// The operation is performed, and the connection is closed without a response.
    DropAnswer,
    /// The response is delayed.
    Slow,
    /// The endpoint's clock is ahead: requests that were signed with the correct time are rejected.
    ClockSkew,
}

/// A fault of requests: which requests fail, how, and how often.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RequestFault {
    /// The operation, such as `CreateChangeSet`; `*` matches every operation.
    pub action: String,
    /// The kind of failure.
    pub kind: RequestFaultKind,
    /// The number of requests that succeed before the first failure. Default: 0.
    #[serde(default)]
    pub after: u32,
    /// The number of times that the fault occurs. Default: always.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only requests that exceed this number in one second fail, as with the request limits of AWS. Default: all requests fail.
    #[serde(default)]
    pub above_per_second: Option<u32>,
    /// The delay of [`RequestFaultKind::Slow`], or the time by which the clock of [`RequestFaultKind::ClockSkew`] is ahead, in
    /// JSON as `milliseconds`. Default: 0.
    #[serde(default, rename = "milliseconds", with = "milliseconds")]
    pub delay: Duration,
    #[serde(skip)]
    passed: InSecond,
}

/// The number of requests in the current second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct InSecond {
    second: u64,
    requests: u32,
}

impl InSecond {
    /// Counts a request; returns how many there were in its second.
    fn count(&mut self, second: u64) -> u32 {
        let before = if self.second == second { self.requests } else { 0 };
        *self = Self { second, requests: before.saturating_add(1) };
        self.requests
    }
}

/// The target that a hook evaluates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HookTarget {
    /// Change sets, when they are created.
    ChangeSet,
    /// Resources, before they are created or updated.
    Resource,
}

/// The action when a hook reports a failure.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum HookMode {
    /// The operation fails.
    #[default]
    Fail,
    /// The operation continues, with a warning.
    Warn,
}

/// A fault of a hook: a simulated CloudFormation Hook that reports a failure.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HookFault {
    /// The name of the hook, such as `Company::Guard::Endpoints`.
    pub hook: String,
    /// The target that the hook evaluates.
    pub target: HookTarget,
    /// The name of the stack. Default: every stack.
    #[serde(default)]
    pub stack: Option<String>,
    /// The logical ID of the resource; `*` matches every resource.
    pub resource: String,
    /// The action when the hook reports a failure. Default: [`HookMode::Fail`].
    #[serde(default)]
    pub mode: HookMode,
    /// The message of the hook.
    pub reason: String,
    /// The annotations of the hook: `AnnotationName`, `StatusMessage`, `RemediationMessage` and so on, as `GetHookResult` returns
    /// them.
    #[serde(default)]
    pub annotations: Vec<serde_json::Value>,
}

/// A duration in JSON as a number of milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(crate::state::millis(*time))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// A duration in JSON as a number of milliseconds, or `null`.
mod optional_milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(crate::state::millis).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

/// Returns whether a fault applies now, and counts this use of the fault.
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

/// Returns whether a fault for a stack and a resource applies to the ones with these names.
fn applies((stack, resource): (&Option<String>, &str), (of_stack, name): (&str, &str)) -> bool {
    (resource == "*" || resource == name) && stack.as_deref().is_none_or(|stack| stack == of_stack)
}

impl Faults {
    /// Returns the failure of a request; `None` if it succeeds. `second` is the time of the request in whole seconds.
    pub(crate) fn of_request(&mut self, action: &str, second: u64) -> Option<(RequestFaultKind, Duration)> {
        for fault in &mut self.requests {
            if fault.action != "*" && fault.action != action {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if fault.above_per_second.is_some_and(|limit| fault.passed.count(second) <= limit) {
                continue;
            }
            if happens(&mut fault.times) {
                return Some((fault.kind, fault.delay));
            }
        }
        None
    }

    /// Returns the hooks that report a failure for a resource.
    pub(crate) fn hooks_on<'f>(
        &'f self,
        target: HookTarget,
        stack: &'f str,
        resource: &'f str,
    ) -> impl Iterator<Item = &'f HookFault> {
        self.hooks.iter().filter(move |hook| {
            hook.target == target && applies((&hook.stack, &hook.resource), (stack, resource))
        })
    }

    /// Returns the result of the handler of a custom resource.
    pub(crate) fn custom_resource(&self, stack: &str, resource: &str) -> Option<&CustomResource> {
        self.custom_resources.iter().find(|one| applies((&one.stack, &one.resource), (stack, resource)))
    }

    /// Returns the reason why an action on a resource fails, and its duration, if a fault sets them.
    pub(crate) fn of_resource(
        &mut self,
        stack: &str,
        resource: &str,
        on: FaultAction,
    ) -> (Option<String>, Option<Duration>) {
        let (mut reason, mut time) = (None, None);
        for fault in &mut self.resources {
            let is_meant = fault.on == on && applies((&fault.stack, &fault.resource), (stack, resource));
            if is_meant && happens(&mut fault.times) {
                reason = reason.or_else(|| fault.reason.clone());
                time = time.or(fault.time);
            }
        }
        (reason, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_above_a_number_in_a_second_fail() {
        let text = r#"{"requests":[{"action":"*","kind":"throttle","above_per_second":2}]}"#;
        let mut faults: Faults = serde_json::from_str(text).unwrap();
        let failed: Vec<bool> =
            [7, 7, 7, 7, 8, 8, 8].map(|second| faults.of_request("ListStacks", second).is_some()).into();
        assert_eq!(failed, [false, false, true, true, false, false, true]);
    }

    #[test]
    fn the_faults_of_the_documentation_are_faults() {
        let text = include_str!("../../docs/deploying.md");
        let block = text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let faults: Faults = serde_json::from_str(block).unwrap();
        let Faults { resources, requests, hooks, .. } = &faults;
        assert_eq!((resources.len(), requests.len(), hooks.len()), (1, 1, 1));
        assert_eq!((hooks[0].target, hooks[0].mode), (HookTarget::ChangeSet, HookMode::Warn));
    }
}
