//! Updates that a service rejects although the registry schema allows them.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// A condition under which a service rejects an update that the registry schema allows. For example, SageMaker rejects another
/// instance type of a variant while a scalable target for the variant exists.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct RefusedUpdate {
    /// The type of the resource that is updated.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The property that changes.
    pub property: String,
    /// The resource to which the property refers, if the list is in that resource; otherwise the list is in the
    /// resource itself.
    #[serde(default)]
    pub through: Option<Through>,
    /// The list whose items are compared; without a list, the property itself must not change.
    #[serde(default)]
    pub list: Option<String>,
    /// The member that identifies an item of the list, such as `VariantName`; empty without a list.
    #[serde(default)]
    pub key: String,
    /// The member of an item that must not change, such as `InstanceType`; empty without a list.
    #[serde(default)]
    pub member: String,
    /// The resource that must exist; without it, the service always rejects the update.
    #[serde(default, rename = "while")]
    pub while_exists: Option<While>,
    /// The service's error message, with placeholders for properties of the resource and members of the item.
    pub message: String,
    /// The documentation or report that states the rule.
    pub source: String,
}

/// The resource, to which a property refers, that contains the compared list.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Through {
    /// The resource type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The property or attribute that identifies the resource.
    pub property: String,
}

/// The resource whose existence is the condition of a rejected update.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct While {
    /// The resource type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The property that identifies the resource.
    pub property: String,
    /// The value of the property, with placeholders.
    pub value: String,
}

#[derive(Deserialize)]
struct Facts {
    rules: Vec<RefusedUpdate>,
}

/// Returns the rules for updates of a resource type. Those of `AWS::CloudFormation::CustomResource` apply to every type
/// `Custom::NAME`.
pub fn refused_updates(type_name: &str) -> impl Iterator<Item = &'static RefusedUpdate> + use<'_> {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    let facts: &'static Facts = FACTS.get_or_init(|| embedded(include_str!("../facts/refused_updates.json")));
    let name =
        if type_name.starts_with("Custom::") { "AWS::CloudFormation::CustomResource" } else { type_name };
    facts.rules.iter().filter(move |rule| rule.type_name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_property_is_in_the_registry() {
        let rule = refused_updates("AWS::SageMaker::Endpoint").next().unwrap();
        let kind = |name: &str| crate::registry::resource_type(name).unwrap();
        assert!(kind(&rule.type_name).property(&rule.property).is_some());
        let through = rule.through.as_ref().unwrap();
        assert!(kind(&through.type_name).property(rule.list.as_deref().unwrap()).is_some());
        let other = rule.while_exists.as_ref().unwrap();
        assert!(kind(&other.type_name).property(&other.property).is_some());
    }
}
