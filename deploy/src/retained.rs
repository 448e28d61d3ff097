//! The outcome for each resource when its stack is deleted, according to the deployed template.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use stackwright_schemas::held::is_snapshot_by_default;
use stackwright_synth::Template;
use stackwright_synth::function::references;

/// The outcome for a resource when its stack is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Disposition {
    /// The resource is deleted.
    Deleted,
    /// The resource remains in the account, without a stack.
    Retained,
    /// A snapshot is taken, then the resource is deleted.
    Snapshot,
}

const KMS_KEY: &str = "AWS::KMS::Key";

/// Returns what happens to a resource according to its template.
pub(crate) fn disposition(resource: &Json) -> Disposition {
    match resource["DeletionPolicy"].as_str() {
        Some("Retain" | "RetainExceptOnCreate") => Disposition::Retained,
        Some("Snapshot") => Disposition::Snapshot,
        Some(_) => Disposition::Deleted,
        None => {
            let type_name = resource["Type"].as_str().unwrap_or_default();
            match is_snapshot_by_default(type_name, &resource["Properties"]) {
                true => Disposition::Snapshot,
                false => Disposition::Deleted,
            }
        }
    }
}

/// Returns what happens to each resource of a template.
pub(crate) fn dispositions(template: &Template) -> BTreeMap<&str, Disposition> {
    template.resources().map(|(id, resource)| (id, disposition(resource))).collect()
}

/// A retained resource whose content cannot be read after the deletion of its stack, because its KMS key is deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct LostKey {
    /// The logical ID of the resource.
    pub resource: String,
    /// The logical ID of the key.
    pub key: String,
}

/// Returns the retained resources that use a KMS key of the stack that is deleted, each with the key.
pub(crate) fn lost_keys(template: &Template) -> Vec<LostKey> {
    let resources: BTreeMap<&str, &Json> = template.resources().collect();
    let mut found = Vec::new();
    for (id, resource) in &resources {
        if disposition(resource) == Disposition::Deleted {
            continue;
        }
        let mut keys = Vec::new();
        references(&resource["Properties"], &mut String::new(), &mut |name, _, _| keys.push(name.to_owned()));
        // An alias refers to its key.
        let aliased: Vec<String> = keys
            .iter()
            .filter_map(|name| resources.get(name.as_str()))
            .filter(|one| one["Type"] == "AWS::KMS::Alias")
            .flat_map(|alias| {
                let mut targets = Vec::new();
                references(&alias["Properties"]["TargetKeyId"], &mut String::new(), &mut |name, _, _| {
                    targets.push(name.to_owned());
                });
                targets
            })
            .collect();
        keys.extend(aliased);
        keys.sort();
        keys.dedup();
        let is_lost = |name: &String| {
            resources
                .get(name.as_str())
                .is_some_and(|one| one["Type"] == KMS_KEY && disposition(one) == Disposition::Deleted)
        };
        found.extend(keys.into_iter().filter(is_lost).map(|key| LostKey { resource: (*id).to_owned(), key }));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_policy_decides_and_databases_have_another_default() {
        let of = |resource: Json| disposition(&resource);
        assert_eq!(of(json!({ "Type": "AWS::S3::Bucket" })), Disposition::Deleted);
        assert_eq!(
            of(json!({ "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain" })),
            Disposition::Retained
        );
        assert_eq!(of(json!({ "Type": "AWS::RDS::DBInstance" })), Disposition::Snapshot);
        let member = json!({ "Type": "AWS::RDS::DBInstance", "Properties": { "DBClusterIdentifier": "c" } });
        assert_eq!(of(member), Disposition::Deleted);
    }

    #[test]
    fn a_retained_bucket_whose_key_is_deleted_is_found() {
        let bucket = |key: Json| {
            json!({
                "Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain",
                "Properties": { "BucketEncryption": { "KMSMasterKeyID": key } },
            })
        };
        let template = json!({ "Resources": {
            "Key": { "Type": "AWS::KMS::Key" },
            "Kept": { "Type": "AWS::KMS::Key", "DeletionPolicy": "Retain" },
            "Alias": { "Type": "AWS::KMS::Alias", "Properties": { "TargetKeyId": { "Ref": "Key" } } },
            "Direct": bucket(json!({ "Fn::GetAtt": ["Key", "Arn"] })),
            "ByAlias": bucket(json!({ "Ref": "Alias" })),
            "Safe": bucket(json!({ "Ref": "Kept" })),
        } });
        let template = Template::read(&template.to_string()).unwrap();
        let mut found = lost_keys(&template);
        found.sort();
        let lost = |resource: &str| LostKey { resource: resource.to_owned(), key: "Key".to_owned() };
        assert_eq!(found, [lost("ByAlias"), lost("Direct")]);
    }
}
