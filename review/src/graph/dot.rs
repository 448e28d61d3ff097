//! A graph for Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Graph, Node, colors, label};

/// Returns the graph in the language of Graphviz, with all of its nodes.
pub fn dot(graph: &Graph) -> String {
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
        quoted(&graph.title)
    );
    let mut groups: BTreeMap<Option<&str>, Vec<&Node>> = BTreeMap::new();
    for node in &graph.nodes {
        groups.entry(node.group.as_deref()).or_default().push(node);
    }
    for (number, (group, nodes)) in groups.iter().enumerate() {
        if let Some(name) = group {
            let _ = writeln!(text, "  subgraph cluster_{number} {{\n  label={};", quoted(name));
        }
        for node in nodes {
            let (fill, stroke) = colors(node.change);
            let _ = writeln!(
                text,
                "    {} [label={}, fillcolor=\"{fill}\", color=\"{stroke}\"];",
                quoted(&node.id),
                quoted(&label(node).join("\n"))
            );
        }
        if group.is_some() {
            text.push_str("  }\n");
        }
    }
    for edge in &graph.edges {
        let label =
            edge.label.as_ref().map(|label| format!(" [label={}]", quoted(label))).unwrap_or_default();
        let _ = writeln!(text, "  {} -> {}{label};", quoted(&edge.from), quoted(&edge.to));
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
