//! What happens, as it happens: a live view on a terminal, lines elsewhere, JSON lines on request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use stackwright_deploy::{Progress, ResourceEvent};

/// The form of what happens.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    /// A live view on a terminal, lines elsewhere
    Auto,
    /// Lines
    Plain,
    /// A JSON document a line
    Json,
}

/// Shows what happens to many stacks at a time.
pub(crate) struct View {
    json: bool,
    live: Option<MultiProgress>,
    bars: RefCell<BTreeMap<String, ProgressBar>>,
}

impl View {
    pub fn new(form: ProgressForm) -> Self {
        let live = form == ProgressForm::Auto && std::io::stderr().is_terminal();
        Self {
            json: form == ProgressForm::Json,
            live: live.then(MultiProgress::new),
            bars: RefCell::default(),
        }
    }

    /// A stack is begun; so many changes are ahead.
    pub fn begin(&self, stack: &str, changes: usize) {
        let Some(live) = &self.live else { return };
        let bar = live.add(ProgressBar::new(changes as u64));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {pos}/{len} {wide_msg} {elapsed}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(stack.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.borrow_mut().insert(stack.to_owned(), bar);
    }

    /// A stack has come to its end.
    pub fn end(&self, stack: &str) {
        if let Some(bar) = self.bars.borrow_mut().remove(stack) {
            bar.finish_and_clear();
        }
    }

    /// Says something about a stack.
    pub fn say(&self, stack: &str, text: &str) {
        if self.json {
            self.emit(stack, "message", json!({ "message": text.trim_end() }));
            return;
        }
        let mut lines = text.lines();
        let first = format!("{stack}: {}", lines.next().unwrap_or_default());
        self.print(&lines.fold(first, |all, line| format!("{all}\n{line}")));
    }

    /// Shows what the deployer tells.
    pub fn tell(&self, stack: &str, progress: Progress) {
        match progress {
            Progress::Event(event) => self.event(stack, &event),
            Progress::BucketMade { bucket } => self.say(stack, &format!("made the bucket {bucket}")),
            Progress::Uploading { key, bytes } => {
                self.say(stack, &format!("uploading {key} ({bytes} bytes)"))
            }
            Progress::WaitingFor { status } => self.say(stack, &format!("waiting: it is {status}")),
            Progress::ClearingShell => {
                self.say(
                    stack,
                    "deleting what is left of its first deployment, which failed: nothing is in it",
                );
            }
            Progress::Executing { last_took: Some(time) } if !time.is_zero() => {
                let time = HumanDuration(time);
                match self.bars.borrow().get(stack) {
                    Some(bar) => bar.set_prefix(format!("{stack} (last time {time})")),
                    None => self.say(stack, &format!("executing; the operation before took {time}")),
                }
            }
            Progress::Unread { reason } => {
                self.say(stack, &format!("its outputs and its protection could not be looked at: {reason}"));
            }
            Progress::Unavailable { operation, reason } => {
                let (without, hint) = match operation {
                    "DescribeEvents" => (
                        "its events are asked for as those of the stack, without validations and hooks",
                        "`permissions` prints the policy that allows DescribeEvents, if it is that",
                    ),
                    _ => (
                        "what its hooks advise is not known",
                        "cloudformation:ListHookResults and cloudformation:GetHookResult tell it",
                    ),
                };
                self.say(stack, &format!("{without}: {reason}\n{hint}"));
            }
            Progress::MakingChangeSet => self.say(stack, "making a change set"),
            _ => {}
        }
    }

    fn event(&self, stack: &str, event: &ResourceEvent) {
        if self.json {
            self.emit(stack, "event", json!({ "event": event }));
            return;
        }
        if let Some(bar) = self.bars.borrow().get(stack) {
            bar.set_message(line(event));
            // What a resource was while it was worked on is seen for a moment; how it ended stays.
            if event.status.ends_with("_IN_PROGRESS") {
                return;
            }
            if event.status.ends_with("_COMPLETE") && event.logical_id != stack {
                bar.inc(1);
            }
        }
        self.print(&format!("{stack}: {}", line(event)));
    }

    fn emit(&self, stack: &str, kind: &str, mut body: Json) {
        body["stack"] = stack.into();
        body["kind"] = kind.into();
        anstream::eprintln!("{body}");
    }

    fn print(&self, text: &str) {
        match &self.live {
            Some(live) => live.suspend(|| anstream::eprintln!("{text}")),
            None => anstream::eprintln!("{text}"),
        }
    }

    /// Keeps the view still while somebody is asked.
    pub fn still<T>(&self, ask: impl FnOnce() -> T) -> T {
        match &self.live {
            Some(live) => live.suspend(ask),
            None => ask(),
        }
    }
}

/// An event as a line.
pub(crate) fn line(event: &ResourceEvent) -> String {
    let reason = event.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} {} {}{reason}", event.status, event.logical_id, event.resource_type)
}
