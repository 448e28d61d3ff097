//! `estimate quotas`: the service quotas that stacks need.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use stackwright_estimate::quotas::Need;

use crate::commands::OutputFormat;
use crate::failure::Failure;
use crate::input;
use crate::origin::Origin;

/// List the service quotas that the stacks need at their maximum capacity.
///
/// For each quota, the table has the quota code, the value that the stacks need, the value during an update, and the default of
/// AWS.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 success, also if a quota is too low, 1 failure, 2 usage error.")]
pub(super) struct Arguments {
    /// Templates (JSON or YAML), or assemblies (directories). Default: the stacks of the program
    paths: Vec<PathBuf>,
    /// Read the values of the account from Service Quotas, with the credentials of the AWS CLI. Default: send no requests. The
    /// options about credentials and local mode require it
    #[arg(long)]
    account_values: bool,
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    target: crate::deployment::Target,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    origin.refuse_with_files(!arguments.paths.is_empty())?;
    let read = if arguments.paths.is_empty() { origin.input()? } else { input::read(&arguments.paths) };
    read.readable()?;
    let needs = account::needs(arguments, &read.assembly)?;
    let text = match arguments.format {
        OutputFormat::Json => {
            let note = limits_of_values(arguments.account_values);
            format!("{:#}\n", json!({ "version": 1, "quotas": needs, "notes": [note] }))
        }
        OutputFormat::Text => text(&needs, arguments.account_values),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The values of the account.
#[cfg(feature = "deploy")]
mod account {
    use stackwright_estimate::cost::Options;
    use stackwright_estimate::quotas::{self, Need};
    use stackwright_synth::{Assembly, StackArtifact};

    use crate::deployment::{Session, account_quotas, block_on, failure, stoppable};
    use crate::failure::Failure;

    /// Returns what the stacks need, with the values of their accounts if they are requested. Values that cannot be read are a
    /// failure, because they were requested.
    pub(super) fn needs(arguments: &super::Arguments, assembly: &Assembly) -> Result<Vec<Need>, Failure> {
        if !arguments.account_values {
            if arguments.target.is_given() {
                return Err(Failure::usage(
                    "`--profile`, `--region`, `--role` and `--local` need `--account-values`",
                ));
            }
            return Ok(quotas::of_assembly(assembly, &Options::default()));
        }
        let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
        block_on(stoppable(|| None, async {
            let session = Session::open(&arguments.target, &stacks).await?;
            let found = account_quotas(&session, assembly, &stacks).await.map_err(|error| failure(&error))?;
            match found.unread {
                Some(error) => {
                    Err(failure(&error).hint("`permissions plan` prints the permissions to read quotas"))
                }
                None => Ok(found.needs),
            }
        }))
    }
}

/// The values of the account need the feature `deploy`.
#[cfg(not(feature = "deploy"))]
mod account {
    use stackwright_estimate::cost::Options;
    use stackwright_estimate::quotas::{self, Need};
    use stackwright_synth::Assembly;

    use crate::failure::Failure;

    pub(super) fn needs(arguments: &super::Arguments, assembly: &Assembly) -> Result<Vec<Need>, Failure> {
        if arguments.account_values {
            return Err(crate::commands::unavailable::without_deploy("estimate quotas --account-values", ""));
        }
        Ok(quotas::of_assembly(assembly, &Options::default()))
    }
}

/// Returns the text about what the values do not include.
fn limits_of_values(has_account_values: bool) -> &'static str {
    if has_account_values {
        "The present usage of the account is not counted. Service Quotas has no value for what is unknown."
    } else {
        "The account's values are in Service Quotas (`--account-values` reads them); defaults are AWS's, and an account can have \
         others. The present usage of the account is not counted."
    }
}

fn shown(value: Option<u64>) -> String {
    value.map_or("unknown".to_owned(), |value| value.to_string())
}

fn text(needs: &[Need], has_account_values: bool) -> String {
    if needs.is_empty() {
        return "The stacks need no quota that is known here.\n".to_owned();
    }
    let locations: BTreeSet<_> = needs.iter().map(|need| (&need.account, &need.region)).collect();
    let mut text = String::new();
    for (account, region) in &locations {
        let here = needs.iter().filter(|need| (&need.account, &need.region) == (account, region));
        if locations.len() > 1 {
            let account = account.as_deref().unwrap_or("the account of the credentials");
            let region = region.as_deref().unwrap_or("the region of the credentials");
            text.push_str(&format!("{account}, {region}:\n"));
        }
        table(&mut text, &here.collect::<Vec<_>>(), has_account_values);
    }
    text.push_str(limits_of_values(has_account_values));
    text.push('\n');
    text
}

fn table(text: &mut String, needs: &[&Need], has_account_values: bool) {
    let width = needs.iter().map(|need| need.name.len()).max().unwrap_or(0);
    let account = if has_account_values { format!("{:>9}  ", "account") } else { String::new() };
    text.push_str(&format!(
        "{:width$}  {:10}  {:>7}  {:>13}  {:>7}  {account}resources\n",
        "quota", "code", "needed", "during update", "default"
    ));
    for need in needs {
        let update = need.during_update.map_or("-".to_owned(), |value| value.to_string());
        let code = need.code.as_deref().unwrap_or("unknown");
        let (needed, default, resources) =
            (shown(need.needed), shown(need.default), need.resources.join(", "));
        let account = match (has_account_values, need.account_value) {
            (false, _) => String::new(),
            (true, value) => {
                let mark = if value.is_some() && need.is_exceeded() == Some(true) { "<" } else { " " };
                format!("{:>8}{mark}  ", shown(value))
            }
        };
        text.push_str(&format!(
            "{:width$}  {code:10}  {needed:>7}  {update:>13}  {default:>7}  {account}{resources}\n",
            need.name
        ));
    }
    if needs.iter().any(|need| need.account_value.is_some() && need.is_exceeded() == Some(true)) {
        text.push_str("< is less than the stacks need: request an increase in Service Quotas.\n");
    }
}
