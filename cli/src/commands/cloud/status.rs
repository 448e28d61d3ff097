//! `status` and `outputs`: stacks as they are.

use std::io::Write as _;

use clap::Args;
use serde_json::{Map, json};
use stackwright_deploy::Status;

use super::OutputFormat;
use crate::deployment::{Target, on_each};
use crate::failure::Failure;
use crate::origin::Origin;

/// Which stacks to look at, and how to print what is seen.
#[derive(Args)]
pub(crate) struct Look {
    /// Stacks to look at, by id or name; all of them unless named
    pub stacks: Vec<String>,
    #[command(flatten)]
    pub target: Target,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

fn look(arguments: &Look, origin: &Origin) -> Result<Vec<(String, Status)>, Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    on_each(&arguments.target, &stacks, async |connection, stack| {
        Ok((stack.id.clone(), connection.status(&stack.name).await?))
    })
}

pub(super) fn status(arguments: &Look, origin: &Origin) -> Result<(), Failure> {
    let found = look(arguments, origin)?;
    let text = match arguments.format {
        OutputFormat::Json => {
            format!("{:#}\n", json!(found.iter().map(|(_, status)| status).collect::<Vec<_>>()))
        }
        OutputFormat::Text => {
            let width = found.iter().map(|(_, status)| status.stack.len()).max().unwrap_or_default();
            let line = |status: &Status| {
                let word = status.status.as_deref().unwrap_or("not deployed");
                let protected = if status.protected { ", protected against termination" } else { "" };
                let reason = status.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{:width$}  {word}{protected}{reason}\n", status.stack)
            };
            found.iter().map(|(_, status)| line(status)).collect()
        }
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}

pub(super) fn outputs(arguments: &Look, origin: &Origin) -> Result<(), Failure> {
    let found = look(arguments, origin)?;
    let text = match arguments.format {
        OutputFormat::Json => {
            let all: Map<_, _> = found.into_iter().map(|(id, status)| (id, json!(status.outputs))).collect();
            format!("{:#}\n", json!(all))
        }
        OutputFormat::Text => {
            let of = |(id, status): &(String, Status)| -> String {
                status.outputs.iter().map(|(key, value)| format!("{id}.{key} = {value}\n")).collect()
            };
            found.iter().map(of).collect()
        }
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
