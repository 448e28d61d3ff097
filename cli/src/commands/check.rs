//! `check`: finds errors in stacks and templates before a deployment.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stackwright_review::check::Fixed;
use stackwright_review::{Diagnostic, Report, check, report};

use crate::baseline::Baseline;
use crate::checked::{Checked, Request};
use crate::configuration::Configuration;
use crate::failure::{ExitCode, Failure};
use crate::git_paths;
use crate::origin::Origin;

/// Find errors in stacks and templates before a deployment.
///
/// The command evaluates the deployments that parameters and conditions allow. It checks the template itself, every
/// property of every resource, policies and definitions in properties, what SageMaker and Application Auto Scaling
/// require across several resources, the jobs that pipelines and state machines start, and access from outside.
/// `explain` lists the rules.
#[derive(Args)]
#[command(
    after_help = "A finding that is intentional is acknowledged with a reason: `.acknowledge(\"rule-name\", \"reason\")` on a \
                  construct, or in a template under `Metadata: {stackwright: {acknowledge: {rule-name: reason}}}`. \
                  `stackwright.toml` sets rules, severities, paths and regions; docs/checking.md describes it.\n\n\
                  Exit codes: 0 no error, 1 errors, also in files that cannot be read, 2 usage error (an unknown option or \
                  rule, a path that does not exist, or a wrong configuration or baseline file), 4 warnings with `--deny warnings`. \
                  Findings of the severity info never change the exit code."
)]
pub(super) struct Arguments {
    /// Templates (JSON or YAML), cloud assemblies (directories written by `synth` or by the CDK), or `-` for standard
    /// input. Default: the input of `--app` or `--package`, then the paths of `stackwright.toml`, then the stacks of the program
    paths: Vec<PathBuf>,
    /// Set the format of the report
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Fail on warnings as well as errors. Default: only errors fail
    #[arg(long, value_enum, value_name = "SEVERITY")]
    deny: Option<Denied>,
    /// Ignore the findings of these rules in the exit code; the report still contains them. Separate several rules with
    /// commas: `--allow unused-parameter,wildcard-resource`. Default: no rule
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    allow: Vec<String>,
    /// Evaluate only these rules; separate several with commas. Default: all rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Check stacks that are not bound to a region for these regions; separate several with commas:
    /// `--region us-east-1,eu-west-1`. Default: those of `stackwright.toml`; without any, rules about
    /// regions report only values that are wrong in every region
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Show at most this number of findings in full in the text report; 0 shows all of them
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    max_findings: usize,
    /// Ignore the findings in this file, which `--write-baseline` wrote, in the exit code. Default: the baseline of
    /// `stackwright.toml`, or none
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write all findings to this JSON file for `--baseline`, print no report, and exit with code 0
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Change the template files: correct misspelled names, and add a missing `Fn::Sub` or `DependsOn`, where only one correction
    /// is possible. The changes are printed as a diff. Default: no file is changed
    #[arg(long)]
    fix: bool,
    /// Read this configuration file, which docs/checking.md describes. Default: `stackwright.toml` in the current directory or a
    /// directory above it; without such a file, nothing is configured
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text for people, with source lines
    Text,
    /// One JSON document; docs/report.schema.json describes it
    Json,
    /// SARIF 2.1.0 for code hosts
    Sarif,
    /// JUnit XML for CI systems
    Junit,
    /// Markdown for pull requests
    Markdown,
    /// Workflow commands for GitHub Actions
    Github,
    /// Code quality report for merge requests of GitLab
    Gitlab,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Warnings result in exit code 4
    Warnings,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    origin.refuse_with_files(!arguments.paths.is_empty())?;
    for name in arguments.allow.iter().chain(&arguments.only) {
        super::explain::known(name)?;
    }
    let configuration = Configuration::read(arguments.config.as_deref())?;
    let request = request(arguments, &configuration)?;
    let is_whole = arguments.paths.is_empty() && !origin.is_named();
    let mut paths = if is_whole { configuration.paths()? } else { arguments.paths.clone() };
    // A path that is named twice is checked once.
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    if arguments.fix {
        fix(&paths, &request)?;
    }
    let mut checked = match paths.is_empty() {
        true => Checked::of_input(origin.input()?, &request),
        false => Checked::of_paths(&paths, &request),
    };
    if let (Some(path), Some(baseline)) = (&arguments.write_baseline, &checked.baseline) {
        baseline.write(path)?;
        anstream::eprintln!("{}: {} findings written", path.display(), baseline.len());
        return Ok(());
    }
    print_unused(&checked.report, &request, is_whole, &paths);
    if matches!(arguments.format, Form::Sarif | Form::Github | Form::Gitlab) {
        git_paths::relative_to_git_root(&mut checked.report);
    }
    print(&checked, arguments)?;
    if let Some(missing) = paths.iter().find(|path| path.as_os_str() != "-" && !path.exists()) {
        return Err(no_file(missing));
    }
    let found = &checked.report;
    match (found.errors(), found.warnings(), arguments.deny) {
        (0, 0, _) | (0, _, None) => Ok(()),
        (0, _, Some(Denied::Warnings)) => Err(Failure::reported().with_code(ExitCode::Refused)),
        _ => Err(Failure::reported()),
    }
}

