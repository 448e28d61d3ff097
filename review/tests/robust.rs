//! The check ends without a panic whatever a template contains.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value as JsonValue, json};
use stackwright_review::check::{Options, apply_fixes, check, rules, unreadable};
use stackwright_review::report;
use stackwright_synth::{Assembly, Recovered, Template};

fn number_found(text: String) -> usize {
    let Ok(assembly) = Assembly::of_template("template.yaml", text) else { return 0 };
    check(&assembly, &Options::default().regions(["us-east-1"])).diagnostics.len()
}

/// A value of anything, with functions and names that mean something among it.
fn anything() -> impl Strategy<Value = JsonValue> {
    let name =
        prop::sample::select(vec!["Subject", "Other", "AWS::Region", "AWS::NoValue", "C", "M", "${X}", ""]);
    let function = prop::sample::select(vec![
        "Ref",
        "Fn::GetAtt",
        "Fn::Sub",
        "Fn::If",
        "Fn::Join",
        "Fn::Select",
        "Fn::FindInMap",
        "Fn::Split",
        "Fn::ForEach::L",
        "Condition",
        "Get",
    ]);
    let leaf = prop_oneof![
        Just(JsonValue::Null),
        any::<bool>().prop_map(JsonValue::from),
        any::<i64>().prop_map(JsonValue::from),
        any::<f64>().prop_map(JsonValue::from),
        name.prop_map(JsonValue::from),
        ".{0,12}".prop_map(JsonValue::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(JsonValue::from),
            (function.clone(), inner.clone())
                .prop_map(|(name, value)| JsonValue::Object(Map::from_iter([(name.to_owned(), value)]))),
            prop::collection::vec(("[A-Z][a-z]{0,3}", inner), 0..4)
                .prop_map(|entries| JsonValue::Object(entries.into_iter().collect())),
        ]
    })
}

/// Puts a value somewhere into an example of a rule.
fn spoiled(example: &str, at: usize, with: &JsonValue) -> String {
    fn count(value: &JsonValue) -> usize {
        1 + match value {
            JsonValue::Object(map) => map.values().map(count).sum(),
            JsonValue::Array(items) => items.iter().map(count).sum::<usize>(),
            _ => 0,
        }
    }
    fn put(value: &mut JsonValue, at: &mut usize, with: &JsonValue) {
        if *at == 0 {
            *value = with.clone();
        }
        *at = at.wrapping_sub(1);
        match value {
            JsonValue::Object(map) => map.values_mut().for_each(|inner| put(inner, at, with)),
            JsonValue::Array(items) => items.iter_mut().for_each(|inner| put(inner, at, with)),
            _ => {}
        }
    }
    let mut template = JsonValue::Object(Template::read(example).unwrap().sections().clone());
    let mut at = at % count(&template);
    put(&mut template, &mut at, with);
    template.to_string()
}

proptest! {
    #[test]
    fn any_value_anywhere_in_an_example_is_checked_without_a_panic(
        rule in 0..rules().count(),
        at in 0_usize..200,
        with in anything(),
    ) {
        let rule = rules().nth(rule).unwrap();
        let example = if Template::read(rule.bad).is_ok() { rule.bad } else { rule.good };
        number_found(spoiled(example, at, &with));
    }

    #[test]
    fn any_sections_are_checked_without_a_panic(
        parameters in anything(), conditions in anything(), mappings in anything(),
        resources in anything(), outputs in anything(), metadata in anything(),
    ) {
        let template = json!({
            "Parameters": parameters, "Conditions": conditions, "Mappings": mappings, "Resources": resources,
            "Outputs": outputs, "Metadata": metadata,
        });
        number_found(template.to_string());
    }
}

