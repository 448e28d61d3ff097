//! `diagnose`: prints why the last failed operation on a stack failed.

use clap::Args;
use serde_json::json;
use stackwright_deploy::{Secrets, diagnose};

use super::{OutputFormat, print_colored, print_json};
use crate::deployment::{ProgressFormat, Target, View, Work, diagnosis, diagnosis_json, on_stack};
use crate::failure::Failure;
use crate::origin::Origin;

/// Print why the last failed operation on a stack failed.
///
/// The command prints the first failure, even if it happened in a nested stack: the message of CloudFormation, the
/// line of the program that the resource comes from, and commands that show more.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 success, also if no operation failed, 1 failure, 2 usage error.")]
pub(crate) struct Arguments {
    /// The ID or name of the stack
    stack: String,
    #[command(flatten)]
    pub(super) target: Target,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let view = View::new(ProgressFormat::Plain);
    let kind = Work::Query("the events of the stack");
    let found = on_stack(&arguments.target, stack, &view, kind, async |connection, report| {
        diagnose(connection, &stack.name, report).await
    })?;
    let secrets = Secrets::new(stack, &std::collections::BTreeMap::new());
    let found = found.map(|found| secrets.mask_diagnosis(found));
    match (arguments.format, &found) {
        (OutputFormat::Json, Some(found)) => print_json(&diagnosis_json(found, stack)),
        (OutputFormat::Json, None) => print_json(&json!({ "diagnosis": null, "source": null })),
        (OutputFormat::Text, Some(found)) => {
            print_colored(&format!("{}\n{}", stack.name, diagnosis(found, stack)))
        }
        (OutputFormat::Text, None) => print_colored(&format!("{}: no failure in its events\n", stack.name)),
    }
}
