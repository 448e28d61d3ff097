//! Resource types whose deletion or replacement loses data or interrupts traffic, and types whose changes need an
//! approval.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::api::embedded;

/// The reason why the deletion of a resource is dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The resource holds data, which is lost with it.
    Data,
    /// The resource serves requests or runs work, which is interrupted.
    Traffic,
}

#[derive(Deserialize)]
struct Types {
    data: Vec<String>,
    traffic: Vec<String>,
}

/// Returns why the deletion of a resource of this type is dangerous; `None` if no reason is known.
pub fn held(type_name: &str) -> Option<Held> {
    static TYPES: OnceLock<Types> = OnceLock::new();
    let types: &'static Types = TYPES.get_or_init(|| embedded(include_str!("../facts/held.json")));
    let among = |names: &[String]| names.iter().any(|name| name == type_name);
    if among(&types.data) {
        Some(Held::Data)
    } else if among(&types.traffic) {
        Some(Held::Traffic)
    } else {
        None
    }
}

/// Returns whether CloudFormation takes a snapshot of a resource that leaves its stack, unless a policy says otherwise
/// (CloudFormation User Guide, "`DeletionPolicy` attribute"). `properties` are those of the resource.
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
    use super::*;

    #[test]
    fn every_type_is_in_the_registry() {
        let types: Types = embedded(include_str!("../facts/held.json"));
        for name in types.data.iter().chain(&types.traffic) {
            assert!(crate::registry::resource_type(name).is_some(), "{name}");
        }
        assert_eq!(held("AWS::SageMaker::Endpoint"), Some(Held::Traffic));
        assert_eq!(held("AWS::S3::Bucket"), Some(Held::Data));
        assert_eq!(held("AWS::SageMaker::Model"), None);
    }
}
