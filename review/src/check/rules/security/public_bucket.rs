//! `public-bucket`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, one_or_many, string};
use crate::check::view::View;

rule! {
    /// A bucket is public by its access control list or by its policy.
    ///
    /// # Why it matters
    ///
    /// Everyone on the internet can read or write objects.
    ///
    /// # How to fix
    ///
    /// Remove the access control list, or name the principals.
    Warning "public-bucket",
    source: "Amazon S3 User Guide, blocking public access",
    applies_to: ["AWS::S3::Bucket", "AWS::S3::BucketPolicy"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for bucket in view.of_type("AWS::S3::Bucket") {
        let list = &bucket.properties["AccessControl"];
        if let Some(name) = string(list)
            .filter(|name| matches!(*name, "PublicRead" | "PublicReadWrite" | "AuthenticatedRead"))
        {
            findings.add(bucket, list, format!("the bucket is public: {name}"), "remove the ACL");
        }
    }
    for policy in view.of_type("AWS::S3::BucketPolicy") {
        for statement in one_or_many(&policy.properties["PolicyDocument"]["Statement"]) {
            let principal = &statement["Principal"];
            let everybody = [principal, &principal["AWS"]]
                .into_iter()
                .flat_map(one_or_many)
                .find(|one| string(one) == Some("*"));
            if string(&statement["Effect"]) != Some("Allow") || is_set(&statement["Condition"]) {
                continue;
            }
            if let Some(location) = everybody {
                findings.add(
                    policy,
                    location,
                    "the policy allows access to everybody",
                    "name the principals, or add a condition",
                );
            }
        }
    }
}
