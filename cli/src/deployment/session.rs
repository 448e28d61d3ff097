//! Where to: the account and region of each stack, or an endpoint in this process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use stackwright_deploy::{Connection, DeployError, Options, Profile};
use stackwright_local::Local;
use stackwright_synth::StackArtifact;
use tokio::sync::Mutex;

use super::explain::explain;
use crate::failure::Failure;

/// The account of a rehearsal, for stacks that are bound to none.
const ANY_ACCOUNT: &str = "000000000000";

/// How long a rehearsal takes over a resource: long enough to see an order.
const RESOURCE_TIME: Duration = Duration::from_millis(20);

/// Where to.
#[derive(Args)]
pub(crate) struct Target {
    /// A profile of the AWS CLI's configuration
    #[arg(long)]
    profile: Option<String>,
    /// The region for stacks that are bound to none
    #[arg(long)]
    region: Option<String>,
    /// A role to take on; `{account}` in it is the account that the stack is bound to
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Rehearse: on a CloudFormation that runs in this process, without an account. Nothing is made in AWS
    #[arg(long, conflicts_with_all = ["profile", "role"])]
    local: bool,
    /// Where a rehearsal keeps what was deployed, for the next one
    #[arg(long, value_name = "DIR", default_value = ".stackwright/local", requires = "local")]
    local_state: PathBuf,
    /// What goes wrong in the rehearsal: a file as `local --faults` takes it
    #[arg(long, value_name = "FILE", requires = "local")]
    faults: Option<PathBuf>,
}

/// What a deployment or a plan of it should do.
#[derive(Args)]
pub(crate) struct Wishes {
    /// A value for a parameter of the template, in every stack that has it
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Change back what somebody changed past the stack
    #[arg(long)]
    revert_drift: bool,
    /// Take in resources that are there already by the names that the template gives
    #[arg(long)]
    import_existing: bool,
    /// End when every resource is configured, without waiting until it serves (CloudFormation's express mode)
    #[arg(long)]
    express: bool,
    /// When something fails, leave what was made, to look at it
    #[arg(long)]
    keep_failed: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn has(stack: &StackArtifact, parameter: &str) -> bool {
    stack.template.section("Parameters").any(|(known, _)| known == parameter)
}

impl Wishes {
    /// Refuses a parameter that no stack has.
    pub fn check(&self, stacks: &[&StackArtifact]) -> Result<(), Failure> {
        for (name, _) in &self.parameters {
            if !stacks.iter().any(|stack| has(stack, name)) {
                return Err(Failure::new(format!("no stack that is deployed has a parameter `{name}`")));
            }
        }
        Ok(())
    }

    /// What they are for one stack.
    pub fn options(&self, stack: &StackArtifact) -> Options {
        Options {
            parameters: self.parameters.iter().filter(|(name, _)| has(stack, name)).cloned().collect(),
            description: Some(description()),
            revert_drift: self.revert_drift,
            import_existing: self.import_existing,
            express: self.express,
            keep_failed: self.keep_failed,
            ..Options::default()
        }
    }
}

/// What a change set says of itself.
fn description() -> String {
    let program = concat!("stackwright ", env!("CARGO_PKG_VERSION"));
    match commit() {
        Some(commit) => format!("commit {commit}, by {program}"),
        None => format!("by {program}"),
    }
}

/// The commit that is checked out, with `-dirty` where files differ from it; asked for once.
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

/// Runs something that talks to AWS.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The account and the region that a stack is bound to.
type Place = (Option<String>, Option<String>);

/// Asks something about a stack.
pub(crate) fn on_stack<T>(
    target: &Target,
    stack: &StackArtifact,
    ask: impl AsyncFn(&Connection) -> Result<T, DeployError>,
) -> Result<T, Failure> {
    block_on(async {
        let session = Session::open(target, &[stack]).await?;
        let told = |error| explain(&error, stack);
        let connection = session.connect(stack).await.map_err(told)?;
        ask(&connection).await.map_err(told)
    })
}

/// Asks something about each of some stacks.
pub(crate) fn on_each<T>(
    target: &Target,
    stacks: &[&StackArtifact],
    ask: impl AsyncFn(&Connection, &StackArtifact) -> Result<T, DeployError>,
) -> Result<Vec<T>, Failure> {
    block_on(async {
        let session = Session::open(target, stacks).await?;
        let mut answers = Vec::new();
        for stack in stacks {
            let told = |error| explain(&error, stack);
            let connection = session.connect(stack).await.map_err(told)?;
            answers.push(ask(&connection, stack).await.map_err(told)?);
        }
        Ok(answers)
    })
}

/// Connections, made once for each account and region, and the endpoints of a rehearsal as long as they are needed.
pub(crate) struct Session {
    profile: Profile,
    locals: BTreeMap<String, Local>,
    connections: Mutex<BTreeMap<Place, Connection>>,
}

impl Session {
    /// Prepares for some stacks.
    pub async fn open(target: &Target, stacks: &[&StackArtifact]) -> Result<Self, Failure> {
        let mut locals = BTreeMap::new();
        if target.local {
            let faults = target.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default();
            keep_out_of_git(&target.local_state)?;
            for account in stacks.iter().map(|stack| account(stack)) {
                if locals.contains_key(account) {
                    continue;
                }
                let folder = target.local_state.join(account);
                fs::create_dir_all(&folder)?;
                let mut options = stackwright_local::Options::default();
                options.folder = Some(folder.clone());
                options.account = account.to_owned();
                options.resource_time = RESOURCE_TIME;
                options.faults = faults.clone();
                let local = Local::start(options).await.map_err(|error| {
                    Failure::new(format!("the rehearsal in {} cannot start: {error}", folder.display()))
                        .hint("delete the folder to begin anew")
                })?;
                anstream::eprintln!(
                    "rehearsing on {}, in {}: nothing is made in AWS",
                    local.url(),
                    folder.display()
                );
                locals.insert(account.to_owned(), local);
            }
        }
        let profile = Profile {
            name: target.profile.clone(),
            region: target.region.clone(),
            role: target.role.clone(),
            local: None,
        };
        Ok(Self { profile, locals, connections: Mutex::default() })
    }

    /// The connection for a stack.
    pub async fn connect(&self, stack: &StackArtifact) -> Result<Connection, DeployError> {
        let key = (stack.environment.account.clone(), stack.environment.region.clone());
        let mut connections = self.connections.lock().await;
        if let Some(connection) = connections.get(&key) {
            return Ok(connection.clone());
        }
        let mut profile = self.profile.clone();
        profile.local = self.locals.get(account(stack)).map(Local::url);
        if let (Some(role), Some(account)) = (&mut profile.role, &stack.environment.account) {
            *role = role.replace("{account}", account);
        }
        let connection = Connection::for_stack(stack, &profile).await?;
        connections.insert(key, connection.clone());
        Ok(connection)
    }
}

fn account(stack: &StackArtifact) -> &str {
    stack.environment.account.as_deref().unwrap_or(ANY_ACCOUNT)
}

/// Reads what should go wrong.
pub(crate) fn read_faults(path: &Path) -> Result<stackwright_local::Faults, Failure> {
    let at = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        at(&error).hint(
            r#"for instance {"resources": [{"resource": "Endpoint", "on": "create", "reason": "no capacity"}]}"#,
        )
    })
}

/// A rehearsal is nobody's to commit.
fn keep_out_of_git(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let file = folder.join(".gitignore");
    if !file.exists() {
        fs::write(file, "*\n")?;
    }
    Ok(())
}
