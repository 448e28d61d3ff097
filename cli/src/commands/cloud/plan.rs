//! `plan`: shows what a deployment would do, for a review.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stackwright_deploy::{
    DeployError, Orchestrator, Plan, PlannedOutcome, PlannedStack, Progress, ResourceMove, Settings,
    StackResult, StackSelection,
};
use stackwright_review::diff::{self, ComparedStack, DeployedVersion, Diff};
use stackwright_review::markdown::{MarkdownPart, limited};
use stackwright_synth::secret::SecretValues;
use stackwright_synth::{StackArtifact, with_causes};

use super::super::summary::{self, AccountValues, quota_lines};
use super::results::{report_failure, summarize};
use super::{print_colored, print_json, print_text};
use crate::deployment::{
    DeploymentArguments, ProgressFormat, Session, Target, Terminal, View, account_quotas, approvals_markdown,
    as_version, block_on, change_set, change_set_markdown, command, commit, compare_prediction, description,
    failure, quoted, run_until_stopped,
};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::safe_text;

/// Create change sets and print them; with `--out`, write a plan for `deploy --plan`.
///
/// A plan is bound to the account, the region, the template, the parameters and the change set of each stack: `deploy
/// --plan` refuses to deploy if any of them has changed. If a stack depends on another stack that changes, its
/// change set is not created now: `deploy --plan` creates it after it has deployed the other stack.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 every stack was planned, 1 a change set failed or the check found errors, 2 usage error, 3 \
                  another operation on a stack is still running."
)]
pub(crate) struct Arguments {
    /// The IDs or names of the stacks to plan. Default: all stacks of the program
    stacks: Vec<String>,
    /// Plan the stacks that the named stacks depend on as well. Default: the command fails if such a stack is not deployed
    #[arg(long, requires = "stacks")]
    with_dependencies: bool,
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Write the plan to a JSON file, which `deploy --plan` reads. Default: no file is written
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Set how many stacks are planned at the same time, if they do not depend on each other
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// Set the format of the plan on stdout. The plan file is always JSON
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Shorten a plan in Markdown to this number of characters. Default: 65536, the limit of GitHub; 1000000 in GitLab CI
    #[arg(long, value_name = "NUMBER")]
    max_length: Option<usize>,
    /// Set the format of progress messages, which are printed to stderr
    #[arg(long, value_enum, default_value_t = ProgressFormat::Auto)]
    progress: ProgressFormat,
    /// Plan without checking the templates first. Default: nothing is planned if `check` finds an error
    #[arg(long)]
    no_check: bool,
}

/// The formats in which a plan is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Text for people
    Text,
    /// Markdown for a pull request
    Markdown,
    /// The plan file
    Json,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(!arguments.no_check)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let mut selection = StackSelection::new(&loaded.assembly, stacks);
    if arguments.with_dependencies {
        selection = selection.with_dependencies(&loaded.assembly);
    }
    arguments.deployment.check(&selection.stacks)?;
    let view = View::new(arguments.progress);
    for line in summary::lines(&loaded.assembly) {
        view.note(&line);
    }
    let deployed: RefCell<BTreeMap<String, (Option<DeployedVersion>, StackArtifact)>> = RefCell::default();
    let (results, commit) = block_on(async {
        let description = description().await;
        let session = Session::open(&arguments.target, &selection.stacks).await?;
        // An account that cannot be reached is reported by the work on its stacks.
        if let Ok(found) = account_quotas(&session, &loaded.assembly, &selection.stacks).await {
            let unread = found.unread.map(|error| with_causes(&error));
            let values = unread.as_deref().map_or(AccountValues::Read, AccountValues::Refused);
            for line in quota_lines(&found.needs, values) {
                view.note(&line);
            }
        }
        let terminal = Terminal::new(&view);
        // The change sets are printed to stdout with the plan.
        let report = |stack: &StackArtifact, progress: Progress| match progress {
            Progress::ChangeSetCreated(_) => {}
            Progress::Deferred(found) => {
                let found = found.map(|deployed| as_version(*deployed, stack));
                deployed.borrow_mut().insert(stack.name.clone(), (found, stack.clone()));
            }
            progress => view.progress(&stack.name, &progress),
        };
        let settings = Settings::new(arguments.concurrency);
        let orchestrator = Orchestrator::new(&session.connections, &terminal, &report, settings)
            .comparing(&compare_prediction);
        let options = |stack: &StackArtifact| arguments.deployment.options(stack, &description);
        let report_end = |stack: &StackArtifact, result: &Result<PlannedStack, DeployError>| {
            if let Err(error) = result {
                report_failure(&view, &selection, stack, error);
            }
        };
        let work = orchestrator.plan(&selection.stacks, &selection.others, &options, &report_end);
        let results = run_until_stopped(&orchestrator, &view, &terminal, work).await?;
        Ok((results.map_err(|error| failure(&error))?, commit().await))
    })?;
    if let Err(failure) = summarize(&view, &results, "planned") {
        // A plan without some of the stacks could be taken for a complete one.
        if arguments.out.is_some() {
            view.note("no plan was written");
        }
        return Err(failure);
    }
    let planned = results.into_iter().filter_map(|one| match one.result {
        StackResult::Succeeded(planned) => Some(planned),
        _ => None,
    });
    // A stack that is planned later is compared with the deployed templates, because it has no change set yet.
    let waiting: Waiting = deployed
        .into_inner()
        .into_iter()
        .map(|(name, (found, stack))| {
            let of = |stack: &StackArtifact| SecretValues::of_defaults(&stack.template);
            let deployed = found.as_ref().map(|found| of(&found.stack)).unwrap_or_default();
            let compared = diff::compare_deployed(&[ComparedStack::new(found, &stack)]);
            (name, (compared, deployed.and(of(&stack))))
        })
        .collect();
    let plan = Plan::new(commit.map(str::to_owned), planned.collect());
    if let Some(path) = &arguments.out {
        write(path, &plan.to_text())?;
    }
    let options = arguments.deployment.words(&selection.stacks);
    match arguments.format {
        PlanFormat::Json => print_json(&serde_json::json!(plan))?,
        PlanFormat::Markdown => {
            let parts = plan.stacks.iter().map(|planned| markdown(planned, &waiting)).collect();
            let limit = arguments.max_length.unwrap_or_else(super::super::review::limit);
            let again =
                [&["plan".to_owned()], &*arguments.stacks, std::slice::from_ref(&options)].concat().join(" ");
            print_text(&limited(parts, limit, &format!("`{}` shows it.", command(again.trim_end()))))?;
        }
        PlanFormat::Text => {
            print_colored(&plan.stacks.iter().map(|planned| text(planned, &waiting)).collect::<String>())?;
        }
    }
    match &arguments.out {
        Some(path) => {
            let path = path.display().to_string();
            let deploy = command(format!("deploy --plan {} {options}", quoted(&path)).trim_end());
            view.note(&format!("wrote {path}; `{deploy}` deploys exactly this"));
        }
        None => view.note(
            "no plan was written; `--out FILE` writes one, and `deploy --plan FILE` deploys exactly this",
        ),
    }
    Ok(())
}

