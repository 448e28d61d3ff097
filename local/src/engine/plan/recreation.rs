//! What a change to a property means for the resource.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use stackwright_schemas::registry::ResourceType;

use crate::template::scalar_text;

/// Whether a change to a property replaces the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recreation {
    Never,
    Conditionally,
    Always,
}

impl Recreation {
    /// The value of `RequiresRecreation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Conditionally => "Conditionally",
            Self::Always => "Always",
        }
    }
}

/// Whether a change to a property replaces the resource, according to the registry's schema.
pub(crate) fn recreation(kind: Option<&ResourceType>, name: &str, before: &Json, after: &Json) -> Recreation {
    let Some(kind) = kind else { return Recreation::Never };
    if kind.is_create_only(name) {
        return Recreation::Always;
    }
    if kind.is_conditionally_create_only(name) {
        return Recreation::Conditionally;
    }
    // A part of the property may replace the resource.
    if let (Json::Object(before), Json::Object(after)) = (before, after) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for inner in names {
            let (one, other) =
                (before.get(inner).unwrap_or(&Json::Null), after.get(inner).unwrap_or(&Json::Null));
            if one != other {
                let found = recreation(Some(kind), &format!("{name}/{inner}"), one, other);
                if found != Recreation::Never {
                    return found;
                }
            }
        }
    }
    Recreation::Never
}

/// Whether two values are the same to CloudFormation, which takes `"1"` for `1`.
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
}
