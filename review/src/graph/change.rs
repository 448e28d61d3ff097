//! The graph of a stack with what happens to each resource.

use stackwright_synth::StackArtifact;

use super::{Graph, Node, of_stack};
use crate::diff::{Because, ResourceAction, StackDiff};

/// The graph of a stack as it will be, with what changes; what is removed is shown too.
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

/// Whether resources or references between them change, so that a picture shows more than a list.
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
