//! `status` and `outputs`: stacks as they are.

use std::io::Write as _;

use clap::Args;
use serde_json::{Map, json};
use stackwright_deploy::Status;

use super::Form;
use crate::deployment::{Session, Target, block_on, explain};
use crate::failure::Failure;
use crate::origin::Origin;

/// Which stacks, and how to print them.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks to look at, by id or name; all of them unless named
    stacks: Vec<String>,
    #[command(flatten)]
    target: Target,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

fn look(arguments: &Arguments, origin: &Origin) -> Result<Vec<(String, Status)>, Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    block_on(async {
        let session = Session::open(&arguments.target, &stacks).await?;
        let mut found = Vec::new();
        for stack in stacks {
            let told = |error| explain(&error, stack);
            let connection = session.connect(stack).await.map_err(told)?;
            found.push((stack.id.clone(), connection.status(&stack.name).await.map_err(told)?));
        }
        Ok(found)
    })
}

pub(super) fn status(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let found = look(arguments, origin)?;
    let text = match arguments.format {
        Form::Json => format!("{:#}\n", json!(found.iter().map(|(_, status)| status).collect::<Vec<_>>())),
        Form::Text => {
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

pub(super) fn outputs(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let found = look(arguments, origin)?;
    let text = match arguments.format {
        Form::Json => {
            let all: Map<_, _> = found.into_iter().map(|(id, status)| (id, json!(status.outputs))).collect();
            format!("{:#}\n", json!(all))
        }
        Form::Text => {
            let of = |(id, status): &(String, Status)| -> String {
                status.outputs.iter().map(|(key, value)| format!("{id}.{key} = {value}\n")).collect()
            };
            found.iter().map(of).collect()
        }
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}
