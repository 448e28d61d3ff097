//! The errors of the crate. The messages of CloudFormation are always kept.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use stackwright_synth::with_causes;

use crate::approval::RequiredApproval;
use crate::attributes::AttributeChange;
use crate::backend::Backend;
use crate::diagnosis::Diagnosis;
use crate::messages;
use crate::refactor::ResourceMove;
use crate::status::StackStatus;
use crate::validation::ValidationFailure;

/// The error of an operation of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A request to AWS failed.
    #[error("{operation}: {message}")]
    Call {
        /// The operation, for example `CreateChangeSet`.
        operation: &'static str,
        /// The error code of AWS; `None` if AWS did not respond.
        code: Option<String>,
        /// The message of AWS, or a description of the failure.
        message: String,
        /// The cause, if the request failed without an answer of AWS.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// No region is configured.
    #[error(
        "no region is configured: the stack is not bound to a region, and neither the profile nor the environment sets one"
    )]
    NoRegion,
    /// The AWS SDK found no credentials, or could not load them.
    #[error("no AWS credentials could be loaded: {reason}")]
    Credentials {
        /// What the SDK tried, and why it failed.
        reason: String,
    },
    /// The credentials belong to a different account than the stack.
    #[error(
        "the stack {stack} is bound to the account {bound}, but the credentials belong to the account {actual}"
    )]
    WrongAccount {
        /// The name of the stack.
        stack: String,
        /// The account that the stack is bound to.
        bound: String,
        /// The account of the credentials.
        actual: String,
    },
    /// The stack has a status in which it cannot be deployed.
    #[error("the stack {stack} has the status {status}: {reason}")]
    State {
        /// The name of the stack.
        stack: String,
        /// The status of the stack.
        status: StackStatus,
        /// The reason why the status prevents the deployment.
        reason: String,
    },
    /// Another process is executing the same change set.
    #[error("the stack {stack} is being deployed by another process, which executes the same change set")]
    AlreadyExecuting {
        /// The name of the stack.
        stack: String,
    },
    /// CloudFormation could not create the change set.
    #[error("the change set for the stack {stack} could not be created: {reason}")]
    ChangeSet {
        /// The name of the stack.
        stack: String,
        /// The reason that CloudFormation reports (`StatusReason`).
        reason: String,
        /// The findings of CloudFormation's validation and of hooks.
        failures: Vec<ValidationFailure>,
    },
    /// The stack does not exist.
    #[error("the stack {stack} does not exist")]
    NoStack {
        /// The name of the stack.
        stack: String,
    },
    /// The stack depends on stacks that are not deployed.
    #[error("the stack {stack} uses values of stacks that are not deployed: {}", .missing.join(", "))]
    MissingDependencies {
        /// The name of the stack.
        stack: String,
        /// The names of the stacks that are not deployed.
        missing: Vec<String>,
    },
    /// Stacks depend on each other in a cycle.
    #[error("the stacks {} depend on each other in a cycle, so that there is no order in which they can be deployed", .stacks.join(", "))]
    DependencyCycle {
        /// The names of the stacks that form the cycle.
        stacks: Vec<String>,
    },
    /// A resource cannot be imported.
    #[error("the resource {resource} cannot be imported: {reason}")]
    Import {
        /// The logical ID of the resource.
        resource: String,
        /// The reason why the resource cannot be imported.
        reason: String,
    },
    /// Resources could not be renamed or moved.
    #[error("the resources of {} were not moved: {reason}", .stacks.join(", "))]
    Refactor {
        /// The names of the stacks whose resources were to be moved.
        stacks: Vec<String>,
        /// The reason that CloudFormation gives, or why the request was not sent.
        reason: String,
    },
    /// A plan file cannot be used.
    #[error("the plan cannot be deployed: {reason}")]
    Plan {
        /// The reason why the plan cannot be used.
        reason: String,
    },
    /// The stack, the program or the change set differs from what was planned.
    #[error("the stack {stack} differs from its plan: {reason}; nothing was deployed")]
    Changed {
        /// The name of the stack.
        stack: String,
        /// The difference between the plan and the current state.
        reason: String,
    },
    /// Changes need an approval that was not given.
    #[error("the changes to the stack {stack} were not approved; {}", what_was_changed(.renamed))]
    NotApproved {
        /// The name of the stack.
        stack: String,
        /// The approvals that are missing.
        missing: Vec<RequiredApproval>,
        /// The resources that a stack refactor renamed before.
        renamed: Vec<ResourceMove>,
    },
    /// The user stopped the command before the stack was changed.
    #[error("the stack {stack} was not deployed, because the command was stopped; {}", what_was_changed(.renamed))]
    Interrupted {
        /// The name of the stack.
        stack: String,
        /// The resources that a stack refactor renamed before.
        renamed: Vec<ResourceMove>,
    },
    /// Termination protection prevents the deletion.
    #[error("termination protection is enabled for the stack {stack}")]
    Protected {
        /// The name of the stack.
        stack: String,
    },
    /// The operation is still running, but its progress cannot be read.
    #[error("lost contact with the stack {stack}; the operation {backend}")]
    LostContact {
        /// The name or ARN of the stack.
        stack: String,
        /// The backend that performs the operation.
        backend: Backend,
        /// The reason why the progress cannot be read.
        source: Box<DeployError>,
    },
    /// The operation on the stack failed.
    #[error("{}", failed_message(.stack, .status, *.cancelled))]
    Failed {
        /// The name of the stack.
        stack: String,
        /// The status of the stack after the failure.
        status: StackStatus,
        /// Whether the operation was cancelled by a user rather than stopped by a failure.
        cancelled: bool,
        /// The first cause, and commands that show more.
        diagnosis: Option<Box<Diagnosis>>,
    },
    /// The template was deployed, but an attribute of the stack could not be changed.
    #[error("the template of the stack {stack} is deployed, but an attribute was not changed ({change})")]
    AttributeNotChanged {
        /// The name of the stack.
        stack: String,
        /// The change that was not made.
        change: AttributeChange,
        /// The reason why it was not performed.
        source: Box<DeployError>,
    },
    /// The stack was deleted while it was being deployed.
    #[error("the stack {stack} was deleted while it was being deployed")]
    DeletedMeanwhile {
        /// The name of the stack.
        stack: String,
    },
    /// An operation took longer than allowed.
    #[error("{activity} has taken longer than {} s; the operation {backend}", .limit.as_secs())]
    Timeout {
        /// The activity that the program waited for.
        activity: String,
        /// The time limit.
        limit: Duration,
        /// The backend that performs the operation.
        backend: Backend,
    },
    /// An asset file cannot be read.
    #[error("the asset {path} cannot be read")]
    Asset {
        /// The path of the file.
        path: PathBuf,
        /// The error of the file system.
        source: std::io::Error,
    },
    /// The bucket for assets cannot be used.
    #[error("the bucket {bucket} cannot be used: {reason}")]
    Bucket {
        /// The name of the bucket.
        bucket: String,
        /// The reason why the bucket cannot be used.
        reason: String,
    },
}

