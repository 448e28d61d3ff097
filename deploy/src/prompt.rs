//! Questions to the user, behind a trait: the crate does not read from the terminal.

use std::fmt;

use futures_util::future::LocalBoxFuture;

use crate::approval::RequiredApproval;
use crate::refactor::ResourceMove;

/// A question to the user. The text of the question is its [`Display`](fmt::Display) form.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Question {
    /// Whether a change that loses data, or interrupts traffic or workloads, may be made. The answer is the name of the change
    /// ([`RequiredApproval::name`]).
    Confirm {
        /// The name of the stack.
        stack: String,
        /// The change that needs an approval.
        change: RequiredApproval,
    },
    /// Whether a stack refactor may give resources other logical IDs. The answer is `y` or `yes`.
    Rename {
        /// The name of the stack.
        stack: String,
        /// The resources that are renamed, with their old and new logical IDs.
        moves: Vec<ResourceMove>,
    },
    /// Whether a change set may be executed. The answer is `y` or `yes`.
    Deploy {
        /// The name of the stack.
        stack: String,
    },
    /// Whether a stack may be deleted. The answer is the name of the stack.
    Delete {
        /// The name of the stack.
        stack: String,
        /// The names of deployed stacks that use values of this stack.
        dependents: Vec<String>,
    },
}

impl Question {
    /// Returns whether an answer approves the change that the question is about.
    pub fn is_approved_by(&self, answer: &str) -> bool {
        match self {
            Self::Confirm { change, .. } => answer == change.name(),
            Self::Deploy { .. } | Self::Rename { .. } => {
                matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")
            }
            Self::Delete { stack, .. } => answer == stack,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirm { stack, change } => {
                write!(formatter, "{stack}: {change}. Type {} to approve: ", change.name())
            }
            Self::Rename { stack, moves } => {
                let moves: Vec<String> =
                    moves.iter().map(|one| format!("{} to {}", one.from_id, one.to_id)).collect();
                write!(formatter, "Rename {} in {stack} with a stack refactor? [y/N] ", moves.join(", "))
            }
            Self::Deploy { stack } => write!(formatter, "Deploy {stack}? [y/N] "),
            Self::Delete { stack, dependents } => {
                if !dependents.is_empty() {
                    write!(formatter, "{} uses values of {stack}. ", dependents.join(", "))?;
                }
                write!(formatter, "Type {stack} to delete it: ")
            }
        }
    }
}

/// Asks the user questions about approvals.
pub trait Prompt {
    /// Returns whether there is a user who can answer.
    fn is_interactive(&self) -> bool;

    /// Asks a question and returns the answer without surrounding whitespace; `None` if there is no answer.
    ///
    /// The future must not block: other stacks are worked on while the question is open. If it is dropped, the question
    /// is withdrawn.
    fn ask<'a>(&'a self, question: &'a Question) -> LocalBoxFuture<'a, Option<String>>;
}

/// A prompt without a user, for CI: no question is asked, and changes that need an approval are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn is_interactive(&self) -> bool {
        false
    }

    fn ask<'a>(&'a self, _: &'a Question) -> LocalBoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }
}
