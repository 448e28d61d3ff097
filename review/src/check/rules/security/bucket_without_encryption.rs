//! `bucket-without-encryption`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, is_unresolved};
use crate::check::view::{EMPTY, View};

rule! {
    /// A bucket does not say how it is encrypted.
    ///
    /// S3 then encrypts with keys of its own (SSE-S3, for every bucket since January 2023), which protects the disks and nothing
    /// else: whoever may read the object reads it. Say `aws:kms` for a key whose use can be allowed and logged, or say `AES256`
    /// to show that S3's own keys are meant.
    Info "bucket-without-encryption",
    source: "Amazon S3 User Guide, default encryption",
    applies_to: ["AWS::S3::Bucket"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for bucket in view.of_type("AWS::S3::Bucket") {
        let properties = &bucket.properties;
        if !is_unresolved(properties) && !is_set(&properties["BucketEncryption"]) {
            findings.add(
                bucket,
                &EMPTY,
                "the bucket does not say how it is encrypted",
                "set `BucketEncryption`: aws:kms, or AES256 for S3's own keys",
            );
        }
    }
}
