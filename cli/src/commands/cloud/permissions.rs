//! `permissions`: what each command may do, as an IAM policy.

use std::io::Write as _;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use stackwright_deploy::permissions::{Command, policy};

use crate::failure::Failure;
use crate::origin::Origin;

/// Print the least IAM policy with which a command does its work on these stacks.
///
/// What the templates make is not in it: that is done by the role that CloudFormation uses, or by the caller.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The command; `status` is for `outputs` and `diagnose` too
    #[arg(value_parser = PossibleValuesParser::new(Command::ALL.map(Command::name)).try_map(|name| name.parse::<Command>()))]
    command: Command,
    /// Stacks, by id or name; all of them unless named
    stacks: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let text = format!("{:#}\n", policy(arguments.command, &stacks));
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
