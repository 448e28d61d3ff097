//! `trust-without-condition`

use crate::check::findings::Findings;
use crate::check::rules::rule;
use crate::check::value::{is_set, one_or_many, shown, string};
use crate::check::view::View;

rule! {
    /// A role trusts another account or an identity provider without a condition.
    ///
    /// # Why it matters
    ///
    /// Every role of the account, or every user of the provider, can assume the role.
    ///
    /// # How to fix
    ///
    /// Require `sts:ExternalId` or `aws:PrincipalArn` for an account, and the subject for a provider.
    Warning "trust-without-condition",
    source: "AWS IAM User Guide, security best practices; the confused deputy problem",
    applies_to: ["AWS::IAM::Role"],
    check: Each(check),
}

fn check(view: &View<'_>, findings: &mut Findings<'_, '_, '_>) {
    for role in view.of_type("AWS::IAM::Role") {
        for statement in one_or_many(&role.properties["AssumeRolePolicyDocument"]["Statement"]) {
            let principal = &statement["Principal"];
            let allows = string(&statement["Effect"]).is_none_or(|effect| effect == "Allow");
            if !allows || is_set(&statement["Condition"]) {
                continue;
            }
            let accounts = one_or_many(&principal["AWS"]).filter(|one| {
                let name = string(one).unwrap_or_default();
                name.ends_with(":root") || name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
            });
            for location in accounts.chain(one_or_many(&principal["Federated"])) {
                findings.add(
                    role,
                    location,
                    format!("every principal of {} may assume this role", shown(location)),
                    "add a condition, or name the principals",
                );
            }
        }
    }
}
