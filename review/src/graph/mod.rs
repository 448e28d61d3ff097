//! Graphs of stacks: resources and references, stacks of an app, steps of pipelines and states of state machines.
//!
//! A [`Graph`] is data; [`mermaid`], [`dot`] and [`svg`] write it. Resources are grouped by the construct that adds them. A
//! graph with more nodes than can be read is made smaller by [`collapse`]: first each group becomes a node, then each service.

mod change;
mod collapse;
mod document;
mod dot;
mod mermaid;
mod stack;
mod svg;
#[cfg(test)]
mod tests;

use crate::diff::Consequence;

pub(crate) use change::is_changed;
pub use change::{around_changes, of_change};
pub use collapse::collapse;
pub use document::documents;
pub use dot::dot;
pub use mermaid::mermaid;
pub use stack::{of_app, of_stack};
pub use svg::svg;

/// The maximum number of nodes that cards, reports and `graph` draw by default; a larger graph is collapsed.
pub const MAX_NODES: usize = 60;

/// The maximum number of nodes in an SVG image: the time for the layout grows with the cube of the number of nodes,
/// and is one second for this number.
pub const MAX_SVG_NODES: usize = 150;

/// A graph of nodes and directed edges.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Graph {
    /// The title of the graph.
    pub title: String,
    /// The nodes, in the order in which they are written.
    pub nodes: Vec<Node>,
    /// The edges.
    pub edges: Vec<Edge>,
}

/// A node of a graph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// The ID of the node, which is unique in the graph.
    pub id: String,
    /// The kind of the node: a resource type, or the type of a step or state.
    pub kind: String,
    /// The group of the node, such as the construct that adds it; `None` without a group.
    pub group: Option<String>,
    /// The consequence of a change for the node; `None` if the node does not change.
    pub change: Option<Consequence>,
}

/// An edge of a graph: `from` refers to `to`, or comes before it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// The ID of a node.
    pub from: String,
    /// The ID of a node.
    pub to: String,
    /// The label of the edge, such as the condition of a choice; `None` without a label.
    pub label: Option<String>,
}

impl Graph {
    fn add(&mut self, from: &str, to: &str, label: Option<&str>) {
        let edge = Edge { from: from.to_owned(), to: to.to_owned(), label: label.map(str::to_owned) };
        if from != to && !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }
}

/// Returns the colors of a node for its change: fill and border.
fn colors(change: Option<Consequence>) -> (&'static str, &'static str) {
    match change {
        None => ("#f6f8fa", "#57606a"),
        Some(Consequence::Created | Consequence::Moved) => ("#dafbe1", "#1a7f37"),
        Some(Consequence::Updated | Consequence::AttributesOnly | Consequence::Unchanged) => {
            ("#fff8c5", "#9a6700")
        }
        Some(Consequence::Retained | Consequence::Snapshot) => ("#f1e5ff", "#8250df"),
        Some(_) => ("#ffebe9", "#cf222e"),
    }
}

/// Returns the word in the label of a node for its change: not every reader can distinguish colors.
fn word(change: Consequence) -> &'static str {
    match change {
        Consequence::Refused => "refused",
        Consequence::Replaced => "replaced",
        Consequence::MayBeReplaced => "perhaps replaced",
        Consequence::Deleted => "deleted",
        Consequence::Retained => "kept outside the stack",
        Consequence::Snapshot => "deleted after a snapshot",
        Consequence::Created => "created",
        Consequence::Updated => "updated",
        Consequence::Moved => "kept under another ID",
        _ => "changed",
    }
}

/// Returns the lines of a node's label.
fn label(node: &Node) -> Vec<String> {
    let mut lines = vec![node.id.clone()];
    if !node.kind.is_empty() {
        lines.push(node.kind.strip_prefix("AWS::").unwrap_or(&node.kind).to_owned());
    }
    lines.extend(node.change.map(|change| format!("({})", word(change))));
    lines
}
