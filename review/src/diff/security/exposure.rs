//! Properties that protect resources: encryption, public access, networks.

use serde_json::Value as JsonValue;

use super::{Effect, SecurityChange, Subject, add};
use crate::diff::model::ResourceChange;
use crate::diff::node::scalar_text;
use crate::diff::shown;

/// The value of a property with which the resource is protected.
enum Protects {
    /// It is there.
    Present,
    /// It has this value.
    When(&'static str),
    /// It has not this value.
    Unless(&'static str),
}

use Protects::{Present, Unless, When};

/// Properties that protect, by name.
const PROPERTIES: [(&str, Subject, Protects); 34] = [
    ("AppNetworkAccessType", Subject::PublicAccess, When("VpcOnly")),
    ("AssociatePublicIpAddress", Subject::PublicAccess, Unless("true")),
    ("AtRestEncryptionEnabled", Subject::Encryption, When("true")),
    ("BlockPublicAcls", Subject::PublicAccess, When("true")),
    ("BlockPublicPolicy", Subject::PublicAccess, When("true")),
    ("BucketEncryption", Subject::Encryption, Present),
    ("DirectInternetAccess", Subject::PublicAccess, When("Disabled")),
    ("EnableInterContainerTrafficEncryption", Subject::Encryption, When("true")),
    ("EnableKeyRotation", Subject::Encryption, When("true")),
    ("EnableNetworkIsolation", Subject::Network, When("true")),
    ("Encrypted", Subject::Encryption, When("true")),
    ("EncryptionAtRestOptions", Subject::Encryption, Present),
    ("EncryptionConfiguration", Subject::Encryption, Present),
    ("HttpTokens", Subject::Network, When("required")),
    ("IgnorePublicAcls", Subject::PublicAccess, When("true")),
    ("KMSKeyId", Subject::Encryption, Present),
    ("KmsKeyArn", Subject::Encryption, Present),
    ("KmsKeyId", Subject::Encryption, Present),
    ("KmsMasterKeyId", Subject::Encryption, Present),
    ("MapPublicIpOnLaunch", Subject::PublicAccess, Unless("true")),
    ("OutputKmsKeyId", Subject::Encryption, Present),
    ("PublicAccessBlockConfiguration", Subject::PublicAccess, Present),
    ("PubliclyAccessible", Subject::PublicAccess, Unless("true")),
    ("RestrictPublicBuckets", Subject::PublicAccess, When("true")),
    ("RootAccess", Subject::Permissions, When("Disabled")),
    ("SSEAlgorithm", Subject::Encryption, Present),
    ("SSESpecification", Subject::Encryption, Present),
    ("SqsManagedSseEnabled", Subject::Encryption, When("true")),
    ("StorageEncrypted", Subject::Encryption, When("true")),
    ("TransitEncryptionEnabled", Subject::Encryption, When("true")),
    ("VolumeEncryptionKey", Subject::Encryption, Present),
    ("VolumeKmsKeyId", Subject::Encryption, Present),
    ("VpcConfig", Subject::Network, Present),
    ("VpcConfiguration", Subject::Network, Present),
];

/// Adds protections that are removed or added by changes of properties.
pub(super) fn compare(change: &ResourceChange, found: &mut Vec<SecurityChange>) {
    for one in change
        .properties
        .iter()
        .filter(|one| one.because.is_none() || one.before.is_some() || one.after.is_some())
    {
        let name = one.path.rsplit('.').next().unwrap_or_default();
        let name = name.split('[').next().unwrap_or_default();
        visit(
            name,
            one.before.as_ref(),
            one.after.as_ref(),
            &one.path,
            &mut |(name, subject, protects), before, after, path| {
                let is_safe = |value: Option<&JsonValue>| protects_now(protects, value);
                let word = |value: Option<&JsonValue>| value.map_or("nothing".to_owned(), shown);
                let effect = match (is_safe(before), is_safe(after)) {
                    (true, false) => Effect::Broadened,
                    (false, true) => Effect::Narrowed,
                    (true, true) if matches!(protects, Present) && name.ends_with("KeyId") => Effect::Changed,
                    _ => return,
                };
                let what = format!("{name} changes from {} to {}", word(before), word(after));
                add(found, change, (*subject, effect), path, what);
            },
        );
    }
}

fn protects_now(protects: &Protects, value: Option<&JsonValue>) -> bool {
    match (protects, value) {
        (Present, value) => value.is_some(),
        (When(wanted), value) => value.is_some_and(|value| scalar_text(value) == *wanted),
        (Unless(unwanted), value) => value.is_none_or(|value| scalar_text(value) != *unwanted),
    }
}

type Entry = (&'static str, Subject, Protects);

/// Calls a function for each property of the table within a change.
fn visit(
    name: &str,
    before: Option<&JsonValue>,
    after: Option<&JsonValue>,
    path: &str,
    each: &mut impl FnMut(&'static Entry, Option<&JsonValue>, Option<&JsonValue>, &str),
) {
    if let Ok(at) = TABLE.binary_search_by(|entry| entry.0.cmp(name)) {
        each(&TABLE[at], before, after, path);
    }
    let members = |value: Option<&JsonValue>| -> Vec<String> {
        value.and_then(JsonValue::as_object).into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let mut names = members(before);
    names.extend(members(after));
    names.sort_unstable();
    names.dedup();
    for inner in names {
        let (one, other) = (before.and_then(|it| it.get(&inner)), after.and_then(|it| it.get(&inner)));
        if one != other {
            visit(&inner, one, other, &format!("{path}.{inner}"), each);
        }
    }
}

static TABLE: &[Entry] = &PROPERTIES;

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::TABLE.is_sorted_by(|one, other| one.0 < other.0));
    }
}
