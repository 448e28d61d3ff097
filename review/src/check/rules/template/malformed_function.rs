//! `malformed-function`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{below, children, function};
use crate::check::view::View;
use stackwright_schemas::nearest;

rule! {
    /// An intrinsic function that does not exist, with arguments of another shape than it takes, or in a place where
    /// CloudFormation does not evaluate it.
    Error "malformed-function",
    source: "AWS CloudFormation User Guide, intrinsic function reference",
    applies_to: [],
    check: Written(check),
}

/// Whether an argument has the shape that a function takes.
type Fits = fn(&JsonValue) -> bool;

/// What each function takes.
const FUNCTIONS: &[(&str, Fits, &str)] = &[
    ("Ref", |it| it.is_string(), "a name"),
    ("Fn::And", |it| is_list(it, 2..=10), "2 to 10 conditions"),
    ("Fn::Base64", |_| true, "a text"),
    ("Fn::Cidr", |it| is_list(it, 2..=3), "a block, a count and the number of bits"),
    ("Fn::Equals", |it| is_list(it, 2..=2), "two values"),
    ("Fn::FindInMap", |it| is_list(it, 3..=4), "a mapping and two keys"),
    ("Fn::GetAZs", |_| true, "a region"),
    ("Fn::GetAtt", |it| it.is_string() || is_list(it, 2..=9), "a logical id and an attribute"),
    ("Fn::GetStackOutput", |_| true, "a stack and an output"),
    ("Fn::If", |it| is_list(it, 3..=3) && it[0].is_string(), "a condition's name and two values"),
    ("Fn::ImportValue", |_| true, "the name of an export"),
    (
        "Fn::Join",
        |it| is_list(it, 2..=2) && it[0].is_string() && !it[1].is_string(),
        "a delimiter and a list",
    ),
    ("Fn::Length", |it| !it.is_string(), "a list"),
    ("Fn::Not", |it| is_list(it, 1..=1), "one condition in a list"),
    ("Fn::Or", |it| is_list(it, 2..=10), "2 to 10 conditions"),
    ("Fn::Select", |it| is_list(it, 2..=2), "an index and a list"),
    ("Fn::Split", |it| is_list(it, 2..=2), "a delimiter and a text"),
    (
        "Fn::Sub",
        |it| it.is_string() || is_list(it, 2..=2) && it[0].is_string() && it[1].is_object(),
        "a text, or a text and its variables",
    ),
    ("Fn::ToJsonString", |it| it.is_object() || it.is_array(), "an object or a list"),
    ("Fn::Transform", |it| it.is_object() || it.is_array(), "a macro's name and its parameters"),
];

fn is_list(value: &JsonValue, length: std::ops::RangeInclusive<usize>) -> bool {
    value.as_array().is_some_and(|items| length.contains(&items.len()))
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for section in ["Conditions", "Resources", "Outputs"] {
        for (id, value) in view.template().section(section) {
            let resource = (section == "Resources").then_some(id);
            let mut pointer = format!("/{section}/{}", id.replace('/', "~1"));
            walk(value, &mut pointer, &mut |pointer, message, help| {
                findings.add_written(resource, pointer.to_owned(), message, help);
            });
        }
    }
}

fn walk(value: &JsonValue, pointer: &mut String, found: &mut impl FnMut(&str, String, String)) {
    if let Some((name, argument)) = function(value) {
        match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
            None => {
                let near = nearest(name, FUNCTIONS.iter().map(|(name, ..)| *name));
                let help = near.map_or_else(String::new, |near| format!("the nearest is `{near}`"));
                found(pointer, format!("there is no function `{name}`"), help);
            }
            Some((_, fits, wanted)) if !fits(argument) && !is_function(argument) => {
                found(pointer, format!("`{name}` takes {wanted}"), String::new());
            }
            Some(_) => {}
        }
    }
    for (step, inner) in children(value) {
        below(pointer, &step, |pointer| walk(inner, pointer, found));
    }
}

fn is_function(value: &JsonValue) -> bool {
    function(value).is_some()
}
