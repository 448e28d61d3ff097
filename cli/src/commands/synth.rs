//! `synth`: write templates.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_synth::{Assembly, AssemblyError, StackArtifact};

use crate::failure::Failure;
use crate::origin::Origin;

/// Check the stacks and write their templates as a cloud assembly.
///
/// The assembly is a directory with a template for each stack, the assets to upload, and the lines of the program that set
/// each value. The CDK CLI reads it as well: `cdk ls --app DIR`.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the templates were written, 1 the check found errors or the command failed, 2 usage error."
)]
pub(super) struct Arguments {
    /// The stacks to write, by ID or name, with the stacks that they depend on. Default: all stacks
    stacks: Vec<String>,
    /// Write the assembly to this directory. An existing assembly in it is replaced; other files in it are an error
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Set the format of the templates. With `yaml`, the directory contains each template as YAML as well as JSON
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
    /// Print the templates to stdout and write no files
    #[arg(long)]
    stdout: bool,
    /// Write the templates without checking them first. Default: nothing is written if `check` finds an error
    #[arg(long)]
    no_check: bool,
    /// Print findings and errors only. Default: also the files, the quotas that are needed, and the next command
    #[arg(long, short)]
    quiet: bool,
    /// Write the templates again after each change of the program, until Ctrl-C ends the command. Needs the installed
    /// `stackwright`, because a running program cannot rebuild itself
    #[arg(long, conflicts_with = "stdout")]
    watch: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    #[cfg(feature = "deploy")]
    if arguments.watch {
        return crate::watch::repeat(origin, || once(arguments, origin));
    }
    #[cfg(not(feature = "deploy"))]
    if arguments.watch {
        return Err(Failure::usage("a running program cannot rebuild itself, which `--watch` requires")
            .hint("run the installed binary in the directory of the program: `stackwright synth --watch`"));
    }
    once(arguments, origin)
}

fn once(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    // The process ends after this command, so the stacks are not dropped. The temporary directory is.
    let loaded = if arguments.no_check { origin.texts()? } else { origin.stacks(true)? };
    let mut loaded = std::mem::ManuallyDrop::new(loaded);
    let _directory = loaded.directory.take();
    let chosen = super::select(&loaded.assembly, &arguments.stacks)?;
    if arguments.stdout {
        let text = templates(&chosen, arguments.format);
        return Ok(anstream::stdout().write_all(text.as_bytes())?);
    }
    let narrowed;
    let assembly = if arguments.stacks.is_empty() {
        &loaded.assembly
    } else {
        narrowed = with_dependencies(&loaded.assembly, &chosen);
        &narrowed
    };
    assembly.write(&arguments.out).map_err(|error| {
        let is_file_error = matches!(error, AssemblyError::Io { .. });
        let failure = Failure::from(error);
        match is_file_error {
            true => failure
                .hint("write the templates to another directory (`--out DIR`), or print them (`--stdout`)"),
            false => failure,
        }
    })?;
    if arguments.format == Form::Yaml {
        for stack in &assembly.stacks {
            let path = arguments.out.join(format!("{}.template.yaml", stack.id));
            std::fs::write(path, stack.template.to_yaml())?;
        }
    }
    if arguments.quiet {
        return Ok(());
    }
    for stack in &assembly.stacks {
        let resources = stack.template.resources().count();
        let path = arguments.out.join(stack.template_file());
        anstream::eprintln!("{}: {resources} resources in {}", stack.id, path.display());
    }
    for line in
        super::summary::lines(assembly).into_iter().chain(super::summary::default_quota_lines(assembly))
    {
        anstream::eprintln!("{line}");
    }
    if cfg!(feature = "deploy") {
        anstream::eprintln!("next: `deploy`, or `cdk diff --app {}`", arguments.out.display());
    } else {
        anstream::eprintln!(
            "next: `stackwright deploy --app {0}`, or `cdk diff --app {0}`",
            arguments.out.display()
        );
    }
    Ok(())
}

/// Returns the templates as one string: a single template unchanged, several templates by the IDs of their stacks.
fn templates(stacks: &[&StackArtifact], form: Form) -> String {
    match (stacks, form) {
        ([stack], Form::Json) => stack.template.json().to_owned(),
        ([stack], Form::Yaml) => stack.template.to_yaml(),
        (stacks, Form::Json) => {
            let by_id: serde_json::Map<_, _> = stacks
                .iter()
                .map(|stack| (stack.id.clone(), stack.template.sections().clone().into()))
                .collect();
            format!("{:#}\n", serde_json::Value::Object(by_id))
        }
        (stacks, Form::Yaml) => {
            stacks.iter().map(|stack| format!("--- # {}\n{}", stack.id, stack.template.to_yaml())).collect()
        }
    }
}

/// Returns the chosen stacks and their dependencies, in the order of the app.
fn with_dependencies(assembly: &Assembly, chosen: &[&StackArtifact]) -> Assembly {
    let needed = assembly.with_dependencies(chosen);
    let is_needed = |stack: &&StackArtifact| needed.iter().any(|one| one.id == stack.id);
    Assembly::new(assembly.stacks.iter().filter(is_needed).cloned().collect())
}
