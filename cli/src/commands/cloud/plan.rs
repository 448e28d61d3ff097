//! `plan`: what a deployment would do, to review before it does.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stackwright_deploy::{DeployError, Done, Plan, PlannedStack, Prepared, Verdict, in_order};
use stackwright_synth::StackArtifact;

use crate::deployment::{
    ProgressForm, Session, Target, View, Wishes, block_on, change_set, commit, explain, markdown,
};
use crate::failure::Failure;
use crate::origin::Origin;

/// Make change sets, show them, and write a plan of them for `deploy --plan`.
///
/// A plan is bound to account, region, template, parameters and change sets: `deploy --plan` refuses if any of them is
/// other than planned. A stack whose dependencies change is planned when it is deployed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks to plan, by id or name; all of them unless named
    stacks: Vec<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    wishes: Wishes,
    /// The plan file
    #[arg(long, value_name = "FILE", default_value = "plan.json")]
    out: PathBuf,
    /// How many stacks to plan at a time, where none waits for another
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// The form of the plan on stdout; the file is always JSON
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// The form of what happens, on stderr
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    progress: ProgressForm,
    /// Plan without checking
    #[arg(long)]
    no_check: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Markdown,
    Json,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(!arguments.no_check)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    arguments.wishes.check(&stacks)?;
    let view = View::new(arguments.progress);
    let results = block_on(async {
        let session = Session::open(&arguments.target, &stacks).await?;
        // Stacks that will change, by id: what waits for them cannot be known yet.
        let changing = RefCell::new(BTreeSet::new());
        let one = async |stack| {
            let planned = plan(stack, arguments, &session, &view, &changing).await?;
            if !matches!(planned.verdict, Verdict::Unchanged) {
                changing.borrow_mut().insert(planned.id.clone());
            }
            Ok::<_, DeployError>(planned)
        };
        Ok(in_order(&stacks, arguments.concurrency, false, one).await)
    })?;
    let mut planned = Vec::new();
    let mut failed = None;
    for (stack, done) in results {
        match done {
            Done::Well(one) => planned.push(one),
            Done::Failed(error) => {
                let failure = explain(&error, stack);
                failure.print();
                failed = failed.or(Some(failure.code));
            }
            Done::Skipped { because_of } => {
                anstream::eprintln!("{}: not planned, because {because_of} could not be", stack.name);
            }
        }
    }
    if let Some(code) = failed {
        // A plan of some of it would be taken for a plan.
        let mut failure = Failure::new("no plan was written");
        failure.code = code;
        return Err(failure);
    }
    let plan = Plan::new(commit().map(str::to_owned), planned);
    write(&arguments.out, &plan.text())?;
    let text = match arguments.format {
        Form::Json => plan.text(),
        Form::Markdown => plan.stacks.iter().map(card).collect(),
        Form::Text => plan.stacks.iter().map(lines).collect(),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    anstream::eprintln!("wrote {}: `deploy --plan {0}` does this and nothing else", arguments.out.display());
    Ok(())
}

async fn plan(
    stack: &StackArtifact,
    arguments: &Arguments,
    session: &Session,
    view: &View,
    changing: &RefCell<BTreeSet<String>>,
) -> Result<PlannedStack, DeployError> {
    let connection = session.connect(stack).await?;
    let options = arguments.wishes.options(stack);
    let is_changing = |id: &&String| changing.borrow().contains(*id);
    let after: Vec<String> = stack.dependencies.iter().filter(is_changing).cloned().collect();
    if !after.is_empty() {
        return Ok(PlannedStack::later(&connection, stack, &options, after));
    }
    let prepared: Prepared =
        connection.prepare(stack, &options, &|progress| view.tell(&stack.name, progress)).await?;
    Ok(PlannedStack::new(&connection, stack, &options, prepared))
}

/// Writes all of it or nothing.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(at)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(at)?;
    file.write_all(text.as_bytes()).map_err(at)?;
    file.persist(path).map(drop).map_err(|error| at(error.error))
}

fn lines(planned: &PlannedStack) -> String {
    let head = format!("{} in {}, {}", planned.stack, planned.account, planned.region);
    match &planned.verdict {
        Verdict::Unchanged => format!("{head}: nothing changes\n"),
        Verdict::Later { after } => format!("{head}: known when {} is deployed\n", after.join(", ")),
        Verdict::Ready { change_set: changes, .. } => format!("{head}:\n{}", change_set(changes)),
    }
}

fn card(planned: &PlannedStack) -> String {
    let head = format!("## {}\n\nAccount {}, {}.\n\n", planned.stack, planned.account, planned.region);
    match &planned.verdict {
        Verdict::Unchanged => format!("{head}Nothing changes.\n\n"),
        Verdict::Later { after } => {
            format!("{head}What changes is known when {} is deployed.\n\n", after.join(", "))
        }
        Verdict::Ready { change_set, .. } => format!("{head}{}\n", markdown(change_set)),
    }
}
