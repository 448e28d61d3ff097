//! `new` and `init`: create a project.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::program::FIRST_BUILD;
use crate::project::{self, Name, Source, Template};

/// Create a project in a new directory.
///
/// The project is a small Rust program with one stack, a snapshot test, a CI workflow and a README. It can be
/// deployed without changes: run `stackwright deploy --local` in it, which needs no AWS account.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the project was created, 1 the directory exists or cannot be written, 2 usage error."
)]
pub(super) struct NewArguments {
    /// The name of the project and of its directory: a letter, then letters, digits and hyphens, such as `my-stacks`
    #[arg(value_name = "NAME")]
    name: Name,
    #[command(flatten)]
    options: Options,
}

/// Create a project in the current directory.
///
/// The project is the one that `stackwright new` creates. Existing files are never changed: README.md and .gitignore are kept. If
/// another file of the project exists already, such as `Cargo.toml`, the command fails and writes nothing.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the project was created, 1 a file exists or cannot be written, 2 usage error."
)]
pub(super) struct InitArguments {
    /// The name of the project: a letter, then letters, digits and hyphens. Default: the name of the current directory
    #[arg(long)]
    name: Option<Name>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Options {
    /// Choose the stacks that the project starts with
    #[arg(long, value_enum, default_value_t = Template::Endpoint)]
    template: Template,
    /// Use the crate `stackwright` from a directory, such as `../stackwright`, or from a Git repository, such as
    /// `https://github.com/OWNER/NAME`. Default: the version of this program on crates.io
    #[arg(long, value_name = "PATH|URL")]
    source: Option<String>,
}

pub(super) fn new(arguments: &NewArguments) -> Result<(), Failure> {
    let directory = PathBuf::from(arguments.name.as_str());
    if directory.exists() {
        return Err(Failure::new(format!("`{}` exists already", directory.display()))
            .hint("choose another name, or run `stackwright init` in that directory"));
    }
    create(&directory, &arguments.name, &arguments.options)?;
    next(Some(&arguments.name));
    Ok(())
}

pub(super) fn init(arguments: &InitArguments) -> Result<(), Failure> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => {
            let directory = std::env::current_dir()?;
            let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.parse().map_err(|error| {
                Failure::usage(error).hint("name the project with `stackwright init --name NAME`")
            })?
        }
    };
    create(Path::new("."), &name, &arguments.options)?;
    next(None);
    Ok(())
}

fn create(directory: &Path, name: &Name, options: &Options) -> Result<(), Failure> {
    let source = Source::parse(options.source.as_deref()).map_err(Failure::usage)?;
    let created =
        project::create(directory, name, options.template, &source).map_err(|error| match error {
            project::ProjectError::Exists { ref files, .. } => {
                let failure = Failure::new(&error);
                match files.iter().any(|file| file.as_os_str() == "Cargo.toml") {
                    true => failure
                        .hint("no file was written; create a package of its own for the stacks: `stackwright new infra`"),
                    false => failure.hint("no file was written; move these files away, or use another directory"),
                }
            }
            error => Failure::new(error).hint("use a directory in which you may create files"),
        })?;
    for file in &created.written {
        anstream::eprintln!("created {}", directory.join(file).display());
    }
    for file in &created.kept {
        let advice = match file.to_str() {
            Some(".gitignore") => {
                ": add `/target`, `/out`, `/.stackwright`, `*.plan.json`, `/plan.json` and `*.snap.new` to it"
            }
            _ => "",
        };
        anstream::eprintln!("kept {}, which existed already{advice}", directory.join(file).display());
    }
    if matches!(source, Source::Registry) {
        anstream::eprintln!(
            "note: `Cargo.toml` names the crate `stackwright` {} on crates.io; `--source PATH|URL` names a clone or a repository",
            env!("CARGO_PKG_VERSION")
        );
    }
    if let Some(path) = source.outside(directory) {
        anstream::eprintln!(
            "note: `Cargo.toml` names the crate `stackwright` in {}, which only this machine has: the workflow in `.github` fails on \
             others. To share the project, name a Git repository: `stackwright = {{ git = \"URL\" }}`",
            path.display()
        );
    }
    if let Some(manifest) = project::workspace_above(directory) {
        anstream::eprintln!(
            "note: {} is a Cargo workspace: add this package to its `members`. The first build is faster with \
             `[profile.dev.package.\"*\"] debug = false` in that file",
            manifest.display()
        );
    }
    // The project can be the root of the repository.
    let inside = |root: &PathBuf| directory.canonicalize().is_ok_and(|project| project != *root);
    if let Some(root) = project::repository_above(directory).filter(inside) {
        anstream::eprintln!(
            "note: GitHub runs the workflows of {} only: move `.github` to it, and add `defaults: {{ run: {{ working-directory: \
             PATH }} }}` to the workflow, with the path of this project",
            root.display()
        );
    }
    Ok(())
}

fn next(name: Option<&Name>) {
    if let Some(name) = name {
        anstream::eprintln!("next: cd {}", name.as_str());
    }
    anstream::eprintln!(
        "next: cargo run -- synth           (the first build takes {FIRST_BUILD})\n\
         next: stackwright deploy --local   (a simulated CloudFormation on this machine, no AWS account)"
    );
}