/// Describes what happened to a stack before the changes that were not made.
fn what_was_changed(renamed: &[ResourceMove]) -> String {
    if renamed.is_empty() {
        return "nothing was changed".into();
    }
    let renamed: Vec<String> = renamed.iter().map(ToString::to_string).collect();
    format!("only resources were renamed before ({})", renamed.join(", "))
}

fn failed_message(stack: &str, status: &StackStatus, cancelled: bool) -> String {
    if cancelled {
        format!(
            "the operation on the stack {stack} was cancelled by a user; the stack has the status {status}"
        )
    } else {
        format!("the operation on the stack {stack} failed; the stack has the status {status}")
    }
}

impl DeployError {
    /// Returns what the user can do about the error, if that is known.
    pub fn hint(&self) -> Option<String> {
        self.hint_with(str::to_owned)
    }

    /// Returns what the user can do about the error, if that is known. `command` completes a command, such as `recover
    /// shop-Work`, so that the user can copy it.
    pub fn hint_with(&self, command: impl Fn(&str) -> String) -> Option<String> {
        let recover =
            |stack: &str| format!("`{}` lists the recovery actions", command(&format!("recover {stack}")));
        Some(match self {
            Self::NoRegion => {
                "bind the stack to a region with `.region(…)`, or pass `--region`".into()
            }
            Self::Credentials { .. } => {
                "configure credentials as for the AWS CLI, for example with `aws configure` or `aws sso login`; `aws sts \
                 get-caller-identity` tests them. Local mode (`--local`) needs none"
                    .into()
            }
            Self::State { stack, .. } => recover(stack),
            Self::LostContact { .. } | Self::Timeout { .. } => {
                "run the same command again, with new credentials if they have expired: it continues from the \
                 current status of the stack"
                    .into()
            }
            Self::AttributeNotChanged { .. } => "run the same command again to change the attribute".into(),
            Self::AlreadyExecuting { .. } => "wait for the other process, then run the command again".into(),
            Self::Changed { .. } | Self::Plan { .. } => "create a new plan, and have it reviewed".into(),
            Self::Protected { .. } => "pass `--unprotect` to disable termination protection first".into(),
            Self::MissingDependencies { missing, .. } => {
                format!("deploy {} first, or pass `--with-dependencies`", missing.join(", "))
            }
            Self::NotApproved { missing, .. } => {
                let mut arguments: Vec<String> =
                    missing.iter().map(|one| format!("--approve {}", one.approval())).collect();
                arguments.dedup();
                if arguments.is_empty() {
                    return None;
                }
                format!("to approve, pass {}", arguments.join(" "))
            }
            Self::Call { .. } if self.is_expired() => "get new credentials, and run the command again".into(),
            Self::Call { source: Some(_), .. } => {
                "AWS did not answer: check that the name of the region is right, and that this machine can reach AWS".into()
            }
            Self::Call { operation: "CreateChangeSet", message, .. } if messages::reports_missing_values(message) => {
                "set each of them with `--parameter NAME=VALUE`".into()
            }
            Self::Bucket { .. } => "set a bucket that you own with `App::asset_bucket`".into(),
            Self::Failed { stack, status, .. } if status.is_failed() => recover(stack),
            _ => return None,
        })
    }

