//! Shows what happens: a live view on a terminal, lines otherwise, or JSON documents.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value as Json, json};
use stackwright_deploy::{Phase, Progress, ResourceEvent, ResourceMove};

use super::colors::paint;
use super::render::{change_set, deletion_preview};
use crate::safe_text;

/// The format of progress messages.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressFormat {
    /// Progress bars on a terminal, one line per event otherwise
    Auto,
    /// One line per event
    Plain,
    /// One JSON document in each line
    Json,
}

/// Shows what happens to several stacks at the same time.
pub(crate) struct View {
    json: bool,
    live: Option<MultiProgress>,
    bars: RefCell<BTreeMap<String, ProgressBar>>,
    /// Whether a question is open, so that nothing else may be printed.
    is_paused: Cell<bool>,
    /// The messages that were not printed while a question was open.
    held_back: RefCell<Vec<String>>,
}

impl View {
    /// Returns a view in a format.
    pub fn new(format: ProgressFormat) -> Self {
        let live = format == ProgressFormat::Auto && std::io::stderr().is_terminal();
        Self {
            json: format == ProgressFormat::Json,
            live: live.then(MultiProgress::new),
            bars: RefCell::default(),
            is_paused: Cell::new(false),
            held_back: RefCell::default(),
        }
    }

    /// Shows that an operation on a stack starts.
    fn begin(&self, stack: &str, changes: usize) {
        self.show(
            stack,
            ProgressBar::new(changes as u64),
            "{spinner} {prefix} {pos}/{len} {wide_msg} {elapsed}",
        );
    }

    /// Shows that something without a known length starts for a stack, or returns false if there is no live view.
    fn spin(&self, stack: &str, message: &str) -> bool {
        let bar = ProgressBar::new_spinner().with_message(message.to_owned());
        self.show(stack, bar, "{spinner} {prefix}: {wide_msg} {elapsed}")
    }

    fn show(&self, stack: &str, bar: ProgressBar, template: &str) -> bool {
        let Some(live) = &self.live else { return false };
        self.end(stack);
        let bar = live.add(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(stack.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.borrow_mut().insert(stack.to_owned(), bar);
        true
    }

    /// Shows that the work on a stack has ended.
    pub fn end(&self, stack: &str) {
        if let Some(bar) = self.bars.borrow_mut().remove(stack) {
            bar.finish_and_clear();
        }
    }

    /// Prints a message about a stack.
    pub fn message(&self, stack: &str, text: &str) {
        let text = safe_text::block(text.trim_end());
        if self.json {
            self.emit(stack, "message", json!({ "message": text }));
        } else {
            self.print(format!("{}: {text}", safe_text::line(stack)));
        }
    }

    /// Prints a message that is not about a single stack.
    pub fn note(&self, text: &str) {
        let text = safe_text::block(text.trim_end());
        if self.json {
            self.print(safe_text::json(&json!({ "kind": "message", "message": text }).to_string()));
        } else {
            self.print(text);
        }
    }

    /// Shows a report of the deployer.
    pub fn progress(&self, stack: &str, progress: &Progress) {
        match progress {
            Progress::Event(event) => self.event(stack, event),
            Progress::CreatingChangeSet if self.spin(stack, "creating a change set") => {}
            Progress::ChangeSetCreated(changes) => {
                self.end(stack);
                self.message(stack, &format!("change set {}\n{}", changes.name, change_set(changes)));
            }
            Progress::DeletionPlanned(preview) => self.message(stack, &deletion_preview(preview)),
            Progress::Executing { changes, last_took } => {
                self.begin(stack, *changes);
                let Some(time) = last_took.filter(|time| !time.is_zero()) else { return };
                let time = HumanDuration(time);
                match self.bars.borrow().get(stack) {
                    Some(bar) => bar.set_prefix(format!("{stack} (previous operation: {time})")),
                    None => self.message(stack, &format!("executing; the previous operation took {time}")),
                }
            }
            Progress::Uploaded { key, uploaded, bytes } => {
                let text = format!("uploaded {} of {} of {key}", HumanBytes(*uploaded), HumanBytes(*bytes));
                self.message(stack, &text);
            }
            other => {
                if let Some(text) = message_of(other) {
                    self.message(stack, &text);
                }
            }
        }
    }

    fn event(&self, stack: &str, event: &ResourceEvent) {
        if self.json {
            self.emit(stack, "event", json!({ "event": event }));
            return;
        }
        let text = event_line(event);
        if let Some(bar) = self.bars.borrow().get(stack) {
            bar.set_message(text.clone());
            // On a terminal, only the end of the work on a resource stays visible.
            match event.status.phase() {
                Phase::InProgress => return,
                Phase::Complete if event.logical_id != stack => bar.inc(1),
                _ => {}
            }
        }
        self.print(format!("{}: {text}", safe_text::line(stack)));
    }

    fn emit(&self, stack: &str, kind: &str, mut body: Json) {
        body["stack"] = stack.into();
        body["kind"] = kind.into();
        self.print(safe_text::json(&body.to_string()));
    }

    fn print(&self, text: String) {
        if self.is_paused.get() {
            self.held_back.borrow_mut().push(text);
            return;
        }
        let text = if self.json { text } else { paint(&text) };
        match &self.live {
            Some(live) => live.suspend(|| anstream::eprintln!("{text}")),
            None => anstream::eprintln!("{text}"),
        }
    }

    /// Prints nothing until the guard is dropped, because a question is open.
    pub fn pause(&self) -> Pause<'_> {
        if let Some(live) = &self.live {
            let _ = live.clear();
            live.set_draw_target(ProgressDrawTarget::hidden());
        }
        self.is_paused.set(true);
        Pause { view: self }
    }

    fn resume(&self) {
        self.is_paused.set(false);
        if let Some(live) = &self.live {
            live.set_draw_target(ProgressDrawTarget::stderr());
        }
        for text in self.held_back.take() {
            self.print(text);
        }
    }
}

/// Keeps a [`View`] still while a question is open.
pub(crate) struct Pause<'v> {
    view: &'v View,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.view.resume();
    }
}

