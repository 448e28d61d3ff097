//! `refactor`: renames resources, or moves them to another stack, without replacing them.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;
use stackwright_deploy::{Connection, Progress, ResourceLocation, ResourceMove, refactor, renames};
use stackwright_synth::{Assembly, StackArtifact};

use super::{OutputFormat, print_json, print_text};
use crate::deployment::{
    ProgressFormat, Target, View, Work, compare_deployed, description, on_each, on_stack,
};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::safe_text;

/// Rename resources, or move them to another stack, without replacing them.
///
/// CloudFormation treats a resource with another logical ID, or in another stack, as another resource. The command keeps it
/// with a stack refactor. Without `--move`, the moves are those for which the program names a former ID, and those that a
/// comparison of the deployed stacks with the program finds: same type, same properties, and only one candidate. Without
/// `--execute`, the command only prints the moves. It changes no properties: `deploy` does that afterwards.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 success, also if there is nothing to move, 1 failure, 2 usage error, 3 the stack refactor is \
                  still running in AWS."
)]
pub(crate) struct Arguments {
    /// Move one resource from a stack and logical ID to another, such as `Serving/Models=Storage/Models`; may be repeated.
    /// Default: the moves that the command finds
    #[arg(long = "move", value_name = "STACK/ID=STACK/ID", value_parser = parse)]
    moves: Vec<ResourceMove>,
    /// Perform the stack refactor. Default: print the moves only
    #[arg(long)]
    execute: bool,
    #[command(flatten)]
    pub(super) target: Target,
    /// Set the output format
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

/// Parses a move. The stacks are IDs or names.
fn parse(text: &str) -> Result<ResourceMove, String> {
    let location = |text: &str| {
        let (stack, logical_id) = text.split_once('/')?;
        let is_complete = !stack.is_empty() && !logical_id.is_empty();
        is_complete.then(|| at(stack, logical_id))
    };
    let parsed =
        text.split_once('=').and_then(|(from, to)| Some(ResourceMove::new(location(from)?, location(to)?)));
    parsed.ok_or_else(|| {
        "a move has the form STACK/ID=STACK/ID, such as `Serving/Models=Storage/Models`".into()
    })
}

fn at(stack: &str, logical_id: &str) -> ResourceLocation {
    ResourceLocation { stack: stack.to_owned(), logical_id: logical_id.to_owned() }
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    let loaded = origin.stacks(false)?;
    let assembly = &loaded.assembly;
    let moves = if arguments.moves.is_empty() {
        found(arguments, assembly)?
    } else {
        arguments.moves.iter().map(|one| named(assembly, one)).collect::<Result<_, _>>()?
    };
    if !moves.is_empty() && arguments.execute {
        execute(arguments, assembly, &moves)?;
    }
    match arguments.format {
        OutputFormat::Json => print_json(&json!({ "executed": arguments.execute, "moves": moves })),
        OutputFormat::Text => print_text(&text(&moves, arguments.execute)),
    }
}

fn text(moves: &[ResourceMove], executed: bool) -> String {
    if moves.is_empty() {
        return "there is nothing to rename or to move\n".into();
    }
    let mut text: String =
        moves.iter().map(|one| format!("{}\n", safe_text::line(&one.to_string()))).collect();
    text.push_str(if executed {
        "The resources were moved.\n"
    } else {
        "Nothing was moved; `--execute` performs the stack refactor.\n"
    });
    text
}

/// Returns the move of a resource with the names of the stacks. They are stacks of the program, or are deployed under these names.
fn named(assembly: &Assembly, one: &ResourceMove) -> Result<ResourceMove, Failure> {
    // The name of a stack that is gone from the program is not known here; that of the target is.
    if assembly.stack(&one.to_stack).is_none() {
        super::select(assembly, std::slice::from_ref(&one.to_stack))?;
    }
    let (from, to) = (name_of(assembly, &one.from_stack), name_of(assembly, &one.to_stack));
    Ok(ResourceMove::new(at(from, &one.from_id), at(to, &one.to_id)))
}

/// Returns the name of a stack, given its ID or its name.
fn name_of<'a>(assembly: &'a Assembly, stack: &'a str) -> &'a str {
    assembly.stack(stack).map_or(stack, |found| found.name.as_str())
}

/// Finds the moves: those that the program names, and those that a comparison finds.
fn found(arguments: &Arguments, assembly: &Assembly) -> Result<Vec<ResourceMove>, Failure> {
    let stacks = assembly.in_order();
    let view = View::new(ProgressFormat::Auto);
    let query = async |connection: &Connection, stack: &StackArtifact, report: &dyn Fn(Progress)| {
        renames(connection, stack, report).await
    };
    let named = on_each(&arguments.target, &stacks, &view, "the deployed template", query)?;
    let mut moves: Vec<ResourceMove> = named.into_iter().flatten().collect();
    let (differences, _) = compare_deployed(&arguments.target, &stacks, |_| BTreeMap::new())?;
    for one in &differences.moves {
        let (from, to) = (name_of(assembly, &one.from_stack), name_of(assembly, &one.to_stack));
        moves.push(ResourceMove::new(at(from, &one.from_id), at(to, &one.to_id)));
    }
    Ok(moves)
}

fn execute(arguments: &Arguments, assembly: &Assembly, moves: &[ResourceMove]) -> Result<(), Failure> {
    let stacks: Vec<&StackArtifact> = assembly.stacks.iter().collect();
    let Some(first) = moves.first().and_then(|one| assembly.stack(&one.to_stack)) else { return Ok(()) };
    let is_elsewhere = |stack: &&StackArtifact| {
        moves.iter().any(|one| one.from_stack == stack.name || one.to_stack == stack.name)
            && stack.environment != first.environment
    };
    if let Some(other) = stacks.iter().find(|stack| is_elsewhere(stack)) {
        return Err(Failure::usage(format!(
            "{} and {} are in different accounts or regions: a stack refactor moves resources within one",
            first.id, other.id
        )));
    }
    let view = View::new(ProgressFormat::Auto);
    let result = on_stack(
        &arguments.target,
        first,
        &view,
        Work::Operation("the stack refactor"),
        async |connection, report| {
            let description = description().await;
            refactor(connection, &stacks, moves, Some(&description), report).await
        },
    );
    view.end(&first.name);
    result
}
