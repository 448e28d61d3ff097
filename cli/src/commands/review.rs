//! `review`: prints a summary of a change, the review card.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_estimate::cost;
use stackwright_review::card::{self, Card, GITHUB_LIMIT, GITLAB_LIMIT, Verdict};
use stackwright_review::{check, report};

use crate::base;
use crate::failure::{ExitCode, Failure};
use crate::origin::{self, Origin};

/// Show a change in one review card: verdict, consequences, approvals, security, cost and new findings.
///
/// The command compares the program with a git revision or a stored version, and reports only the findings of `check`
/// that the change adds. It sends no requests to AWS. A card in Markdown is cut to the length of a comment on
/// GitHub; it names the parts that are left out.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the card was written, 1 failure, 2 usage error, 4 --deny refuses the change."
)]
pub(super) struct Arguments {
    /// Compare with this version: a git revision, or the path of a template, an assembly or the output of the CDK
    #[arg(long, value_name = "REVISION|PATH", default_value = "main")]
    base: String,
    /// The new version. Default: the stacks of the program
    new: Option<PathBuf>,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Markdown)]
    format: Form,
    /// Write the card to a file. Default: stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Shorten a card in Markdown to this number of characters. Default: 65536, the limit of GitHub; 1000000 in GitLab CI
    #[arg(long, value_name = "NUMBER")]
    max_length: Option<usize>,
    /// Exit with code 4 for some verdicts. Default: exit with code 0 for every verdict
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Denied>,
    /// Check and estimate stacks that are not bound to a region for this region, such as `eu-west-1`. Default: the prices of
    /// us-east-1, and the checks of `check` without a region
    #[arg(long)]
    region: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Markdown for a comment on a pull request
    Markdown,
    /// JSON for programs; docs/card.schema.json describes it
    Json,
    /// One HTML file with diagrams, which needs no network
    Html,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// The change has an error of `check`, or CloudFormation would reject it
    Refused,
    /// As `refused`, or the change needs an approval
    Approvals,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let path = PathBuf::from(&arguments.base);
    let old = if path.exists() { base::stored(&path)? } else { base::at_revision(&arguments.base, origin)? };
    let new = match &arguments.new {
        Some(path) => base::stored(path)?,
        None => origin.stacks(false)?,
    };
    let mut estimate = cost::Options::default();
    if let Some(region) = &arguments.region {
        estimate.region.clone_from(region);
    }
    let check = check::Options::default().regions(&arguments.region);
    let options = card::Options::new(&arguments.base).check(check).estimate(estimate);
    let card = card::card(&old.assembly, &new.assembly, options);
    let secrets = origin::secrets(&old.assembly).and(origin::secrets(&new.assembly));
    let text = match arguments.format {
        Form::Markdown => secrets.mask(&card::markdown(&card, arguments.max_length.unwrap_or_else(limit))),
        Form::Json => origin::masked_json(&secrets, card::json(&card)),
        Form::Html => secrets.mask_html(&report::html(&card, &new.assembly, origin::source)),
    };
    match &arguments.out {
        Some(file) => std::fs::write(file, text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    denied(&card, arguments.deny)
}

/// Returns the maximum length of a comment on the code host.
pub(super) fn limit() -> usize {
    if std::env::var_os("GITLAB_CI").is_some() { GITLAB_LIMIT } else { GITHUB_LIMIT }
}

fn denied(card: &Card, deny: Option<Denied>) -> Result<(), Failure> {
    let is_denied = match deny {
        None => false,
        Some(Denied::Refused) => card.verdict == Verdict::Refused,
        Some(Denied::Approvals) => matches!(card.verdict, Verdict::Refused | Verdict::NeedsApproval),
    };
    if !is_denied {
        return Ok(());
    }
    let verdict = card.verdict.name();
    Err(Failure::new(format!("the verdict of the change is `{verdict}`")).with_code(ExitCode::Refused))
}
