//! `permissions`: prints the IAM policy that a command needs.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use stackwright_deploy::permissions::{Command, policy};

use super::print_json;
use crate::failure::Failure;
use crate::origin::Origin;

/// Print the IAM policy with the least permissions that a command needs for the stacks.
///
/// The policy does not contain the permissions to create the resources of the templates. CloudFormation creates them with
/// the permissions of the caller, or of the service role of the stack.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 the policy was printed as JSON, 1 failure, 2 usage error.")]
pub(crate) struct Arguments {
    /// The command that needs the permissions; `status` also covers `outputs` and `diagnose`
    #[arg(value_parser = PossibleValuesParser::new(Command::ALL.map(Command::name)).try_map(|name| name.parse::<Command>()))]
    command: Command,
    /// The IDs or names of the stacks. Default: all stacks of the program
    stacks: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    print_json(&policy(arguments.command, &stacks))
}