/// The directory is where `cargo fuzz run check` and `examples/fuzz/` read inputs.
#[test]
fn inputs_that_the_fuzzer_kept_are_checked_fixed_and_reported_without_a_panic() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/check");
    let mut rules = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(corpus).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let options = Options::default().regions(["us-east-1"]);
        let found = match Assembly::of_template_with_errors("template.yaml", text.clone()) {
            Ok(Recovered { value: assembly, errors, .. }) => {
                let mut found = check(&assembly, &options);
                found.diagnostics.extend(errors.iter().map(|error| unreadable("template.yaml", error)));
                found
            }
            Err(error) => vec![unreadable("template.yaml", &error)].into(),
        };
        report::text(&found, |_| Some(text.clone()), false);
        for form in [report::json, report::sarif, report::markdown, report::github, report::gitlab] {
            assert!(!form(&found).is_empty() || found.diagnostics.is_empty());
        }
        report::junit(&found, &[]);
        let fixed = apply_fixes("template.yaml", &text, &found.diagnostics);
        assert!(
            Template::read(&text).is_err() || Template::read(&fixed.text).is_ok(),
            "{text}\n{}",
            fixed.text
        );
        rules.extend(found.diagnostics.into_iter().map(|one| one.id));
    }
    // The inputs are the smallest ones that together have many kinds of findings.
    assert!(rules.len() > 60, "{} rules", rules.len());
}

#[test]
fn more_regions_than_a_number_has_bits_are_checked() {
    let text = "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicNam: x}}}".to_owned();
    let assembly = Assembly::of_template("template.yaml", text).unwrap();
    let found = |regions: Vec<String>| {
        let options = Options::default().regions(regions);
        let mut diagnostics = check(&assembly, &options).diagnostics;
        // There are not so many regions.
        diagnostics.retain(|one| one.id != "unknown-region");
        diagnostics.into_iter().map(|one| (one.id, one.when)).collect::<Vec<_>>()
    };
    let one = found(vec!["us-east-1".into()]);
    assert!(!one.is_empty());
    assert_eq!(found((0..100).map(|number| format!("us-east-{number}")).collect()), one);
}

#[test]
fn the_pointer_of_an_acknowledgement_is_escaped() {
    let text =
        "Metadata: {stackwright: {acknowledge: {a/b~c: why}}}\nResources: {T: {Type: AWS::SNS::Topic}}";
    let assembly = Assembly::of_template("template.yaml", text.to_owned()).unwrap();
    let found = check(&assembly, &Options::default()).diagnostics;
    let path = "/Metadata/stackwright/acknowledge/a~1b~0c";
    assert!(found.iter().any(|one| one.path == path), "{found:?}");
}

