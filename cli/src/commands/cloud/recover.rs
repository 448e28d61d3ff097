//! `recover`: ways out of a state in which nothing can be deployed.

use std::io::Write as _;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde_json::json;
use stackwright_deploy::{Standing, Way};

use super::OutputFormat;
use crate::deployment::{ProgressForm, Target, View, on_stack};
use crate::failure::Failure;
use crate::origin::Origin;

/// Find a way out of a state in which a stack cannot be deployed.
///
/// It says what state the stack is in, what can be done about it, and what each way loses; and goes the way that is named.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The stack, by id or name
    stack: String,
    /// The way to go; without it, the ways are told and nothing is done
    #[arg(long, value_parser = PossibleValuesParser::new(Way::ALL.map(Way::name)).try_map(|name| name.parse::<Way>()))]
    way: Option<Way>,
    #[command(flatten)]
    target: Target,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let text = match arguments.way {
        None => {
            let standing = on_stack(&arguments.target, stack, async |connection| {
                connection.standing(&stack.name).await
            })?;
            match arguments.format {
                OutputFormat::Json => format!("{:#}\n", json!(standing)),
                OutputFormat::Text => words(&standing),
            }
        }
        Some(way) => {
            let view = View::new(ProgressForm::Auto);
            let tell = |progress| view.tell(&stack.name, progress);
            let status = on_stack(&arguments.target, stack, async |connection| {
                connection.recover(&stack.name, way, &tell).await
            })?;
            if status.ends_with("_FAILED") {
                return Err(Failure::new(format!("{} is {status}", stack.name))
                    .hint(format!("`recover {}` says what can be done now", arguments.stack)));
            }
            match arguments.format {
                OutputFormat::Json => format!("{:#}\n", json!({ "stack": stack.name, "status": status })),
                OutputFormat::Text => format!("{} is {status}\n", stack.name),
            }
        }
    };
    Ok(anstream::stdout().write_all(text.as_bytes())?)
}

fn words(standing: &Standing) -> String {
    let mut text = format!("{} is {}", standing.stack, standing.status);
    if let Some(reason) = &standing.reason {
        text.push_str(&format!(": {reason}"));
    }
    text.push('\n');
    if !standing.failed.is_empty() {
        text.push_str(&format!("  failed: {}\n", standing.failed.join(", ")));
    }
    if standing.remedies.is_empty() {
        text.push_str("  nothing has to be done about it\n");
    }
    for remedy in &standing.remedies {
        let loses = if remedy.loses.is_empty() { "nothing" } else { &remedy.loses };
        text.push_str(&format!(
            "  --way {}\n      leads to {}\n      loses {loses}\n",
            remedy.way.name(),
            remedy.leads_to
        ));
    }
    text
}
