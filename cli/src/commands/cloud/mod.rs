//! The commands that talk to AWS, or to a rehearsal of it.

mod deploy;
mod destroy;
mod diagnose;
mod drift;
mod import;
mod local;
mod permissions;
mod plan;
mod recover;
mod status;

use clap::Subcommand;

use super::{OutputFormat, only, select};
use crate::failure::Failure;
use crate::origin::Origin;

#[derive(Subcommand)]
pub(super) enum Command {
    Plan(plan::Arguments),
    Deploy(deploy::Arguments),
    /// Say what state stacks are in
    Status(status::Look),
    /// Print the outputs of stacks
    Outputs(status::Look),
    Diagnose(diagnose::Arguments),
    Recover(recover::Arguments),
    Drift(drift::Arguments),
    Import(import::Arguments),
    Destroy(destroy::Arguments),
    Permissions(permissions::Arguments),
    Local(local::Arguments),
}

pub(super) fn run(command: &Command, origin: &Origin) -> Result<(), Failure> {
    match command {
        Command::Plan(arguments) => plan::run(arguments, origin),
        Command::Deploy(arguments) => deploy::run(arguments, origin),
        Command::Status(arguments) => status::status(arguments, origin),
        Command::Outputs(arguments) => status::outputs(arguments, origin),
        Command::Diagnose(arguments) => diagnose::run(arguments, origin),
        Command::Recover(arguments) => recover::run(arguments, origin),
        Command::Drift(arguments) => drift::run(arguments, origin),
        Command::Import(arguments) => import::run(arguments, origin),
        Command::Destroy(arguments) => destroy::run(arguments, origin),
        Command::Permissions(arguments) => permissions::run(arguments, origin),
        Command::Local(arguments) => local::run(arguments),
    }
}
