//! `lsp`: a language server on standard input and output.

use clap::Args;

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::language_server;

/// Run a language server for templates on standard input and output.
///
/// An editor with support for the Language Server Protocol starts this command itself. The server reports the
/// findings of `check` while a template is edited, explains the rule under the pointer, and offers the fixes of
/// `check --fix`.
#[derive(Args)]
pub(super) struct Arguments {
    /// The region to check for. Default: that of `stackwright.toml`
    #[arg(long)]
    region: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut options = Configuration::read(None)?.options();
    if let Some(region) = &arguments.region {
        options.regions = vec![region.clone()];
    }
    language_server::run(options).map_err(Failure::new)
}
