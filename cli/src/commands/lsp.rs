//! `lsp`: a language server on standard input and output.

use std::path::Path;

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
#[command(after_help = "Exit codes: 0 the editor ended the server, 1 failure, 2 usage error.")]
pub(super) struct Arguments {
    /// Check templates for this region, such as `eu-west-1`. Default: the regions of the `stackwright.toml` that is nearest to
    /// the file; without any, rules about regions report only values that are wrong in every region
    #[arg(long)]
    region: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    // The configuration is read again for each check, because it can be edited, too.
    language_server::run(&|path| {
        let directory = path.and_then(Path::parent);
        let configuration = match directory {
            Some(directory) => Configuration::of_directory(directory),
            None => Configuration::read(None),
        };
        let configuration = configuration.map_err(|failure| failure.message)?;
        let mut options = configuration.options_of(&configuration.options(), path).into_owned();
        if let Some(region) = &arguments.region {
            options.regions = vec![region.clone()];
        }
        Ok(options)
    })
}
