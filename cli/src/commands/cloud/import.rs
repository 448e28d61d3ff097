//! `import`: imports existing resources into a stack.

use clap::Args;
use stackwright_deploy::{
    DeployError, Import, Orchestrator, Outcome, Progress, Settings, StackSelection, import_report,
};
use stackwright_synth::StackArtifact;

use super::results::summarize;
use crate::deployment::{
    ApprovalArguments, DeploymentArguments, ProgressFormat, Session, Target, Terminal, View, block_on,
    description, explain, failure, run_until_stopped, stoppable,
};
use crate::failure::Failure;
use crate::origin::Origin;

/// Import existing resources into a stack, without changing them.
///
/// The program has to contain the resources, each with a deletion policy (`DeletionPolicy`). The identifier of each resource is
/// read from the template, or passed as an argument. CloudFormation makes no other change in an import: the other resources of
/// the stack keep their deployed properties. Run `deploy` afterwards to make the other changes of the program.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the resources belong to the stack, 1 failure, 2 usage error, 3 the import is still running in \
                  AWS, 4 the import was not approved."
)]
pub(crate) struct Arguments {
    /// The ID or name of the stack
    stack: String,
    /// The resources: `LOGICAL_ID` if the template sets the primary identifier of the resource, otherwise `LOGICAL_ID=VALUE`,
    /// such as `Models=my-bucket`; separate the parts of an identifier with commas
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    deployment: DeploymentArguments,
    #[command(flatten)]
    approval: ApprovalArguments,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    arguments.deployment.check_import()?;
    let loaded = origin.stacks(true)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let explained = |error| explain(&error, stack);
    arguments.deployment.check(&[stack])?;
    let mut imports = Vec::new();
    for resource in &arguments.resources {
        let (id, values) = match resource.split_once('=') {
            Some((id, values)) => (id, values.split(',').map(str::to_owned).collect()),
            None => (resource.as_str(), Vec::new()),
        };
        imports.push(Import::new(stack, id, &values).map_err(explained)?);
    }
    let selection = StackSelection::new(&loaded.assembly, vec![stack]);
    let view = View::new(ProgressFormat::Auto);
    let results = block_on(async {
        let description = description().await;
        let session = Session::open(&arguments.target, &[stack]).await?;
        let report = |progress: Progress| view.progress(&stack.name, &progress);
        let found =
            session.connections.run(stack, "the resources of the stack", &report, async |connection, _| {
                import_report(connection, stack, &imports).await
            });
        let found = stoppable(|| None, async { found.await.map_err(explained) }).await?;
        view.message(&stack.name, &format!("importing {}", found.imported.join(", ")));
        if !found.not_imported.is_empty() {
            let text = format!(
                "not imported: {}; these resources of the program are not in the stack, and `deploy` creates them",
                found.not_imported.join(", ")
            );
            view.message(&stack.name, &text);
        }
        let terminal = Terminal::new(&view);
        let report = |stack: &StackArtifact, progress: Progress| view.progress(&stack.name, &progress);
        let settings = Settings::new(1).approvals(arguments.approval.policy());
        let orchestrator = Orchestrator::new(&session.connections, &terminal, &report, settings);
        let options = |stack: &StackArtifact| {
            arguments.deployment.options(stack, &description).imports(imports.clone())
        };
        let report_end = |stack: &StackArtifact, result: &Result<Outcome, DeployError>| {
            view.end(&stack.name);
            if let Ok(outcome) = result {
                view.message(&stack.name, if outcome.changed { "imported" } else { "nothing changed" });
            }
        };
        let work = orchestrator.deploy(&selection.stacks, &selection.others, &options, None, &report_end);
        let results = run_until_stopped(&orchestrator, &view, &terminal, work).await?;
        results.map_err(|error| failure(&error))
    })?;
    summarize(&view, &results, "imported")
}
