//! Resources and references of a stack, and the stacks of an app.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as JsonValue;
use stackwright_synth::function::references;
use stackwright_synth::{Assembly, StackArtifact};

use super::{Graph, Node};

/// Returns the graph of a stack: an edge leads from a resource to what it refers to.
///
/// ```
/// use stackwright_review::graph;
/// use stackwright_synth::Assembly;
///
/// let text = "Resources: {T: {Type: AWS::SNS::Topic}, S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T}}}";
/// let assembly = Assembly::of_template("stack.yaml", text.into())?;
/// let graph = graph::of_stack(&assembly.stacks[0]);
/// assert_eq!((graph.edges[0].from.as_str(), graph.edges[0].to.as_str()), ("S", "T"));
/// # Ok::<(), stackwright_synth::TemplateError>(())
/// ```
pub fn of_stack(stack: &StackArtifact) -> Graph {
    let ids: BTreeSet<&str> = stack.template.resources().map(|(id, _)| id).collect();
    let mut graph = Graph { title: stack.id.clone(), ..Graph::default() };
    for (id, body) in stack.template.resources() {
        graph.nodes.push(Node {
            id: id.to_owned(),
            kind: body["Type"].as_str().unwrap_or_default().to_owned(),
            group: group(id, body, &ids),
            change: None,
        });
    }
    for (id, body) in stack.template.resources() {
        let mut targets: BTreeSet<&str> = BTreeSet::new();
        references(&body["Properties"], &mut String::new(), &mut |target, _, _| {
            targets.extend(ids.get(target));
        });
        let after = &body["DependsOn"];
        let named = after
            .as_str()
            .into_iter()
            .chain(after.as_array().into_iter().flatten().filter_map(JsonValue::as_str));
        targets.extend(named.filter_map(|name| ids.get(name)));
        targets.remove(id);
        // Each target is in the set once.
        for target in targets {
            graph.edges.push(super::Edge { from: id.to_owned(), to: target.to_owned(), label: None });
        }
    }
    single_members_stand_alone(&mut graph);
    graph
}

/// Returns the construct that a resource belongs to: what the CDK writes into its metadata, or the first of the resources whose
/// logical ID begins this one's.
fn group(id: &str, body: &JsonValue, ids: &BTreeSet<&str>) -> Option<String> {
    if let Some(path) = body["Metadata"]["aws:cdk:path"].as_str() {
        let steps: Vec<&str> = path.split('/').collect();
        return steps.get(1).map(|step| (*step).to_owned());
    }
    let boundaries =
        id.char_indices().skip(1).filter(|(_, letter)| letter.is_ascii_uppercase()).map(|(at, _)| at);
    let prefix = boundaries.map(|at| &id[..at]).find(|prefix| ids.contains(prefix));
    Some(prefix.unwrap_or(id).to_owned())
}

fn single_members_stand_alone(graph: &mut Graph) {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for group in graph.nodes.iter().filter_map(|node| node.group.clone()) {
        *sizes.entry(group).or_default() += 1;
    }
    for node in &mut graph.nodes {
        node.group = node.group.take().filter(|group| sizes.get(group).is_some_and(|size| *size > 1));
    }
}

/// Returns the stacks of an app: an edge leads from a stack to one that has to be deployed before it.
pub fn of_app(assembly: &Assembly) -> Graph {
    let mut graph = Graph { title: "Stacks".into(), ..Graph::default() };
    for stack in &assembly.stacks {
        let number = stack.template.resources().count();
        graph.nodes.push(Node {
            id: stack.id.clone(),
            kind: format!("{number} {}", if number == 1 { "resource" } else { "resources" }),
            group: stack.environment.region.clone(),
            change: None,
        });
        for before in stack.dependencies.iter().filter(|id| assembly.stack(id).is_some()) {
            graph.add(&stack.id, before, None);
        }
    }
    graph
}
