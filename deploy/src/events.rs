//! Stack events: each told once, oldest first.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudformation::types::StackEvent;
use serde::Serialize;

use crate::connection::Connection;
use crate::error::DeployError;

/// Something that happened to a resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceEvent {
    /// The logical id; the stack's name for the stack itself.
    pub logical_id: String,
    /// The physical id, where there is one.
    pub physical_id: Option<String>,
    /// The type.
    pub resource_type: String,
    /// Such as `CREATE_IN_PROGRESS`.
    pub status: String,
    /// CloudFormation's words.
    pub reason: Option<String>,
}

impl ResourceEvent {
    pub(crate) fn read(event: &StackEvent) -> Self {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            logical_id: event.logical_resource_id().unwrap_or_default().to_owned(),
            physical_id: filled(event.physical_resource_id()),
            resource_type: event.resource_type().unwrap_or_default().to_owned(),
            status: event.resource_status().map(|status| status.to_string()).unwrap_or_default(),
            reason: filled(event.resource_status_reason()),
        }
    }

    /// Whether it is a failure of its own: what was cancelled because something else failed is no cause.
    pub(crate) fn is_failure(&self) -> bool {
        let cancelled = self.reason.as_deref().is_some_and(|reason| reason.contains("cancelled"));
        self.status.ends_with("_FAILED") && !cancelled
    }
}

/// How long the last operation took that changed the stack, by its events, newest first.
fn last_took(events: &[StackEvent]) -> Option<Duration> {
    let of_stack = |event: &&StackEvent| event.physical_resource_id() == event.stack_id();
    let at = |statuses: [&str; 2]| {
        events.iter().filter(of_stack).find_map(|event| {
            let status = event.resource_status()?.as_str();
            statuses.contains(&status).then(|| event.timestamp()).flatten()
        })
    };
    let end = at(["CREATE_COMPLETE", "UPDATE_COMPLETE"])?;
    let begin = at(["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])?;
    // The one that ended last may not be the one that began last.
    u64::try_from(end.secs() - begin.secs()).ok().map(Duration::from_secs)
}

/// Reads the events of one operation.
pub(crate) struct Events {
    stack: String,
    seen: BTreeSet<String>,
    /// How long the operation before took, as far as its events were on the newest page.
    pub last_took: Option<Duration>,
}

impl Events {
    /// Starts after everything that has happened to the stack so far.
    pub async fn from_now(connection: &Connection, stack: &str) -> Result<Self, DeployError> {
        let mut events = Self { stack: stack.to_owned(), seen: BTreeSet::new(), last_took: None };
        // The newest page is enough: what is older is not read again.
        let answer = connection
            .cloudformation
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await
            .map_err(DeployError::call("DescribeStackEvents"))?;
        events.last_took = last_took(answer.stack_events());
        events
            .seen
            .extend(answer.stack_events().iter().filter_map(|event| event.event_id()).map(str::to_owned));
        Ok(events)
    }

    /// What has happened since the last call, oldest first.
    pub async fn news(&mut self, connection: &Connection) -> Result<Vec<ResourceEvent>, DeployError> {
        let (mut found, mut ids) = (Vec::new(), Vec::new());
        let mut page = None;
        // Newest first: reading stops at the first event that is known.
        'pages: loop {
            let answer = connection
                .cloudformation
                .describe_stack_events()
                .stack_name(&self.stack)
                .set_next_token(page.take())
                .send()
                .await
                .map_err(DeployError::call("DescribeStackEvents"))?;
            for event in answer.stack_events() {
                let id = event.event_id().unwrap_or_default().to_owned();
                if self.seen.contains(&id) {
                    break 'pages;
                }
                ids.push(id);
                found.push(ResourceEvent::read(event));
            }
            match answer.next_token {
                Some(token) => page = Some(token),
                None => break,
            }
        }
        // Only what was read to its end counts as seen.
        self.seen.extend(ids);
        found.reverse();
        Ok(found)
    }
}
