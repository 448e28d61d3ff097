//! `synth`: stacks to templates.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_synth::{Assembly, StackArtifact};

use crate::failure::Failure;
use crate::origin::Origin;

/// Write the templates of stacks, checked, as a cloud assembly.
///
/// The assembly holds a template a stack, what has to be uploaded before, and which line of the program set
/// what. The CDK CLI reads it too: `cdk ls --app DIR`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Stacks to write, by id or name; all of them unless named. What they depend on is written too
    stacks: Vec<String>,
    /// The folder for the assembly: what lay there before is replaced, if it was an assembly
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// The form of templates; `yaml` lies beside the JSON that tools read
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
    /// Print the templates and write nothing
    #[arg(long)]
    stdout: bool,
    /// Write without checking
    #[arg(long)]
    no_check: bool,
    /// Say nothing but what is wrong
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    // The process ends after this: taking every stack apart first would only take time. What lies on disk goes.
    let mut loaded = std::mem::ManuallyDrop::new(origin.stacks(!arguments.no_check)?);
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
    assembly.write(&arguments.out)?;
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
    if cfg!(feature = "deploy") {
        anstream::eprintln!("next: deploy, or `cdk diff --app {}`", arguments.out.display());
    } else {
        anstream::eprintln!(
            "next: `stackwright deploy --app {0}`, or `cdk diff --app {0}`",
            arguments.out.display()
        );
    }
    Ok(())
}

/// The templates as one text: one template as it is, several by the ids of their stacks.
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

/// The chosen stacks and all that they depend on, in the order of the app.
fn with_dependencies(assembly: &Assembly, chosen: &[&StackArtifact]) -> Assembly {
    let mut ids: Vec<&str> = chosen.iter().map(|stack| stack.id.as_str()).collect();
    let mut at = 0;
    while let Some(id) = ids.get(at).copied() {
        for dependency in assembly.stack(id).into_iter().flat_map(|stack| &stack.dependencies) {
            if !ids.contains(&dependency.as_str()) {
                ids.push(dependency);
            }
        }
        at += 1;
    }
    Assembly {
        stacks: assembly.stacks.iter().filter(|stack| ids.contains(&stack.id.as_str())).cloned().collect(),
    }
}
