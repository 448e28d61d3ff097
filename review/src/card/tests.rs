//! Tests of cards.

use serde_json::{Value as JsonValue, json};
use stackwright_synth::Assembly;

use super::*;

fn assembly(template: &JsonValue) -> Assembly {
    Assembly::of_template("stack.json", template.to_string()).unwrap()
}

fn of(old: &JsonValue, new: &JsonValue) -> Card {
    let options = Options::new("main");
    card(&assembly(&json!({ "Resources": old })), &assembly(&json!({ "Resources": new })), options)
}

fn topic(name: &str) -> JsonValue {
    json!({ "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": name } })
}

#[test]
fn the_verdict_names_what_is_needed() {
    let a = json!({ "T": topic("a") });
    assert_eq!(of(&a, &a).verdict, Verdict::Nothing);
    assert_eq!(of(&a, &json!({ "T": topic("b") })).verdict, Verdict::Safe);
    let bucket = json!({ "T": topic("a"), "B": { "Type": "AWS::S3::Bucket" } });
    let card = of(&bucket, &a);
    assert_eq!(card.verdict, Verdict::NeedsApproval);
    assert!(markdown(&card, GITHUB_LIMIT).contains("`--approve deletion=B`"));
    let cluster = |groups: &[&str]| {
        let groups: Vec<JsonValue> = groups.iter().map(|name| json!({ "InstanceGroupName": name })).collect();
        json!({ "C": { "Type": "AWS::SageMaker::Cluster", "Properties": { "InstanceGroups": groups } } })
    };
    let card = of(&cluster(&["a", "b"]), &cluster(&["a"]));
    assert!(markdown(&card, GITHUB_LIMIT).contains("`--approve deletion=C.InstanceGroups.b`"));
    let wrong = json!({ "T": { "Type": "AWS::SNS::Topic", "Properties": { "TopicNam": "a" } } });
    let card = of(&a, &wrong);
    assert_eq!((card.verdict, card.new_findings.len()), (Verdict::Refused, 1));
}

#[test]
fn only_new_findings_are_shown() {
    let wrong = json!({ "Type": "AWS::SNS::Topic", "Properties": { "TopicNam": "a" } });
    let card = of(&json!({ "A": wrong, "T": topic("a") }), &json!({ "A": wrong, "T": topic("b") }));
    assert_eq!((card.new_findings.len(), card.known_findings, card.fixed_findings), (0, 1, 0));
    let card = of(&json!({ "A": wrong }), &json!({ "A": topic("a") }));
    assert_eq!((card.new_findings.len(), card.known_findings, card.fixed_findings), (0, 0, 1));
}

#[test]
fn a_card_stays_below_its_limit_and_names_what_it_left_out() {
    let many = |text: &str| -> JsonValue {
        let topics =
            (0..450).map(|number| (format!("Topic{number}"), topic(&format!("{text}{number}").repeat(40))));
        JsonValue::Object(topics.collect())
    };
    let card = of(&many("a"), &many("b"));
    let whole = markdown(&card, GITLAB_LIMIT);
    assert!(whole.chars().count() > GITHUB_LIMIT && !whole.contains("Left out"), "{}", whole.len());
    for limit in [GITHUB_LIMIT, 20_000, 2_000] {
        let text = markdown(&card, limit);
        assert!(text.chars().count() <= limit, "{}", text.chars().count());
        assert!(text.contains("**Left out") && text.contains("the details of stack"), "{text}");
    }
}

/// Two templates are versions of one stack, whatever their files are called: their costs are compared, and not removed and added.
#[test]
fn the_costs_of_two_files_are_compared() {
    let read = |name: &str, display: &str| {
        let template = json!({ "Resources": {
            "K": { "Type": "AWS::KMS::Key", "Properties": { "Description": display } },
        } });
        Assembly::of_template(name, template.to_string()).unwrap()
    };
    let options = || Options::new("main").estimate(stackwright_estimate::cost::Options::default());
    let compared = card(&read("old.json", "a"), &read("new.json", "b"), options());
    assert_eq!((compared.cost.len(), compared.quotas.len()), (0, 0), "{:?}", compared.cost);
    // A key that is added costs.
    let empty = Assembly::of_template("old.json", "{\"Resources\": {}}".into()).unwrap();
    assert_eq!(card(&empty, &read("new.json", "b"), options()).cost[0].before, None);
}

/// The limits count characters, not bytes. A folded part is left out as a whole, also at the very edge.
#[test]
fn a_card_of_wide_characters_is_cut_between_folded_parts() {
    let many = |text: &str, number: usize| -> JsonValue {
        let topics = (0..number).map(|number| (format!("Topic{number}"), topic(&format!("{text}{number}"))));
        JsonValue::Object(topics.collect())
    };
    let card = of(&many("名前🚀", 450), &many("別の名前🛰", 450));
    let whole = markdown(&card, usize::MAX).chars().count();
    assert!(markdown(&card, usize::MAX).len() > whole, "it has characters of several bytes");
    for limit in (300..2_000).step_by(7).chain([GITHUB_LIMIT, whole - 1, whole, whole + 1]) {
        let text = markdown(&card, limit);
        assert!(text.chars().count() <= limit, "{limit}: {}", text.chars().count());
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count(), "{limit}: {text}");
        assert_eq!(text.contains("**Left out"), limit < whole, "{limit}");
    }
    let large = of(&many(&"名".repeat(2_000), 300), &many(&"字".repeat(2_000), 300));
    for limit in [GITHUB_LIMIT, GITLAB_LIMIT] {
        let text = markdown(&large, limit);
        assert!(text.chars().count() <= limit && text.contains("**Left out"), "{limit}");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }
}

#[test]
fn json_is_what_the_schema_describes() {
    let card =
        of(&json!({ "B": { "Type": "AWS::S3::Bucket" }, "T": topic("a") }), &json!({ "T": topic("b") }));
    let schema: JsonValue = serde_json::from_str(include_str!("../../../docs/card.schema.json")).unwrap();
    let document: JsonValue = serde_json::from_str(&json(&card)).unwrap();
    let errors: Vec<_> = jsonschema::draft7::new(&schema)
        .unwrap()
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    insta::assert_snapshot!(markdown(&card, GITHUB_LIMIT));
}
