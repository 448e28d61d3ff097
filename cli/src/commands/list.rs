//! `list`: list the stacks.

use std::io::Write as _;

use clap::Args;
use serde_json::json;

use super::OutputFormat;
use crate::failure::Failure;
use crate::origin::Origin;

/// List the IDs of the stacks in deployment order: each after the stacks that it depends on.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 success, 1 failure, 2 usage error.")]
pub(super) struct Arguments {
    /// Set the output format. JSON also has the name, the account, the region, the dependencies and the number of resources
    /// of each stack
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = loaded.assembly.in_order();
    let text = match arguments.format {
        OutputFormat::Json => {
            let list: Vec<_> = stacks
                .iter()
                .map(|stack| {
                    json!({
                        "id": stack.id,
                        "name": stack.name,
                        "account": stack.environment.account,
                        "region": stack.environment.region,
                        "dependencies": stack.dependencies,
                        "resources": stack.template.resources().count(),
                    })
                })
                .collect();
            format!("{:#}\n", json!(list))
        }
        OutputFormat::Text => stacks.iter().map(|stack| format!("{}\n", stack.id)).collect(),
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
