//! `graph`: draws stacks as graphs.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stackwright_review::graph::{self, Graph};

use crate::base;
use crate::failure::Failure;
use crate::origin::Origin;

/// Draw graphs: the resources and references of stacks, the stacks of the app, or the steps of pipelines and state
/// machines.
///
/// A graph with more nodes than --max-nodes is collapsed: the resources of each construct become
/// one node, and if that is not enough, the resources of each service.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 the graphs were printed, 1 failure, 2 usage error.")]
pub(super) struct Arguments {
    /// The IDs or names of the stacks to draw. Default: all stacks of the program
    stacks: Vec<String>,
    /// Choose what the graph shows
    #[arg(long, value_enum, default_value_t = Subject::Resources)]
    of: Subject,
    /// Set the output format. With `svg`, exactly one graph must be selected
    #[arg(long, value_enum, default_value_t = Form::Mermaid)]
    format: Form,
    /// Draw a template, an assembly or the output of the CDK. Default: the program, or the input of `--app`
    #[arg(long, value_name = "PATH")]
    input: Option<PathBuf>,
    /// Set the maximum number of nodes of a graph
    #[arg(long, value_name = "NUMBER", default_value_t = graph::MAX_NODES)]
    max_nodes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Resources and references of each stack
    Resources,
    /// Stacks and their dependencies
    Stacks,
    /// Steps of pipelines, and states of state machines
    Steps,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Mermaid, which GitHub and GitLab render
    Mermaid,
    /// DOT, the language of Graphviz
    Dot,
    /// An SVG image
    Svg,
}

pub(super) fn run(arguments: &Arguments, origin: &Origin) -> Result<(), Failure> {
    origin.refuse_with_files(arguments.input.is_some())?;
    let loaded = match &arguments.input {
        Some(path) => base::stored(path)?,
        None => origin.stacks(false)?,
    };
    let stacks = super::select(&loaded.assembly, &arguments.stacks)?;
    let graphs: Vec<Graph> = match arguments.of {
        Subject::Resources => stacks.iter().map(|stack| graph::of_stack(stack)).collect(),
        Subject::Stacks => vec![graph::of_app(&loaded.assembly)],
        Subject::Steps => stacks.iter().flat_map(|stack| graph::documents(stack)).collect(),
    };
    let graphs: Vec<Graph> =
        graphs.into_iter().map(|graph| graph::collapse(graph, arguments.max_nodes)).collect();
    if graphs.is_empty() {
        return Err(Failure::new("the stacks have no graph: no stack has a pipeline or a state machine"));
    }
    if arguments.format == Form::Svg && graphs.len() > 1 {
        let names: Vec<&str> = graphs.iter().map(|graph| graph.title.as_str()).collect();
        return Err(Failure::usage("an SVG file holds one graph")
            .hint(format!("name one of the stacks; the graphs are {}", names.join(", "))));
    }
    if arguments.format == Form::Svg
        && let Some(large) = graphs.iter().find(|graph| graph.nodes.len() > graph::MAX_SVG_NODES)
    {
        return Err(Failure::usage(format!(
            "the graph `{}` has {} nodes, and an SVG image is laid out with at most {}",
            large.title,
            large.nodes.len(),
            graph::MAX_SVG_NODES
        ))
        .hint("collapse it with a smaller `--max-nodes`, or write it with `--format dot` for Graphviz"));
    }
    let text: String = graphs.iter().map(|graph| picture(graph, arguments.format)).collect();
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn picture(graph: &Graph, form: Form) -> String {
    match form {
        Form::Mermaid => {
            format!("---\ntitle: {}\n---\n{}", serde_json::json!(graph.title), graph::mermaid(graph))
        }
        Form::Dot => graph::dot(graph),
        Form::Svg => graph::svg(graph),
    }
}
