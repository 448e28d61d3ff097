//! Tests of pictures.

use std::time::Instant;

use serde_json::json;
use stackwright_synth::Assembly;

use super::*;
use crate::diff;

fn assembly(template: &serde_json::Value) -> Assembly {
    Assembly::of_template("stack.json", template.to_string()).unwrap()
}

fn endpoint(instance_type: &str) -> Assembly {
    assembly(&json!({ "Resources": {
        "ScorersModel": { "Type": "AWS::SageMaker::Model" },
        "ScorersConfig": { "Type": "AWS::SageMaker::EndpointConfig", "Properties": { "ProductionVariants": [
            { "VariantName": "Main", "ModelName": { "Fn::GetAtt": ["ScorersModel", "ModelName"] }, "InstanceType": instance_type },
        ] } },
        "Scorers": { "Type": "AWS::SageMaker::Endpoint", "Properties": { "EndpointConfigName": { "Fn::Sub": "${ScorersConfig.EndpointConfigName}" } } },
        "Topic": { "Type": "AWS::SNS::Topic", "DependsOn": "Scorers" },
    } }))
}

#[test]
fn resources_are_grouped_by_construct_and_edges_follow_references() {
    let graph = of_stack(&endpoint("ml.m5.large").stacks[0]);
    let groups: Vec<_> = graph.nodes.iter().map(|node| node.group.as_deref()).collect();
    assert_eq!(groups, [Some("Scorers"), Some("Scorers"), Some("Scorers"), None]);
    let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    assert_eq!(
        edges,
        [("ScorersConfig", "ScorersModel"), ("Scorers", "ScorersConfig"), ("Topic", "Scorers")]
    );
    insta::assert_snapshot!(mermaid(&graph));
    insta::assert_snapshot!(dot(&graph));
}

#[test]
fn a_change_is_shown_by_color_and_word() {
    let (old, new) = (endpoint("ml.m5.large"), endpoint("ml.m5.xlarge"));
    let found = diff::compare(&old, &new);
    assert!(is_changed(&found.stacks[0]));
    let graph = of_change(&new.stacks[0], &found.stacks[0]);
    let picture = mermaid(&graph);
    assert!(picture.contains("(replaced)") && picture.contains("fill:#ffebe9"), "{picture}");
    let picture = svg(&graph);
    assert!(picture.contains("(replaced)") && picture.contains("#ffebe9"), "{picture}");
    quick_xml_reads(&picture);
}

/// The picture is well-formed XML.
fn quick_xml_reads(svg: &str) {
    let mut reader = quick_xml::Reader::from_str(svg);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error}: {svg}"),
        }
    }
}

#[test]
fn steps_and_states_are_followed() {
    let pipeline = json!({ "Steps": [
        { "Name": "Train", "Type": "Training", "Arguments": {} },
        { "Name": "Check", "Type": "Condition", "Arguments": { "Conditions": [{ "LeftValue": { "Get": "Steps.Train.FinalMetricDataList['a'].Value" } }],
            "IfSteps": [{ "Name": "Register", "Type": "RegisterModel", "Arguments": {} }], "ElseSteps": [] } },
    ] });
    let machine = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Choice", "Choices": [{ "Variable": "$.x", "Next": "B" }], "Default": "C" },
        "B": { "Type": "Task", "End": true, "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "C" }] },
        "C": { "Type": "Fail" },
    } });
    let stack = assembly(&json!({ "Resources": {
        "P": { "Type": "AWS::SageMaker::Pipeline", "Properties": { "PipelineDefinition": { "PipelineDefinitionBody": pipeline.to_string() } } },
        "M": { "Type": "AWS::StepFunctions::StateMachine", "Properties": { "DefinitionString": machine.to_string() } },
    } }));
    let graphs = documents(&stack.stacks[0]);
    let edges = |at: usize| -> Vec<(String, String, Option<String>)> {
        graphs[at].edges.iter().map(|edge| (edge.from.clone(), edge.to.clone(), edge.label.clone())).collect()
    };
    let edge = |from: &str, to: &str, label: Option<&str>| {
        (from.to_owned(), to.to_owned(), label.map(str::to_owned))
    };
    assert_eq!(edges(0), [edge("Train", "Check", None), edge("Check", "Register", Some("if"))]);
    assert_eq!(
        edges(1),
        [edge("A", "C", Some("otherwise")), edge("A", "B", Some("$.x")), edge("B", "C", Some("on error"))]
    );
}

#[test]
fn a_large_graph_is_collapsed_and_drawn_fast() {
    let mut resources = serde_json::Map::new();
    for number in 0..500 {
        let id = format!("Queue{number}");
        let mut body = json!({ "Type": "AWS::SQS::Queue" });
        if number > 0 {
            body["Properties"] = json!({ "QueueName": { "Fn::Sub": format!("${{Queue{}}}-x", number / 2) } });
        }
        resources.insert(id, body);
    }
    let stack = assembly(&json!({ "Resources": resources }));
    let start = Instant::now();
    let graph = collapse(of_stack(&stack.stacks[0]), MAX_NODES);
    for picture in [mermaid(&graph), svg(&graph), dot(&graph)] {
        assert!(!picture.is_empty());
    }
    // The budget of 50 ms is for a release build.
    assert!(start.elapsed().as_millis() < 2_000, "{:?}", start.elapsed());
    assert!(graph.nodes.len() <= MAX_NODES);
}

#[test]
fn text_from_outside_is_escaped() {
    let graph = Graph {
        title: "<script>\"".into(),
        nodes: vec![Node { id: "a\"]<b>&\u{1}".into(), kind: String::new(), group: None, change: None }],
        edges: Vec::new(),
    };
    assert!(!mermaid(&graph).contains("<b>"));
    quick_xml_reads(&svg(&graph));
    assert!(!svg(&graph).contains("<b>") && !svg(&graph).contains("<script>"), "{}", svg(&graph));
}
