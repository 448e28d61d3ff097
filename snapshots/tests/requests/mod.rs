//! The comparison of a request of this library with one of the SageMaker Python SDK.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as JsonValue;

/// Every leaf of a request by its path. Hyperparameters that are JSON are compared as JSON; strings with their quotation marks.
fn leaves(value: &JsonValue, path: &str, found: &mut BTreeMap<String, JsonValue>) {
    match value {
        JsonValue::Object(members) if !members.is_empty() => {
            for (name, inner) in members {
                let inner_path = format!("{path}/{name}");
                let decoded = inner.as_str().and_then(|text| serde_json::from_str::<JsonValue>(text).ok());
                match decoded.filter(|decoded| path == "/HyperParameters" && !decoded.is_string()) {
                    Some(decoded) => drop(found.insert(inner_path, decoded)),
                    None => leaves(inner, &inner_path, found),
                }
            }
        }
        JsonValue::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                leaves(inner, &format!("{path}/{index}"), found);
            }
        }
        leaf => drop(found.insert(path.to_owned(), leaf.clone())),
    }
}

/// Whether two leaves are the same in a request: 1 and 1.0 are.
fn is_same(one: Option<&JsonValue>, other: Option<&JsonValue>) -> bool {
    let number = |leaf: Option<&JsonValue>| leaf.and_then(JsonValue::as_f64);
    one == other || number(one).is_some_and(|one| Some(one) == number(other))
}

/// Compares two requests: exactly the listed differences may exist. Each is a path and a reason.
#[track_caller]
pub fn compare<'d>(
    name: &str,
    recorded: &JsonValue,
    request: &JsonValue,
    differences: impl Iterator<Item = (&'d str, &'d str)>,
) {
    let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
    leaves(recorded, "", &mut theirs);
    leaves(request, "", &mut ours);
    let expected: BTreeMap<&str, &str> = differences.collect();
    let mut wrong = Vec::new();
    for key in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        let differs = !is_same(theirs.get(key), ours.get(key));
        if differs != expected.contains_key(key.as_str()) {
            let what = if differs { "differs without a reason" } else { "is listed and does not differ" };
            wrong.push(format!("{key} {what}: SDK {:?}, here {:?}", theirs.get(key), ours.get(key)));
        }
    }
    for key in expected.keys().filter(|key| !theirs.contains_key(**key) && !ours.contains_key(**key)) {
        wrong.push(format!("{key} is listed and exists nowhere"));
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}
