//! `drift`: finds changes made outside CloudFormation.

use clap::Args;
use serde_json::json;
use stackwright_deploy::{Drift, describe_stack, detect_drift};

use super::status::QueryArguments;
use super::{OutputFormat, print_json, print_text};
use crate::deployment::{ProgressFormat, View, on_each};
use crate::failure::{ExitCode, Failure};
use crate::origin::Origin;
use crate::safe_text;

/// Find changes made outside CloudFormation (drift).
///
/// CloudFormation cannot compare all resource types; those that it did not compare are listed. `deploy --revert-drift`
/// reverts the changes.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 no drift, 1 failure, 2 usage error, 3 drift detection failed for some resources, 5 a resource \
                  has drifted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) query: QueryArguments,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let QueryArguments { stacks, target, format } = &arguments.query;
    let stacks = super::select(&loaded.assembly, stacks)?;
    let view = View::new(ProgressFormat::Plain);
    let found = on_each(target, &stacks, &view, "drift detection", async |connection, stack, _| {
        if describe_stack(connection, stack).await?.status.is_none() {
            anstream::eprintln!("{}: not deployed", stack.name);
            return Ok(None);
        }
        detect_drift(connection, stack).await.map(Some)
    })?;
    let found: Vec<Drift> = found.into_iter().flatten().collect();
    match format {
        OutputFormat::Json => print_json(&json!(found))?,
        OutputFormat::Text => print_text(&found.iter().map(text).collect::<String>())?,
    }
    if found.iter().any(|drift| !drift.drifted.is_empty()) {
        return Err(Failure::reported().with_code(ExitCode::DifferencesFound));
    }
    if found.iter().any(|drift| !drift.complete) {
        return Err(Failure::reported().with_code(ExitCode::Incomplete));
    }
    Ok(())
}

fn text(drift: &Drift) -> String {
    let count = drift.drifted.len();
    let mut text = match (count, drift.complete) {
        (0, true) if drift.not_checked.is_empty() => format!("{}: no drift\n", drift.stack),
        (0, true) => format!(
            "{}: no drift in the {} resources that CloudFormation compared\n",
            drift.stack, drift.in_sync
        ),
        (0, false) => format!("{}: drift detection failed for some resources\n", drift.stack),
        (1, _) => format!("{}: 1 resource has drifted\n", drift.stack),
        (count, _) => format!("{}: {count} resources have drifted\n", drift.stack),
    };
    for one in &drift.drifted {
        let head = safe_text::line(&format!("{} {} {}", one.status, one.logical_id, one.resource_type));
        text.push_str(&format!("  {head}\n"));
        for one in &one.differences {
            let change = safe_text::line(&format!("{}: {} → {}", one.path, one.expected, one.actual));
            text.push_str(&format!("      {change}\n"));
        }
    }
    if !drift.not_checked.is_empty() {
        let names = safe_text::line(&drift.not_checked.join(", "));
        text.push_str(&format!("  NOT_CHECKED (CloudFormation did not compare them): {names}\n"));
    }
    text
}