    /// Changes to a stack, before which nothing was changed, were not approved.
    pub(crate) fn not_approved(stack: &str, missing: Vec<RequiredApproval>) -> Self {
        Self::NotApproved { stack: stack.to_owned(), missing, renamed: Vec::new() }
    }

    /// Creates the error of a command that was stopped before a stack was changed.
    pub(crate) fn interrupted(stack: &str) -> Self {
        Self::Interrupted { stack: stack.to_owned(), renamed: Vec::new() }
    }

    /// Returns a function that converts an error of the AWS SDK.
    pub(crate) fn call<E>(operation: &'static str) -> impl FnOnce(SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        move |error| {
            let code = error.code().map(str::to_owned);
            let (message, source) = match (error.message(), error.raw_response()) {
                (Some(message), _) => (message.to_owned(), None),
                (None, Some(response)) => (describe_response(response), None),
                (None, None) => (error.to_string(), error.into_source().ok()),
            };
            Self::Call { operation, code, message, source }
        }
    }

    /// Converts an error of the first request of a command. If there are no credentials, the SDK does not send the request.
    pub(crate) fn first_call<E>(operation: &'static str) -> impl FnOnce(SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        move |error| {
            let mut source = error.source();
            while let Some(cause) = source {
                if let Some(reason) = cause.downcast_ref::<CredentialsError>() {
                    return Self::Credentials { reason: with_causes(reason) };
                }
                source = cause.source();
            }
            Self::call(operation)(error)
        }
    }

    /// Returns the error code of AWS, if the error is an answer of AWS.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Call { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Returns whether the credentials are no longer valid.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(
            self.code(),
            Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "InvalidClientTokenId")
        )
    }

    /// Returns whether trying again cannot help.
    pub(crate) fn is_permanent(&self) -> bool {
        self.is_expired() || self.is_access_denied()
    }

    /// Returns whether the caller is not allowed to call the operation.
    pub(crate) fn is_access_denied(&self) -> bool {
        matches!(self.code(), Some("AccessDenied" | "AccessDeniedException"))
    }

    /// Returns whether the change set does not exist.
    pub(crate) fn is_missing_change_set(&self) -> bool {
        matches!(self.code(), Some("ChangeSetNotFound" | "ChangeSetNotFoundException"))
            || self.is_missing_stack()
    }

    /// Returns whether a change set cannot be created because the stack has changed since it was read.
    pub(crate) fn is_outdated(&self) -> bool {
        matches!(self, Self::Call { operation: "CreateChangeSet", message, .. } if messages::is_outdated(message))
    }

    /// Returns whether AWS answered that the stack does not exist.
    pub(crate) fn is_missing_stack(&self) -> bool {
        matches!(self, Self::Call { message, .. } if messages::is_missing_stack(message))
    }
}

/// Describes an answer that has no error message of AWS, for example that of a proxy.
pub(crate) fn describe_response(response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).unwrap_or_default().to_owned();
    if (300..400).contains(&status) {
        let location = header("location");
        let location = if location.is_empty() { "another address" } else { &location };
        return format!(
            "the endpoint answered with a redirect to {location} (HTTP status {status}): check the endpoint URL and \
             the proxy settings"
        );
    }
    let via = header("via");
    let proxy = if via.is_empty() { String::new() } else { format!(", through the proxy `{via}`") };
    let body = response.body().bytes().unwrap_or_default();
    let is_html = header("content-type").starts_with("text/html")
        || body.trim_ascii_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<html"))
        || body.trim_ascii_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"));
    if is_html {
        let text = String::from_utf8_lossy(body);
        let title =
            messages::html_title(&text).map(|title| format!(" with the title `{title}`")).unwrap_or_default();
        return format!(
            "the answer is an HTML page{title}, not an answer of AWS (HTTP status {status}{proxy}): check the endpoint \
             URL, the proxy settings and whether the network requires a login"
        );
    }
    format!("HTTP status {status}{proxy}")
}
