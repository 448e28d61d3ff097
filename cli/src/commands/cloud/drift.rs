//! `drift`: what somebody changed past the stacks.

use std::io::Write as _;

use clap::Args;
use serde_json::json;
use stackwright_deploy::Drift;

use super::OutputFormat;
use super::status::Look;
use crate::deployment::on_each;
use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;

/// Say what somebody changed past the stacks.
///
/// Exit codes: 0 nothing, 5 something, 3 not everything could be compared. `deploy --revert-drift` changes it back.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    look: Look,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let Look { stacks, target, format } = &arguments.look;
    let stacks = super::select(&loaded.assembly, stacks)?;
    let found = on_each(target, &stacks, async |connection, stack| {
        if connection.status(&stack.name).await?.status.is_none() {
            anstream::eprintln!("{}: not deployed", stack.name);
            return Ok(None);
        }
        connection.drift(stack).await.map(Some)
    })?;
    let found: Vec<Drift> = found.into_iter().flatten().collect();
    let text = match format {
        OutputFormat::Json => format!("{:#}\n", json!(found)),
        OutputFormat::Text => found.iter().map(words).collect(),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    let mut failure = Failure::reported();
    failure.code = if found.iter().any(|drift| !drift.drifted.is_empty()) {
        ExitCode::DifferencesFound
    } else if found.iter().any(|drift| !drift.complete) {
        ExitCode::Incomplete
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
