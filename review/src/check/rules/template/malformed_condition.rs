//! `malformed-condition`

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as JsonValue;
use stackwright_synth::Template;
use stackwright_synth::cycle::cycle_from;
use stackwright_synth::pointer;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{children, entries, function, items};
use crate::check::view::{View, references};
use crate::check::written::has;

rule! {
    /// A condition is not a function that returns true or false, uses a function that CloudFormation does not evaluate in
    /// conditions, refers to a resource, or refers to itself through other conditions.
    ///
    /// # Why it matters
    ///
    /// CloudFormation evaluates conditions before it creates any resource. It refuses the template if a condition depends on
    /// one.
    ///
    /// # How to fix
    ///
    /// Build the condition from `Fn::And`, `Fn::Or`, `Fn::Not`, `Fn::Equals` and `Condition`. Compare parameters, pseudo
    /// parameters, mappings and constants only.
    ///
    /// # Limitations
    ///
    /// Conditions that `Fn::ForEach` or a macro creates are not checked.
    Error "malformed-condition",
    source: "AWS CloudFormation Template Reference, \"Condition functions\"",
    applies_to: [],
    check: Written(check),
}

const CONDITIONS: [&str; 5] = ["Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"];
/// Functions that return values only after resources exist, or that depend on conditions.
const LATE: [&str; 5] = ["Fn::GetAtt", "Fn::ImportValue", "Fn::GetAZs", "Fn::GetStackOutput", "Fn::If"];

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    let template = view.template();
    for (name, condition) in template.section("Conditions").filter(|(id, _)| !id.starts_with("Fn::")) {
        let at = pointer::of(["Conditions", name]);
        if let Err((message, help)) = of_conditions(condition).and_then(|()| operands(condition)) {
            findings.add_written(None, at, message, help);
        } else if let Some(resource) = referred_resource(template, condition) {
            let message =
                format!("the condition refers to the resource `{resource}`, which does not exist yet");
            findings.add_written(
                None,
                at,
                message,
                "compare parameters, pseudo parameters, mappings and constants",
            );
        }
    }
    if let Some(cycle) = cycle(template) {
        let shown: Vec<String> = cycle.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("conditions refer to each other: {}", shown.join(" → "));
        findings.add_written(
            None,
            pointer::of(["Conditions", cycle[0]]),
            message,
            "remove one of the references",
        );
    }
}

type Fault = (String, &'static str);

/// Checks that a value is a function that returns a boolean, and that its arguments do so as well.
fn of_conditions(condition: &JsonValue) -> Result<(), Fault> {
    const HELP: &str = "use `Fn::And`, `Fn::Or`, `Fn::Not`, `Fn::Equals` or `Condition`";
    let single = condition.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
    let Some((name, arguments)) = single else {
        let what = if condition.is_null() { "is null" } else { "is not a condition function" };
        return Err((format!("the condition {what}"), HELP));
    };
    if name == "Fn::Transform" || name.starts_with("Fn::ForEach") {
        return Ok(());
    }
    if !CONDITIONS.contains(&name.as_str()) {
        return Err((format!("`{name}` does not return true or false"), HELP));
    }
    let (least, most) = match name.as_str() {
        "Condition" if arguments.is_string() => return Ok(()),
        "Condition" => return Err(("`Condition` takes the name of a condition".into(), "")),
        "Fn::Not" => (1, 1),
        "Fn::Equals" => (2, 2),
        _ => (2, 10),
    };
    let Some(items) = arguments.as_array() else {
        let is_function = function(arguments).is_some();
        return if is_function { Ok(()) } else { Err((format!("`{name}` takes a list"), "")) };
    };
    if !(least..=most).contains(&items.len()) {
        return Err((format!("`{name}` takes {least} to {most} values, and {} are given", items.len()), ""));
    }
    if name == "Fn::Equals" {
        return Ok(());
    }
    items.iter().try_for_each(of_conditions)
}

/// Checks that a compared value is a string that is known before resources are created.
fn operands(value: &JsonValue) -> Result<(), Fault> {
    match function(value) {
        Some(("Fn::Equals", compared))
            if items(compared).any(|one| one.is_array() || one.is_object() && !is_function(one)) =>
        {
            return Err((
                "`Fn::Equals` compares two strings".to_owned(),
                "join a list with `Fn::Join`, or compare one item with `Fn::Select`",
            ));
        }
        Some((name, _)) if LATE.contains(&name) => {
            return Err((
                format!("`{name}` is not evaluated in conditions"),
                "compare parameters, pseudo parameters, mappings and constants",
            ));
        }
        _ => {}
    }
    children(value).try_for_each(|(_, inner)| operands(inner))
}

fn is_function(value: &JsonValue) -> bool {
    function(value).is_some()
}

/// Returns the resource that a condition refers to.
fn referred_resource<'a>(template: &Template, condition: &'a JsonValue) -> Option<&'a str> {
    let mut resource = None;
    references(condition, &mut String::new(), &mut |name, _, _| {
        resource = resource.or_else(|| has(template, "Resources", name).then_some(name));
    });
    resource
}

fn cycle(template: &Template) -> Option<Vec<&str>> {
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, condition) in template.section("Conditions") {
        let mut named = Vec::new();
        collect(condition, &mut named);
        uses.insert(name, named);
    }
    let mut done = HashSet::new();
    let after = |name: &str| uses.get(name).map_or(&[][..], Vec::as_slice);
    template.section("Conditions").find_map(|(name, _)| cycle_from(name, &mut done, after))
}

fn collect<'v>(value: &'v JsonValue, named: &mut Vec<&'v str>) {
    if let Some(name) =
        entries(value).find(|(key, _)| *key == "Condition").and_then(|(_, name)| name.as_str())
    {
        named.push(name);
    }
    for (_, inner) in children(value) {
        collect(inner, named);
    }
}
