//! `permissions`: what each command may do, as an IAM policy.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use stackwright_deploy::permissions::{Command, policy};

use crate::failure::Failure;
use crate::origin::Origin;

/// Print the least IAM policy with which a command does its work on these stacks.
///
/// What the templates make is not in it: that is done by the role that CloudFormation uses, or by the caller.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The command
    #[arg(value_enum)]
    command: Name,
    /// Stacks, by id or name; all of them unless named
    stacks: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Plan,
    Deploy,
    Destroy,
    Recover,
    Drift,
    /// For `status`, `outputs` and `diagnose`
    Status,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let command = match arguments.command {
        Name::Plan => Command::Plan,
        Name::Deploy => Command::Deploy,
        Name::Destroy => Command::Destroy,
        Name::Recover => Command::Recover,
        Name::Drift => Command::Drift,
        Name::Status => Command::Status,
    };
    let text = format!("{:#}\n", policy(command, &stacks));
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
