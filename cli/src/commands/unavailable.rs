//! The commands that need the feature `deploy`, for programs without it. They print how to run the command.

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// The commands that send requests to AWS or to local mode.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Compute what a deployment would change (run `stackwright plan`)
    Plan(Rest),
    /// Deploy stacks through change sets (run `stackwright deploy`)
    Deploy(Rest),
    /// Print the status of deployed stacks (run `stackwright status`)
    Status(Rest),
    /// Print the outputs of deployed stacks (run `stackwright outputs`)
    Outputs(Rest),
    /// Explain why the last failed operation of a stack failed (run `stackwright diagnose`)
    Diagnose(Rest),
    /// List or perform the recovery actions of a stack (run `stackwright recover`)
    Recover(Rest),
    /// Detect changes made outside CloudFormation (run `stackwright drift`)
    Drift(Rest),
    /// Import existing resources into a stack (run `stackwright import`)
    Import(Rest),
    /// Rename resources or move them to another stack without replacing them (run `stackwright refactor`)
    Refactor(Rest),
    /// Delete stacks (run `stackwright destroy`)
    Destroy(Rest),
    /// Print the IAM policy that a command needs (run `stackwright permissions`)
    Permissions(Rest),
    /// Serve a simulated CloudFormation on this machine (run `stackwright local`)
    Local(Rest),
}

/// The arguments, which are not evaluated here.
#[derive(Args)]
pub(super) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<String>,
}

/// Returns the error that explains how to run the command.
pub(super) fn explain(command: &Command) -> Failure {
    let (name, rest) = match command {
        Command::Plan(rest) => ("plan", rest),
        Command::Deploy(rest) => ("deploy", rest),
        Command::Status(rest) => ("status", rest),
        Command::Outputs(rest) => ("outputs", rest),
        Command::Diagnose(rest) => ("diagnose", rest),
        Command::Recover(rest) => ("recover", rest),
        Command::Drift(rest) => ("drift", rest),
        Command::Import(rest) => ("import", rest),
        Command::Refactor(rest) => ("refactor", rest),
        Command::Destroy(rest) => ("destroy", rest),
        Command::Permissions(rest) => ("permissions", rest),
        Command::Local(rest) => ("local", rest),
    };
    let arguments: String = rest.arguments.iter().map(|argument| format!(" {argument}")).collect();
    without_deploy(name, &arguments)
}

/// Returns the error for a command or an option that needs the feature.
pub(super) fn without_deploy(name: &str, arguments: &str) -> Failure {
    Failure::usage(format!("this program was built without the feature `deploy`, which `{name}` needs"))
        .hint(format!(
            "run `stackwright {name}{arguments}` in the directory of the program (`cargo install stackwright --features \
             deploy` or `pip install stackwright` installs it)"
        ))
        .hint(format!(
            "or build this program with the feature: `cargo run --features deploy -- {name}{arguments}`, if its Cargo.toml has \
             `deploy = [\"stackwright/deploy\"]` below `[features]`, as `stackwright new` writes it"
        ))
}
