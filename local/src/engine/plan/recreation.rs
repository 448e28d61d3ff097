//! Determines whether a change to a property replaces the resource.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use stackwright_schemas::registry::ResourceType;

use crate::template::scalar_text;

/// Whether a change to a property replaces the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recreation {
    Never,
    Conditionally,
    Always,
}

impl Recreation {
    /// Returns the value of `RequiresRecreation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Conditionally => "Conditionally",
            Self::Always => "Always",
        }
    }
}

/// Returns whether a change to a property replaces the resource, according to the registry's schema.
pub(crate) fn recreation(kind: Option<&ResourceType>, name: &str, before: &Json, after: &Json) -> Recreation {
    let Some(kind) = kind else { return Recreation::Never };
    if kind.is_create_only(name) {
        return Recreation::Always;
    }
    let whole = match kind.is_conditionally_create_only(name) {
        true => Recreation::Conditionally,
        false => Recreation::Never,
    };
    whole.max(parts(kind, name, before, after))
}

/// Returns the strongest effect of the changes to the parts of a property. A property that is not set has no parts.
fn parts(kind: &ResourceType, name: &str, before: &Json, after: &Json) -> Recreation {
    let changes: Vec<(String, &Json, &Json)> = match (before, after) {
        (Json::Object(_) | Json::Null, Json::Object(_)) | (Json::Object(_), Json::Null) => {
            let sides = [before, after].into_iter().filter_map(Json::as_object);
            let names: BTreeSet<&String> = sides.flat_map(serde_json::Map::keys).collect();
            names.into_iter().map(|inner| (inner.clone(), &before[inner], &after[inner])).collect()
        }
        (Json::Array(_) | Json::Null, Json::Array(_)) | (Json::Array(_), Json::Null) => {
            let length = [before, after].into_iter().filter_map(Json::as_array).map(Vec::len).max();
            let numbers = 0..length.unwrap_or(0);
            numbers.map(|number| ("*".to_owned(), &before[number], &after[number])).collect()
        }
        _ => return Recreation::Never,
    };
    let changed = changes.into_iter().filter(|(_, one, other)| !same(one, other));
    changed
        .map(|(inner, one, other)| recreation(Some(kind), &format!("{name}/{inner}"), one, other))
        .max()
        .unwrap_or(Recreation::Never)
}

/// Returns whether CloudFormation treats two values as equal: for example, `"1"` and `1`.
pub(crate) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|there| same(value, there)))
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Null, Json::Null) => true,
        (Json::Null, _) | (_, Json::Null) => false,
        (Json::Object(_) | Json::Array(_), _) | (_, Json::Object(_) | Json::Array(_)) => false,
        (one, other) => scalar_text(one) == scalar_text(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackwright_schemas::registry::resource_type;

    use super::*;

    #[test]
    fn a_number_and_its_text_are_the_same() {
        assert!(same(&json!({ "a": [1, true] }), &json!({ "a": ["1", "true"] })));
        assert!(!same(&json!({ "a": 1 }), &json!({ "a": 1, "b": null })));
        assert!(!same(&json!([1]), &json!(1)));
    }

    #[test]
    fn the_registry_determines_what_replaces_a_resource() {
        let of = |kind: &str, name: &str| recreation(resource_type(kind), name, &json!("a"), &json!("b"));
        assert_eq!(of("AWS::SNS::Topic", "TopicName"), Recreation::Always);
        assert_eq!(of("AWS::SNS::Topic", "DisplayName"), Recreation::Never);
        assert_eq!(of("Custom::Thing", "Anything"), Recreation::Never);
    }

    #[test]
    fn parts_of_a_property_replace_a_resource() {
        let of = |kind: &str, name: &str, before: Json, after: Json| {
            recreation(resource_type(kind), name, &before, &after)
        };
        let template = |name: &str, subject: &str| json!({ "TemplateName": name, "SubjectPart": subject });
        let ses = "AWS::SES::Template";
        assert_eq!(of(ses, "Template", template("a", "x"), template("b", "y")), Recreation::Always);
        assert_eq!(of(ses, "Template", template("a", "x"), template("a", "y")), Recreation::Never);
        // A part that is added or removed with its property is changed as well.
        assert_eq!(of(ses, "Template", Json::Null, template("a", "x")), Recreation::Always);
        assert_eq!(of(ses, "Template", template("a", "x"), Json::Null), Recreation::Always);
        let nodes = |id: &str| json!([{ "DbServerId": id }]);
        let cluster = "AWS::ODB::CloudVmCluster";
        assert_eq!(of(cluster, "DbNodes", nodes("a"), nodes("b")), Recreation::Always);
        // For any other change to the property, the service decides whether it replaces the resource.
        let longer = json!([{ "DbServerId": "a" }, {}]);
        assert_eq!(of(cluster, "DbNodes", nodes("a"), longer), Recreation::Conditionally);
    }
}
