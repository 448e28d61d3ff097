//! `reader-without-key-permission`

use serde_json::Value as JsonValue;
use stackwright_synth::function::references;

use super::{allowing_to, allows};
use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, one_or_many, string, values};
use crate::check::view::{Resource, View};

rule! {
    /// A role may read or write objects of a bucket that is encrypted with a KMS key, and no policy of the role allows
    /// `kms:Decrypt`.
    ///
    /// # Why it matters
    ///
    /// S3 decrypts an object with the permissions of the caller, so the first read fails with "access denied". Writing
    /// an object in several parts needs `kms:Decrypt` too.
    ///
    /// # How to fix
    ///
    /// Allow the role `kms:Decrypt` on the key, and `kms:GenerateDataKey` if it writes. In Rust, a location carries the key of
    /// its bucket, and the constructs allow it.
    ///
    /// # Limitations
    ///
    /// Roles with managed policies that are not in the template are not checked, nor are buckets whose key policy names the role.
    Error "reader-without-key-permission",
    source: "Amazon S3 User Guide, \"Using server-side encryption with AWS KMS keys (SSE-KMS)\", Permissions",
    applies_to: ["AWS::IAM::Role"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for role in view.of_type("AWS::IAM::Role") {
        // The permissions of other policies are not known.
        if is_set(&role.properties["ManagedPolicyArns"]) {
            continue;
        }
        let statements: Vec<_> = allowing_to(view, role).collect();
        let allows_decrypt = statements
            .iter()
            .any(|(_, statement)| is_set(&statement["NotAction"]) || allows(statement, "kms:Decrypt"));
        if allows_decrypt {
            continue;
        }
        for (holder, statement) in &statements {
            if !allows(statement, "s3:GetObject") && !allows(statement, "s3:PutObject") {
                continue;
            }
            for resource in one_or_many(&statement["Resource"]) {
                let Some(bucket) = encrypted_bucket(view, resource, role) else { continue };
                findings.add(
                    holder,
                    resource,
                    format!(
                        "{} is encrypted with a KMS key, and no policy of {} allows `kms:Decrypt`",
                        bucket.id, role.id
                    ),
                    "allow `kms:Decrypt` on the key, and `kms:GenerateDataKey` if the role writes",
                );
            }
        }
    }
}

/// Returns the bucket of the template to which a resource of a statement belongs, if it is encrypted with a key that is not S3's
/// own and whose policy does not name the role.
fn encrypted_bucket<'v, 'a>(
    view: &'v View<'a>,
    resource: &JsonValue,
    role: &Resource<'_>,
) -> Option<&'v Resource<'a>> {
    let mut ids = Vec::new();
    references(resource, &mut String::new(), &mut |id, _, _| ids.push(id.to_owned()));
    let bucket =
        ids.iter().filter_map(|id| view.resource(id)).find(|one| one.type_name == "AWS::S3::Bucket")?;
    let path =
        ["BucketEncryption", "ServerSideEncryptionConfiguration", "*", "ServerSideEncryptionByDefault"];
    let by_default = values(&bucket.properties, &path).into_iter().next()?;
    let key = &by_default["KMSMasterKeyID"];
    let algorithm = string(&by_default["SSEAlgorithm"])?;
    let is_customer_key = is_set(key) && !string(key).is_some_and(|name| name.ends_with("alias/aws/s3"));
    if !algorithm.starts_with("aws:kms") || !is_customer_key {
        return None;
    }
    // A key policy may give the role what its own policies don't.
    let names_role = view.target(key).is_some_and(|key| {
        let mut named = false;
        references(&key.properties["KeyPolicy"], &mut String::new(), &mut |id, _, _| named |= id == role.id);
        named
    });
    (!names_role).then_some(bucket)
}
