//! `diagnose`: why a stack failed, later too.

use std::io::Write as _;

use clap::Args;
use serde_json::json;

use super::OutputFormat;
use crate::deployment::{ProgressForm, Target, View, diagnosis, diagnosis_json, on_stack};
use crate::failure::Failure;
use crate::origin::Origin;

/// Say why a stack failed.
///
/// Of the last operation that failed: the first cause, down into nested stacks, in CloudFormation's words; the line of the
/// program that made it; and where to look next.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The stack, by id or name
    stack: String,
    #[command(flatten)]
    target: Target,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let view = View::new(ProgressForm::Plain);
    let tell = |progress| view.tell(&stack.id, progress);
    let found =
        on_stack(&arguments.target, stack, async |connection| connection.diagnose(&stack.name, &tell).await)?;
    let text = match (arguments.format, &found) {
        (OutputFormat::Json, Some(found)) => format!("{:#}\n", diagnosis_json(found, stack)),
        (OutputFormat::Json, None) => format!("{:#}\n", json!({ "diagnosis": null, "source": null })),
        (OutputFormat::Text, Some(found)) => format!("{}\n{}", stack.name, diagnosis(found, stack)),
        (OutputFormat::Text, None) => {
            format!("{}: nothing has failed, as far as its events reach\n", stack.name)
        }
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
