//! `public-access-allowed`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{boolean, is_set, is_unresolved};
use crate::check::view::View;

rule! {
    /// A bucket disables a part of the protection against public access.
    ///
    /// # Why it matters
    ///
    /// A policy or an access control list can then make objects public.
    ///
    /// # How to fix
    ///
    /// Remove the setting, or set it to true.
    Warning "public-access-allowed",
    source: "Amazon S3 User Guide, blocking public access",
    applies_to: ["AWS::S3::Bucket"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for bucket in view.of_type("AWS::S3::Bucket") {
        let block = &bucket.properties["PublicAccessBlockConfiguration"];
        if !is_set(block) || is_unresolved(block) {
            continue;
        }
        for name in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
            let given = &block[name];
            if boolean(given) == Some(false) || !is_set(given) {
                let at = if is_set(given) { given } else { block };
                findings.add(bucket, at, format!("`{name}` is not true"), "set it to true");
            }
        }
    }
}
