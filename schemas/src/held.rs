//! Resource types whose deletion or replacement loses data, or interrupts traffic or workloads, and types whose changes need an
//! approval.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use crate::api::embedded;

/// The reason why the deletion of a resource is dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Held {
    /// The resource holds data, which is lost with it.
    Data,
    /// The resource serves requests, which are interrupted.
    Traffic,
    /// The resource runs workloads, such as the jobs on the nodes of a cluster, which are interrupted.
    Workloads,
}

impl Held {
    /// Returns the name in facts and in JSON: `data`, `traffic` or `workloads`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Traffic => "traffic",
            Self::Workloads => "workloads",
        }
    }

    /// Returns the predicate of a sentence about the resource: `holds data`, `serves traffic` or `runs workloads`.
    ///
    /// ```
    /// use stackwright_schemas::held::held;
    ///
    /// assert_eq!(held("AWS::SageMaker::Cluster").unwrap().predicate(), "runs workloads");
    /// ```
    pub fn predicate(self) -> &'static str {
        match self {
            Self::Data => "holds data",
            Self::Traffic => "serves traffic",
            Self::Workloads => "runs workloads",
        }
    }
}

#[derive(Deserialize)]
struct Types {
    data: Vec<String>,
    traffic: Vec<String>,
    workloads: Vec<String>,
    elements: Vec<HeldList>,
}

/// A list property whose elements hold data, serve traffic or run workloads, such as the instance groups of a HyperPod cluster:
/// AWS deletes an element that an update removes from the list.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct HeldList {
    #[serde(rename = "type")]
    type_name: String,
    /// The property with the list.
    pub property: String,
    name: String,
    /// The data or workload that is lost with an element.
    pub holds: Held,
}

impl HeldList {
    /// Returns the names of the elements that `before` has and `after` does not, both values of the property.
    ///
    /// A missing value is an empty list. Nothing is returned if `after` is not a list, for example an intrinsic function.
    pub fn removed(&self, before: &JsonValue, after: &JsonValue) -> Vec<String> {
        let empty = Vec::new();
        let list = |value: &'_ JsonValue| -> Option<Vec<String>> {
            let elements = match value {
                JsonValue::Null => &empty,
                other => other.as_array()?,
            };
            elements.iter().map(|element| element.get(&self.name).map(name_text)).collect()
        };
        let (Some(before), Some(after)) = (list(before), list(after)) else { return Vec::new() };
        before.into_iter().filter(|name| !after.contains(name)).collect()
    }
}

/// Returns the name of an element: its text, or the expression that results in it.
fn name_text(name: &JsonValue) -> String {
    name.as_str().map_or_else(|| name.to_string(), str::to_owned)
}

/// Returns the list properties of a resource type from which a removed element is deleted; none for most types.
pub fn held_lists(type_name: &str) -> impl Iterator<Item = &'static HeldList> + use<'_> {
    types().elements.iter().filter(move |list| list.type_name == type_name)
}

fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| embedded(include_str!("../facts/held.json")))
}

/// Returns why the deletion of a resource of this type is dangerous; `None` if no reason is known.
pub fn held(type_name: &str) -> Option<Held> {
    let types = types();
    let among = |names: &[String]| names.iter().any(|name| name == type_name);
    if among(&types.data) {
        Some(Held::Data)
    } else if among(&types.traffic) {
        Some(Held::Traffic)
    } else if among(&types.workloads) {
        Some(Held::Workloads)
    } else {
        None
    }
}

/// Returns whether CloudFormation creates a snapshot when it deletes a resource that has no `DeletionPolicy`
/// (CloudFormation User Guide, "`DeletionPolicy` attribute"): an RDS cluster, and an RDS instance that belongs to no cluster.
///
/// `properties` are the properties of the resource in the template.
pub fn is_snapshot_by_default(type_name: &str, properties: &serde_json::Value) -> bool {
    match type_name {
        "AWS::RDS::DBCluster" => true,
        // The data of a member is that of its cluster.
        "AWS::RDS::DBInstance" => properties["DBClusterIdentifier"].is_null(),
        _ => false,
    }
}

/// Types whose changes change permissions. An entry that ends in `::` matches all types of a service.
const PERMISSION_TYPES: [&str; 6] = [
    "AWS::IAM::",
    "AWS::S3::BucketPolicy",
    "AWS::KMS::Key",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Lambda::Permission",
];

/// Types whose changes change the network connectivity. Each entry matches all types that start with it.
const NETWORK_TYPES: [&str; 7] = [
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Route",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
];

/// Returns whether a change of a resource of this type changes permissions, so that a deployment needs an approval.
pub fn changes_permissions(type_name: &str) -> bool {
    PERMISSION_TYPES.iter().any(|name| type_name.starts_with(name))
}

/// Returns whether a change of a resource of this type changes the network connectivity, so that a deployment needs
/// an approval.
pub fn changes_network(type_name: &str) -> bool {
    NETWORK_TYPES.iter().any(|name| type_name.starts_with(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_is_in_the_registry() {
        let types = types();
        for name in types.data.iter().chain(&types.traffic).chain(&types.workloads) {
            assert!(crate::registry::resource_type(name).is_some(), "{name}");
        }
        assert_eq!(held("AWS::SageMaker::Endpoint"), Some(Held::Traffic));
        assert_eq!(held("AWS::S3::Bucket"), Some(Held::Data));
        assert_eq!(held("AWS::SageMaker::Cluster"), Some(Held::Workloads));
        assert!(held_lists("AWS::SageMaker::Cluster").all(|list| list.holds == Held::Workloads));
        assert_eq!(held("AWS::SageMaker::Model"), None);
    }

    #[test]
    fn every_list_has_elements_with_names() {
        for list in &types().elements {
            let kind = crate::registry::resource_type(&list.type_name).unwrap();
            let items = kind.property(&list.property).and_then(|list| list.resolved().items()).unwrap();
            let name = items.resolved().property(&list.name);
            assert!(name.is_some(), "{} {} {}", list.type_name, list.property, list.name);
        }
    }

    #[test]
    fn an_element_is_removed_by_name_whatever_the_order() {
        let list = held_lists("AWS::SageMaker::Cluster").next().unwrap();
        let groups = |names: &[&str]| -> JsonValue {
            names.iter().map(|name| json!({ "InstanceGroupName": name, "InstanceCount": 1 })).collect()
        };
        let both = groups(&["a", "b"]);
        assert_eq!(list.removed(&both, &groups(&["b", "a", "c"])), [""; 0]);
        assert_eq!(list.removed(&both, &groups(&["b"])), ["a"]);
        assert_eq!(list.removed(&both, &JsonValue::Null), ["a", "b"]);
        assert_eq!(list.removed(&both, &json!({ "Fn::If": ["Large", both, []] })), [""; 0]);
    }
}
