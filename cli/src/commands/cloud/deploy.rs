//! `deploy`: deploys stacks through change sets.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value as Json, json};
use stackwright_deploy::{
    DeployError, FinishedStack, Orchestrator, Outcome, Plan, Progress, Settings, StackResult, StackSelection,
};
use stackwright_estimate::cost;
use stackwright_synth::{Assembly, StackArtifact};

use super::results::{report_failure, summarize};
use super::{OutputFormat, print_json, print_text};
use crate::commands::summary::range;
use crate::deployment::{
    ApprovalArguments, DeploymentArguments, ProgressFormat, Session, Target, Terminal, View, block_on,
    command, compare_prediction, description, diagnosis_json, explain, failure, run_until_stopped,
};
use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;
use crate::watch;

/// Deploy stacks through change sets, each after the stacks that it depends on.
///
/// The command prints the changes before it makes them. On a terminal, it asks for an approval. Otherwise it continues,
/// unless a change needs an approval, such as the deletion of a bucket, and `--approve` does not contain it. A stack without
/// changes is not updated. If a deployment was interrupted, run the same command again: it continues from the current status of
/// the stack. Credentials, profiles, regions and endpoints are resolved as the AWS CLI resolves them.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 every stack is deployed, 1 a deployment failed or the check found errors, 2 usage error, 3 an \
                  operation is still running in AWS, 4 a change was not approved, or a plan does not match any more. If stacks \
                  have different results, the lowest code other than 0 counts."
)]
pub(crate) struct Arguments {
    /// The IDs or names of the stacks to deploy. Default: all stacks of the program
    stacks: Vec<String>,
    /// Deploy the stacks that the named stacks depend on as well. Default: the command fails if such a stack is not deployed
    #[arg(long, requires = "stacks")]
    with_dependencies: bool,
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    deployment: DeploymentArguments,
    #[command(flatten)]
    approval: ApprovalArguments,
    /// Execute the change sets of a file that `plan --out` wrote; refuse to deploy if anything has changed since then. Default:
    /// create new change sets
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Set how many stacks are deployed at the same time, if they do not depend on each other
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    concurrency: usize,
    /// Set the format of progress messages, which are printed to stderr
    #[arg(long, value_enum, default_value_t = ProgressFormat::Auto)]
    progress: ProgressFormat,
    /// Set the format of the outputs, which are printed to stdout
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Deploy without checking the templates first. Default: nothing is deployed if `check` finds an error
    #[arg(long)]
    no_check: bool,
    /// Deploy again after each change of the program, until Ctrl-C ends the command. Requires `--local`
    #[arg(long, requires = "local", conflicts_with = "plan")]
    watch: bool,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    if arguments.watch {
        return watch::repeat(origin, || once(arguments, origin));
    }
    once(arguments, origin)
}

fn once(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(!arguments.no_check)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let mut selection = StackSelection::new(&loaded.assembly, stacks);
    let plan = arguments.plan.as_deref().map(read_plan).transpose()?;
    if let Some(plan) = &plan {
        // If the user names stacks, all of them have to be in the plan. Otherwise, the stacks of the plan are deployed.
        let named = if arguments.stacks.is_empty() { Ok(()) } else { selection.check_planned(plan) };
        let planned = named.and_then(|()| selection.planned(plan, &loaded.assembly));
        selection = planned.map_err(|error| failure(&error))?;
    }
    if arguments.with_dependencies {
        selection = selection.with_dependencies(&loaded.assembly);
    }
    arguments.deployment.check(&selection.stacks)?;
    let view = View::new(arguments.progress);
    let results = block_on(async {
        let description = description().await;
        let session = Session::open(&arguments.target, &selection.stacks).await?;
        let terminal = Terminal::new(&view);
        let report = |stack: &StackArtifact, progress: Progress| view.progress(&stack.name, &progress);
        let settings = Settings::new(arguments.concurrency).approvals(arguments.approval.policy());
        let orchestrator = Orchestrator::new(&session.connections, &terminal, &report, settings)
            .comparing(&compare_prediction);
        let options = |stack: &StackArtifact| arguments.deployment.options(stack, &description);
        let report_end = |stack: &StackArtifact, result: &Result<Outcome, DeployError>| {
            view.end(&stack.name);
            match result {
                Ok(outcome) if outcome.changed => view.message(&stack.name, "deployed"),
                Ok(_) => view.message(&stack.name, "nothing changed"),
                Err(error) => report_failure(&view, &selection, stack, error),
            }
        };
        let work =
            orchestrator.deploy(&selection.stacks, &selection.others, &options, plan.as_ref(), &report_end);
        let results = run_until_stopped(&orchestrator, &view, &terminal, work).await?;
        results.map_err(|error| failure(&error))
    })?;
    print_results(&results, arguments.format)?;
    summarize(&view, &results, "deployed")?;
    view.note(&summary(&results, &arguments.target, &arguments.stacks));
    Ok(())
}

