//! Values that are written as before and are not known, but that a changed parameter, mapping or condition changes.
//!
//! Such a value depends on the region, on an SSM parameter or on a parameter without a default, so that both versions have the
//! same expression although the deployed values differ.

use serde_json::Value as JsonValue;
use stackwright_schemas::registry::ResourceType;
use stackwright_synth::function::{children, function, references};
use stackwright_synth::{Template, pointer};

use super::consequence;
use super::effective::ValueInput;
use super::model::{Because, PropertyChange, Recreation};
use super::path;
use super::resource::Sides;

/// An expression in the new version: its JSON pointer, what it takes its value from, and whether the value differs for certain.
struct Unknown {
    pointer: String,
    input: ValueInput,
    name: String,
    is_certain: bool,
}

/// Adds the changes of properties whose values are not known and whose inputs change. `before` and `after` are the
/// resolved properties of the two versions, and `changes` the known changes.
pub(crate) fn add(
    sides: &Sides<'_>,
    id: &str,
    kind: Option<&ResourceType>,
    [before, after]: [&JsonValue; 2],
    changes: &mut Vec<PropertyChange>,
) {
    if sides.inputs.is_empty() {
        return;
    }
    let mut found = Vec::new();
    collect(sides, after, &mut String::new(), &mut found);
    for one in found {
        // Another expression is a known change, wherever the comparison shows it.
        if before.pointer(&one.pointer) != after.pointer(&one.pointer) {
            continue;
        }
        let shown = path::of_pointer(&one.pointer, after);
        let is_known = |change: &PropertyChange| {
            let (known, shown) = (change.path.as_str(), shown.as_str());
            known.starts_with(shown) || shown.starts_with(known)
        };
        if changes.iter().any(is_known) {
            continue;
        }
        let steps: Vec<String> = pointer::steps(&one.pointer)
            .take_while(|step| !step.starts_with("Fn::"))
            .map(|step| if step.parse::<usize>().is_ok() { "*".to_owned() } else { step.into_owned() })
            .collect();
        let recreation = kind.map_or(Recreation::Never, |kind| consequence::at(kind, &steps.join("/")));
        let recreation = if one.is_certain { recreation } else { recreation.min(Recreation::Conditionally) };
        changes.push(PropertyChange {
            path: shown,
            before: None,
            after: None,
            is_order: false,
            is_element: false,
            recreation,
            because: Some(Because::Input(one.input, one.name)),
            location: sides.location(&format!("/Resources/{id}/Properties{}", one.pointer), true),
        });
    }
}

fn collect(sides: &Sides<'_>, value: &JsonValue, at: &mut String, found: &mut Vec<Unknown>) {
    let mut add = |input: ValueInput, name: &str, is_certain: bool| {
        if sides.inputs.get(name) == Some(&input) {
            found.push(Unknown { pointer: at.clone(), input, name: name.to_owned(), is_certain });
        }
    };
    match function(value) {
        Some(("Ref" | "Fn::Sub", _)) => {
            references(value, &mut String::new(), &mut |name, attribute, _| {
                if attribute.is_none() {
                    add(ValueInput::Parameter, name, false);
                }
            });
        }
        Some(("Fn::FindInMap", JsonValue::Array(keys))) => {
            let [JsonValue::String(name), top, second, ..] = keys.as_slice() else { return };
            let entries = |template| entries(template, name, [top, second]);
            match difference(&entries(sides.before.template), &entries(sides.after.template)) {
                Difference::None => {}
                Difference::Some => add(ValueInput::Mapping, name, false),
                Difference::All => add(ValueInput::Mapping, name, true),
            }
            return;
        }
        Some(("Fn::If", JsonValue::Array(parts))) => {
            if let Some(name) = parts.first().and_then(JsonValue::as_str) {
                add(ValueInput::Condition, name, false);
            }
        }
        _ => {}
    }
    for (step, inner) in children(value) {
        let length = at.len();
        pointer::push(at, &step);
        collect(sides, inner, at, found);
        at.truncate(length);
    }
}

/// Returns the values of a mapping that an expression can return, by their two keys. A key that is not known can be any.
fn entries<'t>(
    template: &'t Template,
    name: &str,
    [top, second]: [&JsonValue; 2],
) -> Vec<((&'t str, &'t str), &'t JsonValue)> {
    let is_wanted = |key: &JsonValue, name: &str| key.as_str().is_none_or(|key| key == name);
    let maps = template.section("Mappings").filter(|(known, _)| *known == name);
    let tops = maps.flat_map(|(_, map)| map.as_object().into_iter().flatten());
    tops.filter(|(key, _)| is_wanted(top, key))
        .flat_map(|(key, inner)| {
            let inner = inner.as_object().into_iter().flatten();
            inner.map(move |(second, value)| ((key.as_str(), second.as_str()), value))
        })
        .filter(|((_, key), _)| is_wanted(second, key))
        .collect()
}

enum Difference {
    None,
    Some,
    All,
}

/// Returns the number of values that exist in both versions and differ.
fn difference<'t, K: PartialEq + 't>(
    before: &[(K, &'t JsonValue)],
    after: &[(K, &'t JsonValue)],
) -> Difference {
    let both = after.iter().filter_map(|(key, value)| {
        let old = before.iter().find(|(known, _)| known == key)?;
        Some(old.1 != *value)
    });
    let differing: Vec<bool> = both.collect();
    match differing.iter().filter(|differs| **differs).count() {
        0 => Difference::None,
        number if number == differing.len() => Difference::All,
        _ => Difference::Some,
    }
}
