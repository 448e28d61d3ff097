//! `completions`: print a completion script.

use std::io::Write as _;

use clap::Args;
use clap_complete::Shell;

use crate::failure::Failure;

/// Print a shell completion script for this program.
///
/// For bash, write it to a file with the name of the program:
/// `stackwright completions bash > ~/.local/share/bash-completion/completions/stackwright`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell that reads the script
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut program: clap::Command) -> Result<(), Failure> {
    let name = program.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, name, &mut text);
    Ok(std::io::stdout().write_all(&text)?)
}
