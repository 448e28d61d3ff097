//! Reports about waiting, while there are no other reports: the activity, its duration, and the last failed attempt.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudformation::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_cloudformation::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudformation::error::BoxError;
use tokio::time::{Instant, sleep_until};

use stackwright_synth::with_causes;

use crate::error::describe_response;
use crate::{Progress, Report};

/// The time without a report after which the first report about waiting is sent.
const FIRST_REPORT: Duration = Duration::from_secs(10);

/// The longest time between two reports about waiting.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The last failed attempt of a request. The AWS SDK repeats failed attempts without a report.
#[derive(Clone, Default)]
pub(crate) struct LastError(Arc<Mutex<Option<String>>>);

impl LastError {
    /// Returns the description of the last failed attempt, and clears it.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, description: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = description;
    }
}

impl fmt::Debug for LastError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LastError")
    }
}

impl Intercept for LastError {
    fn name(&self) -> &'static str {
        "LastError"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.output_or_error() {
            Some(Err(error)) => {
                let description = match (error.as_operation_error(), context.response()) {
                    (Some(error), _) => error.to_string(),
                    (None, Some(response)) => describe_response(response),
                    (None, None) => with_causes(error),
                };
                self.set(Some(description));
            }
            _ => self.set(None),
        }
        Ok(())
    }
}

/// The activity of the program for one stack, and the time of its last report.
pub(crate) struct Activity<'a> {
    report: Report<'a>,
    /// `None` while the program waits for the user.
    name: RefCell<Option<String>>,
    started: Cell<Instant>,
    reported: Cell<Instant>,
}

impl<'a> Activity<'a> {
    pub fn new(report: Report<'a>) -> Self {
        let now = Instant::now();
        Self {
            report,
            name: RefCell::new(Some("the connection to the account".into())),
            started: Cell::new(now),
            reported: Cell::new(now),
        }
    }

    /// Sets the description of what the program waits for.
    pub fn begin(&self, name: &str) {
        *self.name.borrow_mut() = Some(name.to_owned());
        self.started.set(Instant::now());
    }

    /// Passes a report on, and derives from it what the program does next.
    pub fn report(&self, progress: Progress) {
        let name = match &progress {
            Progress::Connected { .. } => Some(Some("the status of the stack".to_owned())),
            Progress::Uploading { key, .. } => Some(Some(format!("the upload of {key}"))),
            Progress::WaitingForOperation { status } => {
                Some(Some(format!("the end of another operation on the stack ({status})")))
            }
            Progress::DeletingEmptyStack => Some(Some("the deletion of the empty stack".into())),
            Progress::Refactoring { .. } => Some(Some("the stack refactor".into())),
            Progress::Refactored { .. } | Progress::RenamesPlanned { .. } => Some(None),
            Progress::CreatingChangeSet => Some(Some("the creation of the change set".into())),
            Progress::ChangeSetCreated(_) | Progress::DeletionPlanned(_) => Some(None),
            Progress::Executing { .. } => Some(Some("the operation on the stack".into())),
            _ => None,
        };
        let now = Instant::now();
        if let Some(name) = name {
            *self.name.borrow_mut() = name;
            self.started.set(now);
        }
        self.reported.set(now);
        (self.report)(progress);
    }

    /// Runs something, and reports from time to time if nothing else is reported meanwhile.
    pub async fn watch<T>(
        &self,
        last_error: impl Fn() -> Option<String>,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        let mut silence = FIRST_REPORT;
        loop {
            let wake = self.reported.get() + silence;
            tokio::select! {
                result = &mut work => return result,
                () = sleep_until(wake) => {}
            }
            if self.reported.get() + silence > Instant::now() {
                silence = FIRST_REPORT;
                continue;
            }
            let activity = self.name.borrow().clone();
            match activity {
                Some(activity) => self.report(Progress::StillWaiting {
                    activity,
                    elapsed: self.started.get().elapsed(),
                    last_error: last_error(),
                }),
                None => self.reported.set(Instant::now()),
            }
            silence = (silence * 2).min(LONGEST_SILENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_is_reported_at_growing_intervals() {
        let times = RefCell::new(Vec::new());
        let start = Instant::now();
        let record = |progress| {
            if let Progress::StillWaiting { activity, last_error, .. } = progress {
                times.borrow_mut().push((start.elapsed().as_secs(), activity, last_error));
            }
        };
        let activity = Activity::new(&record);
        activity.report(Progress::CreatingChangeSet);
        activity.watch(|| Some("connection refused".into()), sleep(Duration::from_secs(100))).await;
        let times = times.into_inner();
        assert_eq!(times.iter().map(|(time, ..)| *time).collect::<Vec<_>>(), [10, 30, 70]);
        assert!(
            times.iter().all(|(_, name, error)| name == "the creation of the change set" && error.is_some()),
            "{times:?}"
        );
    }

    /// The AWS SDK repeats failed requests and reports nothing; the error can be read all the same.
    #[tokio::test]
    async fn the_last_failed_attempt_is_known_while_the_request_is_repeated() {
        let local = stackwright_local::Local::start(stackwright_local::Options::default()).await.unwrap();
        let template = r#"{"Resources":{}}"#.to_owned();
        let stack = stackwright_synth::Assembly::of_template("one.json", template).unwrap().stacks.remove(0);
        let profile = crate::Profile::for_endpoint(local.url());
        let connection = crate::Connection::for_stack(&stack, &profile).await.unwrap();
        let faults = r#"{"requests":[{"action":"DescribeStacks","kind":"throttle","times":1}]}"#;
        local.set_faults(serde_json::from_str(faults).unwrap());
        let find = crate::lookup::find_stack(&connection, "one");
        tokio::pin!(find);
        let seen = loop {
            tokio::select! {
                found = &mut find => panic!("no failed attempt was seen: {found:?}"),
                () = sleep(Duration::from_millis(1)) => {}
            }
            if let Some(error) = connection.last_error.take() {
                break error;
            }
        };
        assert!(find.await.unwrap().is_none());
        assert!(seen.contains("Throttling"), "{seen}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_activity_that_reports_progress_is_not_reported_as_waiting() {
        let waits = Cell::new(0);
        let record = |progress| {
            waits.set(waits.get() + usize::from(matches!(progress, Progress::StillWaiting { .. })))
        };
        let activity = Activity::new(&record);
        let work = async {
            for _ in 0..20 {
                sleep(Duration::from_secs(5)).await;
                activity.report(Progress::CreatingChangeSet);
            }
        };
        activity.watch(|| None, work).await;
        assert_eq!(waits.get(), 0);
    }
}
