//! `deploy`: stacks through change sets.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value as Json, json};
use stackwright_deploy::{
    ChangeSet, Connection, DeployError, Done, Outcome, Plan, Prepared, Verdict, in_order,
};
use stackwright_synth::StackArtifact;
use tokio::sync::oneshot;

use super::OutputFormat;
use crate::deployment::{
    Gate, ProgressForm, Session, Target, View, Wishes, block_on, change_set, diagnosis_json, explain,
    failure, is_asked, read_line,
};
use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;

/// Deploy stacks through change sets, each after those that it depends on.
///
/// What changes is shown before anything is done. On a terminal it is asked for a word; elsewhere it goes on, but for
/// what is dangerous: that wants its own `--approve`. A stack without changes is left alone. A deployment that was
/// broken off goes on where it was when the same command is run again. Credentials, profiles, regions and endpoints are
/// found as the AWS CLI finds them.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks to deploy, by id or name; all of them unless named
    stacks: Vec<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    wishes: Wishes,
    #[command(flatten)]
    gate: Gate,
    /// Deploy what was planned and nothing else: refused if anything is other than planned
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How many stacks to deploy at a time, where none waits for another
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// The form of what happens, on stderr
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    progress: ProgressForm,
    /// The form of the outputs, on stdout
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Deploy without checking
    #[arg(long)]
    no_check: bool,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(!arguments.no_check)?;
    let mut stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let plan = arguments.plan.as_deref().map(read).transpose()?;
    if let Some(plan) = &plan {
        if let Some(gone) = plan.stacks.iter().find(|one| loaded.assembly.stack(&one.stack).is_none()) {
            let what = format!("it has {}, which is no stack of this program", gone.stack);
            return Err(failure(&DeployError::Plan { what }));
        }
        if arguments.stacks.is_empty() {
            stacks.retain(|stack| plan.of(stack).is_some());
        } else if let Some(stack) = stacks.iter().find(|stack| plan.of(stack).is_none()) {
            return Err(failure(&DeployError::Plan { what: format!("{} is not in it", stack.name) }));
        }
    }
    arguments.wishes.check(&stacks)?;
    block_on(async {
        let deployment = Deployment {
            arguments,
            plan,
            session: Session::open(&arguments.target, &stacks).await?,
            view: View::new(arguments.progress),
            running: RefCell::default(),
            stopped: Cell::new(false),
        };
        let results = deployment.all(&stacks).await?;
        report(&results, arguments.format)
    })
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())).hint("`plan` makes it"))?;
    Plan::read(&text).map_err(|error| failure(&error))
}

/// Why a stack was not deployed; what there is to say has been said.
struct Stop {
    code: ExitCode,
    body: Json,
}

type Results<'s> = Vec<(&'s StackArtifact, Done<Outcome, Stop>)>;

/// One run of the command.
struct Deployment<'a> {
    arguments: &'a Arguments,
    plan: Option<Plan>,
    session: Session,
    view: View,
    /// Stacks that change now, to detach from or to cancel.
    running: RefCell<BTreeMap<String, Connection>>,
    /// Whether no other stack shall be begun.
    stopped: Cell<bool>,
}

