//! `completions`: print a completion script.

use std::io::Write as _;

use clap::Args;
use clap_complete::Shell;

use crate::failure::Failure;

/// Print a shell completion script for this program.
///
/// For bash, write it to `~/.local/share/bash-completion/completions/NAME`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut program: clap::Command) -> Result<(), Failure> {
    let name = program.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, name, &mut text);
    Ok(std::io::stdout().write_all(&text)?)
}
