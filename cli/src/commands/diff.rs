//! `diff`: compares two versions of stacks, and shows the consequences.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_review::diff::{self, Diff};
use stackwright_review::report;
use stackwright_synth::secret::SecretValues;

use crate::base;
use crate::failure::{ExitCode, Failure};
use crate::origin::{self, Origin};

/// Show the differences between two versions of stacks, and whether CloudFormation updates, replaces or deletes resources.
///
/// The command compares two templates, assemblies or outputs of the CDK (`diff OLD NEW`), a stored version with the
/// stacks of the program (`diff OLD`), the program at a git revision with the current one (`diff --base main`), or the
/// deployed stacks with those of the program (`diff --deployed`). Values are compared by meaning: `1` equals `"1"`, and
/// the order of a set has no effect. Whether a resource is replaced is read from the CloudFormation registry schemas. Only
/// `--deployed` sends requests to AWS.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 nothing differs, or something does and --exit-code was not given, 1 failure, 2 usage \
                        error, 5 something differs and --exit-code was given."
)]
pub(super) struct Arguments {
    /// The old version: a template, an assembly, or the output of the CDK
    old: Option<PathBuf>,
    /// The new version. Default: the stacks of the program
    new: Option<PathBuf>,
    /// Compare with the program at a git revision, such as `main` or `HEAD~1`, which is built in a temporary worktree
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["old", "new"])]
    base: Option<String>,
    /// Compare with the deployed stacks: those with these IDs or names, or all stacks of the program. Parameters have the
    /// values of the deployed stack, and a stack policy that refuses an update is reported
    #[arg(long, value_name = "STACK", num_args = 0.., conflicts_with_all = ["old", "new", "base"])]
    deployed: Option<Vec<String>>,
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    account: deployed::DeployedArguments,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Exit with code 5 if anything differs. Default: exit with code 0
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
    /// One HTML file with filters, which needs no network
    Html,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    if let Some(stacks) = &arguments.deployed {
        let (found, secrets) = deployed::compare(stacks, arguments, origin)?;
        return show(&found, &secrets, arguments);
    }
    #[cfg(feature = "deploy")]
    arguments.account.refuse_without_deployed()?;
    origin.refuse_with_files(arguments.new.is_some())?;
    let old = match (&arguments.old, &arguments.base) {
        (Some(path), _) => base::stored(path).map_err(|failure| match path.exists() {
            true => failure,
            false => failure
                .hint(format!("to compare with a deployed stack, use `diff --deployed {}`", path.display())),
        })?,
        (None, Some(revision)) => base::at_revision(revision, origin)?,
        (None, None) => {
            return Err(Failure::usage("`diff` needs a version to compare with").hint(
                "name the old version (`diff OLD NEW`), a git revision (`diff --base main`), or `--deployed`",
            ));
        }
    };
    let new = match &arguments.new {
        Some(path) => base::stored(path)?,
        None => origin.stacks(false)?,
    };
    let secrets = origin::secrets(&old.assembly).and(origin::secrets(&new.assembly));
    show(&diff::compare(&old.assembly, &new.assembly), &secrets, arguments)
}

/// Prints the differences.
fn show(found: &Diff, secrets: &SecretValues, arguments: &Arguments) -> Result<(), Failure> {
    let text = match arguments.format {
        Form::Text => secrets.mask(&diff::text(found, true)),
        Form::Markdown => secrets.mask(&diff::markdown(found)),
        Form::Json => origin::masked_json(secrets, diff::json(found)),
        Form::Html => secrets.mask_html(&report::diff_html(found)),
    };
    match arguments.format {
        Form::Text => anstream::stdout().write_all(text.as_bytes())?,
        Form::Markdown | Form::Json | Form::Html => std::io::stdout().write_all(text.as_bytes())?,
    }
    if arguments.exit_code && !found.is_empty() {
        return Err(Failure::reported().with_code(ExitCode::DifferencesFound));
    }
    Ok(())
}

/// The comparison with deployed stacks.
#[cfg(feature = "deploy")]
mod deployed {
    use clap::Args;
    use stackwright_review::diff::Diff;
    use stackwright_synth::secret::SecretValues;

    use crate::deployment::{Target, compare_deployed, has_parameter, parameter, remember};
    use crate::failure::Failure;
    use crate::origin::Origin;

    #[derive(Args)]
    pub(super) struct DeployedArguments {
        #[command(flatten)]
        target: Target,
        /// Compare with this value of a parameter, in every stack that has this parameter; may be repeated. Default: the value
        /// that `deploy` would set. Requires `--deployed`
        #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
        parameters: Vec<(String, String)>,
    }

    impl DeployedArguments {
        /// Refuses arguments that only make sense with `--deployed`.
        pub fn refuse_without_deployed(&self) -> Result<(), Failure> {
            if self.target.is_given() || !self.parameters.is_empty() {
                return Err(Failure::usage(
                    "`--profile`, `--region`, `--role`, `--local` and `--parameter` need `--deployed`",
                ));
            }
            Ok(())
        }
    }

    pub(super) fn compare(
        stacks: &[String],
        arguments: &super::Arguments,
        origin: &Origin,
    ) -> Result<(Diff, SecretValues), Failure> {
        let loaded = origin.stacks(false)?;
        let stacks = crate::commands::select(&loaded.assembly, stacks)?;
        let DeployedArguments { target, parameters } = &arguments.account;
        remember(origin, Some(target));
        if let Some((name, _)) =
            parameters.iter().find(|(name, _)| !stacks.iter().any(|stack| has_parameter(stack, name)))
        {
            return Err(Failure::usage(format!("none of the stacks has a parameter `{name}`")));
        }
        let (found, secrets) = compare_deployed(target, &stacks, |stack| {
            parameters.iter().filter(|(name, _)| has_parameter(stack, name)).cloned().collect()
        })?;
        Ok((found, secrets.and(crate::origin::secrets(&loaded.assembly))))
    }
}

/// The comparison with deployed stacks needs the feature `deploy`.
#[cfg(not(feature = "deploy"))]
mod deployed {
    use stackwright_review::diff::Diff;
    use stackwright_synth::secret::SecretValues;

    use crate::failure::Failure;
    use crate::origin::Origin;

    pub(super) fn compare(
        stacks: &[String],
        _: &super::Arguments,
        _: &Origin,
    ) -> Result<(Diff, SecretValues), Failure> {
        let names: String = stacks.iter().map(|stack| format!(" {stack}")).collect();
        Err(crate::commands::unavailable::without_deploy("diff --deployed", &names))
    }
}