impl Deployment<'_> {
    async fn all<'s>(&self, stacks: &[&'s StackArtifact]) -> Result<Results<'s>, Failure> {
        let work = in_order(stacks, self.arguments.concurrency, false, |stack| self.one(stack));
        tokio::pin!(work);
        loop {
            tokio::select! {
                results = &mut work => return Ok(results),
                _ = tokio::signal::ctrl_c() => self.interrupted().await?,
            }
        }
    }

    async fn one(&self, stack: &StackArtifact) -> Result<Outcome, Stop> {
        let outcome = self.way(stack).await;
        self.running.borrow_mut().remove(&stack.name);
        self.view.end(&stack.name);
        match &outcome {
            Ok(outcome) => {
                self.view.say(&stack.name, if outcome.changed { "deployed" } else { "nothing changed" });
            }
            // The others go on: what failed is said at once.
            Err(stop) => self.view.say(&stack.name, stop.body["error"].as_str().unwrap_or_default()),
        }
        outcome
    }

    /// The way of one stack: change set, word, execution.
    async fn way(&self, stack: &StackArtifact) -> Result<Outcome, Stop> {
        let told = |error| stop(&error, stack);
        if self.stopped.get() {
            return Err(not_begun());
        }
        let connection = self.session.connect(stack).await.map_err(told)?;
        let (account, region) = (connection.account(), connection.region());
        self.view.say(&stack.name, &format!("account {account}, {region}"));
        let options = self.arguments.wishes.options(stack);
        let tell = |progress| self.view.tell(&stack.name, progress);
        let planned = self.plan.as_ref().and_then(|plan| plan.of(stack));
        if let Some(planned) = planned {
            planned.verify(&connection, stack, &options).await.map_err(told)?;
        }
        let prepared = match planned.map(|planned| &planned.verdict) {
            Some(Verdict::Unchanged) => Prepared::Unchanged,
            Some(Verdict::Ready { change_set, .. }) => Prepared::Ready(change_set.clone()),
            Some(Verdict::Later { .. }) | None => {
                connection.prepare(stack, &options, &tell).await.map_err(told)?
            }
        };
        let Prepared::Ready(changes) = prepared else {
            return connection.unchanged(stack, &tell).await.map_err(told);
        };
        self.view.say(&stack.name, &format!("change set {}\n{}", changes.name, change_set(&changes)));
        if let Err(failure) = self.view.still(|| self.arguments.gate.pass(&stack.name, &changes.concerns())) {
            if planned.is_none() {
                // What was planned waits for the next one who asks.
                let _ = connection.discard(stack, &changes).await;
            }
            return Err(said(&failure, "refused"));
        }
        // Somebody may have stopped everything while this one was asked about.
        if self.stopped.get() {
            return Err(not_begun());
        }
        self.begin(stack, &connection, &changes);
        connection.execute(stack, &changes, &tell).await.map_err(told)
    }

    fn begin(&self, stack: &StackArtifact, connection: &Connection, changes: &ChangeSet) {
        self.running.borrow_mut().insert(stack.name.clone(), connection.clone());
        self.view.begin(&stack.name, changes.changes.len());
    }

    /// Somebody pressed Ctrl-C: leave it running or take it back? Pressed again, it is left.
    async fn interrupted(&self) -> Result<(), Failure> {
        self.stopped.set(true);
        let names: Vec<String> = self.running.borrow().keys().cloned().collect();
        if names.is_empty() {
            return Err(Failure::new("stopped; no stack was changing"));
        }
        let detached = || {
            let mut failure =
                Failure::new(format!("detached: CloudFormation goes on with {}", names.join(", ")))
                    .hint("the same command again goes on where the stacks are; `status` says where that is");
            failure.code = ExitCode::Incomplete;
            failure
        };
        if !is_asked() {
            return Err(detached());
        }
        self.view.still(|| {
            anstream::eprint!(
                "{} still running. Nothing else is begun. [d]etach, [c]ancel and take back, or [w]ait? ",
                names.join(", ")
            );
        });
        let (send, answer) = oneshot::channel();
        // Nobody can take back a read of a terminal: it is left to a thread that nobody waits for.
        std::thread::spawn(move || send.send(read_line()));
        let answer = tokio::select! {
            answer = answer => answer.unwrap_or_default(),
            _ = tokio::signal::ctrl_c() => return Err(detached()),
        };
        match answer.as_str() {
            "c" | "cancel" => {
                let running = self.running.borrow().clone();
                for (name, connection) in running {
                    match connection.cancel(&name).await {
                        Ok(()) => self.view.say(&name, "cancelling"),
                        Err(error) => self.view.say(&name, &format!("cannot be cancelled: {error}")),
                    }
                }
                Ok(())
            }
            "w" | "wait" => Ok(()),
            _ => Err(detached()),
        }
    }
}

fn stop(error: &DeployError, stack: &StackArtifact) -> Stop {
    let failure = explain(error, stack);
    let result = match failure.code {
        ExitCode::Refused => "refused",
        ExitCode::Incomplete => "out-of-sight",
        _ => "failed",
    };
    let mut stop = said(&failure, result);
    if let DeployError::Failed { diagnosis: Some(found), .. } = error {
        stop.body["cause"] = diagnosis_json(found, stack);
    }
    stop
}

fn said(failure: &Failure, result: &str) -> Stop {
    let mut text = format!("error: {}", failure.message);
    for hint in &failure.hints {
        text.push_str(&format!("\nhint: {hint}"));
    }
    Stop { code: failure.code, body: json!({ "result": result, "error": text }) }
}

fn not_begun() -> Stop {
    said(&Failure::new("not begun: everything was stopped"), "skipped")
}

/// Prints outputs, and says what became of each.
fn report(results: &Results<'_>, form: OutputFormat) -> Result<(), Failure> {
    let mut text = String::new();
    let mut document = Map::new();
    let mut code = ExitCode::Success;
    for (stack, done) in results {
        let body = match done {
            Done::Well(outcome) => {
                for (key, value) in &outcome.outputs {
                    text.push_str(&format!("{}.{key} = {value}\n", stack.id));
                }
                let result = if outcome.changed { "deployed" } else { "unchanged" };
                json!({ "result": result, "outputs": outcome.outputs })
            }
            Done::Failed(stop) => {
                code = if code == ExitCode::Success { stop.code } else { code.min(stop.code) };
                stop.body.clone()
            }
            Done::Skipped { because_of } => {
                anstream::eprintln!("{}: not begun, because {because_of} was not deployed", stack.name);
                json!({ "result": "skipped", "because_of": because_of })
            }
        };
        document.insert(stack.id.clone(), body);
    }
    if form == OutputFormat::Json {
        text = format!("{:#}\n", Json::Object(document));
    }
    anstream::stdout().write_all(text.as_bytes())?;
    if code == ExitCode::Success {
        return Ok(());
    }
    let mut failure = Failure::reported();
    failure.code = code;
    Err(failure)
}