/// Describes a deployment that succeeded: the stacks, their resources, what they cost, and what the user can do next.
fn summary(results: &[FinishedStack<'_, Outcome>], target: &Target, names: &[String]) -> String {
    let stacks: Vec<StackArtifact> = results.iter().map(|one| one.stack.clone()).collect();
    let is_changed = |result: &StackResult<Outcome, DeployError>| matches!(result, StackResult::Succeeded(outcome) if outcome.changed);
    let changed = results.iter().filter(|one| is_changed(&one.result)).count();
    let resources: usize = stacks.iter().map(|stack| stack.template.resources().count()).sum();
    let mut options = cost::Options::default();
    if let Some(region) = target.region() {
        options.region = region.to_owned();
    }
    let total = cost::of_assembly(&Assembly::new(stacks), &options).monthly();
    let unknown = match total.unknown {
        0 => String::new(),
        1 => ", and one cost that is not known".to_owned(),
        number => format!(", and {number} costs that are not known"),
    };
    let verb = if target.local { "would cost" } else { "cost" };
    // If the user named stacks, the commands name them too.
    let named = |words: &str| [&[words.to_owned()], names].concat().join(" ");
    let destroy = if names.is_empty() { "destroy --all".to_owned() } else { named("destroy") };
    format!(
        "summary: {changed} of {} stacks changed, {resources} resources; in AWS they {verb} {} a month{unknown} \
         (`estimate` lists the costs)\n\
         next: `{}` or `{}`; change the program and run `{}` again; `{}` deletes the stacks",
        results.len(),
        range(&total),
        command(&named("status")),
        command(&named("outputs")),
        command(&named("deploy")),
        command(&destroy),
    )
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(format!("{}: {error}", path.display()))
            .hint(format!("`{}` writes a plan", command("plan --out FILE")))
    })?;
    Plan::parse(&text).map_err(|error| failure(&error))
}

/// Prints the outputs, or the results as JSON.
fn print_results(results: &[FinishedStack<'_, Outcome>], format: OutputFormat) -> Result<(), Failure> {
    let mut text = String::new();
    let mut document = Map::new();
    for FinishedStack { stack, result, .. } in results {
        if let StackResult::Succeeded(outcome) = result {
            for (key, value) in &outcome.outputs {
                text.push_str(&format!("{}.{key} = {}\n", stack.id, value.replace('\n', "\\n")));
            }
        }
        document.insert(stack.id.clone(), result_json(stack, result));
    }
    match format {
        OutputFormat::Text => print_text(&text),
        OutputFormat::Json => print_json(&Json::Object(document)),
    }
}

fn result_json(stack: &StackArtifact, result: &StackResult<Outcome, DeployError>) -> Json {
    match result {
        StackResult::Succeeded(outcome) => {
            let result = if outcome.changed { "deployed" } else { "unchanged" };
            json!({ "result": result, "outputs": outcome.outputs })
        }
        StackResult::Failed(error) => {
            let failure = explain(error, stack);
            let result = match (error, failure.code) {
                (DeployError::Interrupted { .. }, _) => "not-started",
                (_, ExitCode::Refused) => "refused",
                (_, ExitCode::Incomplete) => "still-running",
                _ => "failed",
            };
            let mut body = json!({ "result": result, "error": failure.text() });
            if let DeployError::Failed { diagnosis: Some(found), .. } = error {
                body["cause"] = diagnosis_json(found, stack);
            }
            body
        }
        StackResult::Skipped { because_of } => json!({ "result": "skipped", "because_of": because_of }),
        _ => Json::Null,
    }
}
