//! The commands, one file each: they parse arguments, call the libraries and print the result.

mod check;
#[cfg(feature = "deploy")]
mod cloud;
mod completions;
mod diff;
mod estimate;
mod explain;
mod graph;
mod list;
#[cfg(feature = "lint")]
mod lsp;
#[cfg(feature = "deploy")]
mod man;
#[cfg(feature = "deploy")]
mod new;
mod review;
mod summary;
mod synth;
#[cfg(not(feature = "deploy"))]
mod unavailable;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use stackwright_synth::{App, Assembly, StackArtifact};

use crate::failure::{self, Failure};
use crate::origin::Origin;

#[derive(Parser)]
#[command(
    version,
    about = "Define, check and deploy CloudFormation stacks in Rust",
    arg_required_else_help = true
)]
#[command(
    after_help = failure::ExitCode::HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "deploy")]
    New(new::NewArguments),
    #[cfg(feature = "deploy")]
    Init(new::InitArguments),
    Synth(synth::Arguments),
    Check(check::Arguments),
    Diff(diff::Arguments),
    Review(review::Arguments),
    Graph(graph::Arguments),
    Estimate(Box<estimate::Arguments>),
    Explain(explain::Arguments),
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    Cloud(cloud::Command),
    #[cfg(not(feature = "deploy"))]
    #[command(flatten)]
    Unavailable(unavailable::Command),
    List(list::Arguments),
    #[cfg(feature = "lint")]
    Lsp(lsp::Arguments),
    Completions(completions::Arguments),
    #[cfg(feature = "deploy")]
    Man(man::Arguments),
}

/// The output format of a command.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// Text for people
    Text,
    /// One JSON document
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
    let code = exit_code(dispatch(arguments.command, &origin, command));
    // The process ends here. Dropping every stack first would only take time.
    std::mem::forget(origin);
    code
}

/// Runs the binary `stackwright`.
#[cfg(feature = "deploy")]
pub fn run_binary() -> ExitCode {
    // Not a doc comment, because clap would print it as the help of the program.
    #[derive(Parser)]
    #[command(about = "Define, check and deploy CloudFormation stacks in Rust")]
    struct BinaryArguments {
        /// Read the stacks from a cloud assembly (a directory written by `synth` or by the CDK) or a template (JSON or
        /// YAML). Default: the program in the current directory
        #[arg(long, global = true, value_name = "PATH", display_order = 900)]
        app: Option<std::path::PathBuf>,
        /// Read the stacks from this package of the Cargo workspace. Default: the package of the current directory, or
        /// the only package that defines stacks
        #[arg(long, global = true, value_name = "NAME", conflicts_with = "app", display_order = 901)]
        package: Option<String>,
        #[command(flatten)]
        arguments: Arguments,
    }
    let program = hide_input(BinaryArguments::command());
    let matches = program.clone().get_matches();
    let arguments = BinaryArguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let has_input = arguments.app.is_some() || arguments.package.is_some();
    if has_input && WITHOUT_STACKS.contains(&path_of(&matches).as_slice()) {
        let message =
            "`--app` and `--package` have no effect on this command, because it reads no stacks of a program";
        program.clone().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    let origin = match arguments.app {
        Some(path) => Origin::Path(path),
        None => Origin::CurrentDirectory(arguments.package),
    };
    exit_code(dispatch(arguments.arguments.command, &origin, program))
}

/// The commands that read no stacks of a program, an assembly or a template: they refuse `--app` and `--package`, which their
/// help does not show.
#[cfg(feature = "deploy")]
const WITHOUT_STACKS: [&[&str]; 11] = [
    &["new"],
    &["init"],
    &["explain"],
    &["local"],
    &["lsp"],
    &["completions"],
    &["man"],
    &["estimate", "duration"],
    &["estimate", "inference"],
    &["estimate", "memory"],
    &["estimate", "packing"],
];

/// Hides `--app` and `--package` in the help of the commands that refuse them.
#[cfg(feature = "deploy")]
fn hide_input(program: clap::Command) -> clap::Command {
    fn hide(command: clap::Command, path: &[&str], options: &[clap::Arg]) -> clap::Command {
        match path {
            [] => command.args(options),
            [name, rest @ ..] => command.mut_subcommand(name, |inner| hide(inner, rest, options)),
        }
    }
    let is_input = |option: &&clap::Arg| ["app", "package"].contains(&option.get_id().as_str());
    let options: Vec<clap::Arg> =
        program.get_arguments().filter(is_input).map(|option| option.clone().hide(true)).collect();
    WITHOUT_STACKS.into_iter().fold(program, |program, path| hide(program, path, &options))
}

/// Returns the names of the command and the subcommand that the user called.
#[cfg(feature = "deploy")]
fn path_of(matches: &clap::ArgMatches) -> Vec<&str> {
    std::iter::successors(matches.subcommand(), |(_, inner)| inner.subcommand())
        .map(|(name, _)| name)
        .collect()
}

fn dispatch(command: Command, origin: &Origin, program: clap::Command) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "deploy")]
        Command::New(arguments) => new::new(&arguments),
        #[cfg(feature = "deploy")]
        Command::Init(arguments) => new::init(&arguments),
        Command::Synth(arguments) => synth::run(&arguments, origin),
        Command::Check(arguments) => check::run(&arguments, origin),
        Command::Diff(arguments) => diff::run(&arguments, origin),
        Command::Review(arguments) => review::run(&arguments, origin),
        Command::Graph(arguments) => graph::run(&arguments, origin),
        Command::Estimate(arguments) => estimate::run(&arguments, origin),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::List(arguments) => list::run(&arguments, origin),
        #[cfg(feature = "lint")]
        Command::Lsp(arguments) => lsp::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, program),
        #[cfg(feature = "deploy")]
        Command::Man(arguments) => man::run(&arguments, program),
        #[cfg(feature = "deploy")]
        Command::Cloud(command) => cloud::run(&command, origin),
        #[cfg(not(feature = "deploy"))]
        Command::Unavailable(command) => Err(unavailable::explain(&command)),
    }
}

fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.code.into()
        }
    }
}

/// Returns the named stacks, or all stacks if none is named, each after the stacks that it depends on.
fn select<'a>(assembly: &'a Assembly, names: &[String]) -> Result<Vec<&'a StackArtifact>, Failure> {
    for name in names {
        if assembly.stack(name).is_none() {
            let known: Vec<_> = assembly.stacks.iter().map(|stack| stack.id.as_str()).collect();
            return Err(Failure::usage(format!("there is no stack `{name}`"))
                .hint(format!("the stacks of the program are {}", known.join(", "))));
        }
    }
    let chosen =
        |stack: &&StackArtifact| names.is_empty() || names.contains(&stack.id) || names.contains(&stack.name);
    Ok(assembly.in_order().into_iter().filter(chosen).collect())
}

/// Returns the named stack.
#[cfg(feature = "deploy")]
fn only<'a>(assembly: &'a Assembly, name: &str) -> Result<&'a StackArtifact, Failure> {
    select(assembly, std::slice::from_ref(&name.to_owned()))?
        .into_iter()
        .next()
        .ok_or_else(|| Failure::usage(format!("there is no stack `{name}`")))
}
