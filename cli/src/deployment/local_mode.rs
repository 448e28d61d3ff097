//! Local mode: a simulation of CloudFormation in the process of the command, one for each account.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stackwright_local::Local;
use stackwright_synth::StackArtifact;

use super::arguments::Target;
use crate::failure::Failure;

/// The account in local mode of stacks that are not bound to one.
const DEFAULT_ACCOUNT: &str = "000000000000";

/// The simulated time for a resource in local mode: long enough to show the order of the resources.
const RESOURCE_TIME: Duration = Duration::from_millis(20);

/// The endpoints of local mode, by the account that stacks are bound to.
pub(super) type Endpoints = BTreeMap<Option<String>, Local>;

/// Starts an endpoint for each account.
pub(super) async fn start(target: &Target, stacks: &[&StackArtifact]) -> Result<Endpoints, Failure> {
    let faults = match target.faults.clone() {
        Some(path) => unblocked(move || read_faults(&path)).await?,
        None => stackwright_local::Faults::default(),
    };
    let state = target.local_state.clone();
    unblocked(move || ignore_in_git(&state).map_err(|error| not_writable(&state, &error))).await?;
    let mut endpoints = Endpoints::new();
    for account in stacks.iter().map(|stack| &stack.environment.account) {
        if endpoints.contains_key(account) {
            continue;
        }
        let name = account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
        let directory = target.local_state.join(name);
        let path = directory.clone();
        unblocked(move || fs::create_dir_all(&path).map_err(|error| not_writable(&path, &error))).await?;
        let mut options = stackwright_local::Options::new()
            .directory(&directory)
            .account(name)
            .resource_time(RESOURCE_TIME)
            .faults(faults.clone());
        if let Some(file) = key_file() {
            options = options.key_file(file);
        }
        let local = Local::start(options).await.map_err(|error| {
            Failure::new(format!("local mode in {} cannot be started: {error}", directory.display()))
                .hint(OTHER_STATE)
        })?;
        anstream::eprintln!(
            "local mode: {} simulates CloudFormation, with its state in {}; nothing is created in AWS",
            local.url(),
            directory.display()
        );
        endpoints.insert(account.clone(), local);
    }
    Ok(endpoints)
}

/// Runs work that blocks, such as reading a file, without blocking other work: signals are handled meanwhile.
async fn unblocked<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::new)?
}

/// Returns the file with the key that encrypts secrets in the state of local mode: in the user's directory for state, where no
/// copy of a project has it. `None` if the user has no home directory.
pub(crate) fn key_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| variable("LOCALAPPDATA"));
    let state = state.or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("stackwright/local.key"))
}

/// Reads a file with faults to simulate.
pub(crate) fn read_faults(path: &Path) -> Result<stackwright_local::Faults, Failure> {
    let at = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        at(&error).hint(
            r#"for example {"resources": [{"resource": "Endpoint", "on": "create", "reason": "no capacity"}]}"#,
        )
    })
}

const OTHER_STATE: &str = "store the state of local mode in another directory: `--local-state DIR`";

fn not_writable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write the state of local mode to {}: {error}", path.display()))
        .hint(OTHER_STATE)
}

/// Keeps the state of local mode out of version control.
fn ignore_in_git(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let file = directory.join(".gitignore");
    if !file.exists() {
        fs::write(file, "*\n")?;
    }
    Ok(())
}
