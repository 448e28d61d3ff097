//! Tests of all rules: each has documentation, a template that it accepts and one that it reports, and finds the same
//! if the values are written with intrinsic functions.

use std::collections::BTreeSet;

use serde_json::{Map, Value as JsonValue, json};
use stackwright_synth::{Assembly, Template};

use super::{Rule, Topic, rules, topics};
use crate::check::value::function;
use crate::check::{Options, check, unreadable};
use crate::diagnostic::{Diagnostic, Severity};

/// The region of a template's stack: the first line of an example for one region is `# region of the stack: NAME`.
fn region(example: &str) -> Option<&str> {
    example.lines().next()?.strip_prefix("# region of the stack: ")
}

fn found(text: &str, region: Option<&str>) -> Vec<Diagnostic> {
    match Assembly::of_template("template.yaml", text.to_owned()) {
        Ok(assembly) => check(&assembly, &Options::default().regions(region)).diagnostics,
        Err(error) => vec![unreadable("template.yaml", &error)],
    }
}

/// The numbers of the lines that end in `# here`.
fn marked_lines(example: &str) -> BTreeSet<u32> {
    let lines = (1..).zip(example.lines());
    lines.filter(|(_, line)| line.ends_with("# here")).map(|(number, _)| number).collect()
}

/// A list of findings for the message of a failed test.
fn listed<'d>(found: impl IntoIterator<Item = &'d Diagnostic>) -> String {
    let one = |it: &Diagnostic| format!("{} at {}: {}", it.id, it.path, it.message);
    found.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_rule_is_documented_and_has_examples() {
    let mut names = BTreeSet::new();
    for rule in rules() {
        assert!(names.insert(rule.name), "two rules have the name {}", rule.name);
        assert!(
            rule.summary().ends_with('.') && rule.summary().len() > 20,
            "{}: {}",
            rule.name,
            rule.summary()
        );
        assert!(!rule.source.is_empty(), "{}", rule.name);
        assert!(
            !marked_lines(rule.bad).is_empty(),
            "{}: the bad example has no line with `# here`",
            rule.name
        );
        // If the good example had no resource that the rule applies to, it could not show what the rule accepts.
        let good = Template::read(rule.good).unwrap();
        let applies = |(_, body): (&str, &JsonValue)| {
            body["Type"].as_str().is_some_and(|name| rule.applies_to.contains(&name))
        };
        assert!(
            rule.applies_to.is_empty() || good.resources().any(applies),
            "{}: the rule does not apply to the good example",
            rule.name
        );
        assert!(
            rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
    }
}

#[test]
fn every_file_is_in_the_table() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/rules");
    for &Topic { name: topic, rules, .. } in topics() {
        let files = std::fs::read_dir(directory.join(topic)).unwrap();
        let files: BTreeSet<String> = files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-"))
            .filter(|name| name != "mod")
            .collect();
        let names: BTreeSet<String> = rules.iter().map(|rule| rule.name.to_owned()).collect();
        assert_eq!(files, names, "{topic}");
    }
    let fixtures = std::fs::read_dir(directory.join("../../../fixtures")).unwrap();
    // Directories belong to other tests.
    let fixtures = fixtures.filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    assert_eq!(fixtures, 2 * rules().count(), "a fixture of no rule");
}

/// The names of the tests of this crate, as `cargo test` lists them.
fn names_of_tests() -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).args(["--list", "--format", "terse"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// `cargo test spot_without_checkpoint` runs the test that calls [`judge`] for the rule `spot-without-checkpoint`.
#[test]
fn every_rule_has_a_test_with_its_name() {
    let tests = names_of_tests();
    for rule in rules() {
        let suffix = format!("::{}::examples", rule.name.replace('-', "_"));
        let found = tests.iter().filter(|test| test.ends_with(&suffix)).count();
        assert_eq!(found, 1, "{}: tests whose name ends in {suffix}", rule.name);
    }
}

/// Checks that a rule agrees with its examples. The test of each rule calls it: `cargo test spot_without_checkpoint`.
pub(in crate::check) fn judge(rule: &Rule) {
    finds_its_lines(rule);
    finds_the_same_in_other_forms(rule);
    accepts_what_is_not_known(rule);
}

/// The rule reports the marked lines of the bad example, and nothing in the good example.
fn finds_its_lines(rule: &Rule) {
    let all = found(rule.bad, region(rule.bad));
    let lines: BTreeSet<u32> = all
        .iter()
        .filter(|one| one.id == rule.name)
        .map(|one| one.location.as_ref().map_or(0, |location| location.line))
        .collect();
    assert_eq!(lines, marked_lines(rule.bad), "lines of the bad example: {}", listed(&all));
    let others: Vec<_> =
        all.iter().filter(|one| one.id != rule.name && one.counts_as(Severity::Error)).collect();
    assert!(others.is_empty(), "the bad example has other faults: {}", listed(others.iter().copied()));
    let good = found(rule.good, region(rule.good));
    let wrong: Vec<_> =
        good.iter().filter(|one| one.id == rule.name || one.counts_as(Severity::Error)).collect();
    assert!(wrong.is_empty(), "the good example is not accepted: {}", listed(wrong.iter().copied()));
}

/// Writes a value in another form that CloudFormation evaluates to the same value.
type Form = fn(&mut Template2, &JsonValue) -> JsonValue;

/// The sections of a template while it is rewritten.
#[derive(Default)]
struct Template2 {
    parameters: Map<String, JsonValue>,
    mapping: Map<String, JsonValue>,
    conditional: bool,
}

const FORMS: [(&str, Form); 5] = [
    ("a parameter", |template, value| {
        let name = format!("P{}", template.parameters.len());
        let kind = if value.is_number() { "Number" } else { "String" };
        template.parameters.insert(name.clone(), json!({ "Type": kind, "Default": value }));
        json!({ "Ref": name })
    }),
    ("`Fn::Sub`", |template, value| {
        let name = format!("P{}", template.parameters.len());
        template.parameters.insert(name.clone(), json!({ "Type": "String", "Default": value }));
        json!({ "Fn::Sub": format!("${{{name}}}") })
    }),
    ("`Fn::Join`", |_, value| json!({ "Fn::Join": ["", [value]] })),
    ("a condition", |template, value| {
        template.conditional = true;
        json!({ "Fn::If": ["Always", value, { "Ref": "AWS::NoValue" }] })
    }),
    ("a mapping", |template, value| {
        let name = format!("k{}", template.mapping.len());
        template.mapping.insert(name.clone(), value.clone());
        json!({ "Fn::FindInMap": ["Values", "all", name] })
    }),
];

/// The template with each scalar of the properties in another form.
fn rewritten(text: &str, form: Form) -> Template {
    fn walk(value: &mut JsonValue, template: &mut Template2, form: Form) {
        match value {
            // Arguments of functions are not changed.
            JsonValue::Object(map)
                if map.len() == 1 && map.keys().any(|key| key == "Ref" || key.starts_with("Fn::")) => {}
            JsonValue::Object(map) => map.values_mut().for_each(|inner| walk(inner, template, form)),
            JsonValue::Array(items) => items.iter_mut().for_each(|inner| walk(inner, template, form)),
            JsonValue::Null => {}
            scalar => *scalar = form(template, &scalar.clone()),
        }
    }
    let mut sections = Template::read(text).unwrap().sections().clone();
    let mut template = Template2::default();
    for (_, resource) in sections["Resources"].as_object_mut().unwrap() {
        if let Some(properties) = resource.get_mut("Properties") {
            walk(properties, &mut template, form);
        }
    }
    let mut merge = |section: &str, more: Map<String, JsonValue>| {
        if !more.is_empty() {
            let there = sections.entry(section).or_insert_with(|| json!({}));
            there.as_object_mut().unwrap().extend(more);
        }
    };
    merge("Parameters", template.parameters);
    if template.conditional {
        merge("Conditions", Map::from_iter([("Always".into(), json!({ "Fn::Equals": ["a", "a"] }))]));
    }
    if !template.mapping.is_empty() {
        merge("Mappings", Map::from_iter([("Values".into(), json!({ "all": template.mapping }))]));
    }
    Template::read(&JsonValue::Object(sections).to_string()).unwrap()
}

/// The findings of a rule, without their positions.
fn paths(all: &[Diagnostic], rule: &Rule) -> BTreeSet<String> {
    all.iter().filter(|one| one.id == rule.name).map(|one| one.path.clone()).collect()
}

/// The findings are the same in JSON and in every form of the values.
fn finds_the_same_in_other_forms(rule: &Rule) {
    let Ok(template) = Template::read(rule.bad) else {
        assert_eq!(rule.name, "unreadable-template");
        return;
    };
    let expected = paths(&found(rule.bad, region(rule.bad)), rule);
    assert_eq!(paths(&found(template.json(), region(rule.bad)), rule), expected, "in JSON");
    if topics()
        .iter()
        .any(|topic| topic.name == "template" && topic.rules.iter().any(|one| one.name == rule.name))
    {
        // These rules check the form of the template itself.
        return;
    }
    for (name, form) in FORMS {
        let all = found(rewritten(rule.bad, form).json(), region(rule.bad));
        assert_eq!(paths(&all, rule), expected, "the bad example through {name}: {}", listed(&all));
        let good = found(rewritten(rule.good, form).json(), region(rule.good));
        let wrong: Vec<_> = good.iter().filter(|one| one.counts_as(Severity::Error)).collect();
        assert!(wrong.is_empty(), "the good example through {name}: {}", listed(wrong.iter().copied()));
    }
}

/// A rule reports no error for values that are not known.
fn accepts_what_is_not_known(rule: &Rule) {
    /// Replaces scalars with parameters without a default.
    fn hide(value: &JsonValue) -> JsonValue {
        if function(value).is_some() {
            return value.clone();
        }
        match value {
            JsonValue::Object(map) => map.iter().map(|(name, inner)| (name.clone(), hide(inner))).collect(),
            JsonValue::Array(items) => items.iter().map(hide).collect(),
            JsonValue::Null => JsonValue::Null,
            _ => json!({ "Ref": "Unknown" }),
        }
    }
    let Ok(template) = Template::read(rule.good) else { return };
    let mut sections = template.sections().clone();
    let Some(resources) = sections.get_mut("Resources").and_then(JsonValue::as_object_mut) else { return };
    for (_, resource) in resources {
        if let Some(properties) = resource.get_mut("Properties") {
            *properties = hide(properties);
        }
    }
    let parameters = sections.entry("Parameters").or_insert_with(|| json!({}));
    parameters["Unknown"] = json!({ "Type": "String" });
    let all = found(&JsonValue::Object(sections).to_string(), region(rule.good));
    let wrong: Vec<_> =
        all.iter().filter(|one| one.counts_as(Severity::Error) && one.id != "wrong-type").collect();
    assert!(wrong.is_empty(), "the good example with unknown values: {}", listed(wrong.iter().copied()));
}

#[test]
fn the_page_of_rules_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, crate::check::reference()).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == crate::check::reference(),
        "docs/rules.md is not current: UPDATE_DOCS=1 cargo test -p stackwright-review --lib the_page_of_rules"
    );
}
