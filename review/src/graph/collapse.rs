//! Collapses graphs that are too large to read.

use std::collections::{BTreeMap, HashSet};

use super::{Edge, Graph, Node};

/// Collapses a graph with more than `max` nodes: the nodes of each group become one node. If there are still more than `max`, the
/// nodes of each service become one node, which can also be more than `max`.
pub fn collapse(graph: Graph, max: usize) -> Graph {
    if graph.nodes.len() <= max {
        return graph;
    }
    let by_group = merged(&graph, |node| node.group.clone().unwrap_or_else(|| node.id.clone()));
    if by_group.nodes.len() <= max {
        return by_group;
    }
    merged(&graph, |node| {
        let service = node.kind.rsplit_once("::").map(|(service, _)| service);
        service.unwrap_or(if node.kind.is_empty() { &node.id } else { &node.kind }).to_owned()
    })
}

fn merged(graph: &Graph, name: impl Fn(&Node) -> String) -> Graph {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut nodes: Vec<(Node, usize)> = Vec::new();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    for node in &graph.nodes {
        let merged = name(node);
        names.insert(&node.id, merged.clone());
        match positions.get(&merged) {
            Some(at) => {
                let (there, number) = &mut nodes[*at];
                *number += 1;
                // The most severe change is the least of its kind.
                there.change = match (there.change, node.change) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
            None => {
                positions.insert(merged.clone(), nodes.len());
                nodes.push((Node { id: merged, group: None, ..node.clone() }, 1));
            }
        }
    }
    let mut seen = HashSet::new();
    let edges = graph
        .edges
        .iter()
        .filter_map(|edge| {
            let (from, to) = (names.get(edge.from.as_str())?, names.get(edge.to.as_str())?);
            let is_new = from != to && seen.insert((from.clone(), to.clone()));
            is_new.then(|| Edge { from: from.clone(), to: to.clone(), label: None })
        })
        .collect();
    let nodes = nodes
        .into_iter()
        .map(|(node, number)| match number {
            1 => node,
            _ => Node { kind: format!("{number} resources"), ..node },
        })
        .collect();
    Graph { title: graph.title.clone(), nodes, edges }
}
