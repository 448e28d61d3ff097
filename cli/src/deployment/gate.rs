//! Who has said yes.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use stackwright_deploy::{Approval, Concern};

use crate::failure::{ExitCode, Failure};

/// Who has said yes.
#[derive(Args)]
pub(crate) struct Gate {
    /// A change that may be made: `replacement=ID`, `deletion=ID`, `permissions` or `network`. What loses data or
    /// interrupts traffic is made only with its own
    #[arg(long = "approve", value_name = "WHAT")]
    approvals: Vec<Approval>,
    /// Answer every question with yes, but for those about what loses data or interrupts traffic
    #[arg(long, short)]
    yes: bool,
}

impl Gate {
    /// Whether somebody has approved, or approves now; else what is missing.
    pub fn pass(&self, stack: &str, concerns: &[Concern]) -> Result<(), Failure> {
        let open: Vec<&Concern> = concerns
            .iter()
            .filter(|one| !self.approvals.iter().any(|approval| approval.covers(one)))
            .collect();
        if is_asked() && !self.yes {
            for concern in open.iter().filter(|one| one.loses.is_some()) {
                let question = format!("{}; type {} to go on: ", said(concern), concern.logical_id);
                if ask(&question) != concern.logical_id {
                    return Err(refused(stack, &[concern]));
                }
            }
            return match ask(&format!("deploy {stack}? [y/N] ")).as_str() {
                "y" | "yes" => Ok(()),
                _ => Err(refused(stack, &[])),
            };
        }
        let missing: Vec<&Concern> =
            open.into_iter().filter(|one| !self.yes || one.loses.is_some()).collect();
        if missing.is_empty() { Ok(()) } else { Err(refused(stack, &missing)) }
    }
}

fn said(concern: &Concern) -> String {
    let Concern { danger, logical_id, resource_type, loses } = concern;
    match loses {
        Some(what) => format!("{danger} of {logical_id} ({resource_type}), which holds {what}"),
        None => format!("{danger}: {logical_id} ({resource_type})"),
    }
}

fn refused(stack: &str, missing: &[&Concern]) -> Failure {
    let mut failure = Failure::new(format!("the changes to {stack} were not approved; nothing was deployed"));
    for concern in missing {
        failure.message = format!("{}\n  {}", failure.message, said(concern));
    }
    let mut approvals: Vec<String> =
        missing.iter().map(|one| format!("--approve {}", one.approval())).collect();
    approvals.dedup();
    if !approvals.is_empty() {
        failure = failure.hint(format!("to approve: {}", approvals.join(" ")));
    }
    failure.code = ExitCode::Refused;
    failure
}

/// Whether somebody is there to ask.
pub(crate) fn is_asked() -> bool {
    std::io::stdin().is_terminal()
}

fn ask(question: &str) -> String {
    anstream::eprint!("{question}");
    read_line()
}

/// What somebody types; nothing where nobody does.
pub(crate) fn read_line() -> String {
    let mut answer = String::new();
    // No answer is no.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    answer.trim().to_owned()
}