/// Returns the message for a report that is not about a resource.
fn message_of(progress: &Progress) -> Option<String> {
    Some(match progress {
        Progress::Connected { account, region } => format!("account {account}, region {region}"),
        Progress::BucketCreated { bucket } => format!("created the bucket {bucket}"),
        Progress::Uploading { key, bytes } => format!("uploading {key} ({})", HumanBytes(*bytes)),
        Progress::WaitingForOperation { status } => {
            format!("waiting for the end of another operation; the stack has the status {status}")
        }
        Progress::StillWaiting { activity, elapsed, last_error } => {
            let time = HumanDuration(*elapsed);
            match last_error {
                Some(error) => format!("waiting for {activity} for {time}; the last request failed: {error}"),
                None => format!("waiting for {activity} for {time}"),
            }
        }
        Progress::DeletingEmptyStack => {
            "deleting the empty stack that the failed first deployment has left".into()
        }
        Progress::RenamesPlanned { moves } => {
            format!("a stack refactor renames resources before the change set is created: {}", listed(moves))
        }
        Progress::Refactoring { moves } => {
            format!("moving resources with a stack refactor: {}", listed(moves))
        }
        Progress::Refactored { moves } => format!("moved with a stack refactor: {}", listed(moves)),
        Progress::CreatingChangeSet => "creating a change set".into(),
        Progress::ChangeSetNotDeleted { change_set, reason } => {
            format!("the change set {change_set} was not deleted: {reason}")
        }
        Progress::NotCompared { reason } => {
            format!("the change set is not compared with what the templates predict: {reason}")
        }
        Progress::AttributeChanged(change) => change.to_string(),
        Progress::OutputsUnavailable { reason } => {
            format!("the stack was deployed, but its outputs cannot be read: {reason}")
        }
        Progress::OperationUnavailable { operation, reason } => {
            format!("{}: {reason}", without_operation(operation))
        }
        _ => return None,
    })
}

fn listed(moves: &[ResourceMove]) -> String {
    moves.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Describes what is missing if an operation cannot be called.
fn without_operation(operation: &str) -> String {
    match operation {
        "DescribeEvents" => "DescribeEvents is not available; the events of the stack are read with \
                             DescribeStackEvents, which does not return the findings of validation and hooks (the \
                             command `permissions` prints the policy that allows DescribeEvents)"
            .into(),
        "GetTemplate" => "GetTemplate is not available; the template of the program is used instead of the deployed \
                          one"
            .into(),
        "GetTemplateSummary" => "GetTemplateSummary is not available; parameters keep the values that the stack has".into(),
        "GetStackPolicy" => "GetStackPolicy is not available; whether a stack policy refuses the update is not known".into(),
        "GetHookResult" => "the details of hooks are not available (they need the permissions \
                            cloudformation:ListHookResults and cloudformation:GetHookResult)"
            .into(),
        other => format!("{other} is not available"),
    }
}

/// Returns an event as one line.
pub(crate) fn event_line(event: &ResourceEvent) -> String {
    let reason = event.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    safe_text::line(&format!("{} {} {}{reason}", event.status, event.logical_id, event.resource_type))
}
