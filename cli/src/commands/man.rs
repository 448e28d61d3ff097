//! `man`: manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;

use crate::failure::Failure;

/// Print a manual page, or write all of them, in the format of `man` (roff).
///
/// For example, `stackwright man deploy > stackwright-deploy.1`, then `man ./stackwright-deploy.1`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The command, such as `deploy` or `estimate memory`. Default: the page of the program
    command: Vec<String>,
    /// Write the pages of all commands to a directory, which is created if it does not exist
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, program: clap::Command) -> Result<(), Failure> {
    let mut program = without_help(program);
    program.build();
    if let Some(directory) = &arguments.out {
        std::fs::create_dir_all(directory)?;
        return Ok(clap_mangen::generate_to(program, directory)?);
    }
    let mut command = &program;
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("there is no command `{}`", arguments.command.join(" ")))
        })?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.clone().name(name)).render(&mut page)?;
    Ok(std::io::stdout().write_all(&page)?)
}

/// Removes the command `help` at every level: its pages would repeat those of the commands.
fn without_help(command: clap::Command) -> clap::Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}
