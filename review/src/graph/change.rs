//! The graph of a stack with the consequence of a change for each resource.

use std::collections::BTreeSet;

use stackwright_synth::StackArtifact;

use super::{Edge, Graph, Node, of_stack};
use crate::diff::{Because, ResourceAction, StackDiff};

/// Returns the graph of the new version of a stack, with the consequence of each change; removed resources are included.
pub fn of_change(stack: &StackArtifact, diff: &StackDiff) -> Graph {
    let mut graph = of_stack(stack);
    for change in &diff.resources {
        match graph.nodes.iter_mut().find(|node| node.id == change.logical_id) {
            Some(node) => node.change = Some(change.consequence),
            None => graph.nodes.push(Node {
                id: change.logical_id.clone(),
                kind: change.resource_type.clone(),
                group: None,
                change: Some(change.consequence),
            }),
        }
    }
    graph
}

/// Returns the part of a graph around changes: the changed nodes and their neighbors.
pub fn around_changes(graph: Graph) -> Graph {
    let changed: BTreeSet<&str> =
        graph.nodes.iter().filter(|node| node.change.is_some()).map(|node| node.id.as_str()).collect();
    let touches = |edge: &&Edge| changed.contains(edge.from.as_str()) || changed.contains(edge.to.as_str());
    let edges: Vec<Edge> = graph.edges.iter().filter(touches).cloned().collect();
    let shown: BTreeSet<&str> = edges
        .iter()
        .flat_map(|edge| [edge.from.as_str(), edge.to.as_str()])
        .chain(changed.iter().copied())
        .collect();
    let nodes = graph.nodes.iter().filter(|node| shown.contains(node.id.as_str())).cloned().collect();
    Graph { title: graph.title.clone(), nodes, edges }
}

/// Returns whether resources or references between them change, so that a picture shows more than a list.
pub(crate) fn is_changed(diff: &StackDiff) -> bool {
    diff.resources.iter().any(|change| {
        change.action != ResourceAction::Modified
            || change.properties.iter().any(|one| {
                let refers = |value: &Option<serde_json::Value>| {
                    value.as_ref().is_some_and(|value| {
                        let mut found = false;
                        stackwright_synth::function::references(
                            value,
                            &mut String::new(),
                            &mut |id, _, _| {
                                found |= !id.starts_with("AWS::");
                            },
                        );
                        found
                    })
                };
                matches!(one.because, Some(Because::Replacement(..)))
                    || refers(&one.before)
                    || refers(&one.after)
            })
    })
}
