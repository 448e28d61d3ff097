//! `bucket-without-encryption`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A bucket has no `BucketEncryption`.
    ///
    /// # Why it matters
    ///
    /// S3 encrypts every bucket with its own keys (SSE-S3). With a KMS key, you can control who may decrypt, and AWS
    /// CloudTrail logs it.
    ///
    /// # How to fix
    ///
    /// Set `aws:kms` with a key, or `AES256` to state that S3's keys are sufficient.
    Info "bucket-without-encryption",
    source: "Amazon S3 User Guide, default encryption",
    applies_to: ["AWS::S3::Bucket"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for bucket in view.of_type("AWS::S3::Bucket") {
        let properties = &bucket.properties;
        if !is_unresolved(properties) && !is_set(&properties["BucketEncryption"]) {
            findings.add_at(
                bucket,
                None,
                "`BucketEncryption` of the bucket is not set",
                "set `BucketEncryption`: aws:kms, or AES256 for S3's own keys",
            );
        }
    }
}