/// Inputs that would take a careless check forever, each with what a patient user would wait.
#[test]
fn input_that_grows_fast_is_limited() {
    let chained: String =
        (0..200).map(|n| format!("  C{n}: !And [!Condition C{}, !Condition C{}]\n", n + 1, n + 1)).collect();
    let many: String = (0..40)
        .map(|n| format!("  P{n}: {{Type: String, Default: a, AllowedValues: [a, b, c]}}\n"))
        .collect();
    let asked: String = (0..40).map(|n| format!("  C{n}: !Equals [!Ref P{n}, a]\n")).collect();
    let unknown: String = (0..64).map(|n| format!("  C{n}: !Equals [!ImportValue e{n}, a]\n")).collect();
    let cycle: String = (0..400)
        .map(|n| format!("  T{n}: {{Type: AWS::SNS::Topic, DependsOn: T{}}}\n", (n + 1) % 400))
        .collect();
    let all: String = (0..60)
        .map(|n| {
            let others: Vec<_> = (0..60).map(|n| format!("T{n}")).collect();
            format!("  T{n}: {{Type: AWS::SNS::Topic, DependsOn: [{}]}}\n", others.join(", "))
        })
        .collect();
    let values: Vec<String> = (0..60).map(|n| format!("v{n}")).collect();
    let allowed: String = (0..200)
        .map(|n| format!("  P{n}: {{Type: String, Default: v0, AllowedValues: [{}]}}\n", values.join(", ")))
        .collect();
    let types: Vec<String> = (0..60).map(|n| format!("g{n}.none")).collect();
    let instances: String = (0..30)
        .map(|n| format!("  I{n}: {{Type: AWS::EC2::Instance, Properties: {{ImageId: ami-0123456789abcdef0, InstanceType: !Ref T}}}}\n"))
        .collect();
    let statements: String = (0..400)
        .map(|n| format!("          - {{Effect: Alow, Action: 's3:Nothing{n}', Resource: bucket{n}}}\n"))
        .collect();
    let policy = format!(
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        Version: '2012-10-17'\n        \
         Statement:\n{statements}"
    );
    let dangling: String = (0..12_000)
        .map(|n| {
            format!("  T{n}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !GetAtt U{n}.Arn}}}}\n")
        })
        .collect();
    let conditions: String = (0..6_000)
        .map(|n| format!("          - {{Effect: Allow, Action: 's3:Get{n}*', Resource: '*', Condition: {{StringEqual: {{'aws:x': y}}}}}}\n"))
        .collect();
    let operators = format!(
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        Version: '2012-10-17'\n        \
         Statement:\n{conditions}"
    );
    let states: String = (0..6_000)
        .map(|n| format!("          S{n}: {{Type: Task, Resorce: a, Catch: [{{ErrorEquals: x}}], Parameters: {{a.$: 'States.Format(('}}}}\n"))
        .collect();
    let machine = format!(
        "Resources:\n  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n      RoleArn: arn:aws:iam::123456789012:role/r\n      \
         Definition:\n        StartAt: S0\n        States:\n{states}"
    );
    let wide: String = (0..400)
        .map(|n| {
            let others: Vec<String> = (n + 1..n + 6).map(|other| format!("!Condition C{other}")).collect();
            format!("  C{n}: !And [{}]\n", others.join(", "))
        })
        .collect();
    let nested = format!("{}1{}", "!Sub ['${A}', {A: ".repeat(60), "}]".repeat(60));
    let loops = format!(
        "{}{{T: {{Type: AWS::SNS::Topic}}}}{}",
        "{'Fn::ForEach::L': [X, [a, b], ".repeat(40),
        "]}".repeat(40)
    );
    let topic = "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {TopicName: !If [C0, a, b]}}\n";
    let braces = format!(
        "Resources:\n  T: {{Type: AWS::SNS::Topic, Properties: {{TopicName: !Sub \"{}\"}}}}\n",
        "${".repeat(20_000)
    );
    for (what, text) in [
        ("conditions that double", format!("Conditions:\n{chained}  C200: !Equals [a, a]\n{topic}")),
        ("many parameters", format!("Parameters:\n{many}Conditions:\n{asked}{topic}")),
        ("conditions that nobody knows", format!("Conditions:\n{unknown}{topic}")),
        ("a long cycle", format!("Resources:\n{cycle}")),
        ("everything after everything", format!("Resources:\n{all}")),
        ("a text of open braces", braces),
        ("many parameters of many values", format!("Parameters:\n{allowed}{topic}")),
        (
            "many instances of many types",
            format!(
                "Parameters:\n  T: {{Type: String, AllowedValues: [{}]}}\nResources:\n{instances}",
                types.join(", ")
            ),
        ),
        ("a large policy", policy),
        ("references to nothing", format!("Resources:\n{dangling}")),
        ("a large policy of unknown operators", operators),
        ("a large state machine of faults", machine),
        ("conditions that name each other", format!("Conditions:\n{wide}{topic}")),
        (
            "nested substitutions",
            format!("Resources:\n  T: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {nested}}}}}\n"),
        ),
        ("nested loops", format!("Transform: AWS::LanguageExtensions\nResources: {loops}\n")),
    ] {
        let start = Instant::now();
        number_found(text);
        // Far more than it takes, and far less than forever.
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {:?}", start.elapsed());
    }
}
