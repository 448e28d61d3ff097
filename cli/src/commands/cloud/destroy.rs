//! `destroy`: deletes stacks.

use clap::Args;
use stackwright_deploy::{Deleted, DeployError, Orchestrator, Progress, Settings, StackSelection};
use stackwright_synth::StackArtifact;

use super::results::{report_failure, summarize};
use crate::deployment::{
    ApprovalArguments, ProgressFormat, Session, Target, Terminal, View, block_on, failure, run_until_stopped,
};
use crate::failure::Failure;
use crate::origin::Origin;

/// Delete stacks, each before the stacks that it depends on.
///
/// The command first prints which resources are deleted, which are retained, and of which a snapshot is created. On a
/// terminal, it asks the user to type the name of each stack; otherwise, `--yes` is required. The deletion of a resource that
/// contains data, serves traffic or runs workloads needs its own approval, as in `deploy`; `--approve 'deletion=*'` approves all
/// of them. A stack with termination protection is not deleted, unless `--unprotect` is passed.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 every stack is deleted or was not deployed, 1 failure, 2 usage error, 3 a deletion is still \
                  running in AWS, 4 a deletion was not approved."
)]
pub(crate) struct Arguments {
    /// The IDs or names of the stacks to delete. Required, unless `--all` is passed
    stacks: Vec<String>,
    /// Delete all stacks of the program. Default: only the named stacks are deleted
    #[arg(long, conflicts_with = "stacks")]
    all: bool,
    #[command(flatten)]
    approval: ApprovalArguments,
    /// Disable termination protection of the stacks first. Default: a stack with termination protection is not deleted
    #[arg(long)]
    unprotect: bool,
    #[command(flatten)]
    pub(super) target: Target,
    /// Set how many stacks are deleted at the same time, if they do not depend on each other
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// Set the format of progress messages, which are printed to stderr
    #[arg(long, value_enum, default_value_t = ProgressFormat::Auto)]
    progress: ProgressFormat,
}

/// How to delete a stack that was removed from the program or renamed in it.
const REMOVED_STACKS: &str = "a stack that the program no longer defines is deleted by an earlier version of the program: run \
                              `destroy` in a checkout of that version, or pass its assembly with `--app PATH`";

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    if arguments.stacks.is_empty() && !arguments.all {
        let known: Vec<_> = loaded.assembly.stacks.iter().map(|stack| stack.id.as_str()).collect();
        return Err(Failure::usage("no stack is named").hint(format!(
            "name the stacks to delete, or pass `--all`: the stacks of the program are {}",
            known.join(", ")
        )));
    }
    let stacks =
        super::select(&loaded.assembly, &arguments.stacks).map_err(|failure| failure.hint(REMOVED_STACKS))?;
    let selection = StackSelection::new(&loaded.assembly, stacks);
    let view = View::new(arguments.progress);
    let results = block_on(async {
        let session = Session::open(&arguments.target, &loaded.assembly.in_order()).await?;
        let terminal = Terminal::new(&view);
        let report = |stack: &StackArtifact, progress: Progress| view.progress(&stack.name, &progress);
        let settings = Settings::new(arguments.concurrency)
            .approvals(arguments.approval.policy())
            .unprotect(arguments.unprotect);
        let orchestrator = Orchestrator::new(&session.connections, &terminal, &report, settings);
        let report_end = |stack: &StackArtifact, result: &Result<Deleted, DeployError>| {
            view.end(&stack.name);
            match result {
                Ok(Deleted::NotDeployed) => view.message(&stack.name, "not deployed"),
                Ok(_) => view.message(&stack.name, "deleted"),
                Err(error) => report_failure(&view, &selection, stack, error),
            }
        };
        let work = orchestrator.destroy(&selection.stacks, &selection.others, &report_end);
        let results = run_until_stopped(&orchestrator, &view, &terminal, work).await?;
        results.map_err(|error| failure(&error))
    })?;
    summarize(&view, &results, "deleted")
}
