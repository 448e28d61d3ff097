//! The lists whose elements are identified by name, and the lists whose order has no meaning.

use std::collections::BTreeSet;

use serde_json::Value as JsonValue;
use stackwright_schemas::registry::Schema;
use stackwright_synth::function::function;

use super::node::scalar_text;

/// The method of comparing a list.
pub(crate) enum Kind {
    /// Element by element.
    Ordered,
    /// As a set.
    Unordered,
    /// By the names of its elements.
    Named {
        /// One for each element.
        names: Vec<String>,
        /// Whether the order matters too.
        ordered: bool,
    },
}

/// Members that name an element of a list, the more specific first.
const NAMES: [&str; 27] = [
    "VariantName",
    "ContainerHostname",
    "InstanceGroupName",
    "ChannelName",
    "PolicyName",
    "InputName",
    "OutputName",
    "AttributeName",
    "IndexName",
    "DeviceName",
    "FeatureName",
    "ParameterKey",
    "OptionName",
    "ContainerName",
    "LayerName",
    "AlarmName",
    "Sid",
    "Name",
    "name",
    "Key",
    "key",
    "Id",
    "ID",
    "id",
    "Field",
    "StatementId",
    "CapacityProvider",
];

/// Lists whose order has no meaning although the registry does not declare it.
const UNORDERED: [&str; 39] = [
    "Action",
    "AlarmActions",
    "Alarms",
    "AllowedValues",
    "AvailabilityZones",
    "Condition",
    "DependsOn",
    "Dimensions",
    "EndpointConfigurations",
    "Environment",
    "EnvironmentVariables",
    "GroupSet",
    "InstanceGroups",
    "InstanceTypes",
    "InsufficientDataActions",
    "ManagedPolicyArns",
    "MetricDefinitions",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "OKActions",
    "Outputs",
    "Parameters",
    "Policies",
    "Principal",
    "ProductionVariants",
    "Resource",
    "SecurityGroupEgress",
    "SecurityGroupIds",
    "SecurityGroupIngress",
    "SecurityGroups",
    "ShadowProductionVariants",
    "Statement",
    "Steps",
    "SubnetIds",
    "Subnets",
    "Tags",
    "VpcSecurityGroupIds",
    "depends_on",
];

/// Lists in the table above whose order has a meaning after all where their elements have no name.
const ORDERED_UNLESS_NAMED: [&str; 1] = ["Steps"];

/// Returns the method of comparing a list of a property.
pub(crate) fn kind(name: &str, schema: Option<&Schema<'_>>, items: &[JsonValue]) -> Kind {
    let is_declared_unordered =
        schema.is_some_and(|schema| schema.resolved().node()["insertionOrder"] == false);
    let unordered = is_declared_unordered || UNORDERED.binary_search(&name).is_ok();
    if let Some(names) = names(items) {
        return Kind::Named { names, ordered: !unordered };
    }
    if unordered && (is_declared_unordered || !ORDERED_UNLESS_NAMED.contains(&name)) {
        Kind::Unordered
    } else {
        Kind::Ordered
    }
}

/// Returns the names of the elements; `None` unless every element has a name and all names differ.
fn names(items: &[JsonValue]) -> Option<Vec<String>> {
    let first = items.first()?.as_object().filter(|_| function(&items[0]).is_none())?;
    NAMES.iter().filter(|name| first.contains_key(**name)).find_map(|key| {
        let mut seen = BTreeSet::new();
        items
            .iter()
            .map(|item| match item.get(*key)? {
                scalar @ (JsonValue::String(_) | JsonValue::Number(_)) => {
                    Some(scalar_text(scalar).into_owned())
                }
                reference => super::node::variable(reference).map(|name| format!("${{{name}}}")),
            })
            .map(|name| name.filter(|name| seen.insert(name.clone())))
            .collect()
    })
}

/// Returns whether a member may be one value or a list of them, as in a policy: `"s3:GetObject"` is `["s3:GetObject"]`.
pub(crate) fn is_one_or_many(name: &str, holder: &str, value: &JsonValue) -> bool {
    let is_one = !value.is_array();
    let by_name = matches!(name, "Action" | "NotAction" | "Resource" | "NotResource")
        && holder == "Statement"
        || name == "Statement" && value.is_object() && function(value).is_none();
    let below = is_free(holder) && !value.is_object();
    is_one && (by_name || below)
}

/// Returns whether members of an object are called freely, as principals and condition operators are.
pub(crate) fn is_free(holder: &str) -> bool {
    matches!(holder, "Principal" | "NotPrincipal" | "Condition")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::UNORDERED.is_sorted());
    }
}
