//! `recover`: brings a stack into a status in which it can be deployed.

use std::collections::BTreeMap;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use serde_json::json;
use stackwright_deploy::{RecoveryAction, Secrets, StackCondition, condition, recover};

use super::{OutputFormat, print_json, print_text};
use crate::deployment::{ProgressFormat, Target, View, Work, command as suggested, on_stack};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::safe_text;

/// Bring a stack into a status in which it can be deployed.
///
/// Without `--action`, the command prints the status of the stack and the recovery actions, each with its
/// consequences. With `--action`, it performs the action and waits until it ends.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 success, 1 the action failed or is not possible, 2 usage error, 3 the action is still running in AWS."
)]
pub(crate) struct Arguments {
    /// The ID or name of the stack
    stack: String,
    /// Perform a recovery action. Default: list the actions that the status of the stack allows
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(RecoveryAction::ALL.map(described))
            .try_map(|name| name.parse::<RecoveryAction>())
    )]
    action: Option<RecoveryAction>,
    /// Choose a failed resource that `continue-rollback-skipping` skips or `delete-retaining` retains; may be repeated.
    /// Default: all failed resources
    #[arg(long = "resource", value_name = "LOGICAL_ID", requires = "action")]
    resources: Vec<String>,
    #[command(flatten)]
    pub(super) target: Target,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

/// Returns the name of an action, with its description in `--help`.
fn described(action: RecoveryAction) -> PossibleValue {
    PossibleValue::new(action.name()).help(match action {
        RecoveryAction::ContinueRollback => "Try the failed rollback of an update again",
        RecoveryAction::ContinueRollbackSkipping => {
            "Continue the failed rollback of an update without the resources that cannot be rolled back"
        }
        RecoveryAction::Rollback => "Roll back an operation that failed with `--keep-failed`",
        RecoveryAction::CancelUpdate => "Cancel a running update and roll it back",
        RecoveryAction::Delete => "Delete the stack",
        RecoveryAction::DeleteRetaining => {
            "Delete the stack, but retain the resources that cannot be deleted"
        }
        _ => "",
    })
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let stack = super::only(&loaded.assembly, &arguments.stack)?;
    let view = View::new(ProgressFormat::Auto);
    let Some(action) = arguments.action else {
        let kind = Work::Query("the status of the stack");
        let mut found = on_stack(&arguments.target, stack, &view, kind, async |connection, _| {
            condition(connection, &stack.name).await
        })?;
        let secrets = Secrets::new(stack, &BTreeMap::new());
        found.reason = found.reason.map(|reason| secrets.mask(&reason));
        return match arguments.format {
            OutputFormat::Json => print_json(&json!(found)),
            OutputFormat::Text => print_text(&text(&found)),
        };
    };
    let kind = Work::Operation("the recovery action");
    let status = on_stack(&arguments.target, stack, &view, kind, async |connection, report| {
        recover(connection, &stack.name, action, &arguments.resources, report).await
    });
    view.end(&stack.name);
    let status = status?;
    if status.is_failed() {
        return Err(Failure::new(format!("the stack {} has the status {status}", stack.name)).hint(format!(
            "`{}` lists the recovery actions",
            suggested(&format!("recover {}", stack.name))
        )));
    }
    match arguments.format {
        OutputFormat::Json => print_json(&json!({ "stack": stack.name, "status": status })),
        OutputFormat::Text => print_text(&format!("{} has the status {status}\n", stack.name)),
    }
}

fn text(condition: &StackCondition) -> String {
    let mut text = format!("{} has the status {}", condition.stack, condition.status);
    if let Some(reason) = &condition.reason {
        text.push_str(&format!(": {}", safe_text::line(reason)));
    }
    text.push('\n');
    if !condition.failed.is_empty() {
        text.push_str(&format!("  failed resources: {}\n", safe_text::line(&condition.failed.join(", "))));
    }
    if condition.options.is_empty() {
        text.push_str("  no recovery action is needed\n");
    }
    if let Some(mode) = condition.continue_with {
        let command = suggested(&format!("deploy {} {mode}", condition.stack));
        text.push_str(&format!("  `{command}` continues from this status\n"));
    }
    for option in &condition.options {
        let loses = if option.loses.is_empty() { "nothing" } else { &option.loses };
        text.push_str(&format!(
            "  --action {}\n      leads to {}\n      loses {}\n",
            option.action.name(),
            option.leads_to,
            safe_text::line(loses)
        ));
    }
    text
}
