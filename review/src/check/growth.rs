//! Tests that the work of a check grows in proportion to the size of a template.

use stackwright_synth::Assembly;

use super::work::steps_of;
use super::{Options, check};

fn steps(text: String) -> usize {
    let assembly = Assembly::of_template("template.yaml", text).unwrap();
    let options = Options::default().regions(["us-east-1"]);
    steps_of(|| drop(check(&assembly, &options)))
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

const TOPIC: &str = "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {TopicName: !If [C0, a, b]}}\n";

/// Writes a template of a size.
type Shape = fn(usize) -> String;

/// Templates that have been expensive, each with its size.
const SHAPES: [(&str, Shape); 9] = [
    ("conditions in a chain", |n| {
        let chain = each(n, |i| format!("  C{i}: !Not [!Condition C{}]\n", i + 1));
        format!("Conditions:\n{chain}  C{n}: !Equals [a, a]\n{TOPIC}")
    }),
    ("conditions that are not known", |n| {
        format!("Conditions:\n{}{TOPIC}", each(n, |i| format!("  C{i}: !Equals [!ImportValue e{i}, a]\n")))
    }),
    ("resources of wrong parameters", |n| {
        let parameters =
            each(n, |i| format!("  P{i}: {{Type: String, Default: x, AllowedValues: [x, y]}}\n"));
        let topics =
            each(n, |i| format!("  T{i}: {{Type: AWS::SNS::Topic, Properties: {{FifoTopic: !Ref P{i}}}}}\n"));
        format!("Parameters:\n{parameters}Resources:\n{topics}")
    }),
    ("a policy of many statements", |n| {
        let statements = each(n, |i| {
            format!("          - {{Effect: Alow, Action: 's3:Nothing{i}', Resource: bucket{i}}}\n")
        });
        format!(
            "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        \
             Version: '2012-10-17'\n        Statement:\n{statements}"
        )
    }),
    ("types that do not exist", |n| {
        format!("Resources:\n{}", each(n, |i| format!("  T{i}: {{Type: AWS::SNS::Topik{i}}}\n")))
    }),
    ("references to nothing", |n| {
        let topic =
            |i| format!("  T{i}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Ref U{i}}}}}\n");
        format!("Resources:\n{}", each(n, topic))
    }),
    ("states that follow each other", |n| {
        let states = each(n, |i| format!("          S{i}: {{Type: Pass, Next: S{}}}\n", i + 2));
        format!(
            "Resources:\n  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n      \
             RoleArn: arn:aws:iam::123456789012:role/r\n      Definition:\n        StartAt: S0\n        States:\n{states}"
        )
    }),
    ("a long text with variables", |n| {
        format!(
            "Resources:\n  T: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Sub \"{}\"}}}}\n",
            "${U}-".repeat(n)
        )
    }),
    ("aliases of one resource", |n| {
        let aliases = each(n, |i| format!("  B{i}: *a\n"));
        format!("Resources:\n  A: &a {{Type: AWS::SNS::Topic, Properties: {{TopicNam: x}}}}\n{aliases}")
    }),
];

#[test]
fn twice_the_template_takes_about_twice_the_steps() {
    for (shape, text) in SHAPES {
        let (one, two) = (steps(text(400)), steps(text(800)));
        assert!(one > 0 && two <= one * 5 / 2, "{shape}: {one} steps, then {two}");
    }
}

#[test]
fn further_values_of_parameters_take_no_more_steps_than_the_limit_of_deployments() {
    let text = |values: usize| {
        let values: Vec<String> = (0..values).map(|i| format!("g{i}.none")).collect();
        let instance = |i| {
            format!(
                "  I{i}: {{Type: AWS::EC2::Instance, Properties: {{ImageId: ami-0123456789abcdef0, InstanceType: !Ref T}}}}\n"
            )
        };
        let values = values.join(", ");
        format!(
            "Parameters:\n  T: {{Type: String, AllowedValues: [{values}]}}\nResources:\n{}",
            each(50, instance)
        )
    };
    let (one, two) = (steps(text(200)), steps(text(400)));
    assert!(two <= one * 11 / 10, "{one} steps, then {two}");
}
