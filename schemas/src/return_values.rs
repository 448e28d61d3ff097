//! The formats of the return values of `Ref` and `Fn::GetAtt`, by resource type.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The formats of the return values of a resource type.
///
/// A format is a string with placeholders: `{region}`, `{account}`, `{name}` (the resource's name), `{lower-name}`,
/// `{stack}`, `{logical-id}`, a property or an attribute such as `{Path}` (`{Family|name}` and `{Cluster|default}`
/// name a replacement for an absent one), and parts that the service generates: `{id}` (17 hexadecimal digits),
/// `{idN}` and `{IDN}` (N hexadecimal digits, in lower or upper case), `{uuid}`, `{random6}`, `{digits}` and
/// `{octet}`.
#[derive(Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct ReturnValues {
    /// The return value of `Ref`, if it is not the primary identifier of the registry schema.
    #[serde(default, rename = "ref")]
    pub reference: Option<String>,
    /// The return values of `Fn::GetAtt`, by attribute.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Facts {
    types: BTreeMap<String, ReturnValues>,
    /// The attributes, and `Ref`, whose formats no example of the documentation confirms, by type.
    #[cfg_attr(not(test), expect(dead_code, reason = "it documents the data"))]
    unconfirmed: BTreeMap<String, Vec<String>>,
}

/// Returns the formats of a resource type; `None` if they are not known.
pub fn return_values(type_name: &str) -> Option<&'static ReturnValues> {
    facts().types.get(type_name)
}

fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| embedded(include_str!("../facts/return_values.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unconfirmed_format_is_one_that_is_there() {
        assert!(!facts().unconfirmed.is_empty());
        for (name, attributes) in &facts().unconfirmed {
            let values = return_values(name).unwrap_or_else(|| panic!("{name}"));
            for attribute in attributes {
                let is_there = match attribute.as_str() {
                    "Ref" => values.reference.is_some(),
                    other => values.attributes.contains_key(other),
                };
                assert!(is_there, "{name} {attribute}");
            }
        }
    }

    #[test]
    fn every_type_and_attribute_is_in_the_registry() {
        for (name, values) in &facts().types {
            let kind = crate::registry::resource_type(name).unwrap_or_else(|| panic!("{name}"));
            for attribute in values.attributes.keys() {
                let top = attribute.split('.').next().unwrap_or_default();
                assert!(kind.property(top).is_some(), "{name} {attribute}");
            }
        }
    }

    #[test]
    fn forms_are_those_of_the_documentation() {
        let of = |type_name: &str| return_values(type_name).unwrap();
        assert_eq!(
            of("AWS::Logs::LogGroup").attributes["Arn"],
            "arn:aws:logs:{region}:{account}:log-group:{name}:*"
        );
        assert_eq!(of("AWS::EC2::EIP").reference.as_deref(), Some("{PublicIp}"));
    }
}
