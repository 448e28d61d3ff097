//! `check`: what is wrong, before anything is deployed.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_review::{Diagnostic, Report, check, report};

use crate::failure::{ExitCode, Failure};
use crate::git_paths;
use crate::input::{self, Input};
use crate::origin::{self, Origin};

/// Find what is wrong with stacks before anything is deployed.
///
/// Looks at every deployment that parameters and conditions allow: at the template itself, at every property of
/// every resource, at what SageMaker and Application Auto Scaling make of them together, at the jobs that pipelines
/// and state machines start, and at what is open to others. `explain` lists the rules.
#[derive(Args)]
#[command(
    after_help = "What is meant so is acknowledged with a reason: `.acknowledge(\"rule-name\", \"reason\")` on a construct, \
                  or in a template under `Metadata: {stackwright: {acknowledge: {rule-name: reason}}}`.\n\n\
                  Exit codes: 0 nothing that counts as an error, 1 errors, 4 refused by --deny."
)]
pub(super) struct Arguments {
    /// Templates (JSON or YAML), assemblies (folders, ours or the CDK's), or `-` for standard input; without any,
    /// the stacks of the program
    paths: Vec<PathBuf>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Refuse what is no error too
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Denied>,
    /// Rules whose findings don't count; they stay in the report
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    allow: Vec<String>,
    /// Ask these rules and no others
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// The region to check for, where a stack is bound to none
    #[arg(long)]
    region: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, with the lines of source
    Text,
    /// For programs; docs/report.schema.json describes it
    Json,
    /// For code hosts: SARIF 2.1.0
    Sarif,
    /// For CI systems
    Junit,
    /// For pull requests
    Markdown,
    /// For GitHub Actions: workflow commands
    Github,
    /// For merge requests of GitLab: code quality
    Gitlab,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Warnings count like errors, with another exit code
    Warnings,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    for name in arguments.allow.iter().chain(&arguments.only) {
        super::explain::known(name)?;
    }
    let options = check::Options {
        region: arguments.region.clone(),
        only: arguments.only.clone(),
        allow: arguments.allow.clone(),
    };
    let input = if arguments.paths.is_empty() { origin.input()? } else { input::read(&arguments.paths) };
    let mut found: Report = check::check(&input.assembly, &options);
    found.diagnostics.extend(input.unreadable.iter().cloned());
    found.sort();
    if matches!(arguments.format, Form::Sarif | Form::Github | Form::Gitlab) {
        git_paths::relative_to_git_root(&mut found);
    }
    let text = shown(&found, arguments.format, &input);
    match arguments.format {
        Form::Text => {
            anstream::stdout().write_all(text.as_bytes())?;
            let known = |one: &Diagnostic| check::rule_named(&one.id);
            if let Some(rule) = found.diagnostics.iter().find_map(known) {
                anstream::eprintln!("next: `explain {}` says more of that rule", rule.name);
            }
        }
        // Control codes inside of these are data.
        _ => std::io::stdout().write_all(text.as_bytes())?,
    }
    match (found.errors(), found.warnings(), arguments.deny) {
        (0, 0, _) | (0, _, None) => Ok(()),
        (0, _, Some(Denied::Warnings)) => Err(Failure::reported().with_code(ExitCode::Refused)),
        _ => Err(Failure::reported()),
    }
}

fn shown(found: &Report, form: Form, input: &Input) -> String {
    match form {
        Form::Text => report::text(found, |file| input.source(file).or_else(|| origin::source(file)), true),
        Form::Json => report::json(found),
        Form::Sarif => report::sarif(found),
        Form::Junit => {
            let stacks: Vec<_> = input.assembly.stacks.iter().map(|stack| stack.id.clone()).collect();
            report::junit(found, &stacks)
        }
        Form::Markdown => report::markdown(found),
        Form::Github => report::github(found),
        Form::Gitlab => report::gitlab(found),
    }
}
