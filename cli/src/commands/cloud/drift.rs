//! `drift`: what somebody changed past the stacks.

use std::io::Write as _;

use clap::Args;
use serde_json::json;
use stackwright_deploy::Drift;

use super::Form;
use crate::deployment::{Session, Target, block_on, explain};
use crate::failure::Failure;
use crate::origin::Origin;

/// Say what somebody changed past the stacks.
///
/// Exit codes: 0 nothing, 2 something, 3 not everything could be compared. `deploy --revert-drift` changes it back.
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

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let found = block_on(async {
        let session = Session::open(&arguments.target, &stacks).await?;
        let mut found = Vec::new();
        for stack in stacks {
            let told = |error| explain(&error, stack);
            let connection = session.connect(stack).await.map_err(told)?;
            if connection.status(&stack.name).await.map_err(told)?.status.is_none() {
                anstream::eprintln!("{}: not deployed", stack.name);
                continue;
            }
            let drift = connection.drift(stack).await.map_err(told)?;
            found.push(drift);
        }
        Ok(found)
    })?;
    let text = match arguments.format {
        Form::Json => format!("{:#}\n", json!(found)),
        Form::Text => found.iter().map(words).collect(),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    let mut failure = Failure::reported();
    failure.code = if found.iter().any(|drift| !drift.drifted.is_empty()) {
        2
    } else if found.iter().any(|drift| !drift.complete) {
        3
    } else {
        return Ok(());
    };
    Err(failure)
}

fn words(drift: &Drift) -> String {
    let mut text = match (drift.drifted.len(), drift.complete) {
        (0, true) => format!("{}: as it was deployed\n", drift.stack),
        (0, false) => format!("{}: not everything could be compared\n", drift.stack),
        (count, _) => format!("{}: {count} changed\n", drift.stack),
    };
    for one in &drift.drifted {
        text.push_str(&format!("  {} {} {}\n", one.status, one.logical_id, one.resource_type));
        for (path, expected, actual) in &one.differences {
            text.push_str(&format!("      {path}: {expected} → {actual}\n"));
        }
    }
    if !drift.unchecked.is_empty() {
        text.push_str(&format!("  CloudFormation does not compare {}\n", drift.unchecked.join(", ")));
    }
    text
}
