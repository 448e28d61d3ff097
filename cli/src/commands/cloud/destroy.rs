//! `destroy`: deletes stacks.

use clap::Args;
use stackwright_deploy::{Done, in_order};
use stackwright_synth::StackArtifact;

use crate::deployment::{ProgressForm, Session, Target, View, block_on, explain, is_asked, read_line};
use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;

/// Delete stacks, each before those that it depends on.
///
/// What goes and what stays is shown first, and the name of each stack has to be typed. A stack that is protected
/// against termination stays, unless `--unprotect` is given.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks to delete, by id or name
    #[arg(required_unless_present = "all")]
    stacks: Vec<String>,
    /// Every stack of the program
    #[arg(long, conflicts_with = "stacks")]
    all: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Take the protection against termination away first
    #[arg(long)]
    unprotect: bool,
    #[command(flatten)]
    target: Target,
    /// How many stacks to delete at a time, where none waits for another
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// The form of what happens, on stderr
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    progress: ProgressForm,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let view = View::new(arguments.progress);
    let results = block_on(async {
        let session = Session::open(&arguments.target, &stacks).await?;
        let one = |stack| destroy(stack, arguments, &session, &view);
        Ok(in_order(&stacks, arguments.concurrency, true, one).await)
    })?;
    let mut code = ExitCode::Success;
    for (stack, done) in results {
        match done {
            Done::Well(()) => {}
            Done::Failed(failure) => {
                failure.print();
                code = code.max(failure.code);
            }
            Done::Skipped { because_of } => {
                anstream::eprintln!(
                    "{}: kept, because {because_of} was not deleted and needs it",
                    stack.name
                );
            }
        }
    }
    if code == ExitCode::Success {
        return Ok(());
    }
    let mut failure = Failure::reported();
    failure.code = code;
    Err(failure)
}

async fn destroy(
    stack: &StackArtifact,
    arguments: &Arguments,
    session: &Session,
    view: &View,
) -> Result<(), Failure> {
    let told = |error| explain(&error, stack);
    let connection = session.connect(stack).await.map_err(told)?;
    let Some(remains) = connection.remains(&stack.name).await.map_err(told)? else {
        view.say(&stack.name, "not deployed");
        return Ok(());
    };
    let kept = |id: &str| {
        let found = stack.template.resources().find(|(name, _)| *name == id);
        found.is_some_and(|(_, resource)| {
            resource["DeletionPolicy"].as_str().is_some_and(|policy| policy.starts_with("Retain"))
        })
    };
    let mut text = String::from("to be deleted\n");
    for (id, kind) in &remains.deleted {
        let word = if kept(id) { "  kept" } else { "  -" };
        text.push_str(&format!("{word} {id} {kind}\n"));
    }
    if remains.protected {
        text.push_str("  it is protected against termination\n");
    }
    view.say(&stack.name, &text);
    if !arguments.yes && !is_typed(view, &stack.name) {
        let mut failure = Failure::new(format!("{} was not deleted: nobody approved it", stack.name))
            .hint("type the stack's name when asked, or give `--yes`");
        failure.code = ExitCode::Refused;
        return Err(failure);
    }
    let tell = |progress| view.tell(&stack.name, progress);
    view.begin(&stack.name, remains.deleted.len());
    let outcome = connection.destroy(&remains, arguments.unprotect, &tell).await.map_err(told);
    view.end(&stack.name);
    outcome?;
    view.say(&stack.name, "deleted");
    Ok(())
}

fn is_typed(view: &View, name: &str) -> bool {
    is_asked()
        && view.still(|| {
            anstream::eprint!("type {name} to delete it: ");
            read_line() == name
        })
}
