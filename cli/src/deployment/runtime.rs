//! Runs asynchronous work, and queries about single stacks.

use std::process::Command;
use std::sync::OnceLock;

use stackwright_deploy::{Connection, DeployError};
use stackwright_synth::StackArtifact;

use super::arguments::Target;
use super::failures::explain;
use super::session::Session;
use crate::failure::Failure;

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A thread that still waits for the terminal does not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Returns the description of a change set. It runs `git` to find the commit, which blocks: call it outside of
/// asynchronous code.
pub(crate) fn description() -> String {
    let program = concat!("stackwright ", env!("CARGO_PKG_VERSION"));
    match commit() {
        Some(commit) => format!("commit {commit}, by {program}"),
        None => format!("by {program}"),
    }
}

/// Returns the commit that is checked out, with the suffix `-dirty` if files differ from it. `git` runs only once.
pub(crate) fn commit() -> Option<&'static str> {
    static COMMIT: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let output = Command::new("git")
            .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    COMMIT.get_or_init(ask).as_deref()
}

/// Runs a query about one stack.
pub(crate) fn on_stack<T>(
    target: &Target,
    stack: &StackArtifact,
    query: impl AsyncFn(&Connection) -> Result<T, DeployError>,
) -> Result<T, Failure> {
    block_on(async {
        let session = Session::open(target, &[stack]).await?;
        let explained = |error| explain(&error, stack);
        let connection = session.connections.for_stack(stack).await.map_err(explained)?;
        query(&connection).await.map_err(explained)
    })
}

/// Runs a query about each of several stacks.
pub(crate) fn on_each<T>(
    target: &Target,
    stacks: &[&StackArtifact],
    query: impl AsyncFn(&Connection, &StackArtifact) -> Result<T, DeployError>,
) -> Result<Vec<T>, Failure> {
    block_on(async {
        let session = Session::open(target, stacks).await?;
        let mut answers = Vec::new();
        for stack in stacks {
            let explained = |error| explain(&error, stack);
            let connection = session.connections.for_stack(stack).await.map_err(explained)?;
            answers.push(query(&connection, stack).await.map_err(explained)?);
        }
        Ok(answers)
    })
}
