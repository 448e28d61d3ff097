//! `status` and `outputs`: print the current state of stacks.

use clap::Args;
use serde_json::{Map, Value as Json, json};
use stackwright_deploy::{StackDescription, describe_stack};

use super::{OutputFormat, print_colored, print_json, print_text};
use crate::deployment::{ProgressFormat, Target, View, on_each};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::safe_text;

/// The stacks of a query, and the output format.
#[derive(Args)]
pub(crate) struct QueryArguments {
    /// The IDs or names of the stacks. Default: all stacks of the program
    pub stacks: Vec<String>,
    #[command(flatten)]
    pub target: Target,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

fn describe(arguments: &QueryArguments, origin: &Origin) -> Result<Vec<(String, StackDescription)>, Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let view = View::new(ProgressFormat::Plain);
    on_each(&arguments.target, &stacks, &view, "the status of the stack", async |connection, stack, _| {
        Ok((stack.id.clone(), describe_stack(connection, stack).await?))
    })
}

pub(super) fn status(arguments: &QueryArguments, origin: &Origin) -> Result<(), Failure> {
    let found = describe(arguments, origin)?;
    if arguments.format == OutputFormat::Json {
        return print_json(&json!(found.iter().map(|(_, stack)| stack).collect::<Vec<_>>()));
    }
    let width = found.iter().map(|(_, stack)| stack.stack.len()).max().unwrap_or_default();
    let line = |stack: &StackDescription| {
        let status = stack.status.as_ref().map_or("not deployed", |status| status.as_str());
        let protection = if stack.termination_protection { ", termination protection" } else { "" };
        let reason = stack.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = safe_text::line(&format!("{status}{protection}{reason}"));
        format!("{:width$}  {text}\n", stack.stack)
    };
    print_colored(&found.iter().map(|(_, stack)| line(stack)).collect::<String>())
}

pub(super) fn outputs(arguments: &QueryArguments, origin: &Origin) -> Result<(), Failure> {
    let found = describe(arguments, origin)?;
    if arguments.format == OutputFormat::Json {
        let all: Map<_, _> = found.into_iter().map(|(id, stack)| (id, json!(stack.outputs))).collect();
        return print_json(&Json::Object(all));
    }
    let lines = |(id, stack): &(String, StackDescription)| -> String {
        let outputs = stack.outputs.iter();
        outputs.map(|(key, value)| format!("{id}.{key} = {}\n", value.replace('\n', "\\n"))).collect()
    };
    print_text(&found.iter().map(lines).collect::<String>())
}
