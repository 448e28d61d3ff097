//! `diff`: compares two versions of stacks, and shows the consequences.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_review::diff;

use crate::base;
use crate::failure::{ExitCode, Failure};
use crate::origin::{self, Origin};

/// Show the differences between two versions of stacks, and what CloudFormation does about them.
///
/// The command compares two templates, assemblies or outputs of the CDK (`diff OLD NEW`), a stored version with the
/// stacks of the program (`diff OLD`), or the program at a git revision with the current one (`diff --base main`).
/// Values are compared by meaning. The consequences come from the CloudFormation registry; the command sends no
/// requests to AWS.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 nothing differs, or something does and --exit-code was not given, 1 failure, 5 something \
                        differs and --exit-code was given."
)]
pub(super) struct Arguments {
    /// The old version: a template, an assembly, or the output of the CDK
    old: Option<PathBuf>,
    /// The new version. Default: the stacks of the program
    new: Option<PathBuf>,
    /// Compare with the program at a git revision, which is built in a temporary worktree
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["old", "new"])]
    base: Option<String>,
    /// The output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Exit with code 5 if anything differs
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text for people
    Text,
    /// Markdown for pull requests
    Markdown,
    /// JSON for programs; docs/diff.schema.json describes it
    Json,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let old = match (&arguments.old, &arguments.base) {
        (Some(path), _) => base::stored(path)?,
        (None, Some(revision)) => base::at_revision(revision, origin)?,
        (None, None) => {
            return Err(Failure::usage("`diff` needs a version to compare with")
                .hint("name the old version (`diff OLD NEW`), or a git revision (`diff --base main`)"));
        }
    };
    let new = match &arguments.new {
        Some(path) => base::stored(path)?,
        None => origin.stacks(false)?,
    };
    let found = diff::compare(&old.assembly, &new.assembly);
    let secrets = origin::secrets(&old.assembly).and(origin::secrets(&new.assembly));
    let text = match arguments.format {
        Form::Text => secrets.mask(&diff::text(&found, true)),
        Form::Markdown => secrets.mask(&diff::markdown(&found)),
        Form::Json => origin::masked_json(&secrets, diff::json(&found)),
    };
    match arguments.format {
        Form::Text => anstream::stdout().write_all(text.as_bytes())?,
        Form::Markdown | Form::Json => std::io::stdout().write_all(text.as_bytes())?,
    }
    if arguments.exit_code && !found.is_empty() {
        return Err(Failure::reported().with_code(ExitCode::DifferencesFound));
    }
    Ok(())
}
