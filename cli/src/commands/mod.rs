//! The commands, one thin file each.

mod check;
#[cfg(feature = "deploy")]
mod cloud;
mod completions;
mod explain;
mod list;
mod synth;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use stackwright_synth::{App, Assembly, StackArtifact};

use crate::failure::Failure;
use crate::origin::Origin;

#[derive(Parser)]
#[command(version, about = "CloudFormation stacks, from Rust", arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done or nothing to do, 1 error, 2 drift found, 3 incomplete or goes on without us, 4 refused or not approved. Data goes to stdout, talk to stderr."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Synth(synth::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    Cloud(cloud::Command),
    /// Deploy stacks through change sets. This program was built without the feature `deploy`.
    #[cfg(not(feature = "deploy"))]
    Deploy {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    List(list::Arguments),
    Completions(completions::Arguments),
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Runs the command that the program was called with, over the stacks of an app.
///
/// ```no_run
/// # fn app() -> stackwright::App { stackwright::App::new("shop") }
/// fn main() -> std::process::ExitCode {
///     stackwright::run(app())
/// }
/// ```
pub fn run(app: App) -> ExitCode {
    let program = std::env::args().next().unwrap_or_default();
    let name = std::path::Path::new(&program).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let command = Arguments::command().name(name);
    let arguments = match Arguments::from_arg_matches(&command.clone().get_matches()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let origin = Origin::Program(app);
    let code = finish(dispatch(arguments.command, &origin, command));
    // The process ends here: taking every stack apart first would only take time.
    std::mem::forget(origin);
    code
}

/// Runs the binary `stackwright`.
#[cfg(feature = "deploy")]
pub fn run_binary() -> ExitCode {
    // A doc comment here would be the program's help.
    #[derive(Parser)]
    #[command(about = "CloudFormation stacks, from Rust")]
    struct Everywhere {
        /// An assembly (a folder, ours or the CDK's) or a template (JSON or YAML); without it, the program in
        /// the current folder
        #[arg(long, global = true, value_name = "PATH")]
        app: Option<std::path::PathBuf>,
        #[command(flatten)]
        arguments: Arguments,
    }
    let everywhere = Everywhere::parse();
    finish(dispatch(everywhere.arguments.command, &Origin::Elsewhere(everywhere.app), Everywhere::command()))
}

fn dispatch(command: Command, origin: &Origin, program: clap::Command) -> Result<(), Failure> {
    match command {
        Command::Synth(arguments) => synth::run(&arguments, origin),
        Command::Check(arguments) => check::run(&arguments, origin),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::List(arguments) => list::run(&arguments, origin),
        Command::Completions(arguments) => completions::run(&arguments, program),
        #[cfg(feature = "deploy")]
        Command::Cloud(command) => cloud::run(&command, origin),
        #[cfg(not(feature = "deploy"))]
        Command::Deploy { .. } => Err(Failure::new("this program was built without the feature `deploy`")
            .hint("run `stackwright deploy` in this folder")
            .hint("or build the feature in: `stackwright = { version = \"…\", features = [\"deploy\"] }`")),
    }
}

fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}

/// The stacks that were named, or all.
fn select<'a>(assembly: &'a Assembly, names: &[String]) -> Result<Vec<&'a StackArtifact>, Failure> {
    for name in names {
        if assembly.stack(name).is_none() {
            let known: Vec<_> = assembly.stacks.iter().map(|stack| stack.id.as_str()).collect();
            return Err(Failure::new(format!("there is no stack `{name}`"))
                .hint(format!("the stacks are {}", known.join(", "))));
        }
    }
    let chosen =
        |stack: &&StackArtifact| names.is_empty() || names.contains(&stack.id) || names.contains(&stack.name);
    Ok(assembly.in_order().into_iter().filter(chosen).collect())
}

/// The stack that was named.
#[cfg(feature = "deploy")]
fn only<'a>(assembly: &'a Assembly, name: &str) -> Result<&'a StackArtifact, Failure> {
    select(assembly, std::slice::from_ref(&name.to_owned()))?
        .into_iter()
        .next()
        .ok_or_else(|| Failure::new(format!("there is no stack `{name}`")))
}
