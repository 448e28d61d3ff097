//! `estimate quotas`: the service quotas that stacks need.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use stackwright_estimate::cost::Options;
use stackwright_estimate::quotas::{self, Need};

use crate::commands::OutputFormat;
use crate::failure::Failure;
use crate::input;
use crate::origin::Origin;

/// List the service quotas that the stacks need at their maximum capacity.
#[derive(Args)]
pub(super) struct Arguments {
    /// Templates or assemblies. Default: the stacks of the program
    paths: Vec<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let read = if arguments.paths.is_empty() { origin.input()? } else { input::read(&arguments.paths) };
    if let Some(diagnostic) = read.unreadable.first() {
        return Err(Failure::new(&diagnostic.message));
    }
    let needs = quotas::of_assembly(&read.assembly, &Options::default());
    let text = match arguments.format {
        OutputFormat::Json => format!("{:#}\n", json!({ "version": 1, "quotas": needs })),
        OutputFormat::Text => text(&needs),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn shown(value: Option<u64>) -> String {
    value.map_or("unknown".to_owned(), |value| value.to_string())
}

fn text(needs: &[Need]) -> String {
    if needs.is_empty() {
        return "The stacks need no quota that is known here.\n".to_owned();
    }
    let width = needs.iter().map(|need| need.name.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:10}  {:>7}  {:>13}  {:>7}  resources\n",
        "quota", "code", "needed", "during update", "default"
    );
    for need in needs {
        let update = need.during_update.map_or("-".to_owned(), |value| value.to_string());
        let code = need.code.as_deref().unwrap_or("unknown");
        let (needed, default, resources) =
            (shown(need.needed), shown(need.default), need.resources.join(", "));
        text.push_str(&format!(
            "{:width$}  {code:10}  {needed:>7}  {update:>13}  {default:>7}  {resources}\n",
            need.name
        ));
    }
    text.push_str(
        "The account's values are in Service Quotas; defaults are AWS's, and an account can have others.\n",
    );
    text
}
