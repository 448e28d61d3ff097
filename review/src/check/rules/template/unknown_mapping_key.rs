//! `unknown-mapping-key`

use serde_json::Value as JsonValue;

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{children, entries, function, shown, string};
use crate::check::view::View;
use stackwright_schemas::nearest;

rule! {
    /// `Fn::FindInMap` reads a key that the mapping does not have, without `DefaultValue`.
    ///
    /// # Why it matters
    ///
    /// The operation fails when CloudFormation evaluates the function.
    ///
    /// # How to fix
    ///
    /// Add the key to the mapping, or a `DefaultValue`.
    Error "unknown-mapping-key",
    source: "AWS CloudFormation User Guide, template anatomy",
    applies_to: [],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    if view.template().section("Mappings").next().is_none() {
        return;
    }
    for resource in &view.resources {
        let mut path = Vec::new();
        let mut missing = Vec::new();
        search(view, &resource.properties, &mut path, &mut missing);
        for (path, message, help) in missing {
            findings.add_at(resource, Some(&path), message, help);
        }
    }
}

type Missing = (Vec<String>, String, String);

fn search(view: &View<'_>, value: &JsonValue, path: &mut Vec<String>, missing: &mut Vec<Missing>) {
    if let Some(("Fn::FindInMap", JsonValue::Array(keys))) = function(value) {
        if let [map, top, second] = keys.as_slice() {
            let mapping = view.template().sections().get("Mappings").and_then(|all| all.get(map.as_str()?));
            let (Some(mapping), Some(top)) = (mapping, string(top)) else { return };
            let row = mapping.get(top);
            // `malformed-mapping` reports a mapping without two levels.
            if !mapping.is_object() || row.is_some_and(|row| !row.is_object()) {
                return;
            }
            let (holder, key) = match row {
                None => (mapping, Some(top)),
                Some(row) => (row, string(second).filter(|key| row.get(key).is_none())),
            };
            if let Some(key) = key {
                let near = nearest(key, entries(holder).map(|(name, _)| name));
                let help = near.map_or_else(String::new, |near| format!("the most similar name is `{near}`"));
                missing.push((
                    path.clone(),
                    format!("the mapping `{}` has no key `{key}`", shown(map)),
                    help,
                ));
            }
        }
        return;
    }
    for (step, inner) in children(value) {
        path.push(step.into_owned());
        search(view, inner, path, missing);
        path.pop();
    }
}
