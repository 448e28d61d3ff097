//! Steps of pipelines and states of state machines.

use std::collections::BTreeSet;

use serde_json::Value as JsonValue;
use stackwright_synth::StackArtifact;

use super::{Graph, Node};
use crate::diff::Node as Value;

/// States that nest deeper than this are not shown.
const MAX_DEPTH: usize = 32;

/// Returns the graphs of the pipelines and state machines of a stack: an edge leads from a step to the next one.
pub fn documents(stack: &StackArtifact) -> Vec<Graph> {
    let mut found = Vec::new();
    for (id, body) in stack.template.resources() {
        let title = format!("{}/{id}", stack.id);
        let opened = |value: &JsonValue| Value::of(value, "", None).json();
        match body["Type"].as_str() {
            Some("AWS::SageMaker::Pipeline") => {
                let definition = opened(&body["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]);
                found.extend(pipeline(title, &definition));
            }
            Some("AWS::StepFunctions::StateMachine") => {
                let properties = &body["Properties"];
                let text = if properties["Definition"].is_null() {
                    &properties["DefinitionString"]
                } else {
                    &properties["Definition"]
                };
                found.extend(state_machine(title, &opened(text)));
            }
            _ => {}
        }
    }
    found
}

fn node(id: &str, kind: &JsonValue, group: Option<&str>) -> Node {
    Node {
        id: id.to_owned(),
        kind: kind.as_str().unwrap_or_default().to_owned(),
        group: group.map(str::to_owned),
        change: None,
    }
}

fn pipeline(title: String, definition: &JsonValue) -> Option<Graph> {
    let mut graph = Graph { title, ..Graph::default() };
    steps(&definition["Steps"], None, &mut graph, 0);
    let names: BTreeSet<String> = graph.nodes.iter().map(|node| node.id.clone()).collect();
    graph.edges.retain(|edge| names.contains(&edge.from) && names.contains(&edge.to));
    (!graph.nodes.is_empty()).then_some(graph)
}

fn steps(list: &JsonValue, group: Option<&str>, graph: &mut Graph, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for step in list.as_array().into_iter().flatten() {
        let Some(name) = step["Name"].as_str() else { continue };
        graph.nodes.push(node(name, &step["Type"], group));
        for before in step["DependsOn"].as_array().into_iter().flatten().filter_map(JsonValue::as_str) {
            graph.add(before.split('.').next_back().unwrap_or(before), name, None);
        }
        let mut sources = BTreeSet::new();
        variables(&step["Arguments"], &mut sources, 0);
        for source in sources {
            graph.add(&source, name, None);
        }
        for (branch, label) in [("IfSteps", "if"), ("ElseSteps", "else")] {
            let inner = &step["Arguments"][branch];
            for one in inner.as_array().into_iter().flatten().filter_map(|one| one["Name"].as_str()) {
                graph.add(name, one, Some(label));
            }
            steps(inner, Some(name), graph, depth + 1);
        }
    }
}

/// Steps whose results a value uses: `{"Get": "Steps.Train.ModelArtifacts…"}`.
fn variables(value: &JsonValue, found: &mut BTreeSet<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        JsonValue::Object(map) => {
            let source =
                map.get("Get").and_then(JsonValue::as_str).and_then(|path| path.strip_prefix("Steps."));
            if let Some(path) = source {
                found.extend(path.split(['.', '[']).next().map(str::to_owned));
            }
            // Branches are steps of their own.
            let inner = map.iter().filter(|(name, _)| !matches!(name.as_str(), "IfSteps" | "ElseSteps"));
            inner.for_each(|(_, value)| variables(value, found, depth + 1));
        }
        JsonValue::Array(items) => items.iter().for_each(|item| variables(item, found, depth + 1)),
        _ => {}
    }
}

fn state_machine(title: String, definition: &JsonValue) -> Option<Graph> {
    let mut graph = Graph { title, ..Graph::default() };
    states(definition, None, &mut graph, 0);
    (!graph.nodes.is_empty()).then_some(graph)
}

fn states(machine: &JsonValue, group: Option<&str>, graph: &mut Graph, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let Some(states_) = machine["States"].as_object() else { return };
    for (name, state) in states_ {
        graph.nodes.push(node(name, &state["Type"], group));
        for (key, label) in [("Next", None), ("Default", Some("otherwise"))] {
            if let Some(next) = state[key].as_str() {
                graph.add(name, next, label);
            }
        }
        for choice in state["Choices"].as_array().into_iter().flatten() {
            if let Some(next) = choice["Next"].as_str() {
                graph.add(name, next, choice["Variable"].as_str().or(choice["Condition"].as_str()));
            }
        }
        for catch in state["Catch"].as_array().into_iter().flatten() {
            if let Some(next) = catch["Next"].as_str() {
                graph.add(name, next, Some("on error"));
            }
        }
        let branches = state["Branches"].as_array().into_iter().flatten();
        for inner in branches.chain([&state["ItemProcessor"], &state["Iterator"]]) {
            if let Some(start) = inner["StartAt"].as_str() {
                graph.add(name, start, Some("for each"));
            }
            states(inner, Some(name), graph, depth + 1);
        }
    }
}