fn no_file(path: &Path) -> Failure {
    let failure = Failure::usage(format!("there is no file or directory {}", path.display()));
    match path.to_string_lossy().contains(['*', '?']) {
        true => failure.hint("the shell expands `*` only outside of quotation marks; `paths` in `stackwright.toml` has patterns, too"),
        false => failure,
    }
}

fn request<'c>(arguments: &Arguments, configuration: &'c Configuration) -> Result<Request<'c>, Failure> {
    let mut options = configuration.options().only(&arguments.only).allow(&arguments.allow);
    if !arguments.regions.is_empty() {
        options.regions.clone_from(&arguments.regions);
    }
    let collected = arguments.write_baseline.as_deref().map(Baseline::new);
    let baseline = arguments.baseline.as_ref().or(configuration.baseline.as_ref());
    let baseline = match baseline.filter(|_| collected.is_none()) {
        Some(path) => Some(Baseline::read(path)?),
        None => None,
    };
    Ok(Request { options, configuration, baseline, collected })
}

/// Prints which ignores and findings of the baseline have no effect any more.
fn print_unused(found: &Report, request: &Request<'_>, is_whole: bool, paths: &[PathBuf]) {
    if !request.options.only.is_empty() {
        return;
    }
    if let Some(baseline) = &request.baseline {
        let known: usize = match paths {
            [] => baseline.of(None).len(),
            paths => paths.iter().map(|path| baseline.of(Some(path)).len()).sum(),
        };
        let of_baseline = |one: &&Diagnostic| one.acknowledged.as_deref() == Some(check::IN_BASELINE);
        let used: HashSet<(String, &str)> = found
            .diagnostics
            .iter()
            .filter(of_baseline)
            .map(|one| {
                (one.fingerprint(), one.location.as_ref().map_or("", |location| location.file.as_ref()))
            })
            .collect();
        if known > used.len() {
            anstream::eprintln!(
                "note: {} findings of the baseline do not occur any more; write it again to remove them",
                known - used.len()
            );
        }
    }
    for ignore in request.options.ignores.iter().filter(|_| is_whole) {
        if !found.diagnostics.iter().any(|one| one.acknowledged.as_ref() == Some(&ignore.reason)) {
            anstream::eprintln!(
                "note: no finding matches the `ignore` with the reason \"{}\"",
                ignore.reason
            );
        }
    }
}

fn print(checked: &Checked, arguments: &Arguments) -> Result<(), Failure> {
    let text = shown(checked, arguments);
    if arguments.format != Form::Text {
        // Control characters in these formats are data.
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    anstream::stdout().write_all(text.as_bytes())?;
    let known = |one: &Diagnostic| check::rule_named(&one.id);
    if let Some(rule) = checked.report.diagnostics.iter().find_map(known) {
        anstream::eprintln!("next: `explain {}` explains the rule", rule.name);
    }
    Ok(())
}

fn shown(checked: &Checked, arguments: &Arguments) -> String {
    let found = &checked.report;
    match arguments.format {
        Form::Text => {
            let limit = Some(arguments.max_findings).filter(|limit| *limit > 0);
            report::text_up_to(found, |file| checked.source(file), true, limit)
        }
        Form::Json => report::json(found),
        Form::Sarif => report::sarif(found),
        Form::Junit => report::junit(found, &checked.stacks),
        Form::Markdown => report::markdown(found),
        Form::Github => report::github(found),
        Form::Gitlab => report::gitlab(found),
    }
}

/// Applies the fixes to the templates among the paths, and prints the changed lines.
fn fix(paths: &[PathBuf], request: &Request<'_>) -> Result<(), Failure> {
    if paths.iter().all(|path| path.is_dir() || path.as_os_str() == "-") {
        return Err(Failure::usage("`--fix` changes template files, but the command line names none")
            .hint("name the files, or correct the program that writes the template"));
    }
    for path in paths.iter().filter(|path| path.is_file()) {
        let name = path.display().to_string();
        // The report explains what cannot be read.
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let fixed = check::fix(&name, &text, &request.options_of(Some(path)));
        if fixed.changes.is_empty() {
            continue;
        }
        let failed = |error| Failure::new(format!("{name}: {error}"));
        std::fs::write(path, &fixed.text).map_err(failed)?;
        print_difference(&name, &fixed);
    }
    Ok(())
}

fn print_difference(name: &str, fixed: &Fixed) {
    anstream::eprintln!("--- {name}\n+++ {name}");
    let mut added = 0;
    for change in &fixed.changes {
        let new: Vec<&str> = change.new.lines().collect();
        let (line, old) = (change.line, &change.old);
        anstream::eprintln!("@@ -{line} +{},{} @@\n-{old}", line + added, new.len());
        new.iter().for_each(|line| anstream::eprintln!("+{line}"));
        added += new.len() - 1;
    }
}
