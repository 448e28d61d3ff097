//! `deploy`: stacks through change sets.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use serde_json::json;
use stackwright_deploy::{
    ChangeSet, Connection, DeployError, Options, Outcome, Profile, Progress, ResourceEvent,
};
use stackwright_synth::StackArtifact;

use crate::failure::Failure;
use crate::origin::Origin;

/// Deploy stacks through change sets, each after those that it depends on.
///
/// What changes is shown before anything is done. On a terminal it is asked for a word; elsewhere it goes on.
/// A stack without changes is left alone. Credentials, profiles, regions and endpoints are found as the AWS CLI
/// finds them.
#[derive(Args)]
pub(super) struct Arguments {
    /// Stacks to deploy, by id or name; all of them unless named
    stacks: Vec<String>,
    /// A profile of the AWS CLI's configuration
    #[arg(long)]
    profile: Option<String>,
    /// The region for stacks that are bound to none
    #[arg(long)]
    region: Option<String>,
    /// A value for a parameter of the template
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// The form of the outputs
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Deploy without checking
    #[arg(long)]
    no_check: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(!arguments.no_check)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    for (name, _) in &arguments.parameters {
        if !stacks.iter().any(|stack| has(stack, name)) {
            return Err(Failure::new(format!("no stack that is deployed has a parameter `{name}`")));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut outputs = BTreeMap::new();
    for stack in stacks {
        let outcome = runtime.block_on(deploy(stack, arguments)).map_err(|error| explain(&error, stack))?;
        let word = if outcome.changed { "deployed" } else { "nothing changed" };
        anstream::eprintln!("{}: {word}", stack.name);
        outputs.insert(stack.id.clone(), outcome.outputs);
    }
    let text = match arguments.format {
        Form::Json => format!("{:#}\n", json!(outputs)),
        Form::Text => outputs
            .iter()
            .flat_map(|(id, outputs)| {
                outputs.iter().map(move |(key, value)| format!("{id}.{key} = {value}\n"))
            })
            .collect(),
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}

fn has(stack: &StackArtifact, parameter: &str) -> bool {
    stack.template.section("Parameters").any(|(known, _)| known == parameter)
}

async fn deploy(stack: &StackArtifact, arguments: &Arguments) -> Result<Outcome, DeployError> {
    let profile = Profile { name: arguments.profile.clone(), region: arguments.region.clone() };
    let connection = Connection::for_stack(stack, &profile).await?;
    anstream::eprintln!("{}: account {}, {}", stack.name, connection.account(), connection.region());
    // A parameter belongs to the stacks that have it.
    let options = Options {
        parameters: arguments.parameters.iter().filter(|(name, _)| has(stack, name)).cloned().collect(),
    };
    let mut approve = |change_set: &ChangeSet| {
        show(change_set);
        arguments.yes || !std::io::stdin().is_terminal() || asked()
    };
    connection.deploy(stack, &options, &mut approve, &mut tell).await
}

fn show(change_set: &ChangeSet) {
    if change_set.changes.is_empty() {
        anstream::eprintln!("  outputs or metadata only");
    }
    for change in &change_set.changes {
        let sign = match change.action.as_str() {
            "Add" => "+",
            "Remove" => "-",
            _ => "~",
        };
        let replaced = match change.replacement.as_deref() {
            Some("True") => " replaced",
            Some("Conditional") => " may be replaced",
            _ => "",
        };
        let causes = if change.causes.is_empty() {
            String::new()
        } else {
            format!(" by {}", change.causes.join(", "))
        };
        anstream::eprintln!("  {sign} {} {}{replaced}{causes}", change.logical_id, change.resource_type);
    }
}

fn asked() -> bool {
    anstream::eprint!("deploy this? [y/N] ");
    let mut answer = String::new();
    // No answer is no.
    std::io::stdin().lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "yes")
}

fn tell(progress: Progress) {
    match progress {
        Progress::BucketMade { bucket } => anstream::eprintln!("  made the bucket {bucket}"),
        Progress::Uploading { key, bytes } => anstream::eprintln!("  uploading {key} ({bytes} bytes)"),
        Progress::WaitingFor { status } => anstream::eprintln!("  waiting: the stack is {status}"),
        Progress::MakingChangeSet { name } => anstream::eprintln!("  change set {name}"),
        Progress::Event(event) => anstream::eprintln!("  {}", line(&event)),
        _ => {}
    }
}

fn line(event: &ResourceEvent) -> String {
    let reason = event.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} {} {}{reason}", event.status, event.logical_id, event.resource_type)
}

fn explain(error: &DeployError, stack: &StackArtifact) -> Failure {
    let mut failure = Failure::new(error);
    if let DeployError::Failed { cause: Some(cause), .. } = error {
        failure.message = format!("{}\n  first failure: {}", failure.message, line(cause));
        if let Some(place) = stack.provenance.find(&format!("/Resources/{}", cause.logical_id)) {
            failure.message = format!("{}\n  --> {place}", failure.message);
        }
    }
    if matches!(error, DeployError::NotApproved { .. }) {
        failure.code = 4;
    }
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
