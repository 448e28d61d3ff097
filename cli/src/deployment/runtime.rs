//! Runs asynchronous work, and queries about single stacks.

use std::cell::RefCell;
use std::process::Command;

use stackwright_deploy::{Backend, Connection, DeployError, Progress};
use stackwright_synth::StackArtifact;
use tokio::sync::OnceCell;

use super::arguments::Target;
use super::failures::explain;
use super::session::Session;
use super::signals::stoppable;
use super::view::View;
use crate::failure::Failure;

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A thread that still waits for the terminal does not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Returns the description of a change set: the commit and the program.
pub(crate) async fn description() -> String {
    let program = concat!("stackwright ", env!("CARGO_PKG_VERSION"));
    match commit().await {
        Some(commit) => format!("commit {commit}, by {program}"),
        None => format!("by {program}"),
    }
}

/// Returns the commit that is checked out, with the suffix `-dirty` if files differ from it. `git` runs only once, and other work
/// continues meanwhile.
pub(crate) async fn commit() -> Option<&'static str> {
    static COMMIT: OnceCell<Option<String>> = OnceCell::const_new();
    let ask = || {
        let output = Command::new("git")
            .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let found = COMMIT.get_or_init(async || tokio::task::spawn_blocking(ask).await.ok().flatten());
    found.await.as_deref()
}

/// The work of a command without an orchestrator.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// The command reads data, which the text describes.
    Query(&'static str),
    /// The command may start an operation on the stack, which the text describes.
    Operation(&'static str),
}

impl Work {
    fn activity(self) -> &'static str {
        match self {
            Self::Query(activity) | Self::Operation(activity) => activity,
        }
    }
}

/// Works on one stack. Reports are shown, also about waiting; a signal ends the command with a message.
pub(crate) fn on_stack<T>(
    target: &Target,
    stack: &StackArtifact,
    view: &View,
    kind: Work,
    work: impl AsyncFn(&Connection, &dyn Fn(Progress)) -> Result<T, DeployError>,
) -> Result<T, Failure> {
    let backend: RefCell<Option<Backend>> = RefCell::default();
    let detached = || {
        let backend = backend.borrow().clone().filter(|_| matches!(kind, Work::Operation(_)))?;
        Some((stack.name.clone(), backend))
    };
    let work = async |connection: &Connection, report: &dyn Fn(Progress)| {
        backend.replace(Some(connection.backend()));
        work(connection, report).await
    };
    block_on(stoppable(detached, async {
        let session = Session::open(target, &[stack]).await?;
        run(&session, stack, view, kind, &work).await
    }))
}

/// Queries each of several stacks.
pub(crate) fn on_each<T>(
    target: &Target,
    stacks: &[&StackArtifact],
    view: &View,
    activity: &'static str,
    query: impl AsyncFn(&Connection, &StackArtifact, &dyn Fn(Progress)) -> Result<T, DeployError>,
) -> Result<Vec<T>, Failure> {
    block_on(stoppable(|| None, async {
        let session = Session::open(target, stacks).await?;
        let mut answers = Vec::new();
        for stack in stacks {
            let query = async |connection: &Connection, report: &dyn Fn(Progress)| {
                query(connection, stack, report).await
            };
            answers.push(run(&session, stack, view, Work::Query(activity), &query).await?);
        }
        Ok(answers)
    }))
}

async fn run<T>(
    session: &Session,
    stack: &StackArtifact,
    view: &View,
    kind: Work,
    work: &impl AsyncFn(&Connection, &dyn Fn(Progress)) -> Result<T, DeployError>,
) -> Result<T, Failure> {
    let report = |progress: Progress| view.progress(&stack.name, &progress);
    let done = session.connections.run(stack, kind.activity(), &report, work).await;
    done.map_err(|error| explain(&error, stack))
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn other_work_continues_while_git_runs() {
        let mut description = Box::pin(description());
        let first = description.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(first, Poll::Pending);
        let text = description.await;
        assert!(text.ends_with(concat!("by stackwright ", env!("CARGO_PKG_VERSION"))), "{text}");
    }
}
