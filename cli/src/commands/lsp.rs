//! `lsp`: a language server on standard input and output.

use clap::Args;

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::language_server;

/// Run a language server for templates on standard input and output.
///
/// Editors that speak the Language Server Protocol start it by themselves. It reports what `check` finds while a template
/// is edited, explains a rule where the pointer is, and offers the fixes that `check --fix` makes.
#[derive(Args)]
pub(super) struct Arguments {
    /// The region to check for. Default: that of `stackwright.toml`
    #[arg(long)]
    region: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut options = Configuration::read(None)?.options();
    if arguments.region.is_some() {
        options.region.clone_from(&arguments.region);
    }
    language_server::run(options).map_err(Failure::new)
}
