//! Why a deployment stopped. CloudFormation's own words are always kept.

use std::path::PathBuf;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use crate::diagnosis::Diagnosis;
use crate::problem::Problem;

/// Why a deployment stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A call to AWS failed.
    #[error("{operation}: {message}")]
    Call {
        /// The operation, such as `CreateChangeSet`.
        operation: &'static str,
        /// AWS's error code, where there was an answer.
        code: Option<String>,
        /// AWS's words, or what happened to the connection.
        message: String,
    },
    /// No region was given.
    #[error("no region: the stack is bound to none, and neither profile nor environment names one")]
    NoRegion,
    /// The credentials belong to another account.
    #[error("the stack {stack} is bound to account {bound}, the credentials belong to {actual}")]
    WrongAccount {
        /// The stack's name.
        stack: String,
        /// What it is bound to.
        bound: String,
        /// Whose credentials they are.
        actual: String,
    },
    /// The stack is in a state in which nothing can be deployed.
    #[error("the stack {stack} is {status}: {reason}")]
    State {
        /// The stack's name.
        stack: String,
        /// Its status.
        status: String,
        /// CloudFormation's reason, or ours.
        reason: String,
    },
    /// CloudFormation could not make the change set.
    #[error("the change set for {stack} failed: {reason}")]
    ChangeSet {
        /// The stack's name.
        stack: String,
        /// CloudFormation's words.
        reason: String,
        /// What it says in detail.
        problems: Vec<Problem>,
    },
    /// There is no such stack.
    #[error("there is no stack {stack}")]
    NoStack {
        /// The name that was asked for.
        stack: String,
    },
    /// A resource cannot be taken in.
    #[error("{resource} cannot be imported: {what}")]
    Import {
        /// Its logical id.
        resource: String,
        /// Why.
        what: String,
    },
    /// A plan file cannot be used.
    #[error("the plan cannot be deployed: {what}")]
    Plan {
        /// Why.
        what: String,
    },
    /// Something is other than it was planned or reviewed.
    #[error("{stack} is not as it was planned: {what}; nothing was deployed")]
    Changed {
        /// The stack's name.
        stack: String,
        /// What is different.
        what: String,
    },
    /// CloudFormation refuses to delete the stack.
    #[error("{stack} is protected against termination")]
    Protected {
        /// The stack.
        stack: String,
    },
    /// An operation goes on, and nobody can see it from here.
    #[error("{stack} is out of sight, and goes on without us: {error}")]
    OutOfSight {
        /// The stack.
        stack: String,
        /// What is in the way.
        error: Box<DeployError>,
    },
    /// The deployment failed.
    #[error("{stack} is {status}")]
    Failed {
        /// The stack's name.
        stack: String,
        /// Its status now.
        status: String,
        /// What failed first, and where to look.
        diagnosis: Option<Box<Diagnosis>>,
    },
    /// Something took longer than was allowed.
    #[error("{what} took longer than {seconds} s; it goes on without us")]
    Deadline {
        /// What.
        what: String,
        /// How long was waited.
        seconds: u64,
    },
    /// An asset cannot be read.
    #[error("{path}: {error}")]
    Asset {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The bucket for assets belongs to somebody else, or cannot be used.
    #[error("the bucket {bucket} cannot be used: {reason}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// Why.
        reason: String,
    },
}

impl DeployError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRegion => "bind the stack with `.region(…)`, or give `--region`".into(),
            Self::State { stack, .. } => format!("`recover {stack}` says what can be done about it"),
            Self::OutOfSight { .. } => {
                "run the same command again, with new credentials if they have expired: it goes on where the stack is".into()
            }
            Self::Changed { .. } | Self::Plan { .. } => "make a new plan, and have it reviewed".into(),
            Self::Protected { .. } => "`destroy --unprotect` takes the protection away first".into(),
            Self::Call { .. } if self.is_expired() => "get new credentials and run it again".into(),
            Self::Bucket { .. } => "name a bucket of your own with `App::asset_bucket`".into(),
            _ => return None,
        })
    }

    pub(crate) fn call<E>(operation: &'static str) -> impl FnOnce(SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        move |error| {
            let code = error.code().map(str::to_owned);
            let message = match (error.message(), error.raw_response()) {
                (Some(message), _) => message.to_owned(),
                // Answers to HEAD requests have no words.
                (None, Some(response)) => format!("HTTP status {}", response.status()),
                (None, None) => chain(&error),
            };
            Self::Call { operation, code, message }
        }
    }

    /// Whether the credentials are no longer good for anything.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self, Self::Call { code: Some(code), .. }
            if code.contains("Expired") || code.contains("InvalidClientTokenId"))
    }

    /// Whether trying again is of no use.
    pub(crate) fn is_over(&self) -> bool {
        self.is_expired()
            || matches!(self, Self::Call { code: Some(code), .. } if code.contains("AccessDenied"))
    }

    /// Whether a change set was asked for a stack that is no longer what it was.
    pub(crate) fn is_outdated(&self) -> bool {
        matches!(self, Self::Call { operation: "CreateChangeSet", message, .. }
            if message.contains("already exists and cannot be created again")
                || message.contains("does not exist")
                || message.contains("state and can not be updated"))
    }

    /// Whether AWS answered that there is no such stack.
    pub(crate) fn is_missing_stack(&self) -> bool {
        matches!(self, Self::Call { message, .. } if message.contains("does not exist"))
    }
}

/// An error and what caused it, in words.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        // Some errors repeat their cause.
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        next = error.source();
    }
    words
}
