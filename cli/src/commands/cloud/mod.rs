//! The commands that send requests to AWS, or to local mode.

mod deploy;
mod destroy;
mod diagnose;
mod drift;
mod import;
mod local;
mod permissions;
mod plan;
mod recover;
mod refactor;
mod results;
mod status;

use std::io::Write as _;

use clap::Subcommand;

use super::{OutputFormat, only, select};
use crate::deployment::{Target, paint, remember};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::safe_text;

#[derive(Subcommand)]
pub(super) enum Command {
    Plan(plan::Arguments),
    Deploy(deploy::Arguments),
    /// Print the status of stacks
    ///
    /// A line has the name of the stack, its status and the reason of CloudFormation, for example `shop-Storage
    /// UPDATE_COMPLETE`. A stack that does not exist is `not deployed`.
    #[command(after_help = "Exit codes: 0 success, whatever the statuses are, 1 failure, 2 usage error.")]
    Status(status::QueryArguments),
    /// Print the outputs of stacks
    ///
    /// A line has the form `STACK.OUTPUT = VALUE`. A stack that is not deployed has no outputs.
    #[command(after_help = "Exit codes: 0 success, 1 failure, 2 usage error.")]
    Outputs(status::QueryArguments),
    Diagnose(diagnose::Arguments),
    Recover(recover::Arguments),
    Drift(drift::Arguments),
    Import(import::Arguments),
    Refactor(refactor::Arguments),
    Destroy(destroy::Arguments),
    Permissions(permissions::Arguments),
    Local(local::Arguments),
}

impl Command {
    /// Returns where the command deploys, if it takes that as options.
    fn target(&self) -> Option<&Target> {
        Some(match self {
            Self::Plan(arguments) => &arguments.target,
            Self::Deploy(arguments) => &arguments.target,
            Self::Status(arguments) | Self::Outputs(arguments) => &arguments.target,
            Self::Diagnose(arguments) => &arguments.target,
            Self::Recover(arguments) => &arguments.target,
            Self::Drift(arguments) => &arguments.query.target,
            Self::Import(arguments) => &arguments.target,
            Self::Refactor(arguments) => &arguments.target,
            Self::Destroy(arguments) => &arguments.target,
            Self::Permissions(_) | Self::Local(_) => return None,
        })
    }
}

pub(super) fn run(command: &Command, origin: &Origin) -> Result<(), Failure> {
    remember(origin, command.target());
    match command {
        Command::Plan(arguments) => plan::run(arguments, origin),
        Command::Deploy(arguments) => deploy::run(arguments, origin),
        Command::Status(arguments) => status::status(arguments, origin),
        Command::Outputs(arguments) => status::outputs(arguments, origin),
        Command::Diagnose(arguments) => diagnose::run(arguments, origin),
        Command::Recover(arguments) => recover::run(arguments, origin),
        Command::Drift(arguments) => drift::run(arguments, origin),
        Command::Import(arguments) => import::run(arguments, origin),
        Command::Refactor(arguments) => refactor::run(arguments, origin),
        Command::Destroy(arguments) => destroy::run(arguments, origin),
        Command::Permissions(arguments) => permissions::run(arguments, origin),
        Command::Local(arguments) => local::run(arguments),
    }
}

/// Prints a result as text to stdout, with colors on a terminal.
fn print_colored(text: &str) -> Result<(), Failure> {
    Ok(anstream::stdout().write_all(paint(&safe_text::block(text)).as_bytes())?)
}

/// Prints a result as text to stdout.
fn print_text(text: &str) -> Result<(), Failure> {
    Ok(anstream::stdout().write_all(safe_text::block(text).as_bytes())?)
}

/// Prints a result as a JSON document to stdout.
fn print_json(document: &serde_json::Value) -> Result<(), Failure> {
    let text = safe_text::json(&format!("{document:#}\n"));
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