/// Writes a file atomically.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(parent).map_err(at)?;
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(at)?;
    file.write_all(text.as_bytes()).map_err(at)?;
    file.persist(path).map(drop).map_err(|error| at(error.error))
}

/// Describes a stack whose template does not change.
fn unchanged(attributes: &[stackwright_deploy::AttributeChange]) -> String {
    if attributes.is_empty() {
        return "nothing changes".into();
    }
    let changes: Vec<String> = attributes.iter().map(ToString::to_string).collect();
    safe_text::line(&changes.join("; "))
}

/// The differences between the deployed templates and the program, of stacks whose change set is created later, by the name of
/// the stack.
type Waiting = BTreeMap<String, (Diff, SecretValues)>;

/// Describes what the change set of a stack waits for.
fn waits_for(after: &[String], renames: &[ResourceMove]) -> String {
    let mut parts = Vec::new();
    if !after.is_empty() {
        parts.push(format!("the deployment of {}", after.join(", ")));
    }
    if !renames.is_empty() {
        let renames: Vec<String> =
            renames.iter().map(|one| format!("{} → {}", one.from_id, one.to_id)).collect();
        parts.push(format!("a stack refactor that keeps resources ({})", renames.join(", ")));
    }
    parts.join(" and ")
}

fn text(planned: &PlannedStack, waiting: &Waiting) -> String {
    let head = format!("{} in {}, {}", planned.stack, planned.account, planned.region);
    match &planned.outcome {
        PlannedOutcome::Unchanged { attributes } => format!("{head}: {}\n", unchanged(attributes)),
        PlannedOutcome::Deferred { after, renames, .. } => {
            let head = format!(
                "{head}: its change set is created after {}; compared with the deployed template:\n",
                waits_for(after, renames)
            );
            let differences =
                waiting.get(&planned.stack).map(|(found, secrets)| secrets.mask(&diff::text(found, false)));
            let indented: String =
                differences.unwrap_or_default().lines().map(|line| format!("  {line}\n")).collect();
            head + &indented
        }
        PlannedOutcome::Ready { change_set: changes, .. } => format!("{head}:\n{}", change_set(changes)),
        _ => format!("{head}\n"),
    }
}

fn markdown(planned: &PlannedStack, waiting: &Waiting) -> MarkdownPart {
    let name = safe_text::markdown(&planned.stack);
    let head = format!("## {name}\n\nAccount {}, {}.\n\n", planned.account, planned.region);
    let part = |text: String| MarkdownPart::new(format!("the plan of {name}"), text);
    match &planned.outcome {
        PlannedOutcome::Unchanged { attributes } => {
            part(format!("{head}Changes: {}.\n\n", safe_text::markdown(&unchanged(attributes))))
        }
        PlannedOutcome::Deferred { after, renames, approvals } => {
            let differences = waiting
                .get(&planned.stack)
                .map(|(found, secrets)| secrets.mask(&diff::markdown(found)))
                .unwrap_or_default();
            let text = format!(
                "{head}Its change set is created after {}.\n{}\n",
                safe_text::markdown(&waits_for(after, renames)),
                approvals_markdown(approvals)
            );
            let compared = format!("Compared with the deployed template:\n\n{differences}\n");
            part(text).followed_by(vec![MarkdownPart::new(format!("the differences of {name}"), compared)])
        }
        PlannedOutcome::Ready { change_set, .. } => {
            let (summary, tables) = change_set_markdown(&name, change_set);
            part(format!("{head}{summary}\n")).followed_by(tables)
        }
        _ => part(head),
    }
}
